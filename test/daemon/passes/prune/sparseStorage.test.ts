// Weights with zeros in a smaller file: every form gives the numbers back, whatever the length, and each wins where
// it is smallest.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentTask } from '../../../../daemon/base/task';
import { floatTensor, node } from '../../../../daemon/ir/builder';
import { formOf, packSparse } from '../../../../daemon/passes/prune/sparseStorage';
import { limitOf } from '../../../../daemon/passes/prune/threshold';
import { difference, feedsFor, frozen, numbers, oneToOne, read, run, type Dims } from '../modelHarness';

const dims: Dims = ['batch', 37];

for (const [share, form] of [
  [0.3, 'bitmap'],
  [0.6, 'bitmap'],
  [0.999, 'sparse'],
  [0.05, 'dense'],
] as const) {
  test(`${share * 100} % zeros of 37 × 203 are stored as ${form}`, async () => {
    const kept = numbers(37 * 203, 5);
    const values = Float32Array.from(numbers(37 * 203, 7), (value, i) =>
      (kept[i]! + 1) / 2 < share ? 0 : value,
    );
    const model = oneToOne(
      [node('MatMul', ['x', 'w'], ['y'], { name: 'product' })],
      [floatTensor('w', [37, 203], values)],
      dims,
    );
    const { model: packed, tensors } = await packSparse(frozen(model), read, silentTask);
    assert.equal(tensors[0]?.form, form);
    assert.ok(form === 'dense' || tensors[0].bytes < tensors[0].bytesBefore);
    const feeds = feedsFor(dims);
    assert.equal(difference(await run(model, feeds), await run(packed, feeds)), 0);
  });
}

test('the smallest form is taken', () => {
  assert.equal(formOf(1000, 900, true), 'dense');
  assert.equal(formOf(100_000, 50_000, true), 'bitmap');
  assert.equal(formOf(100_000, 1000, true), 'sparse');
  assert.equal(formOf(100_000, 50_000, false), 'dense');
});

test('the limit by counting is that of sorting', async () => {
  const values = Float32Array.from(numbers(5000, 3), (value) => Math.abs(Math.round(value * 300) / 300));
  const sorted = values.slice().sort();
  for (const count of [1, 17, 2500, 4999]) {
    const { limit, ties } = await limitOf(values, count, silentTask);
    assert.equal(limit, sorted[count - 1]);
    assert.equal(values.filter((value) => value < limit).length + ties, count);
  }
});
