// Eigenvectors: A·v = λ·v, of length one and at right angles, largest eigenvalue first, whatever the matrix.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentTask } from '../../../../daemon/base/task';
import { symmetricEigen } from '../../../../daemon/passes/linear/eigen';

/** Numbers that look drawn by chance and are the same in every run. */
function drawn(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
}

/** Checks every equation of the decomposition to 1e-12 of the largest entry. */
async function check(a: Float64Array, n: number): Promise<Float64Array> {
  const { values, vectors } = await symmetricEigen(a.slice(), n, silentTask);
  const bound = 1e-12 * Math.max(1e-300, ...a.map(Math.abs)) * Math.max(1, n);
  for (let r = 0; r < n; r += 1) {
    if (r > 0) assert.ok(values[r]! <= values[r - 1]!);
    for (let i = 0; i < n; i += 1) {
      let [left, overlap] = [0, 0];
      for (let j = 0; j < n; j += 1) {
        left += a[i * n + j]! * vectors[r * n + j]!;
        overlap += vectors[r * n + j]! * vectors[i * n + j]!;
      }
      assert.ok(Math.abs(left - values[r]! * vectors[r * n + i]!) <= bound, `row ${r}, entry ${i} of ${n}`);
      assert.ok(Math.abs(overlap - (r === i ? 1 : 0)) < 1e-11, `rows ${r} and ${i} of ${n}`);
    }
  }
  return values;
}

function symmetric(n: number, next: () => number, scale = 1): Float64Array {
  const a = new Float64Array(n * n);
  for (let i = 0; i < n; i += 1) for (let j = 0; j <= i; j += 1) a[i * n + j] = a[j * n + i] = scale * next();
  return a;
}

test('matrices drawn by chance, of every small size and scale', async () => {
  const next = drawn(7);
  for (let n = 0; n <= 24; n += 1)
    for (const scale of [1, 1e-9, 1e9]) await check(symmetric(n, next, scale), n);
  await check(symmetric(97, next), 97);
});

test('eigenvalues that are known', async () => {
  // Second differences: 2 − 2·cos(kπ/(n+1)).
  const n = 30;
  const a = new Float64Array(n * n);
  for (let i = 0; i < n; i += 1) {
    a[i * n + i] = 2;
    if (i > 0) a[i * n + i - 1] = a[(i - 1) * n + i] = -1;
  }
  const values = await check(a, n);
  values.forEach((value, i) =>
    assert.ok(Math.abs(value - (2 - 2 * Math.cos(((n - i) * Math.PI) / (n + 1)))) < 1e-13),
  );
});

test('equal eigenvalues, none at all, and a matrix of rank one', async () => {
  const identity = new Float64Array(36);
  for (let i = 0; i < 6; i += 1) identity[i * 7] = 3;
  assert.deepEqual([...(await check(identity, 6))], [3, 3, 3, 3, 3, 3]);
  assert.deepEqual([...(await check(new Float64Array(16), 4))], [0, 0, 0, 0]);
  const ones = await check(new Float64Array(64).fill(1), 8);
  assert.ok(Math.abs(ones[0]! - 8) < 1e-13 && ones.subarray(1).every((value) => Math.abs(value) < 1e-13));
});
