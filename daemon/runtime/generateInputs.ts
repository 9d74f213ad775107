// Makes inputs for a loaded model when nobody has data: free dimensions get numbers, values are random
// but repeatable. Says which dimensions were assumed.

import { badRequest } from '../base/errors';
import { dimsText } from './runner/feedCheck';
import { seededNormal, seededRandom } from './random';
import type { Feeds, SessionValue, TensorValue } from './runner/session';

export interface GenerateOptions {
  /** Value of free batch dimensions; 1 when absent. */
  readonly batch?: number | undefined;
  /** Values of free dimensions by name; they go before `batch`. */
  readonly bind?: Readonly<Record<string, number>> | undefined;
  readonly seed?: number | undefined;
}

export interface GeneratedInputs {
  readonly feeds: Feeds;
  /** Values of dimensions that nobody had bound, by name; a nameless one as `input[1]`. */
  readonly assumed: Readonly<Record<string, number>>;
  /** Those of `assumed` that are no batch: their 1 is only a guess. */
  readonly guessed: readonly string[];
  /** Samples in one run. */
  readonly batch: number;
}

const batchName = /^(n|b|bs|batch|batch_?size|.*batch.*)$/i;
const notBatchName = /seq|len|time|tok|height|width|^[hwtls]$/i;

/**
 * Feeds for every input: floats N(0,1), integers and bools 0 or 1, masks 1, strings empty. A free first
 * dimension, or one named like a batch, gets `batch`; any other free dimension 1.
 * Throws `badRequest` when `batch` is asked of a model whose batch is fixed to another number.
 */
export function generateInputs(
  inputs: readonly SessionValue[],
  options: GenerateOptions = {},
): GeneratedInputs {
  const assumed: Record<string, number> = {};
  const feeds: Record<string, TensorValue> = {};
  const guessed = new Set<string>();
  let freeBatch: number | undefined;
  let fixedBatch: number | undefined;
  inputs.forEach((input, index) => {
    const dims = input.dims.map((dim, axis) => {
      if (typeof dim === 'number') {
        if (axis === 0 && input.dims.length >= 2) fixedBatch ??= dim;
        return dim;
      }
      const isBatch =
        dim === null ? axis === 0 : batchName.test(dim) || (axis === 0 && !notBatchName.test(dim));
      const bound = options.bind?.[dim ?? `${input.name}[${axis}]`];
      const value = bound ?? (isBatch ? (options.batch ?? 1) : 1);
      if (isBatch) freeBatch ??= value;
      if (bound === undefined && (!isBatch || options.batch === undefined)) {
        assumed[dim ?? `${input.name}[${axis}]`] = value;
        if (!isBatch) guessed.add(dim ?? `${input.name}[${axis}]`);
      }
      return value;
    });
    feeds[input.name] = makeValue(input, dims, (options.seed ?? 1) + index);
  });
  if (options.batch !== undefined && freeBatch === undefined && (fixedBatch ?? 1) !== options.batch) {
    throw badRequest(
      `The model's inputs have no free batch dimension (${inputs.map((i) => `"${i.name}" ${dimsText(i.dims)}`).join(', ')}), so it cannot run with batch ${options.batch}. Leave the batch out, or export the model with a free batch.`,
    );
  }
  return { feeds, assumed, guessed: [...guessed], batch: freeBatch ?? fixedBatch ?? 1 };
}

/** Names of free dimensions, a nameless one as `input[1]`, to tell a user who binds one that does not exist. */
export function freeDimensions(inputs: readonly SessionValue[]): string[] {
  const names = inputs.flatMap(({ name, dims }) =>
    dims.flatMap((dim, axis) => (typeof dim === 'number' ? [] : [dim ?? `${name}[${axis}]`])),
  );
  return [...new Set(names)];
}

function makeValue(input: SessionValue, dims: number[], seed: number): TensorValue {
  const count = dims.reduce((product, dim) => product * dim, 1);
  const normal = seededNormal(seed);
  const random = seededRandom(seed);
  const mask = /mask/i.test(input.name);
  const bit = () => (mask || random() < 0.5 ? 1 : 0);
  const fill = <T extends { [index: number]: number }>(array: T, next: () => number): T => {
    for (let i = 0; i < count; i++) array[i] = next();
    return array;
  };
  switch (input.type) {
    case 'float32':
      return { type: 'float32', dims, data: fill(new Float32Array(count), normal) };
    case 'float64':
      return { type: 'float64', dims, data: fill(new Float64Array(count), normal) };
    case 'float16':
      return { type: 'float16', dims, data: fill(new Uint16Array(count), () => halfBits(normal())) };
    case 'int8':
      return { type: 'int8', dims, data: fill(new Int8Array(count), bit) };
    case 'uint8':
      return { type: 'uint8', dims, data: fill(new Uint8Array(count), bit) };
    case 'int16':
      return { type: 'int16', dims, data: fill(new Int16Array(count), bit) };
    case 'uint16':
      return { type: 'uint16', dims, data: fill(new Uint16Array(count), bit) };
    case 'int32':
      return { type: 'int32', dims, data: fill(new Int32Array(count), bit) };
    case 'uint32':
      return { type: 'uint32', dims, data: fill(new Uint32Array(count), bit) };
    case 'int64':
      return { type: 'int64', dims, data: BigInt64Array.from({ length: count }, () => BigInt(bit())) };
    case 'uint64':
      return { type: 'uint64', dims, data: BigUint64Array.from({ length: count }, () => BigInt(bit())) };
    case 'bool':
      return { type: 'bool', dims, data: fill(new Uint8Array(count), bit) };
    case 'string':
      return { type: 'string', dims, data: new Array<string>(count).fill('') };
  }
}

const floatBits = new Uint32Array(1);
const floatValue = new Float32Array(floatBits.buffer);

/** Half-precision bits of a number of ordinary size, rounded to nearest; what is too small becomes 0. */
function halfBits(value: number): number {
  floatValue[0] = value;
  const bits = floatBits[0]!;
  const sign = (bits >>> 16) & 0x8000;
  const rounded = (bits & 0x7fffffff) + 0x1000;
  const exponent = (rounded >>> 23) - 112;
  if (exponent <= 0) return sign;
  if (exponent >= 31) return sign | 0x7bff;
  return sign | (exponent << 10) | ((rounded >>> 13) & 0x3ff);
}
