// Clusters of one layer fitted to what the layer reads: each value goes to a centroid with the error passed on to
// the rows that come after (Frantar et al. 2022, GPTQ, on a codebook), then the centroids are solved by least squares.

import { breathe, type Task } from '../../base/task';
import { cholesky, inverseFactor, solveCholesky } from '../linear/cholesky';
import type { LayerRows } from '../prune/channels/layerRows';
import { nearestCentroid } from './kMeans';

/** Above this many multiplications a layer is left as k-means gave it. */
const mostWork = 2e10;

export const canFit = ({ k, outputs, groups }: LayerRows): boolean =>
  groups === 1 && k * k * outputs <= mostWork;

/** Index of a centroid for each value, in the tensor's order. Falls back to the nearest where G is singular. */
export async function assignWithFeedback(
  values: Float32Array,
  centroids: Float32Array,
  rows: LayerRows,
  gram: Float64Array,
  task: Task,
): Promise<Uint8Array> {
  const { k, outputs, at } = rows;
  const indices = Uint8Array.from(values, (value) => nearestCentroid(centroids, value));
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
      const index = nearestCentroid(centroids, value);
      indices[at(i, n)] = index;
      error[n] = (value - centroids[index]!) / pivot;
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

/** Centroids that minimise Σ (w − c)ᵀG(w − c) for the given indices; the one that is 0 stays 0. */
export async function refitCentroids(
  values: Float32Array,
  centroids: Float32Array,
  indices: Uint8Array,
  rows: LayerRows,
  gram: Float64Array,
  task: Task,
): Promise<Float32Array> {
  const { k, outputs, at } = rows;
  const count = centroids.length;
  const zero = centroids.indexOf(0);
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
    if (zero < 0) continue;
    left[i * count + zero] = left[zero * count + i] = i === zero ? 1 : 0;
  }
  if (zero >= 0) right[zero] = 0;
  if (!(await cholesky(left, count, task))) return centroids;
  await solveCholesky(left, count, right, 1, task);
  return Float32Array.from(right);
}
