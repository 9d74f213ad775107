// Runs a loaded model over a data set and keeps the class it names for each sample.

import { badRequest } from '../base/errors';
import type { Task } from '../base/task';
import type { RunnerSession } from '../runtime/runner/session';
import type { Dataset } from './dataset';
import { topClasses } from './topOne';

/** Feeds of about this many bytes keep the processor busy without filling memory. */
const batchBytes = 4 * 2 ** 20;

export interface Predictions {
  /** Class of each sample; −1 where the model gave a NaN. */
  readonly classes: Int32Array;
  /** How many classes the model knows. */
  readonly classCount: number;
}

/** A batch size that suits the size of one sample, 32 at the most. */
export const suitableBatch = (dataset: Dataset): number =>
  Math.max(1, Math.min(32, Math.floor(batchBytes / Math.max(1, dataset.sampleBytes))));

/** Runs every sample once. `label` names the model in progress reports. */
export async function predictClasses(
  session: RunnerSession,
  dataset: Dataset,
  options: { readonly label: string; readonly batch?: number | undefined },
  task: Task,
): Promise<Predictions> {
  const output = session.outputs[0];
  if (!output) throw badRequest('The model has no output.');
  const classes = new Int32Array(dataset.samples);
  let classCount = 0;
  for await (const batch of dataset.batches(options.batch ?? suitableBatch(dataset))) {
    const { [output.name]: scores } = await session.run(batch.feeds, task, [output.name]);
    if (!scores) throw badRequest(`The model gave no value for its output "${output.name}".`);
    const size = dataset.fixedBatch ?? batch.count;
    classes.set(topClasses(output.name, scores, size).subarray(0, batch.count), batch.from);
    classCount = scores.dims[1] ?? 0;
    task.report({
      stage: `Evaluating ${options.label}`,
      done: batch.from + batch.count,
      total: dataset.samples,
    });
  }
  return { classes, classCount };
}
