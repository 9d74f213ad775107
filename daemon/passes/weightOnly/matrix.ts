// A weight as weight-only quantization sees it: K rows by N columns, however it is stored, read from disk in stripes
// so that a large one is never held whole unless an algorithm needs it.

import { breathe, type Task } from '../../base/task';
import { DataType } from '../../ir/dataType';
import type { Tensor } from '../../ir/tensor';
import { halvesToFloats } from '../../onnx/float16';

/** Gives elements [start, start + count) of a tensor as raw little-endian bytes. */
export type RangeReader = (
  tensor: Tensor,
  range: { readonly start: number; readonly count: number },
) => Promise<Uint8Array>;

export interface Matrix {
  readonly tensor: Tensor;
  /** The tensor is (N, K). */
  readonly transposed: boolean;
  readonly k: number;
  readonly n: number;
}

/** Bytes of float32 values that a stripe may take. */
const stripeBytes = 8 << 20;

export const isFloatWeight = ({ dataType }: Tensor): boolean =>
  dataType === DataType.FLOAT || dataType === DataType.FLOAT16;

async function readFloats(
  read: RangeReader,
  tensor: Tensor,
  start: number,
  count: number,
): Promise<Float32Array> {
  const bytes = await read(tensor, { start, count });
  const width = tensor.dataType === DataType.FLOAT16 ? 2 : 4;
  const { buffer, byteOffset } = bytes.byteOffset % width === 0 ? bytes : new Uint8Array(bytes);
  return width === 2
    ? halvesToFloats(new Uint16Array(buffer, byteOffset, count))
    : new Float32Array(buffer, byteOffset, count);
}

/** A part of a matrix: values (kFrom + i, nFrom + j) at `values[i · kStride + j · nStride]`. */
export interface Stripe {
  readonly values: Float32Array;
  readonly kFrom: number;
  readonly kTo: number;
  readonly nFrom: number;
  readonly nTo: number;
  readonly kStride: number;
  readonly nStride: number;
}

/** The matrix in stripes that hold whole blocks along K. Do not write into the values. */
export async function* stripes(
  read: RangeReader,
  { tensor, transposed, k, n }: Matrix,
  block: number,
): AsyncGenerator<Stripe> {
  const perLine = transposed ? k : n;
  const lines = Math.max(1, Math.floor(stripeBytes / 4 / perLine));
  const step = transposed ? lines : Math.max(block, Math.floor(lines / block) * block);
  const total = transposed ? n : k;
  for (let from = 0; from < total; from += step) {
    const to = Math.min(total, from + step);
    const values = await readFloats(read, tensor, from * perLine, (to - from) * perLine);
    yield transposed
      ? { values, kFrom: 0, kTo: k, nFrom: from, nTo: to, kStride: 1, nStride: k }
      : { values, kFrom: from, kTo: to, nFrom: 0, nTo: n, kStride: n, nStride: 1 };
  }
}

/** The whole matrix as K × N, row-major; each row multiplied by its factor where factors are given. */
export async function wholeMatrix(
  read: RangeReader,
  matrix: Matrix,
  factors: Float32Array | undefined,
  task: Task,
): Promise<Float32Array> {
  const { k, n } = matrix;
  const whole = new Float32Array(k * n);
  for await (const { values, kFrom, kTo, nFrom, nTo, kStride, nStride } of stripes(read, matrix, 1)) {
    for (let row = kFrom; row < kTo; row += 1) {
      const factor = factors?.[row] ?? 1;
      const at = (row - kFrom) * kStride;
      for (let c = nFrom; c < nTo; c += 1) whole[row * n + c] = values[at + (c - nFrom) * nStride]! * factor;
      if (row % 64 === 0) await breathe(task);
    }
  }
  return whole;
}

/** Whether all values are finite numbers; reads the matrix once. */
export async function isFinite(read: RangeReader, matrix: Matrix, task: Task): Promise<boolean> {
  for await (const { values } of stripes(read, matrix, 1)) {
    // 0 · NaN and 0 · ∞ are NaN.
    let poison = 0;
    for (const value of values) poison += value * 0;
    if (Number.isNaN(poison)) return false;
    await breathe(task);
  }
  return true;
}
