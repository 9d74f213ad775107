// Compares two model files: reads both, fingerprints their weights (the ends of each), and compares those that could
// be equal by a digest of all their bytes. Weights are streamed; nothing of size is held.

import { createHash } from 'node:crypto';
import { diffModels, type ModelDiff } from '../analysis/diff';
import { SlipwayError } from '../base/errors';
import { breathe, type Task } from '../base/task';
import { DataType, rawByteLength } from '../ir/dataType';
import type { Model } from '../ir/model';
import { byteLength, elementCount, type Bytes, type Tensor } from '../ir/tensor';
import { modelTensors } from '../onnx/modelTensors';
import { readStringBytes, readTensorBytes, streamBytes } from '../onnx/tensorData';
import { tensorDigests } from './tensorDigest';

/** Bytes at each end of a tensor that its fingerprint is made of. */
const endBytes = 4096;

/** Compares two models that were read. Values that cannot be read count as equal to others that cannot. */
export async function diff(a: Model, b: Model, task: Task): Promise<ModelDiff> {
  const prints = new Map<Tensor, number>();
  const tensors = [...modelTensors(a), ...modelTensors(b)];
  for (const [index, { tensor }] of tensors.entries()) {
    if (index % 64 === 0) task.report({ stage: 'Reading weights', done: index, total: tensors.length });
    const print = await fingerprint(tensor, task);
    if (print !== undefined) prints.set(tensor, print);
    await breathe(task);
  }
  const digest = tensorDigests(task);
  const same = async (x: Tensor, y: Tensor): Promise<boolean> => {
    if (x.storage === y.storage || samePlace(x, y)) return true;
    if (prints.get(x) !== prints.get(y)) return false;
    if (isCovered(x) || prints.get(x) === undefined) return true;
    return (await digest(x)) === (await digest(y));
  };
  return diffModels(a, b, { fingerprint: (tensor) => prints.get(tensor), same }, task);
}

/** Type, shape, and up to 8 KB of the values as a number of 48 bits; undefined when they cannot be read. */
async function fingerprint(tensor: Tensor, task: Task): Promise<number | undefined> {
  const sum = createHash('sha1');
  sum.update(`${tensor.dataType} ${tensor.dims.join()} `);
  try {
    if (tensor.dataType === DataType.STRING)
      for (const text of await readStringBytes(tensor, task)) sum.update(text);
    else for await (const piece of ends(tensor, task)) sum.update(piece);
  } catch (error) {
    if (error instanceof SlipwayError && error.kind === 'invalidModel') return undefined;
    throw error;
  }
  return sum.digest().readUIntBE(0, 6);
}

async function* ends(tensor: Tensor, task: Task): AsyncGenerator<Uint8Array, void, undefined> {
  const stored = storedBytes(tensor);
  if (!stored) {
    yield await readTensorBytes(tensor, undefined, task);
    return;
  }
  const { bytes, external, length } = stored;
  if (length <= 2 * endBytes) yield* streamBytes(bytes, external, task, 0, length);
  else {
    yield* streamBytes(bytes, external, task, 0, endBytes);
    yield* streamBytes(bytes, external, task, length - endBytes, endBytes);
  }
}

/** The packed bytes of a tensor where they lie in one piece. */
function storedBytes({
  storage,
  dataType,
  dims,
}: Tensor): { bytes: Bytes; external: boolean; length: number } | undefined {
  if (storage.kind !== 'raw' && storage.kind !== 'external') return undefined;
  const length = rawByteLength(dataType, elementCount(dims));
  if (!storage.bytes || length === undefined || byteLength(storage.bytes) < length) return undefined;
  return { bytes: storage.bytes, external: storage.kind === 'external', length };
}

/** The fingerprint has seen every byte. */
const isCovered = (tensor: Tensor): boolean => {
  const stored = storedBytes(tensor);
  return !stored || stored.length <= 2 * endBytes;
};

/** The same bytes of the same state of the same file. */
function samePlace(x: Tensor, y: Tensor): boolean {
  const left = storedBytes(x)?.bytes;
  const right = storedBytes(y)?.bytes;
  if (left?.in !== 'file' || right?.in !== 'file') return false;
  return (
    left.file.path === right.file.path &&
    left.file.mtimeMs === right.file.mtimeMs &&
    left.offset === right.offset &&
    left.length === right.length &&
    x.dataType === y.dataType &&
    x.dims.join() === y.dims.join()
  );
}
