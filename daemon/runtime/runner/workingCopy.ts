// A copy of a model that is written only to be run. Large weights lie in a file of their own beside it: ONNX Runtime
// maps that one, where it would read an embedded one whole, decode it and copy it again, at twice the memory.

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '../../host/temporaryFolder';
import type { Task } from '../../base/task';
import { byteLength, elementCount } from '../../ir/tensor';
import { rawByteLength } from '../../ir/dataType';
import type { Model } from '../../ir/model';
import { writeModel } from '../../onnx/writeModel';

/** Fewer bytes of weights are as well read as mapped. */
const worthMapping = 8 * 2 ** 20;

/**
 * Writes the model into a folder that the caller removes, and returns the bytes of its weights. Reports nothing: to the
 * user no model was written.
 */
export async function writeWorkingCopy(model: Model, path: string, task: Task): Promise<number> {
  const bytes = weightBytes(model);
  const external = bytes > worthMapping ? 'separate' : 'auto';
  const quiet: Task = { signal: task.signal, report: () => undefined };
  await writeModel(model, path, { overwrite: true, external, fleeting: true }, quiet);
  return bytes;
}

const weightBytes = ({ graph }: Model): number =>
  graph.initializers.reduce(
    (sum, { dataType, dims, storage }) =>
      sum +
      (storage.kind === 'raw'
        ? byteLength(storage.bytes)
        : (rawByteLength(dataType, elementCount(dims)) ?? 0)),
    0,
  );

/** The model's own file where its weights are few or lie in files already, else a copy whose weights can be mapped. */
export async function withMappedModel<T>(
  model: Model,
  path: string,
  task: Task,
  work: (file: string) => Promise<T>,
): Promise<T> {
  const embedded = model.graph.initializers.some(({ storage }) => storage.kind !== 'external');
  if (!embedded || weightBytes(model) <= worthMapping) return work(path);
  const folder = await temporaryFolder('mapped');
  try {
    const copy = join(folder, 'model.onnx');
    await writeWorkingCopy(model, copy, task);
    return await work(copy);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
