// What a pass is, and how a list of them is run. A pass turns a model into a model; it states what it needs
// (`requires`) and what holds afterwards (`ensures`), and the runner checks both. Passes own no files and no
// sessions: weights are read through a TensorReader, ranges and statistics come in as arguments.

import type { Diagnostic } from '../base/diagnostic';
import { unsupported } from '../base/errors';
import { throwIfCancelled, type Task } from '../base/task';
import type { Model } from '../ir/model';

export interface PassResult {
  /** The input itself when nothing was to do, else a new model that shares the weights it did not change. */
  readonly model: Model;
  readonly modified: boolean;
  /** What the user should know. */
  readonly notes?: readonly Diagnostic[];
}

export interface Pass<Result extends PassResult = PassResult> {
  readonly name: string;
  /** A sentence for the user when the pass cannot take this model; undefined when it can. */
  requires?(model: Model): string | undefined;
  run(model: Model, task: Task): Promise<Result> | Result;
  /** What of the promise does not hold; undefined when all of it does. */
  ensures?(model: Model): string | undefined;
}

/**
 * Runs one pass. Throws `unsupported` with the pass's sentence when its requirement is not met, and an
 * ordinary Error when the pass broke its own promise, which is a bug of ours.
 */
export async function runPass<Result extends PassResult>(
  model: Model,
  pass: Pass<Result>,
  task: Task,
): Promise<Result> {
  throwIfCancelled(task);
  const missing = pass.requires?.(model);
  if (missing !== undefined) throw unsupported(missing);
  const result = await pass.run(model, task);
  if (result.modified === (result.model === model)) {
    throw new Error(
      `Pass ${pass.name} says modified=${result.modified} and returned ${result.model === model ? 'its input' : 'a new model'}.`,
    );
  }
  const broken = pass.ensures?.(result.model);
  if (broken !== undefined) throw new Error(`Pass ${pass.name} does not hold: ${broken}`);
  return result;
}

export interface PassesResult extends PassResult {
  readonly notes: readonly Diagnostic[];
  /** What each pass did, in order. */
  readonly passes: readonly { readonly name: string; readonly changed: boolean }[];
}

/** Runs passes one after another; see `runPass` for what is checked and thrown. */
export async function runPasses(model: Model, passes: readonly Pass[], task: Task): Promise<PassesResult> {
  const notes: Diagnostic[] = [];
  const done: { name: string; changed: boolean }[] = [];
  let current = model;
  for (const pass of passes) {
    const result = await runPass(current, pass, task);
    current = result.model;
    notes.push(...(result.notes ?? []));
    done.push({ name: pass.name, changed: result.modified });
  }
  return { model: current, modified: current !== model, notes, passes: done };
}
