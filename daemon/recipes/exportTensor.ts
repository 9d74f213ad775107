// A tensor of a model into a file of its own.

import { resolve } from 'node:path';
import { findTensor } from '../analysis/nodeDetails';
import type { Task } from '../base/task';
import type { WriteOptions } from '../host/atomicFile';
import type { Model } from '../ir/model';
import { refuseSources } from '../onnx/writeModel';
import { writeNpy, type NpyWritten } from '../onnx/writeNpy';

/**
 * Writes an initializer, or the value of a Constant node, as a NumPy array. Throws badRequest where the graph has no
 * such tensor, a conflict where the file is one that the model is read from, and what writeNpy throws.
 */
export function exportTensor(
  model: Model,
  from: { readonly modelFile: string; readonly scope?: string | undefined; readonly name: string },
  file: string,
  options: WriteOptions,
  task: Task,
): Promise<NpyWritten> {
  const tensor = findTensor(model, from.scope, from.name);
  const target = resolve(file);
  refuseSources(model, target, from.modelFile);
  return writeNpy(tensor, target, options, task);
}
