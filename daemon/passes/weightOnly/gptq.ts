// GPTQ (Frantar et al. 2022): rounds the rows of a weight one after another and lets the rows that are still to come
// make up for what was lost, by the inverse of the Gram matrix. Scales stay on the blocks of the given format also
// when rows are taken in order of importance.

import { breathe, type Task } from '../../base/task';
import { inverseFactor } from '../linear/cholesky';
import { codeOf, largestCode, type BlockFitter, type BlockFormat, type Fit } from './blocks';
import type { BlockSink } from './layouts';

export interface GptqOptions {
  /** Share of the mean diagonal that is added to it; 0.01 when absent. */
  readonly damping?: number;
  /** Takes rows of large diagonal first; scales are then those of the weight as it was. */
  readonly actOrder?: boolean;
}

/** What GPTQ needs of a Gram matrix; may serve several weights that read the same input. */
export interface GptqFactor {
  readonly k: number;
  /** Upper triangular, inverse of the damped Gram matrix = Uᵀ U, in the order of rows. */
  readonly upper: Float64Array;
  /** Rows in the order that they are taken in; the identity without act-order. */
  readonly order: Uint32Array;
  /** Diagonal of the Gram matrix by row of the weight: the importance of a row's error. */
  readonly importance: Float32Array;
  /** Rows whose input is always zero. */
  readonly dead: Uint8Array;
}

/** Factorises a Gram matrix (k × k); undefined when it is not positive definite even with damping. */
export async function gptqFactor(
  gram: Float64Array,
  k: number,
  options: GptqOptions,
  task: Task,
): Promise<GptqFactor | undefined> {
  const diagonal = Float64Array.from({ length: k }, (_, i) => gram[i * k + i]!);
  const dead = Uint8Array.from(diagonal, (value) => (value > 0 ? 0 : 1));
  const order = Uint32Array.from({ length: k }, (_, i) => i);
  if (options.actOrder === true) order.sort((a, b) => diagonal[b]! - diagonal[a]!);
  const mean = diagonal.reduce((sum, value) => sum + value, 0) / k;
  for (const damping of [options.damping ?? 0.01, 0.1, 1]) {
    const upper = new Float64Array(k * k);
    for (let i = 0; i < k; i += 1) {
      for (let j = 0; j < k; j += 1) upper[i * k + j] = gram[order[i]! * k + order[j]!]!;
      upper[i * k + i]! += damping * mean + (dead[order[i]!] === 1 ? mean : 0);
      await breathe(task);
    }
    if (!(await inverseFactor(upper, k, task))) continue;
    const importance = Float32Array.from(diagonal, (value) => value / mean);
    return { k, upper, order, importance, dead };
  }
  return undefined;
}

/** Columns that are worked on together. */
const columnTile = 256;
/** Rows between two updates of everything below; at least a block, so that no block lies in two of them. */
const smallestRowTile = 128;

/**
 * Quantizes the k × n weight (row-major) into `sink`. `w` is not changed. With scales fixed before (act-order) a row
 * is rounded on the block it belongs to, whenever its turn comes.
 */
export async function gptq(
  w: Float32Array,
  n: number,
  factor: GptqFactor,
  format: BlockFormat,
  fitter: BlockFitter,
  sink: BlockSink,
  task: Task,
): Promise<void> {
  for (let from = 0; from < n; from += columnTile) {
    await gptqColumns(w, n, from, Math.min(n, from + columnTile), factor, format, fitter, sink, task);
  }
}

async function gptqColumns(
  w: Float32Array,
  n: number,
  from: number,
  to: number,
  { k, upper, order, importance, dead }: GptqFactor,
  { bits, block }: BlockFormat,
  fitter: BlockFitter,
  sink: BlockSink,
  task: Task,
): Promise<void> {
  const width = to - from;
  const largest = largestCode(bits);
  const blocks = Math.ceil(k / block);
  const inOrder = order.every((row, i) => row === i);
  /** Rows in the order they are taken. */
  const work = new Float64Array(k * width);
  for (let i = 0; i < k; i += 1) {
    const row = order[i]!;
    if (dead[row] === 1) continue;
    for (let c = 0; c < width; c += 1) work[i * width + c] = w[row * n + from + c]!;
  }
  const codes = new Uint8Array(k * width);
  const scales = new Float32Array(blocks * width);
  const zeros = new Float32Array(blocks * width);
  const values = new Float32Array(block);
  const fit: Fit = { scale: 1, zero: 0 };
  const fitBlock = (b: number, value: (row: number, c: number) => number) => {
    const first = b * block;
    const count = Math.min(block, k - first);
    const weights = importance.subarray(first, first + count);
    for (let c = 0; c < width; c += 1) {
      for (let i = 0; i < count; i += 1) values[i] = value(first + i, c);
      fitter(values, weights, count, fit);
      scales[b * width + c] = fit.scale;
      zeros[b * width + c] = fit.zero;
    }
  };
  if (!inOrder) {
    for (let b = 0; b < blocks; b += 1) {
      fitBlock(b, (row, c) => w[row * n + from + c]!);
      await breathe(task);
    }
  }
  const rowTile = Math.max(smallestRowTile, block);
  const errors = new Float64Array(rowTile * width);
  for (let top = 0; top < k; top += rowTile) {
    const bottom = Math.min(k, top + rowTile);
    for (let i = top; i < bottom; i += 1) {
      // A block's scale is made from its rows as the rows above have left them.
      if (inOrder && i % block === 0) fitBlock(i / block, (row, c) => work[row * width + c]!);
      const row = order[i]!;
      const b = Math.floor(row / block);
      const pivot = 1 / upper[i * k + i]!;
      for (let c = 0; c < width; c += 1) {
        fit.scale = scales[b * width + c]!;
        fit.zero = zeros[b * width + c]!;
        const value = work[i * width + c]!;
        const code = codeOf(value, fit, largest);
        codes[row * width + c] = code;
        errors[(i - top) * width + c] = (value - fit.scale * (code - fit.zero)) * pivot;
      }
      for (let j = i + 1; j < bottom; j += 1) takeRow(work, j, upper[i * k + j]!, errors, i - top, width);
      await breathe(task);
    }
    for (let j = bottom; j < k; j += 1) {
      for (let i = top; i < bottom; i += 1) takeRow(work, j, upper[i * k + j]!, errors, i - top, width);
      await breathe(task);
    }
  }
  const column = new Uint8Array(block);
  for (let b = 0; b < blocks; b += 1) {
    const count = Math.min(block, k - b * block);
    for (let c = 0; c < width; c += 1) {
      for (let i = 0; i < count; i += 1) column[i] = codes[(b * block + i) * width + c]!;
      fit.scale = scales[b * width + c]!;
      fit.zero = zeros[b * width + c]!;
      sink.put(from + c, b, column, count, fit);
    }
    await breathe(task);
  }
}

/** work[j] −= factor · errors[e]. */
function takeRow(
  work: Float64Array,
  j: number,
  factor: number,
  errors: Float64Array,
  e: number,
  width: number,
): void {
  if (factor === 0) return;
  const to = j * width;
  const from = e * width;
  for (let c = 0; c < width; c += 1) work[to + c]! -= factor * errors[from + c]!;
}
