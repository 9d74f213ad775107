// Quantizes one weight into a sink with the algorithm asked for, and measures what that costs: the error of the
// layer's output where a Gram matrix is known, else the error of the weight.

import { breathe, type Task } from '../../base/task';
import {
  codeOf,
  hqqFitter,
  kQuantFitter,
  largestCode,
  plainFitter,
  searchFitter,
  type BlockFitter,
  type BlockFormat,
  type Fit,
} from './blocks';
import { gptq, gptqFactor, type GptqFactor, type GptqOptions } from './gptq';
import type { BlockSink } from './layouts';
import { stripes, wholeMatrix, type Matrix, type RangeReader } from './matrix';

/**
 * `plain`: round to nearest. `rtn`: round to nearest with a scale search. `hqq`, `k-quant`: other searches that need
 * no data. `gptq`: error propagation by the Gram matrix. `awq`: rows scaled by their activation before `rtn`.
 */
export type WeightAlgorithm = 'plain' | 'rtn' | 'hqq' | 'k-quant' | 'gptq' | 'awq';

/** Second moments of the rows that a weight is multiplied with. */
export interface InputGram {
  readonly k: number;
  /** k × k, row-major. */
  readonly gram: Float64Array;
}

export interface LayerError {
  /** Root of squared error over squared original. */
  readonly relative: number;
  readonly of: 'output' | 'weight';
}

/** The block fitter of an algorithm. `fractions`: zero points of HQQ may be no codes. */
export function fitterOf(algorithm: WeightAlgorithm, format: BlockFormat, fractions: boolean): BlockFitter {
  if (algorithm === 'plain') return plainFitter(format);
  if (algorithm === 'hqq') return hqqFitter(format, !fractions);
  return algorithm === 'k-quant' ? kQuantFitter(format) : searchFitter(format);
}

/** Quantizes stripe by stripe, without data. Undefined when the weight holds NaN or infinity. */
export async function quantizeStreaming(
  read: RangeReader,
  matrix: Matrix,
  format: BlockFormat,
  fitter: BlockFitter,
  sink: BlockSink,
  task: Task,
): Promise<LayerError | undefined> {
  const { block } = format;
  const largest = largestCode(format.bits);
  const values = new Float32Array(block);
  const codes = new Uint8Array(block);
  const fit: Fit = { scale: 1, zero: 0 };
  let [lost, all] = [0, 0];
  for await (const stripe of stripes(read, matrix, block)) {
    const { kFrom, kTo, nFrom, nTo, kStride, nStride } = stripe;
    for (let first = kFrom; first < kTo; first += block) {
      const count = Math.min(block, kTo - first);
      for (let n = nFrom; n < nTo; n += 1) {
        const at = (first - kFrom) * kStride + (n - nFrom) * nStride;
        for (let i = 0; i < count; i += 1) values[i] = stripe.values[at + i * kStride]!;
        fitter(values, undefined, count, fit);
        for (let i = 0; i < count; i += 1) {
          const value = values[i]!;
          const code = codeOf(value, fit, largest);
          const off = value - fit.scale * (code - fit.zero);
          codes[i] = code;
          lost += off * off;
          all += value * value;
        }
        sink.put(n, first / block, codes, count, fit);
        if ((n & 255) === 255) await breathe(task);
      }
      await breathe(task);
    }
    // 0 · NaN and 0 · ∞ are NaN, so that the sums know.
    if (!Number.isFinite(all) || !Number.isFinite(lost)) return undefined;
  }
  return { relative: all > 0 ? Math.sqrt(lost / all) : 0, of: 'weight' };
}

/** Rounds a K × N weight held in memory, block by block. `h` weighs errors by row. */
export async function roundWhole(
  w: Float32Array,
  { k, n }: { readonly k: number; readonly n: number },
  format: BlockFormat,
  fitter: BlockFitter,
  h: Float32Array,
  sink: BlockSink,
  task: Task,
): Promise<void> {
  const { block } = format;
  const largest = largestCode(format.bits);
  const values = new Float32Array(block);
  const codes = new Uint8Array(block);
  const fit: Fit = { scale: 1, zero: 0 };
  for (let first = 0; first < k; first += block) {
    const count = Math.min(block, k - first);
    const weights = h.subarray(first, first + count);
    for (let c = 0; c < n; c += 1) {
      for (let i = 0; i < count; i += 1) values[i] = w[(first + i) * n + c]!;
      fitter(values, weights, count, fit);
      for (let i = 0; i < count; i += 1) codes[i] = codeOf(values[i]!, fit, largest);
      sink.put(c, first / block, codes, count, fit);
      if ((c & 255) === 255) await breathe(task);
    }
    await breathe(task);
  }
}

export interface KnownInput {
  readonly gram: InputGram;
  /** Factors for the rows of the weight, whose inputs are divided by them. */
  readonly factors?: Float32Array | undefined;
  /** Factorised Gram matrix, when several weights share it. */
  readonly factor?: GptqFactor | undefined;
}

/** Quantizes with knowledge of the inputs. Undefined when the weight holds NaN or infinity. */
export async function quantizeWithGram(
  read: RangeReader,
  matrix: Matrix,
  algorithm: WeightAlgorithm,
  format: BlockFormat,
  fitter: BlockFitter,
  input: KnownInput,
  sink: BlockSink,
  task: Task,
): Promise<LayerError | undefined> {
  const { k, n } = matrix;
  const w = await wholeMatrix(read, matrix, input.factors, task);
  let poison = 0;
  for (let i = 0; i < w.length; i += 1) poison += w[i]! * 0;
  if (Number.isNaN(poison)) return undefined;
  const { gram } = input.gram;
  const sampled = new SampledColumns(sink, k, n, format.block);
  if (algorithm === 'gptq' && input.factor) await gptq(w, n, input.factor, format, fitter, sampled, task);
  else await roundWhole(w, matrix, format, fitter, importanceOf(gram, k, input.factors), sampled, task);
  return { relative: await sampled.relativeError(w, gram, input.factors, task), of: 'output' };
}

/** Diagonal of a Gram matrix over its mean, for inputs that are divided by the factors. */
export function importanceOf(gram: Float64Array, k: number, factors?: Float32Array): Float32Array {
  const diagonal = Float64Array.from(
    { length: k },
    (_, i) => gram[i * k + i]! / (factors ? factors[i]! * factors[i]! : 1),
  );
  const mean = diagonal.reduce((sum, value) => sum + value / k, 0);
  // A row that is always zero costs nothing, but its weight should still be near what it was.
  return Float32Array.from(diagonal, (value) => (mean > 0 ? value / mean : 1) + 1e-6);
}

/** Columns that the output error is taken from, at most. */
const sampledColumns = 48;

/** Passes blocks on and keeps the values of some columns. */
export class SampledColumns implements BlockSink {
  private readonly step: number;
  private readonly count: number;
  /** Column by column. */
  private readonly kept: Float64Array;

  constructor(
    private readonly next: BlockSink | undefined,
    private readonly k: number,
    private readonly n: number,
    private readonly block: number,
  ) {
    this.step = Math.max(1, Math.ceil(n / sampledColumns));
    this.count = Math.ceil(n / this.step);
    this.kept = new Float64Array(this.count * k);
  }

  put(n: number, b: number, codes: Uint8Array, count: number, fit: Readonly<Fit>): void {
    if (n % this.step === 0) {
      const at = (n / this.step) * this.k + b * this.block;
      for (let i = 0; i < count; i += 1) this.kept[at + i] = fit.scale * (codes[i]! - fit.zero);
    }
    this.next?.put(n, b, codes, count, fit);
  }

  /**
   * Root of Σ eᵀ G e over Σ wᵀ G w, which are squared norms of the layer's outputs. Rows of `w` are enlarged by the
   * factors, and the inputs divided by them; the Gram matrix is that of the inputs as they were.
   */
  async relativeError(
    w: Float32Array,
    gram: Float64Array,
    factors: Float32Array | undefined,
    task: Task,
  ): Promise<number> {
    const columns = Array.from({ length: this.count }, (_, c) => this.column(w, c, factors));
    const all = await squaredNorm(
      gram,
      this.k,
      columns.map(([original]) => original),
      task,
    );
    return all > 0 ? Math.sqrt((await this.lost(w, gram, factors, task)) / all) : 0;
  }

  /** Σ eᵀ G e alone, for several roundings of one weight. */
  async lost(
    w: Float32Array,
    gram: Float64Array,
    factors: Float32Array | undefined,
    task: Task,
  ): Promise<number> {
    const errors = Array.from({ length: this.count }, (_, c) => this.column(w, c, factors)[1]);
    return Math.max(0, await squaredNorm(gram, this.k, errors, task));
  }

  /** A column of the weight, and what rounding took from it. */
  private column(
    w: Float32Array,
    c: number,
    factors: Float32Array | undefined,
  ): [Float64Array, Float64Array] {
    const original = new Float64Array(this.k);
    const error = new Float64Array(this.k);
    for (let i = 0; i < this.k; i += 1) {
      const inverse = factors ? 1 / factors[i]! : 1;
      original[i] = w[i * this.n + c * this.step]! * inverse;
      error[i] = original[i]! - this.kept[c * this.k + i]! * inverse;
    }
    return [original, error];
  }
}

/** Adds Gram matrices of several inputs of one weight; the first one itself when it is the only one. */
export function sumOfGrams(grams: readonly InputGram[]): InputGram | undefined {
  const [first, ...others] = [...new Set(grams)];
  if (!first || others.length === 0) return first;
  const gram = Float64Array.from(first.gram);
  for (const other of others) for (let i = 0; i < gram.length; i += 1) gram[i]! += other.gram[i]!;
  return { k: first.k, gram };
}

/** The factor of a Gram matrix, remembered for as long as the matrix was the last one asked for. */
export class FactorCache {
  private last: { readonly gram: InputGram; readonly factor: GptqFactor | undefined } | undefined;

  async of(gram: InputGram, options: GptqOptions, task: Task): Promise<GptqFactor | undefined> {
    if (this.last?.gram !== gram) {
      this.last = undefined;
      this.last = { gram, factor: await gptqFactor(gram.gram, gram.k, options, task) };
    }
    return this.last.factor;
  }
}

/** Σ vᵀ G v over vectors of length k; G is symmetric, and only its lower half is read. */
export async function squaredNorm(
  gram: Float64Array,
  k: number,
  vectors: readonly Float64Array[],
  task: Task,
): Promise<number> {
  const none = new Float64Array(k);
  let sum = 0;
  // Four vectors share what is loaded of a row.
  for (let c = 0; c < vectors.length; c += 4) {
    const [a, b, d, e] = [
      vectors[c]!,
      vectors[c + 1] ?? none,
      vectors[c + 2] ?? none,
      vectors[c + 3] ?? none,
    ];
    for (let i = 0; i < k; i += 1) {
      const row = i * k;
      let [p, q, r, s] = [0, 0, 0, 0];
      for (let j = 0; j < i; j += 1) {
        const g = gram[row + j]!;
        p += g * a[j]!;
        q += g * b[j]!;
        r += g * d[j]!;
        s += g * e[j]!;
      }
      const own = gram[row + i]!;
      sum += (2 * p + own * a[i]!) * a[i]! + (2 * q + own * b[i]!) * b[i]!;
      sum += (2 * r + own * d[i]!) * d[i]! + (2 * s + own * e[i]!) * e[i]!;
      if ((i & 127) === 127) await breathe(task);
    }
  }
  return sum;
}
