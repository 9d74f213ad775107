// Real data as the inputs of a benchmark or a profile: the first samples of a file. Measuring is the runtime's
// business, reading the evaluate room's.

import { badRequest } from '../base/errors';
import { loadDataset } from '../evaluate/dataset';
import type { InputSource } from '../runtime/benchmark/benchmarkInputs';

/** Inputs from the first `batch` samples of an .npz file; undefined without a file, so that they are generated. */
export function inputsFrom(data: string | undefined): InputSource | undefined {
  if (data === undefined) return undefined;
  const made = new Map<string, Awaited<ReturnType<InputSource>>>();
  return async (model, inputs, batch = 1, task) => {
    const key = `${batch} ${model}`;
    const known = made.get(key);
    if (known) return known;
    const dataset = await loadDataset(data, inputs, { maxSamples: batch }, task);
    const size = dataset.fixedBatch ?? batch;
    if (dataset.fixedBatch === undefined && dataset.samples < batch)
      throw badRequest(
        `${data} holds ${dataset.samples} samples, and a batch of ${batch} was asked for. Ask for less, or name a larger file.`,
      );
    for await (const { feeds } of dataset.batches(size)) {
      made.set(key, { feeds, batch: size });
      return { feeds, batch: size };
    }
    throw badRequest(`${data} holds no samples.`);
  };
}
