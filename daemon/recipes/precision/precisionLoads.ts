// Whether ONNX Runtime loads a model with half floats; operators that it refuses are put back to float32.

import { SlipwayError } from '../../base/errors';
import { silentTask, throwIfCancelled, type Task } from '../../base/task';
import type { Model } from '../../ir/model';
import { writeModel } from '../../onnx/writeModel';
import type { HalfOutcome } from '../../passes/precision/convert';
import { withRunner } from '../../runtime/runner/runnerProcess';

/** Operators that are put back to float32 because ONNX Runtime refuses them, at the most. */
const mostRefusals = 8;

export interface Loadable {
  readonly outcome: HalfOutcome;
  /** The block list with what ONNX Runtime refused. */
  readonly keep: readonly string[];
  /** The operators that it refused. */
  readonly refused: readonly string[];
}

/** Converts by `make` until ONNX Runtime loads what it made. Throws `runnerFailed` when no operator is to blame. */
export async function loadable(
  keep: readonly string[],
  trial: string,
  make: (keep: readonly string[]) => Promise<HalfOutcome>,
  task: Task,
): Promise<Loadable> {
  const refused: string[] = [];
  for (;;) {
    const all = [...keep, ...refused];
    const outcome = await make(all);
    if (!outcome.modified) return { outcome, keep: all, refused };
    const why = await refusal(outcome.model, trial, task);
    if (why === undefined) return { outcome, keep: all, refused };
    const op = refusedOperator(why, outcome);
    if (op === undefined || all.includes(op) || refused.length >= mostRefusals)
      throw new SlipwayError('runnerFailed', `The float16 model does not load: ${why}`);
    refused.push(op);
  }
}

/** Why ONNX Runtime does not load the model; undefined when it does. */
async function refusal(model: Model, trial: string, task: Task): Promise<string | undefined> {
  await writeModel(model, trial, { overwrite: true }, { ...silentTask, signal: task.signal });
  try {
    await withRunner(task, (runner) => runner.load(trial, {}, task));
    return undefined;
  } catch (error) {
    throwIfCancelled(task);
    if (error instanceof SlipwayError && error.kind === 'runnerFailed') return error.message;
    throw error;
  }
}

/** The converted operator type that an error message names. */
function refusedOperator(message: string, { model, converted }: HalfOutcome): string | undefined {
  const names = new Set(converted);
  const types = new Set(
    model.graph.nodes
      .filter((node) => names.has(node.name) || names.has(node.outputs[0] ?? ''))
      .map(({ opType }) => opType),
  );
  return [...message.matchAll(/\b[A-Z][A-Za-z0-9]+\b/gu)]
    .map(([word]) => word)
    .find((word) => types.has(word));
}
