// A copy of a model that is written only to be run. Large weights lie in a file of their own beside it: ONNX Runtime
// maps that one, where it would read an embedded one whole, decode it and copy it again, at twice the memory.

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
  let bytes = 0;
  for (const { dataType, dims, storage } of model.graph.initializers)
    bytes +=
      storage.kind === 'raw' ? byteLength(storage.bytes) : (rawByteLength(dataType, elementCount(dims)) ?? 0);
  const external = bytes > worthMapping ? 'separate' : 'auto';
  const quiet: Task = { signal: task.signal, report: () => undefined };
  await writeModel(model, path, { overwrite: true, external, fleeting: true }, quiet);
  return bytes;
}
