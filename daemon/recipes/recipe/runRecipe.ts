// Runs a recipe: each step from the file that the one before wrote, the last one to the output. Files between are
// temporary; the model is never written over, and the output appears only when the last step is done.

import { stat, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '../../host/temporaryFolder';
import type { Diagnostic } from '../../base/diagnostic';
import { messageOf, SlipwayError } from '../../base/errors';
import { throwIfCancelled, type Task } from '../../base/task';
import { evaluateModel } from '../../evaluate/evaluate';
import { benchmark, type Ratio } from '../../runtime/benchmark/benchmark';
import { checkOutput } from '../modelFiles';
import { readRecipe, type RecipeFiles } from './recipeFile';
import { stepKinds, type StepName, type StepOptions } from './recipeSteps';

export interface StepRecord {
  step: StepName;
  options: StepOptions;
  /** Bytes of what it wrote. */
  fileBytes: number;
  seconds: number;
  /** Top-1 after it; null without labelled data. */
  top1: number | null;
  /** What the step itself says, as its own command does. */
  result: object;
}

export interface RecipeRun {
  recipe: string;
  model: string;
  output: string;
  before: { fileBytes: number; top1: number | null };
  after: { fileBytes: number; top1: number | null };
  steps: StepRecord[];
  /** The result's p50 against the model's, larger is faster; null when it was not asked for. */
  speed: Ratio | null;
  /** What the steps noticed, with the step in front. */
  diagnostics: Diagnostic[];
}

/** Throws `badRequest` before any work for a recipe that cannot be meant, else what its steps throw, with the step named. */
export async function runRecipe(
  path: string,
  { overwrite = false, ...files }: RecipeFiles & { readonly overwrite?: boolean | undefined },
  task: Task,
): Promise<RecipeRun> {
  task.report({ stage: 'Reading the recipe' });
  const recipe = await readRecipe(path, files);
  const { model, output, validation } = recipe;
  checkOutput(model, output, { overwrite });
  const score = async (file: string): Promise<number | null> =>
    validation === undefined
      ? null
      : (await evaluateModel({ path: file, data: validation, metric: 'top1' }, task)).value;
  const folder = await temporaryFolder('recipe');
  try {
    const before = { fileBytes: (await stat(model)).size, top1: await score(model) };
    const steps: StepRecord[] = [];
    const diagnostics: Diagnostic[] = [];
    let from = model;
    for (const [i, { step, options }] of recipe.steps.entries()) {
      throwIfCancelled(task);
      const isLast = i === recipe.steps.length - 1;
      const to = isLast ? output : join(folder, `${i + 1}.onnx`);
      const place = `Step ${i + 1} of ${recipe.steps.length}, ${step}`;
      const started = performance.now();
      const inStep: Task = {
        signal: task.signal,
        report: (progress) => task.report({ ...progress, stage: `${place}: ${progress.stage}` }),
      };
      const given = { ...options, output: to, overwrite: isLast && overwrite };
      const result = await stepKinds[step].run(from, given, inStep).catch((error: unknown) => {
        throw named(place, error);
      });
      const { diagnostics: noticed = [] } = result as { readonly diagnostics?: readonly Diagnostic[] };
      for (const each of noticed) diagnostics.push({ ...each, message: `${place}: ${each.message}` });
      const seconds = (performance.now() - started) / 1000;
      steps.push({ step, options, fileBytes: (await stat(to)).size, seconds, top1: await score(to), result });
      from = to;
    }
    const last = steps.at(-1)!;
    const speed = recipe.benchmark
      ? ((await benchmark([{ path: model }, { path: output }], { threads: 1 }, task)).ratios[0] ?? null)
      : null;
    const after = { fileBytes: last.fileBytes, top1: last.top1 };
    return { recipe: path, model, output, before, after, steps, speed, diagnostics };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The same error with the step in front. */
function named(place: string, error: unknown): unknown {
  if (!(error instanceof SlipwayError) || error.kind === 'cancelled') return error;
  return new SlipwayError(error.kind, `${place}: ${messageOf(error)}`, { cause: error, data: error.data });
}
