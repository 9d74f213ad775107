// Clusters of one layer fitted to what the layer reads: each value goes to a centroid with the error passed on to
// the rows that come after (Frantar et al. 2022, GPTQ, on a codebook), then the centroids are solved by least squares.

import { breathe, type Task } from '../../base/task';
import { cholesky, inverseFactor, solveCholesky } from '../linear/cholesky';
import type { LayerRows } from '../prune/channels/layerRows';
import { nearestIn, nearestOfAll, type Codebooks } from './codebooks';

/** Above this many multiplications a layer is left as k-means gave it. */
const mostWork = 2e10;

export const canFit = ({ k, outputs, groups }: LayerRows): boolean =>
  groups === 1 && k * k * outputs <= mostWork;

/** Place in the codebooks for each value, in the tensor's order. Falls back to the nearest where G is singular. */
export async function assignWithFeedback(
  values: Float32Array,
  books: Codebooks,
  rows: LayerRows,
  gram: Float64Array,
  task: Task,
): Promise<Uint16Array> {
  const { k, outputs, at } = rows;
  const indices = await nearestOfAll(books, values, task);
  const factor = gram.slice();
  let trace = 0;
  for (let i = 0; i < k; i += 1) trace += factor[i * k + i]!;
  for (let i = 0; i < k; i += 1) factor[i * k + i]! += (0.01 * trace) / k || 1;
  if (!(await inverseFactor(factor, k, task))) return indices;
  const w = new Float64Array(k * outputs);
  for (let i = 0; i < k; i += 1) for (let n = 0; n < outputs; n += 1) w[i * outputs + n] = values[at(i, n)]!;
  const error = new Float64Array(outputs);
  for (let i = 0; i < k; i += 1) {
    const pivot = factor[i * k + i]!;
    for (let n = 0; n < outputs; n += 1) {
      const value = w[i * outputs + n]!;
      const index = nearestIn(books, at(i, n), value);
      indices[at(i, n)] = index;
      error[n] = (value - books.values[index]!) / pivot;
    }
    for (let j = i + 1; j < k; j += 1) {
      const share = factor[i * k + j]!;
      if (share === 0) continue;
      const row = j * outputs;
      for (let n = 0; n < outputs; n += 1) w[row + n]! -= share * error[n]!;
    }
    await breathe(task);
  }
  return indices;
}

/** Codebooks that minimise Σ (w − c)ᵀG(w − c) for the given places; a centroid that is 0 stays 0. */
export async function refitCentroids(
  values: Float32Array,
  books: Codebooks,
  indices: Uint16Array,
  rows: LayerRows,
  gram: Float64Array,
  task: Task,
): Promise<Codebooks> {
  const { k, outputs, at } = rows;
  const centroids = books.values;
  const count = centroids.length;
  const left = new Float64Array(count * count);
  const right = new Float64Array(count);
  const sums = new Float64Array(count);
  for (let n = 0; n < outputs; n += 1) {
    for (let i = 0; i < k; i += 1) {
      sums.fill(0);
      let product = 0;
      for (let j = 0; j < k; j += 1) {
        const g = gram[i * k + j]!;
        const place = at(j, n);
        sums[indices[place]!]! += g;
        product += g * values[place]!;
      }
      const own = indices[at(i, n)]!;
      right[own]! += product;
      for (let c = 0; c < count; c += 1) left[own * count + c]! += sums[c]!;
    }
    await breathe(task);
  }
  let trace = 0;
  for (let i = 0; i < count; i += 1) trace += left[i * count + i]!;
  const damp = (1e-4 * trace) / count || 1;
  for (let i = 0; i < count; i += 1) {
    left[i * count + i]! += damp;
    right[i]! += damp * centroids[i]!;
  }
  for (const [zero, centroid] of centroids.entries()) {
    if (centroid !== 0) continue;
    for (let i = 0; i < count; i += 1) left[i * count + zero] = left[zero * count + i] = i === zero ? 1 : 0;
    right[zero] = 0;
  }
  if (!(await cholesky(left, count, task))) return books;
  await solveCholesky(left, count, right, 1, task);
  return { ...books, values: Float32Array.from(right) };
}
