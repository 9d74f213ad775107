// Whether two models are the same IR: structure compared as text, payloads by a streamed hash of their
// values, wherever and however they are stored.

import { createHash } from 'node:crypto';
import { silentTask } from '../../daemon/base/task';
import { dataTypeBits } from '../../daemon/ir/dataType';
import type { Model } from '../../daemon/ir/model';
import type { Tensor } from '../../daemon/ir/tensor';
import { modelTensors } from '../../daemon/onnx/modelTensors';
import { readStringBytes, readTensorBytes, streamBytes } from '../../daemon/onnx/tensorData';

/** The first difference of two models as a sentence, or undefined when they are the same. */
export async function modelDifference(a: Model, b: Model): Promise<string | undefined> {
  const first = describe(a, await hashes(a));
  const second = describe(b, await hashes(b));
  if (first === second) return undefined;
  let at = 0;
  while (first[at] === second[at]) at += 1;
  const around = (text: string) => text.slice(Math.max(0, at - 120), at + 120);
  return `the models differ: …${around(first)}… against …${around(second)}…`;
}

async function hashes(model: Model): Promise<Map<Tensor, string>> {
  const found = new Map<Tensor, string>();
  for (const { tensor } of modelTensors(model)) {
    if (!found.has(tensor)) found.set(tensor, await valueHash(tensor));
  }
  return found;
}

/** A hash of a tensor's values, the same for every way of storing them. */
export async function valueHash(tensor: Tensor): Promise<string> {
  const { storage } = tensor;
  if (storage.kind === 'none') return 'none';
  const hash = createHash('sha256');
  if (dataTypeBits(tensor.dataType) === undefined) {
    if (storage.kind === 'fields' || storage.kind === 'strings') {
      for (const value of await readStringBytes(tensor)) hash.update(`${value.length}:`).update(value);
      return hash.digest('hex');
    }
  } else if (storage.kind === 'fields') {
    try {
      return hash.update(await readTensorBytes(tensor)).digest('hex');
    } catch (error) {
      return String(error);
    }
  }
  if (storage.kind === 'raw' || storage.kind === 'external') {
    if (!storage.bytes) return 'missing';
    const pieces = streamBytes(storage.bytes, storage.kind === 'external', silentTask);
    for await (const piece of pieces) hash.update(piece);
  }
  return hash.digest('hex');
}

/** Everything of a model as text, with a hash in place of each payload; nested graphs cost no recursion. */
function describe(model: Model, values: ReadonlyMap<Tensor, string>): string {
  const parts: string[] = [];
  const queue: unknown[] = [model];
  const replace = (_key: string, value: unknown): unknown => {
    if (typeof value === 'bigint') return `${value}n`;
    if (typeof value === 'number')
      return Object.is(value, -0) ? '-0' : Number.isFinite(value) ? value : String(value);
    if (value instanceof Uint8Array) return `bytes ${Buffer.from(value).toString('hex')}`;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    if ('storage' in value) return { ...value, storage: values.get(value as Tensor) };
    if (
      'nodes' in value &&
      'initializers' in value &&
      queue[queue.length - 1] !== value &&
      current !== value
    ) {
      queue.push(value);
      return `graph ${queue.length - 1}`;
    }
    return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
  };
  let current: unknown;
  for (let index = 0; index < queue.length; index += 1) {
    current = queue[index];
    parts.push(JSON.stringify(current, replace));
  }
  return parts.join('\n');
}
