// Activation-aware weight quantization (Lin et al. 2023): rows of a weight that meet large inputs are enlarged before
// rounding, and the inputs divided by the same factors. How much is chosen by the error of the layers' outputs.

import type { Task } from '../../base/task';
import type { BlockFitter, BlockFormat } from './blocks';
import { importanceOf, roundWhole, SampledColumns, squaredNorm, type InputGram } from './quantizeMatrix';

/** Exponents that are tried besides 0, which is nothing. */
const exponents = [0.15, 0.3, 0.45, 0.6, 0.8, 1];
/** Columns of each weight that the choice is made on. */
const triedColumns = 32;
/** Factors that lower the error of these columns by less are chance, and cost a product. */
const leastGain = 0.02;

/**
 * Factors for the K rows of weights that read the same input, or undefined when none lowers the error. `columns`
 * are K × n samples of the weights' columns.
 */
export async function awqFactors(
  columns: readonly { readonly w: Float32Array; readonly n: number }[],
  { gram, k }: InputGram,
  format: BlockFormat,
  fitter: BlockFitter,
  task: Task,
): Promise<Float32Array | undefined> {
  const size = Float64Array.from({ length: k }, (_, i) => Math.sqrt(Math.max(0, gram[i * k + i]!)));
  const norms: number[] = [];
  for (const { w, n } of columns) {
    const each = Array.from({ length: n }, (_, c) =>
      Float64Array.from({ length: k }, (_, i) => w[i * n + c]!),
    );
    norms.push(await squaredNorm(gram, k, each, task));
  }
  const tried = { columns, norms, gram, k, format, fitter };
  let best: { error: number; factors: Float32Array | undefined } = {
    error: (1 - leastGain) * (await errorOf(tried, undefined, task)),
    factors: undefined,
  };
  for (const exponent of exponents) {
    const factors = factorsOf(size, exponent);
    const error = await errorOf(tried, factors, task);
    if (error < best.error) best = { error, factors };
  }
  return best.factors;
}

/** size ** exponent, with the geometric middle of the extremes at 1 as in the authors' code. */
function factorsOf(size: Float64Array, exponent: number): Float32Array {
  const raw = size.map((value) => Math.max(value ** exponent, 1e-4));
  let [min, max] = [Infinity, 0];
  for (const value of raw) {
    min = Math.min(min, value);
    max = Math.max(max, value);
  }
  const middle = Math.sqrt(min * max);
  return Float32Array.from(raw, (value) => Math.min(1e4, Math.max(1e-4, value / middle)));
}

interface Tried {
  readonly columns: readonly { readonly w: Float32Array; readonly n: number }[];
  /** Squared norms of what the columns give, which no factors change. */
  readonly norms: readonly number[];
  readonly gram: Float64Array;
  readonly k: number;
  readonly format: BlockFormat;
  readonly fitter: BlockFitter;
}

/** Squared relative errors of the columns' outputs, summed over the weights. */
async function errorOf(tried: Tried, factors: Float32Array | undefined, task: Task): Promise<number> {
  const { columns, norms, gram, k, format, fitter } = tried;
  const h = importanceOf(gram, k, factors);
  let total = 0;
  for (const [at, { w, n }] of columns.entries()) {
    const enlarged = Float32Array.from(w);
    if (factors) {
      for (let i = 0; i < k; i += 1) for (let c = 0; c < n; c += 1) enlarged[i * n + c]! *= factors[i]!;
    }
    const sampled = new SampledColumns(undefined, k, n, format.block);
    await roundWhole(enlarged, { k, n }, format, fitter, h, sampled, task);
    const norm = norms[at]!;
    if (norm > 0) total += (await sampled.lost(enlarged, gram, factors, task)) / norm;
  }
  return total;
}

/** Evenly spread columns of a K × N weight. */
export function someColumns(w: Float32Array, k: number, n: number): { w: Float32Array; n: number } {
  const step = Math.max(1, Math.ceil(n / triedColumns));
  const count = Math.ceil(n / step);
  const some = new Float32Array(k * count);
  for (let i = 0; i < k; i += 1)
    for (let c = 0; c < count; c += 1) some[i * count + c] = w[i * n + c * step]!;
  return { w: some, n: count };
}
