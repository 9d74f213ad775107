// The numbers of small tensors that the reader left on disk (in external data, mostly): what shapes are computed from.

import { listingTensorsToRead } from '../analysis/smallTensors';
import { breathe, breathing, type Task } from '../base/task';
import type { Model } from '../ir/model';
import type { Tensor } from '../ir/tensor';
import { readTensorValues } from '../onnx/tensorData';

/** Reads them; one that cannot be read is left out, since the reader has told of it. */
export async function smallConstants(
  model: Model,
  task: Task,
): Promise<ReadonlyMap<Tensor, readonly number[]>> {
  const known = new Map<Tensor, readonly number[]>();
  for (const tensor of await breathing(listingTensorsToRead(model), task)) {
    await breathe(task);
    try {
      known.set(tensor, Array.from((await readTensorValues(tensor)) as ArrayLike<number>, Number));
    } catch {
      // Shapes that depend on it stay unknown.
    }
  }
  return known;
}
