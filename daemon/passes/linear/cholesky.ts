// Dense linear algebra on symmetric positive definite matrices in plain typed arrays: Cholesky factor, triangular
// inverse, solving. Row-major float64, in place. Golub & Van Loan, Matrix Computations, 4th ed., §3.1 and §4.2.

import { breathe, type Task } from '../../base/task';

/** Rows that are worked on together, so that they stay in the processor's cache. */
const tile = 32;

/**
 * Replaces the lower triangle of the n × n matrix `a` by L with a = L Lᵀ, and clears the upper one. Gives false
 * when `a` is not positive definite in float64; `a` is then half done.
 */
export async function cholesky(a: Float64Array, n: number, task: Task): Promise<boolean> {
  for (let top = 0; top < n; top += tile) {
    const bottom = Math.min(n, top + tile);
    for (let left = 0; left <= top; left += tile) {
      const right = Math.min(n, left + tile);
      // What the finished columns take away, tile by tile; then the tile's own columns, one after another.
      if (left < top && bottom - top === tile) takeTile(a, n, top, left);
      else
        for (let i = top; i < bottom; i += 1) {
          for (let j = left; j < right && j <= i; j += 1) {
            a[i * n + j]! -= dot(a, i * n, j * n, left);
          }
        }
      for (let i = top; i < bottom; i += 1) {
        for (let j = left; j < right && j <= i; j += 1) {
          let value = a[i * n + j]!;
          for (let k = left; k < j; k += 1) value -= a[i * n + k]! * a[j * n + k]!;
          if (i > j) a[i * n + j] = value / a[j * n + j]!;
          else if (value > 0 && Number.isFinite(value)) a[i * n + i] = Math.sqrt(value);
          else return false;
        }
      }
      await breathe(task);
    }
  }
  for (let i = 0; i < n; i += 1) a.fill(0, i * n + i + 1, (i + 1) * n);
  return true;
}

/** Takes what the first `left` columns give from a whole tile; four rows by two columns share what they load. */
function takeTile(a: Float64Array, n: number, top: number, left: number): void {
  for (let i = top; i < top + tile; i += 4) {
    const [x0, x1, x2, x3] = [i * n, (i + 1) * n, (i + 2) * n, (i + 3) * n];
    for (let j = left; j < left + tile; j += 2) {
      const [y0, y1] = [j * n, (j + 1) * n];
      let [p0, p1, q0, q1] = [0, 0, 0, 0];
      let [r0, r1, s0, s1] = [0, 0, 0, 0];
      for (let k = 0; k < left; k += 1) {
        const v0 = a[y0 + k]!;
        const v1 = a[y1 + k]!;
        const u0 = a[x0 + k]!;
        const u1 = a[x1 + k]!;
        const u2 = a[x2 + k]!;
        const u3 = a[x3 + k]!;
        p0 += u0 * v0;
        p1 += u0 * v1;
        q0 += u1 * v0;
        q1 += u1 * v1;
        r0 += u2 * v0;
        r1 += u2 * v1;
        s0 += u3 * v0;
        s1 += u3 * v1;
      }
      a[x0 + j]! -= p0;
      a[x0 + j + 1]! -= p1;
      a[x1 + j]! -= q0;
      a[x1 + j + 1]! -= q1;
      a[x2 + j]! -= r0;
      a[x2 + j + 1]! -= r1;
      a[x3 + j]! -= s0;
      a[x3 + j + 1]! -= s1;
    }
  }
}

/** Σ a[x + k] · a[y + k] for k below `count`; four sums, so that additions do not wait for each other. */
function dot(a: Float64Array, x: number, y: number, count: number): number {
  let [p, q, r, s] = [0, 0, 0, 0];
  let k = 0;
  for (; k + 3 < count; k += 4) {
    p += a[x + k]! * a[y + k]!;
    q += a[x + k + 1]! * a[y + k + 1]!;
    r += a[x + k + 2]! * a[y + k + 2]!;
    s += a[x + k + 3]! * a[y + k + 3]!;
  }
  for (; k < count; k += 1) p += a[x + k]! * a[y + k]!;
  return p + q + r + s;
}

/** Replaces the lower triangular n × n matrix `l` by its inverse. */
export async function invertLower(l: Float64Array, n: number, task: Task): Promise<void> {
  const row = new Float64Array(n);
  for (let i = 0; i < n; i += 1) {
    const at = i * n;
    row.set(l.subarray(at, at + i));
    l.fill(0, at, at + i);
    for (let k = 0; k < i; k += 1) {
      const factor = row[k]!;
      if (factor === 0) continue;
      const from = k * n;
      for (let j = 0; j <= k; j += 1) l[at + j]! -= factor * l[from + j]!;
    }
    const pivot = 1 / l[at + i]!;
    for (let j = 0; j < i; j += 1) l[at + j]! *= pivot;
    l[at + i] = pivot;
    await breathe(task);
  }
}

/** Solves L Lᵀ X = B in place of the n × columns matrix `b`, with L from `cholesky`. */
export async function solveCholesky(
  l: Float64Array,
  n: number,
  b: Float64Array,
  columns: number,
  task: Task,
): Promise<void> {
  const take = (from: number, to: number, factor: number) => {
    if (factor === 0) return;
    for (let c = 0; c < columns; c += 1) b[to * columns + c]! -= factor * b[from * columns + c]!;
  };
  const divide = (row: number) => {
    for (let c = 0; c < columns; c += 1) b[row * columns + c]! /= l[row * n + row]!;
  };
  for (let i = 0; i < n; i += 1) {
    for (let k = 0; k < i; k += 1) take(k, i, l[i * n + k]!);
    divide(i);
    await breathe(task);
  }
  for (let i = n - 1; i >= 0; i -= 1) {
    divide(i);
    for (let k = 0; k < i; k += 1) take(i, k, l[i * n + k]!);
    await breathe(task);
  }
}

/** Turns rows and columns of an n × n matrix around, in place: entry (i, j) goes to (n−1−i, n−1−j). */
export function reverse(a: Float64Array, n: number): void {
  a.subarray(0, n * n).reverse();
}

/**
 * Replaces the symmetric positive definite `h` by the lower triangular L with h = Lᵀ L, the product the other way round
 * than `cholesky` has it. False when `h` is not positive definite.
 */
export async function reverseFactor(h: Float64Array, n: number, task: Task): Promise<boolean> {
  reverse(h, n);
  if (!(await cholesky(h, n, task))) return false;
  reverse(h, n);
  for (let i = 0; i < n; i += 1) {
    for (let j = 0; j < i; j += 1) {
      h[i * n + j] = h[j * n + i]!;
      h[j * n + i] = 0;
    }
    await breathe(task);
  }
  return true;
}

/**
 * Replaces the symmetric positive definite `h` by the upper triangular U with h⁻¹ = Uᵀ U. Turned around, h has
 * the factor L; then h = R Rᵀ with R upper triangular, so that U = R⁻¹ needs neither the inverse of h nor a second
 * factorisation. False when `h` is not positive definite.
 */
export async function inverseFactor(h: Float64Array, n: number, task: Task): Promise<boolean> {
  reverse(h, n);
  if (!(await cholesky(h, n, task))) return false;
  await invertLower(h, n, task);
  reverse(h, n);
  return true;
}
