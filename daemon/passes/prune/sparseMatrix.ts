// Zeros in one matrix of weights: chosen piece by piece, and made up for by the rows that come after where it is
// known what the layer reads (Frantar & Alistarh 2023, SparseGPT).

import { breathe, type Task } from '../../base/task';
import { inverseFactor } from '../linear/cholesky';
import { zerosOfPattern, zerosOfShare, type Pattern } from './chooseZeros';
import type { LayerRows } from './channels/layerRows';

export interface MatrixZeros {
  /** N:M, or the share of zeros. */
  readonly choice: Pattern | { readonly share: number };
  /** The same share for every output alone (Wanda); else for all together. */
  readonly eachOutput: boolean;
  /** XᵀX of what the layer reads, k × k; without it only the size of weights counts. */
  readonly gram?: Float64Array | undefined;
  /** Make up for zeros by the rows after them; needs `gram`. */
  readonly feedback: boolean;
}

/** Rows whose zeros are chosen together where there is feedback and no pattern. */
const block = 128;

/** Sets entries of the k × outputs matrix `w` to zero, in place. */
export async function zeroMatrix(
  w: Float64Array,
  rows: LayerRows,
  how: MatrixZeros,
  task: Task,
): Promise<void> {
  const { k, outputs } = rows;
  const { order, pieces } = piecesOf(rows, how);
  const work = order ? permuted(w, order, outputs) : w;
  const gram = how.gram && (order ? permutedBoth(how.gram, order, k) : how.gram);
  const power = new Float64Array(k).fill(1);
  if (gram) for (let i = 0; i < k; i += 1) power[i] = gram[i * k + i]!;
  const factor = gram && how.feedback ? await factorOf(gram, k, task) : undefined;
  // What a row loses when the others make up for it: w² / [H⁻¹] (Hassibi & Stork 1993).
  if (factor) for (let i = 0; i < k; i += 1) power[i] = 1 / factor[i * k + i]! ** 2;
  for (const [top, bottom] of pieces) {
    const piece = { w: work, power, top, bottom, outputs };
    const gone =
      'of' in how.choice
        ? zerosOfPattern(piece, how.choice)
        : await zerosOfShare(piece, how.choice.share, how.eachOutput, task);
    await zeroRows(piece, gone, factor, k, task);
  }
  if (!order) return;
  for (let i = 0; i < k; i += 1) w.set(work.subarray(i * outputs, (i + 1) * outputs), order[i]! * outputs);
}

/**
 * Rows that are looked at together, and the order to take rows in. Hardware counts N of M over channels, so the
 * channels of one kernel position are neighbours there.
 */
function piecesOf(
  { k, perChannel }: LayerRows,
  { choice, feedback }: MatrixZeros,
): { order?: Uint32Array; pieces: [number, number][] } {
  const pieces: [number, number][] = [];
  const cut = (from: number, to: number, size: number) => {
    for (let top = from; top < to; top += size) pieces.push([top, Math.min(to, top + size)]);
  };
  if (!('of' in choice)) {
    cut(0, k, feedback ? block : k);
    return { pieces };
  }
  const channels = k / perChannel;
  for (let position = 0; position < perChannel; position += 1)
    cut(position * channels, (position + 1) * channels, choice.of);
  if (perChannel === 1) return { pieces };
  const order = Uint32Array.from(
    { length: k },
    (_, i) => (i % channels) * perChannel + Math.floor(i / channels),
  );
  return { order, pieces };
}

function permuted(w: Float64Array, order: Uint32Array, outputs: number): Float64Array {
  const out = new Float64Array(w.length);
  order.forEach((row, i) => out.set(w.subarray(row * outputs, (row + 1) * outputs), i * outputs));
  return out;
}

function permutedBoth(gram: Float64Array, order: Uint32Array, k: number): Float64Array {
  const out = new Float64Array(k * k);
  for (let i = 0; i < k; i += 1) {
    const row = order[i]! * k;
    for (let j = 0; j < k; j += 1) out[i * k + j] = gram[row + order[j]!]!;
  }
  return out;
}

/** U with H⁻¹ = UᵀU for H = XᵀX and a ridge of 1 % of its mean diagonal; undefined where H is singular even so. */
async function factorOf(gram: Float64Array, k: number, task: Task): Promise<Float64Array | undefined> {
  const factor = gram.slice();
  let trace = 0;
  for (let i = 0; i < k; i += 1) trace += factor[i * k + i]!;
  for (let i = 0; i < k; i += 1) factor[i * k + i]! += (0.01 * trace) / k || 1;
  return (await inverseFactor(factor, k, task)) ? factor : undefined;
}

/** Sets what was chosen to zero; with a factor, all rows after make up for it. */
async function zeroRows(
  { w, top, bottom, outputs }: { w: Float64Array; top: number; bottom: number; outputs: number },
  gone: Uint8Array,
  factor: Float64Array | undefined,
  k: number,
  task: Task,
): Promise<void> {
  const error = new Float64Array(outputs);
  for (let i = top; i < bottom; i += 1) {
    const pivot = factor?.[i * k + i] ?? 1;
    for (let n = 0; n < outputs; n += 1) {
      const isGone = gone[(i - top) * outputs + n] === 1;
      error[n] = isGone ? w[i * outputs + n]! / pivot : 0;
      if (isGone) w[i * outputs + n] = 0;
    }
    await breathe(task);
    if (!factor) continue;
    for (let j = i + 1; j < k; j += 1) {
      const share = factor[i * k + j]!;
      if (share !== 0) for (let n = 0; n < outputs; n += 1) w[j * outputs + n]! -= share * error[n]!;
    }
  }
}
