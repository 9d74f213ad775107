// Quality of a model on data: loads model and data, runs every sample, scores.

import { availableParallelism } from 'node:os';
import { basename } from 'node:path';
import { badRequest } from '../base/errors';
import type { Task } from '../base/task';
import { withRunner } from '../runtime/runnerProcess';
import type { Runner } from '../runtime/session';
import { agreement } from './agreement';
import { loadDataset, type Dataset } from './dataset';
import { predictClasses, type Predictions } from './predict';
import { topOne, type Evaluation } from './topOne';

export interface EvaluateOptions {
  /** Path of the model. */
  readonly path: string;
  /** Path of the model to agree with; needed for `agreement`. */
  readonly reference?: string | undefined;
  /** Path of an .npz file. */
  readonly data: string;
  readonly metric: 'top1' | 'agreement';
  readonly maxSamples?: number | undefined;
  /** Samples run at once; chosen by their size when absent. */
  readonly batch?: number | undefined;
}

/** Threads for work whose time is not measured. */
export const workThreads = (): number => Math.max(1, Math.min(8, availableParallelism()));

async function predict(
  runner: Runner,
  path: string,
  options: EvaluateOptions,
  task: Task,
): Promise<Predictions & { dataset: Dataset }> {
  const session = await runner.load(path, { threads: workThreads() }, task);
  try {
    const dataset = await loadDataset(options.data, session.inputs, { maxSamples: options.maxSamples }, task);
    if (options.metric === 'top1') requireLabels(dataset);
    const run = { label: basename(path), batch: options.batch };
    return { ...(await predictClasses(session, dataset, run, task)), dataset };
  } finally {
    await session.release();
  }
}

/** The labels of a data set; throws `badRequest` when it has none. */
export function requireLabels(dataset: Dataset): Int32Array {
  if (dataset.labels) return dataset.labels;
  throw badRequest(
    `${dataset.path} has no labels: top-1 needs an array "label" with the class of each sample as a whole number. Without labels, measure agreement with a reference model.`,
  );
}

/**
 * Share of samples whose largest output is the label (`top1`), or the class that the reference names (`agreement`),
 * with its 95 % interval. Throws `badRequest` when the data does not fit and `unsupported` when the first output is
 * no row of class scores.
 */
export async function evaluateModel(options: EvaluateOptions, task: Task): Promise<Evaluation> {
  if (options.metric === 'agreement' && options.reference === undefined)
    throw badRequest('Agreement needs a second model to agree with. Name it as the reference.');
  return withRunner(task, async (runner) => {
    const own = await predict(runner, options.path, options, task);
    if (options.metric === 'top1') return topOne(own.classes, requireLabels(own.dataset), own.classCount);
    const other = await predict(runner, options.reference ?? '', options, task);
    return agreement(own.classes, other.classes);
  });
}
