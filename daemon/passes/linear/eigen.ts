// Eigenvalues and eigenvectors of a symmetric matrix: Householder reflections to a tridiagonal one, then implicit QR
// steps with Wilkinson's shift (Golub & Van Loan, Matrix Computations, 4th ed., §8.3). Row-major float64.

import { breathe, type Task } from '../../base/task';

/** Steps that one eigenvalue may take; two are usual. */
const mostSteps = 60;

/** Eigenvalues of the n × n matrix `a`, largest first, and their vectors as rows. `a` is used up. */
export async function symmetricEigen(
  a: Float64Array,
  n: number,
  task: Task,
): Promise<{ values: Float64Array; vectors: Float64Array }> {
  const diagonal = new Float64Array(n);
  const beside = new Float64Array(n);
  const v = await tridiagonalise(a, n, diagonal, beside, task);
  await diagonalise(diagonal, beside, v, n, task);
  const order = Array.from({ length: n }, (_, i) => i).sort((i, j) => diagonal[j]! - diagonal[i]!);
  const vectors = new Float64Array(n * n);
  order.forEach((from, to) => vectors.set(v.subarray(from * n, (from + 1) * n), to * n));
  return { values: Float64Array.from(order, (i) => diagonal[i]!), vectors };
}

/** Fills in T = Qᵀ A Q, and returns Qᵀ. */
async function tridiagonalise(
  a: Float64Array,
  n: number,
  diagonal: Float64Array,
  beside: Float64Array,
  task: Task,
): Promise<Float64Array> {
  const reflectors: { v: Float64Array; scale: number }[] = [];
  for (let k = 0; k < n - 1; k += 1) {
    diagonal[k] = a[k * n + k]!;
    const { v, scale, length } = reflector(a.subarray(k * n + k + 1, (k + 1) * n));
    beside[k] = length;
    reflectors.push({ v, scale });
    if (scale !== 0) reflect(a, n, k + 1, v, scale);
    await breathe(task);
  }
  if (n > 0) diagonal[n - 1] = a[n * n - 1]!;
  const q = new Float64Array(n * n);
  for (let i = 0; i < n; i += 1) q[i * n + i] = 1;
  const sums = new Float64Array(n);
  for (let k = n - 2; k >= 0; k -= 1) {
    const { v, scale } = reflectors[k]!;
    if (scale === 0) continue;
    sums.fill(0);
    v.forEach((share, i) => {
      const row = (k + 1 + i) * n;
      for (let j = k + 1; j < n; j += 1) sums[j]! += share * q[row + j]!;
    });
    v.forEach((share, i) => {
      const [row, by] = [(k + 1 + i) * n, scale * share];
      for (let j = k + 1; j < n; j += 1) q[row + j]! -= by * sums[j]!;
    });
    await breathe(task);
  }
  for (let i = 0; i < n; i += 1)
    for (let j = 0; j < i; j += 1) {
      const upper = q[j * n + i]!;
      q[j * n + i] = q[i * n + j]!;
      q[i * n + j] = upper;
    }
  return q;
}

/** v and scale with (I − scale·v·vᵀ)·x = length·e₁. */
function reflector(x: Float64Array): { v: Float64Array; scale: number; length: number } {
  const v = x.slice();
  let rest = 0;
  for (let i = 1; i < v.length; i += 1) rest += v[i]! ** 2;
  if (rest === 0) return { v, scale: 0, length: v[0]! };
  const norm = Math.sqrt(v[0]! ** 2 + rest);
  const length = v[0]! > 0 ? -norm : norm;
  v[0]! -= length;
  return { v, scale: 2 / (v[0]! ** 2 + rest), length };
}

/** The block of `a` from row and column `from` on becomes H·block·H, with H = I − scale·v·vᵀ. */
function reflect(a: Float64Array, n: number, from: number, v: Float64Array, scale: number): void {
  const m = n - from;
  const w = new Float64Array(m);
  let along = 0;
  for (let i = 0; i < m; i += 1) {
    const row = (from + i) * n + from;
    let sum = 0;
    for (let j = 0; j < m; j += 1) sum += a[row + j]! * v[j]!;
    w[i] = scale * sum;
    along += w[i]! * v[i]!;
  }
  for (let i = 0; i < m; i += 1) w[i]! -= 0.5 * scale * along * v[i]!;
  for (let i = 0; i < m; i += 1) {
    const row = (from + i) * n + from;
    const [vi, wi] = [v[i]!, w[i]!];
    for (let j = 0; j < m; j += 1) a[row + j]! -= vi * w[j]! + wi * v[j]!;
  }
}

/** Makes the entries beside the diagonal vanish; rows of `v` turn along. */
async function diagonalise(
  d: Float64Array,
  e: Float64Array,
  v: Float64Array,
  n: number,
  task: Task,
): Promise<void> {
  let largest = 0;
  for (let i = 0; i < n; i += 1) largest = Math.max(largest, Math.abs(d[i]!), Math.abs(e[i]!));
  const none = Number.EPSILON * largest;
  let steps = 0;
  for (let high = n - 1; high > 0;) {
    let low = high;
    while (low > 0 && Math.abs(e[low - 1]!) > none) low -= 1;
    if (low === high || steps >= mostSteps) {
      high -= 1;
      steps = 0;
      continue;
    }
    steps += 1;
    qrStep(d, e, v, n, low, high);
    await breathe(task);
  }
}

/** One implicit QR step on rows `low` to `high` of the tridiagonal matrix. */
function qrStep(
  d: Float64Array,
  e: Float64Array,
  v: Float64Array,
  n: number,
  low: number,
  high: number,
): void {
  const half = (d[high - 1]! - d[high]!) / 2;
  const last = e[high - 1]!;
  const shift = d[high]! - last ** 2 / (half + (half < 0 ? -1 : 1) * Math.hypot(half, last));
  let [x, z] = [d[low]! - shift, e[low]!];
  for (let k = low; k < high; k += 1) {
    const r = Math.hypot(x, z);
    const [c, s] = r === 0 ? [1, 0] : [x / r, z / r];
    if (k > low) e[k - 1] = r;
    const [dk, ek, next] = [d[k]!, e[k]!, d[k + 1]!];
    d[k] = c * c * dk + 2 * c * s * ek + s * s * next;
    d[k + 1] = s * s * dk - 2 * c * s * ek + c * c * next;
    e[k] = c * s * (next - dk) + (c * c - s * s) * ek;
    if (k < high - 1) {
      x = e[k]!;
      z = s * e[k + 1]!;
      e[k + 1]! *= c;
    }
    const [row, below] = [k * n, (k + 1) * n];
    for (let j = 0; j < n; j += 1) {
      const [one, other] = [v[row + j]!, v[below + j]!];
      v[row + j] = c * one + s * other;
      v[below + j] = c * other - s * one;
    }
  }
}
