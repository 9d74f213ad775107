import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CountKernel } from '../../../../daemon/runtime/calibrate/countKernel';
import { GrowingHistogram, sideBins } from '../../../../daemon/runtime/calibrate/growingHistogram';
import { numbers } from '../../passes/modelHarness';

const counted = (...batches: ArrayLike<number>[]) => {
  const histogram = new GrowingHistogram();
  for (const batch of batches) histogram.add(Float32Array.from(batch));
  return histogram.result();
};
const total = (counts: Float64Array) => counts.reduce((sum, each) => sum + each, 0);

test('values fall where they belong, zeros apart, whatever the order', () => {
  const { counts, zeros, from, to, min, max } = counted([0, -0.25, 0.25, 0.25, -0, 1]);
  const width = (to - from) / counts.length;
  assert.deepEqual([zeros, min, max, total(counts)], [2, -0.25, 1, 4]);
  const at = (value: number) => counts[Math.floor((value - from) / width)];
  assert.deepEqual([at(-0.25 - width / 2), at(0.25), at(1)], [1, 2, 1]);
  assert.ok(to > 1 && to - 1 <= width && width <= 2 / sideBins);

  // A range that grows by powers of two merges bins and loses no value.
  const parts = [
    numbers(500, 1),
    numbers(500, 2).map((value) => value * 9),
    numbers(500, 3).map((v) => v * 700),
  ];
  const forwards = counted(...parts);
  assert.deepEqual(forwards, counted(...[...parts].reverse()));
  assert.equal(total(forwards.counts) + forwards.zeros, 1500);
  assert.ok(forwards.counts.length > sideBins / 2);
});

test('what is not finite marks the whole; nothing and zeros alone have no bins', () => {
  assert.equal(counted([1, NaN]).finite, false);
  assert.equal(counted([1], [-Infinity], [2]).finite, false);
  const none = counted([]);
  assert.deepEqual([none.counts.length, none.min > none.max, none.finite], [0, true, true]);
  const zeros = counted([0, 0]);
  assert.deepEqual([zeros.counts.length, zeros.zeros, zeros.min, zeros.max], [0, 2, 0, 0]);
});

test('the kernel counts what the plain loops count, bit for bit', () => {
  const kernel = CountKernel.create(sideBins);
  assert.ok(kernel, 'this processor has no vectors in WebAssembly');
  const same = (...batches: ArrayLike<number>[]) => {
    const [plain, fast] = [new GrowingHistogram(), new GrowingHistogram(kernel)];
    for (const batch of batches)
      for (const histogram of [plain, fast]) histogram.add(Float32Array.from(batch));
    assert.deepEqual(fast.result(), plain.result());
  };
  const some = (count: number, scale = 1) => numbers(count, count).map((value) => value * scale);
  // Fewer than a vector, a vector, what is left over, and more than are held at once.
  for (const count of [0, 1, 3, 4, 5, 7, kernel.stretch, kernel.stretch + 6]) same(some(count));
  same(some(1000), some(999, 40), some(1001, 1e-3));
  same(some(4000).map((value) => Math.max(0, value)));
  same(some(4000).map((value) => Math.min(-0, value)));
  same([0, -0, 0, -0, -0], [-0, 3, 0, -3]);
  // Numbers at the ends of single precision, where the kernel gives up, and beyond.
  same(some(999, 1e-44), some(999, 1e-38));
  same([3e38, -3e38, 1e-45, -1e-45, 1, 2]);
  for (const broken of [NaN, -NaN, Infinity, -Infinity]) same([1, 2, broken, 3, 4], some(9));
});
