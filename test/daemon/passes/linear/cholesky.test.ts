// Dense linear algebra against products by hand, at sizes on both sides of the tiles.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentTask } from '../../../../daemon/base/task';
import {
  cholesky,
  inverseFactor,
  invertLower,
  reverseFactor,
  solveCholesky,
} from '../../../../daemon/passes/linear/cholesky';
import { randomNumbers } from '../../../support/graphs';

/** a · b, or a · bᵀ. */
function product(a: Float64Array, b: Float64Array, n: number, turned = false): Float64Array {
  const c = new Float64Array(n * n);
  for (let i = 0; i < n; i += 1)
    for (let j = 0; j < n; j += 1)
      for (let k = 0; k < n; k += 1) c[i * n + j]! += a[i * n + k]! * b[turned ? j * n + k : k * n + j]!;
  return c;
}

function positive(n: number): Float64Array {
  const next = randomNumbers(n);
  const x = Float64Array.from({ length: n * n }, () => next() - 0.5);
  const a = product(x, x, n, true);
  for (let i = 0; i < n; i += 1) a[i * n + i]! += 0.5;
  return a;
}

function near(a: ArrayLike<number>, b: ArrayLike<number>) {
  for (let i = 0; i < a.length; i += 1) assert.ok(Math.abs(a[i]! - b[i]!) < 1e-9, `${i}: ${a[i]!} ${b[i]!}`);
}

const identity = (n: number) => Float64Array.from({ length: n * n }, (_, i) => (i % (n + 1) === 0 ? 1 : 0));

for (const n of [1, 3, 32, 33, 100, 128]) {
  test(`factor, inverse and solution, ${n} × ${n}`, async () => {
    const a = positive(n);
    const l = a.slice();
    assert.ok(await cholesky(l, n, silentTask));
    near(product(l, l, n, true), a);
    const inverse = l.slice();
    await invertLower(inverse, n, silentTask);
    near(product(l, inverse, n), identity(n));
    const b = identity(n);
    await solveCholesky(l, n, b, n, silentTask);
    near(product(a, b, n), identity(n));
    const u = a.slice();
    assert.ok(await inverseFactor(u, n, silentTask));
    for (let i = 0; i < n; i += 1) for (let j = 0; j < i; j += 1) assert.equal(u[i * n + j], 0);
    // a⁻¹ = Uᵀ U.
    const turned = Float64Array.from({ length: n * n }, (_, i) => u[(i % n) * n + Math.floor(i / n)]!);
    near(product(turned, u, n), b);
    const lower = a.slice();
    assert.ok(await reverseFactor(lower, n, silentTask));
    for (let i = 0; i < n; i += 1) for (let j = i + 1; j < n; j += 1) assert.equal(lower[i * n + j], 0);
    // a = Lᵀ L.
    const up = Float64Array.from({ length: n * n }, (_, i) => lower[(i % n) * n + Math.floor(i / n)]!);
    near(product(up, lower, n), a);
  });
}

test('what is not positive definite is told', async () => {
  assert.equal(await cholesky(Float64Array.of(1, 2, 2, 1), 2, silentTask), false);
  assert.equal(await cholesky(Float64Array.of(NaN), 1, silentTask), false);
  assert.equal(await inverseFactor(new Float64Array(9), 3, silentTask), false);
  assert.equal(await reverseFactor(new Float64Array(9), 3, silentTask), false);
});
