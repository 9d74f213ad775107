// Data that holds NaN: what is measured on it would be nonsense that looks like a result. Used by everything that reads
// calibration data; what is said about it names the sample.

import { badRequest } from '../base/errors';
import { breathe, type Task } from '../base/task';
import type { Dataset } from './dataset';
import { suitableBatch } from './predict';

/** Throws `badRequest` with the first sample that holds NaN. Infinity may be meant, as in masks. */
export async function refuseNaN(dataset: Dataset, task: Task): Promise<void> {
  for await (const { feeds, from, count } of dataset.batches(suitableBatch(dataset))) {
    await breathe(task);
    let floats = false;
    for (const [name, { type, dims, data }] of Object.entries(feeds)) {
      if (type !== 'float32' && type !== 'float64') continue;
      floats = true;
      const at = (data as Float32Array).findIndex(Number.isNaN);
      if (at < 0) continue;
      const row = dims[0] === (dataset.fixedBatch ?? count) ? Math.floor((at * dims[0]) / data.length) : 0;
      throw badRequest(
        `Sample ${from + row} of the calibration data (${dataset.path}) holds NaN in the input "${name}", so that nothing can be measured on it. Repair or remove it; samples count from 0.`,
      );
    }
    // Whole numbers cannot hold it: the other samples need no look.
    if (!floats) return;
  }
}
