// The best product of two thin matrices for one layer: singular vectors of the weights, or, where it is known what the
// layer reads, of its outputs (the rank-r projection that changes X·W least).

import { breathe, type Task } from '../../base/task';
import { cholesky } from '../linear/cholesky';
import { symmetricEigen } from '../linear/eigen';

/** Layers whose narrow side is wider are left alone: the time grows with its third power. */
const widestSide = 1024;

export interface Factors {
  readonly rank: number;
  /** k × rank. */
  readonly a: Float64Array;
  /** rank × outputs. */
  readonly b: Float64Array;
  /** Share of the energy that the product keeps. */
  readonly energy: number;
}

/** Products below this rank have fewer numbers than k × outputs. */
const ranksThatSave = (k: number, outputs: number) => Math.ceil((k * outputs) / (k + outputs)) - 1;

/**
 * Factors of the k × outputs matrix `w` that keep at least the share `energy` of ‖W‖², or of ‖X·W‖² with `gram` = XᵀX.
 * Undefined when no rank does so that saves anything.
 */
export async function factorise(
  w: Float64Array,
  k: number,
  outputs: number,
  gram: Float64Array | undefined,
  energy: number,
  task: Task,
): Promise<Factors | undefined> {
  if (Math.min(k, outputs) > widestSide) return undefined;
  const root = gram && (await rootOf(gram, k, task));
  const m = root ? await product(root, w, k, outputs, task) : w;
  const wide = outputs > k;
  const side = wide ? k : outputs;
  const { values, vectors } = await symmetricEigen(await square(m, k, outputs, wide, task), side, task);
  const rank = rankFor(values, energy);
  if (rank > ranksThatSave(k, outputs)) return undefined;
  const total = values.reduce((sum, value) => sum + Math.max(0, value), 0);
  const kept = values.subarray(0, rank).reduce((sum, value) => sum + Math.max(0, value), 0);
  const a = new Float64Array(k * rank);
  const b = new Float64Array(rank * outputs);
  for (let r = 0; r < rank; r += 1) {
    const vector = vectors.subarray(r * side, (r + 1) * side);
    if (wide) {
      for (let i = 0; i < k; i += 1)
        for (let n = 0; n < outputs; n += 1) b[r * outputs + n]! += vector[i]! * m[i * outputs + n]!;
      const column = root ? solveTransposed(root, vector, k) : vector;
      for (let i = 0; i < k; i += 1) a[i * rank + r] = column[i]!;
    } else {
      b.set(vector, r * outputs);
      for (let i = 0; i < k; i += 1)
        for (let n = 0; n < outputs; n += 1) a[i * rank + r]! += w[i * outputs + n]! * vector[n]!;
    }
    await breathe(task);
  }
  return { rank, a, b, energy: total > 0 ? kept / total : 1 };
}

/** The smallest rank whose eigenvalues hold that share of their sum. */
function rankFor(values: Float64Array, energy: number): number {
  const total = values.reduce((sum, value) => sum + Math.max(0, value), 0);
  let kept = 0;
  for (let rank = 0; rank < values.length; rank += 1) {
    kept += Math.max(0, values[rank]!);
    if (kept >= energy * total) return rank + 1;
  }
  return values.length;
}

/** L with G = L Lᵀ; a small ridge keeps what the data never showed. */
async function rootOf(gram: Float64Array, k: number, task: Task): Promise<Float64Array | undefined> {
  const root = gram.slice();
  let trace = 0;
  for (let i = 0; i < k; i += 1) trace += root[i * k + i]!;
  for (let i = 0; i < k; i += 1) root[i * k + i]! += (1e-4 * trace) / k || 1;
  return (await cholesky(root, k, task)) ? root : undefined;
}

/** Lᵀ W. */
async function product(
  root: Float64Array,
  w: Float64Array,
  k: number,
  outputs: number,
  task: Task,
): Promise<Float64Array> {
  const m = new Float64Array(k * outputs);
  for (let i = 0; i < k; i += 1) {
    for (let j = i; j < k; j += 1) {
      const share = root[j * k + i]!;
      for (let n = 0; n < outputs; n += 1) m[i * outputs + n]! += share * w[j * outputs + n]!;
    }
    await breathe(task);
  }
  return m;
}

/** M Mᵀ where M is wide, else Mᵀ M. */
async function square(
  m: Float64Array,
  k: number,
  outputs: number,
  wide: boolean,
  task: Task,
): Promise<Float64Array> {
  const side = wide ? k : outputs;
  const made = new Float64Array(side * side);
  if (wide) {
    for (let i = 0; i < k; i += 1) {
      for (let j = 0; j <= i; j += 1) {
        let sum = 0;
        for (let n = 0; n < outputs; n += 1) sum += m[i * outputs + n]! * m[j * outputs + n]!;
        made[i * side + j] = made[j * side + i] = sum;
      }
      await breathe(task);
    }
    return made;
  }
  for (let i = 0; i < k; i += 1) {
    for (let x = 0; x < outputs; x += 1) {
      const value = m[i * outputs + x]!;
      if (value !== 0)
        for (let y = 0; y < outputs; y += 1) made[x * side + y]! += value * m[i * outputs + y]!;
    }
    await breathe(task);
  }
  return made;
}

/** x with Lᵀ x = right. */
function solveTransposed(root: Float64Array, right: Float64Array, k: number): Float64Array {
  const x = new Float64Array(k);
  for (let i = k - 1; i >= 0; i -= 1) {
    let value = right[i]!;
    for (let j = i + 1; j < k; j += 1) value -= root[j * k + i]! * x[j]!;
    x[i] = value / root[i * k + i]!;
  }
  return x;
}
