// Statistics and a histogram of one tensor in a single pass over its values, read by range: a tensor of many
// gigabytes takes the memory of one piece.

import { badRequest } from '../base/errors';
import { breathe, silentTask, type Task } from '../base/task';
import { DataType, dataTypeBits, dataTypeName } from '../ir/dataType';
import { elementCount, type Tensor } from '../ir/tensor';
import { floatsOf, readTensorValues, type TensorValues } from './tensorData';

export interface TensorStatistics {
  elements: number;
  nan: number;
  /** Positive and negative infinities. */
  infinite: number;
  zeros: number;
  /** Of the finite values; null when there are none. */
  min: number | null;
  max: number | null;
  mean: number | null;
  stddev: number | null;
  /** Finite values in bins of equal width from `from` to `to`; null when there are none. */
  histogram: { from: number; to: number; counts: number[] } | null;
}

const pieceElements = 1 << 20;
const bins = 64;

/**
 * Statistics of a numeric tensor; small floats are decoded, 64-bit integers rounded to double precision. Throws
 * badRequest for text and complex numbers, and what reading throws (missing values, a changed file).
 */
export async function tensorStatistics(tensor: Tensor, task: Task = silentTask): Promise<TensorStatistics> {
  const { dataType, storage } = tensor;
  const numeric = dataTypeBits(dataType) !== undefined;
  if (!numeric || dataType === DataType.COMPLEX64 || dataType === DataType.COMPLEX128) {
    throw badRequest(`There are no statistics of values of type ${dataTypeName(dataType)}.`);
  }
  const elements = elementCount(tensor.dims);
  const sum = new Moments();
  const spread = new GrowingHistogram(2 * bins);
  // Values kept in fields of the format are decoded as a whole anyway.
  const step = storage.kind === 'fields' ? Math.max(1, elements) : pieceElements;
  for (let start = 0; start < elements; start += step) {
    const range = { start, count: Math.min(step, elements - start) };
    const values = plainNumbers(dataType, await readTensorValues(tensor, range, task));
    sum.add(values);
    spread.add(values);
    task.report({ stage: 'Reading values', done: Math.min(elements, start + step), total: elements });
    await breathe(task);
  }
  return { elements, ...sum.result(), histogram: spread.result(bins, sum.min, sum.max) };
}

/** Values that can be counted with: codes of small floats decoded, everything else as it is. */
function plainNumbers(
  type: DataType,
  values: TensorValues,
): Exclude<TensorValues, BigInt64Array | BigUint64Array> {
  if (values instanceof BigInt64Array || values instanceof BigUint64Array)
    return Float64Array.from(values, Number);
  const asTheyAre: readonly DataType[] = [
    DataType.FLOAT,
    DataType.DOUBLE,
    DataType.BOOL,
    DataType.UINT8,
    DataType.INT8,
    DataType.UINT16,
    DataType.INT16,
    DataType.INT32,
    DataType.UINT32,
  ];
  return asTheyAre.includes(type) ? values : floatsOf(type, values);
}

/** Count, extremes, mean and variance, piece by piece (Chan, Golub and LeVeque 1979). */
class Moments {
  min = Infinity;
  max = -Infinity;
  private count = 0;
  private mean = 0;
  private squares = 0;
  private nan = 0;
  private infinite = 0;
  private zeros = 0;

  add(values: ArrayLike<number>): void {
    let count = 0;
    let total = 0;
    for (let i = 0; i < values.length; i++) {
      const value = values[i]!;
      if (value - value !== 0) {
        if (Number.isNaN(value)) this.nan += 1;
        else this.infinite += 1;
        continue;
      }
      if (value === 0) this.zeros += 1;
      if (value < this.min) this.min = value;
      if (value > this.max) this.max = value;
      count += 1;
      total += value;
    }
    if (count === 0) return;
    const mean = total / count;
    let squares = 0;
    for (let i = 0; i < values.length; i++) {
      const value = values[i]!;
      if (value - value === 0) squares += (value - mean) ** 2;
    }
    const both = this.count + count;
    const shift = mean - this.mean;
    this.squares += squares + (shift * shift * this.count * count) / both;
    this.mean += (shift * count) / both;
    this.count = both;
  }

  result(): Omit<TensorStatistics, 'elements' | 'histogram'> {
    const { nan, infinite, zeros } = this;
    if (this.count === 0) return { nan, infinite, zeros, min: null, max: null, mean: null, stddev: null };
    // Double precision has an end: what is beyond it is not a number that JSON can carry.
    const finite = (value: number) => (Number.isFinite(value) ? value : null);
    const stddev = finite(Math.sqrt(this.squares / this.count));
    return { nan, infinite, zeros, min: this.min, max: this.max, mean: finite(this.mean), stddev };
  }
}

/** Bins whose range doubles, pairs joining, whenever a value lies outside. */
class GrowingHistogram {
  private counts: Float64Array;
  private low = 0;
  private width = 0;

  constructor(private readonly size: number) {
    this.counts = new Float64Array(size);
  }

  add(values: ArrayLike<number>): void {
    let min = Infinity;
    let max = -Infinity;
    for (let i = 0; i < values.length; i++) {
      const value = values[i]!;
      if (value - value !== 0) continue;
      if (value < min) min = value;
      if (value > max) max = value;
    }
    if (min > max) return;
    if (this.width === 0) {
      const tiny = Math.max(Math.abs(min), Math.abs(max)) * 1e-12 || 1e-300;
      this.low = min;
      // Halved before they are subtracted: the largest doubles have no difference.
      this.width = Math.max((max / this.size - min / this.size) * (1 + 1e-9), tiny);
    }
    while (this.at(max) >= this.size) this.grow(false);
    while (this.at(min) < 0) this.grow(true);
    for (let i = 0; i < values.length; i++) {
      const value = values[i]!;
      if (value - value === 0) this.counts[Math.min(this.size - 1, Math.floor(this.at(value)))]!++;
    }
  }

  private at(value: number): number {
    return value / this.width - this.low / this.width;
  }

  private grow(down: boolean): void {
    const joined = new Float64Array(this.size);
    const shift = down ? this.size / 2 : 0;
    for (let i = 0; i < this.size; i++) joined[shift + (i >> 1)]! += this.counts[i]!;
    if (down) this.low -= this.size * this.width;
    this.width *= 2;
    this.counts = joined;
  }

  /** The part that holds values, in at most `most` bins. */
  result(most: number, min: number, max: number): TensorStatistics['histogram'] {
    if (this.width === 0) return null;
    if (min === max) return { from: min, to: max, counts: [this.counts.reduce((a, b) => a + b, 0)] };
    const first = Math.max(0, Math.floor(this.at(min)));
    const last = Math.min(this.size - 1, Math.floor(this.at(max)));
    const join = Math.ceil((last + 1 - first) / most);
    const counts: number[] = [];
    for (let i = first; i <= last; i += join) {
      counts.push(this.counts.subarray(i, Math.min(last + 1, i + join)).reduce((a, b) => a + b, 0));
    }
    const from = this.low + first * this.width;
    return { from, to: from + counts.length * join * this.width, counts };
  }
}
