// Eigenvalues and eigenvectors of a symmetric matrix by cyclic Jacobi rotations (Golub & Van Loan, Matrix
// Computations, 4th ed., §8.5). Row-major float64.

import { breathe, type Task } from '../../base/task';

const mostSweeps = 30;

/** Eigenvalues of the n × n matrix `a`, largest first, and their vectors as rows. `a` is used up. */
export async function symmetricEigen(
  a: Float64Array,
  n: number,
  task: Task,
): Promise<{ values: Float64Array; vectors: Float64Array }> {
  const v = new Float64Array(n * n);
  for (let i = 0; i < n; i += 1) v[i * n + i] = 1;
  for (let sweep = 0; sweep < mostSweeps; sweep += 1) {
    let [outside, whole] = [0, 0];
    for (let i = 0; i < n; i += 1) {
      whole += a[i * n + i]! ** 2;
      for (let j = 0; j < i; j += 1) outside += 2 * a[i * n + j]! ** 2;
    }
    if (outside <= 1e-22 * (whole + outside)) break;
    for (let p = 0; p < n - 1; p += 1) {
      for (let q = p + 1; q < n; q += 1) rotate(a, v, n, p, q);
      await breathe(task);
    }
  }
  const order = Array.from({ length: n }, (_, i) => i).sort((i, j) => a[j * n + j]! - a[i * n + i]!);
  const vectors = new Float64Array(n * n);
  order.forEach((from, to) => vectors.set(v.subarray(from * n, (from + 1) * n), to * n));
  return { values: Float64Array.from(order, (i) => a[i * n + i]!), vectors };
}

/** Makes a[p][q] zero; rows of `v` turn along. */
function rotate(a: Float64Array, v: Float64Array, n: number, p: number, q: number): void {
  const [rowP, rowQ] = [p * n, q * n];
  const between = a[rowP + q]!;
  if (between === 0) return;
  const [pp, qq] = [a[rowP + p]!, a[rowQ + q]!];
  const tau = (qq - pp) / (2 * between);
  const t = (tau >= 0 ? 1 : -1) / (Math.abs(tau) + Math.sqrt(1 + tau * tau));
  const c = 1 / Math.sqrt(1 + t * t);
  const s = t * c;
  for (let j = 0; j < n; j += 1) {
    const [x, y] = [a[rowP + j]!, a[rowQ + j]!];
    a[j * n + p] = a[rowP + j] = c * x - s * y;
    a[j * n + q] = a[rowQ + j] = s * x + c * y;
    const [vx, vy] = [v[rowP + j]!, v[rowQ + j]!];
    v[rowP + j] = c * vx - s * vy;
    v[rowQ + j] = s * vx + c * vy;
  }
  a[rowP + p] = pp - t * between;
  a[rowQ + q] = qq + t * between;
  a[rowP + q] = a[rowQ + p] = 0;
}
