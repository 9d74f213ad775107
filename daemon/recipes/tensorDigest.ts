// Digests of tensor values, streamed: a weight of gigabytes is read in pieces and never held.

import { createHash } from 'node:crypto';
import type { Task } from '../base/task';
import { rawByteLength } from '../ir/dataType';
import { byteLength, elementCount, type Tensor, type TensorStorage } from '../ir/tensor';
import { readTensorBytes, streamBytes } from '../onnx/tensorData';
import type { TensorDigest } from '../passes/simplify/tieInitializers';

/** A digest function that remembers: storage is never changed in place, and passes ask again and again. */
export function tensorDigests(task: Task): TensorDigest {
  const known = new WeakMap<TensorStorage, string>();
  return async (tensor) => {
    const found = known.get(tensor.storage);
    if (found !== undefined) return found;
    const digest = await digestOf(tensor, task);
    known.set(tensor.storage, digest);
    return digest;
  };
}

async function digestOf(tensor: Tensor, task: Task): Promise<string> {
  const sum = createHash('sha256');
  const { storage } = tensor;
  const length = rawByteLength(tensor.dataType, elementCount(tensor.dims)) ?? 0;
  const bytes = storage.kind === 'raw' || storage.kind === 'external' ? storage.bytes : undefined;
  if (bytes && byteLength(bytes) >= length) {
    for await (const piece of streamBytes(bytes, storage.kind === 'external', task, 0, length))
      sum.update(piece);
  } else sum.update(await readTensorBytes(tensor, undefined, task));
  return sum.digest('hex');
}
