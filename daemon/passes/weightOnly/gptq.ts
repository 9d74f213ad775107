// GPTQ (Frantar et al. 2022): rounds the rows of a weight one after another and lets the rows that are still to come
// make up for what was lost. Done in the form of LDLQ (Chee et al. 2023), which gives the same and needs no inverse: with
// the Gram matrix LᵀL, a row is rounded after the errors of the rows before it were added, times L[i, j] / L[i, i]. Scales
// stay on the blocks of the given format also when rows are taken in order of importance.

import { breathe, type Task } from '../../base/task';
import { reverseFactor } from '../linear/cholesky';
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
  /** Lower triangular, damped Gram matrix = Lᵀ L, in the order of rows. */
  readonly lower: Float64Array;
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
    const lower = new Float64Array(k * k);
    for (let i = 0; i < k; i += 1) {
      for (let j = 0; j < k; j += 1) lower[i * k + j] = gram[order[i]! * k + order[j]!]!;
      lower[i * k + i]! += damping * mean + (dead[order[i]!] === 1 ? mean : 0);
      await breathe(task);
    }
    if (!(await reverseFactor(lower, k, task))) continue;
    const importance = Float32Array.from(diagonal, (value) => value / mean);
    return { k, lower, order, importance, dead };
  }
  return undefined;
}

/** Columns that are worked on together: few, so that the errors of a tile of rows stay in the processor's cache. */
const columnTile = 64;
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
  const sweep = new Sweep(w, n, factor, format, fitter);
  for (let from = 0; from < n; from += columnTile)
    await sweep.columns(from, Math.min(n, from + columnTile), sink, task);
}

/** A weight on its way; the arrays serve one tile of columns after another. */
class Sweep {
  private readonly inOrder: boolean;
  private readonly blocks: number;
  /** The weight of the tile's columns, rows in the order they are taken. */
  private readonly work: Float64Array;
  /** What the errors of finished rows give to each row, times L[i, i]. */
  private readonly owed: Float64Array;
  /** Weight minus rounded weight, of the rows of a tile. */
  private readonly errors: Float64Array;
  private readonly codes: Uint8Array;
  private readonly scales: Float32Array;
  private readonly zeros: Float32Array;
  private readonly rowTile: number;

  constructor(
    private readonly w: Float32Array,
    private readonly n: number,
    private readonly factor: GptqFactor,
    private readonly format: BlockFormat,
    private readonly fitter: BlockFitter,
  ) {
    const { k, order } = factor;
    this.inOrder = order.every((row, i) => row === i);
    this.blocks = Math.ceil(k / format.block);
    this.rowTile = Math.max(smallestRowTile, format.block);
    this.work = new Float64Array(k * columnTile);
    this.owed = new Float64Array(k * columnTile);
    this.errors = new Float64Array(this.rowTile * columnTile);
    this.codes = new Uint8Array(k * columnTile);
    this.scales = new Float32Array(this.blocks * columnTile);
    this.zeros = new Float32Array(this.blocks * columnTile);
  }

  async columns(from: number, to: number, sink: BlockSink, task: Task): Promise<void> {
    const { w, n, work, owed, rowTile, inOrder, blocks } = this;
    const { k, order, dead } = this.factor;
    const { block } = this.format;
    const width = to - from;
    for (let i = 0; i < k; i += 1) {
      const row = order[i]!;
      for (let c = 0; c < width; c += 1)
        work[i * columnTile + c] = dead[row] === 1 ? 0 : w[row * n + from + c]!;
    }
    owed.fill(0);
    if (!inOrder) {
      for (let b = 0; b < blocks; b += 1) {
        this.fit(b, width, (row, c) => w[row * n + from + c]!);
        await breathe(task);
      }
    }
    for (let top = 0; top < k; top += rowTile) {
      const bottom = Math.min(k, top + rowTile);
      let taken = top;
      for (let i = top; i < bottom; i += 1) {
        if (inOrder && i % block === 0) {
          for (let each = i; each < Math.min(k, i + block); each += 1) this.take(each, top, top, i, width);
          this.fitFromNow(i, width);
          taken = i;
        }
        this.take(i, top, taken, i, width);
        this.round(i, top, width);
        if (i % 8 === 0) await breathe(task);
      }
      for (let i = bottom; i < k; i += 1) {
        this.take(i, top, top, bottom, width);
        if (i % 8 === 0) await breathe(task);
      }
    }
    await this.hand(from, width, sink, task);
  }

  /** owed[i] += Σ L[i, j] · errors[j] for j in [start, end) of the tile that begins at row `top`. */
  private take(i: number, top: number, start: number, end: number, width: number): void {
    const { owed, errors } = this;
    const { k, lower } = this.factor;
    const at = i * columnTile;
    let j = start;
    for (; j + 3 < end; j += 4) {
      const place = i * k + j;
      const [f0, f1, f2, f3] = [lower[place]!, lower[place + 1]!, lower[place + 2]!, lower[place + 3]!];
      const e0 = (j - top) * columnTile;
      const e1 = e0 + columnTile;
      const e2 = e1 + columnTile;
      const e3 = e2 + columnTile;
      for (let c = 0; c < width; c += 1)
        owed[at + c]! +=
          f0 * errors[e0 + c]! + f1 * errors[e1 + c]! + (f2 * errors[e2 + c]! + f3 * errors[e3 + c]!);
    }
    for (; j < end; j += 1) {
      const factor = lower[i * k + j]!;
      const e = (j - top) * columnTile;
      for (let c = 0; c < width; c += 1) owed[at + c]! += factor * errors[e + c]!;
    }
  }

  private round(i: number, top: number, width: number): void {
    const { work, owed, errors, codes, scales, zeros } = this;
    const { k, lower, order } = this.factor;
    const { bits, block } = this.format;
    const largest = largestCode(bits);
    const row = order[i]!;
    const b = Math.floor(row / block) * columnTile;
    const pivot = 1 / lower[i * k + i]!;
    const fit: Fit = { scale: 1, zero: 0 };
    for (let c = 0; c < width; c += 1) {
      fit.scale = scales[b + c]!;
      fit.zero = zeros[b + c]!;
      const value = work[i * columnTile + c]!;
      const code = codeOf(value + owed[i * columnTile + c]! * pivot, fit, largest);
      codes[row * columnTile + c] = code;
      errors[(i - top) * columnTile + c] = value - fit.scale * (code - fit.zero);
    }
  }

  /** Scales of the block that begins at row `first`, from its rows as the rows before have left them. */
  private fitFromNow(first: number, width: number): void {
    const { work, owed } = this;
    const { k, lower } = this.factor;
    const { block } = this.format;
    const end = Math.min(k, first + block);
    const moved = new Float64Array((end - first) * width);
    for (let i = first; i < end; i += 1) {
      const at = (i - first) * width;
      for (let c = 0; c < width; c += 1) moved[at + c] = owed[i * columnTile + c]!;
      // Rows of the block itself are where they should be: nothing is lost there yet.
      for (let j = first; j < i; j += 1) {
        const factor = lower[i * k + j]!;
        const before = (j - first) * width;
        for (let c = 0; c < width; c += 1) moved[at + c]! -= factor * moved[before + c]!;
      }
      const pivot = 1 / lower[i * k + i]!;
      for (let c = 0; c < width; c += 1) moved[at + c]! *= pivot;
    }
    this.fit(
      first / block,
      width,
      (row, c) => work[row * columnTile + c]! + moved[(row - first) * width + c]!,
    );
  }

  private fit(b: number, width: number, value: (row: number, c: number) => number): void {
    const { block } = this.format;
    const { k, importance } = this.factor;
    const first = b * block;
    const count = Math.min(block, k - first);
    const weights = importance.subarray(first, first + count);
    const values = new Float32Array(count);
    const fit: Fit = { scale: 1, zero: 0 };
    for (let c = 0; c < width; c += 1) {
      for (let i = 0; i < count; i += 1) values[i] = value(first + i, c);
      this.fitter(values, weights, count, fit);
      this.scales[b * columnTile + c] = fit.scale;
      this.zeros[b * columnTile + c] = fit.zero;
    }
  }

  private async hand(from: number, width: number, sink: BlockSink, task: Task): Promise<void> {
    const { codes, scales, zeros, blocks } = this;
    const { k } = this.factor;
    const { block } = this.format;
    const column = new Uint8Array(block);
    const fit: Fit = { scale: 1, zero: 0 };
    for (let b = 0; b < blocks; b += 1) {
      const count = Math.min(block, k - b * block);
      for (let c = 0; c < width; c += 1) {
        for (let i = 0; i < count; i += 1) column[i] = codes[(b * block + i) * columnTile + c]!;
        fit.scale = scales[b * columnTile + c]!;
        fit.zero = zeros[b * columnTile + c]!;
        sink.put(from + c, b, column, count, fit);
      }
      await breathe(task);
    }
  }
}
