import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededNormal, seededRandom } from '../../../daemon/runtime/random';
import {
  ascending,
  histogramOf,
  latencyOf,
  median,
  medianError,
  quantile,
  ratioOfMedians,
} from '../../../daemon/runtime/statistics';
import { undisturbedOf } from '../../../daemon/runtime/undisturbed';

test('quantiles interpolate between neighbours', () => {
  const sorted = [1, 2, 3, 4];
  assert.equal(quantile(sorted, 0), 1);
  assert.equal(quantile(sorted, 0.5), 2.5);
  assert.equal(quantile(sorted, 1), 4);
  assert.ok(Math.abs(quantile(sorted, 0.9) - 3.7) < 1e-12);
  assert.equal(median([3, 1, 2]), 2);
  assert.ok(Number.isNaN(quantile([], 0.5)));
});

test('latency figures', () => {
  const figures = latencyOf(ascending([4, 2, 4, 4, 5, 5, 7, 9]));
  assert.equal(figures.mean, 5);
  assert.equal(figures.min, 2);
  assert.equal(figures.p50, 4.5);
  assert.ok(Math.abs(figures.stddev - Math.sqrt(32 / 7)) < 1e-12);
  assert.equal(latencyOf(Float64Array.of(3)).stddev, 0);
});

test('the histogram holds every run, the slowest in the last bin', () => {
  const times = ascending([...Array.from({ length: 999 }, (_, i) => 1 + i / 999), 50]);
  const { fromMs, toMs, counts } = histogramOf(times);
  assert.equal(fromMs, 1);
  assert.ok(toMs < 2);
  assert.equal(counts.length, 40);
  assert.equal(
    counts.reduce((sum, count) => sum + count, 0),
    1000,
  );
  assert.ok(counts.at(-1)! >= 5);
  assert.deepEqual(histogramOf(Float64Array.of(2, 2), 4).counts, [2, 0, 0, 0]);
});

test('the error of the median shrinks with more blocks and ignores a disturbed one', () => {
  const normal = seededNormal(5);
  const blocks = Array.from({ length: 64 }, () => Float64Array.from({ length: 9 }, () => 10 + normal() / 10));
  assert.equal(medianError(blocks.slice(0, 3)), Infinity);
  const few = medianError(blocks.slice(0, 16));
  const many = medianError(blocks);
  assert.ok(many < few);
  const disturbed = [...blocks.slice(0, 63), Float64Array.of(500)];
  assert.ok(medianError(disturbed) < 1.5 * many);
});

test('the interval of a ratio holds the true ratio about 95 times in 100', async () => {
  const normal = seededNormal(11);
  const blocks = (centre: number, shifts: readonly number[]) =>
    shifts.map((shift) => Float64Array.from({ length: 7 }, () => centre * (1 + shift + normal() / 50)));
  let inside = 0;
  for (let round = 0; round < 100; round++) {
    // What disturbs the machine meets both series of a pair alike.
    const shifts = Array.from({ length: 24 }, () => normal() / 10);
    const { ratio, low, high } = await ratioOfMedians(blocks(2, shifts), blocks(1, shifts), {
      resamples: 300,
      seed: round,
    });
    assert.ok(low <= ratio && ratio <= high);
    if (low <= 2 && 2 <= high) inside += 1;
  }
  assert.ok(inside >= 88, `${inside} of 100`);
});

test('of a few blocks the interval is what their fastest and slowest runs allow', async () => {
  const [slow, fast] = [Float64Array.of(4, 6), Float64Array.of(1, 2)];
  const one = await ratioOfMedians([slow], [fast], { undisturbed: true });
  assert.deepEqual([one.low, one.high], [2, 6]);
  assert.ok(one.low <= one.ratio && one.ratio <= one.high);
});

test('differences between processes widen the interval', async () => {
  const normal = seededNormal(3);
  const groups = Array.from({ length: 30 }, (_, i) => i % 3);
  const blocks = (shift: readonly number[]) =>
    groups.map((group) => Float64Array.from({ length: 7 }, () => 1 + shift[group]! + normal() / 500));
  const [a, b] = [blocks([0, 0.02, -0.02]), blocks([0, 0, 0])];
  const single = await ratioOfMedians(a, b);
  const grouped = await ratioOfMedians(a, b, { groups });
  assert.ok(grouped.high - grouped.low > single.high - single.low);
  assert.ok(grouped.low < 1 && grouped.high > 1);
});

test('disturbance that lasts and slows two models differently does not move the ratio of the undisturbed', async () => {
  const normal = seededNormal(4);
  const random = seededRandom(8);
  const groups = Array.from({ length: 60 }, (_, i) => Math.floor(i / 12));
  // Nine tenths of the turns meet another process: 1.4 times as long for one, 1.7 times for the other.
  const slowed = groups.map(() => random() < 0.9);
  const blocks = (centre: number, factor: number) =>
    slowed.map((slow) =>
      Float64Array.from({ length: 40 }, () => centre * (slow ? factor : 1) * (1 + Math.abs(normal()) / 50)),
    );
  const [a, b] = [blocks(0.4, 1.4), blocks(0.2, 1.7)];
  const all = await ratioOfMedians(a, b, { groups });
  const undisturbed = await ratioOfMedians(a, b, { groups, undisturbed: true });
  assert.ok(all.ratio < 1.7, `of all: ${all.ratio}`);
  assert.ok(Math.abs(undisturbed.ratio - 2) < 0.02, `of the undisturbed: ${undisturbed.ratio}`);
  assert.ok(undisturbed.low <= 2 && 2 <= undisturbed.high);
});

test('which runs count as undisturbed', () => {
  const of = (times: readonly number[]) => undisturbedOf(ascending(times));
  assert.ok(Number.isNaN(of([]).p50));
  assert.deepEqual(of([3]), { p50: 3, share: 1 });
  // Ten at the least, whatever they took.
  assert.deepEqual(of([1, 2, 3, 4]), { p50: 2.5, share: 1 });
  const slowed = [...new Array<number>(20).fill(1), 1.04, ...new Array<number>(79).fill(1.5)];
  assert.deepEqual(of(slowed), { p50: 1, share: 0.21 });
  // Weights count like copies.
  const [sorted, weights] = [Float64Array.of(1, 1.04, 1.5), [20, 1, 79]];
  assert.deepEqual(
    undisturbedOf(sorted, (i) => weights[i]!),
    of(slowed),
  );
});

test('random numbers repeat', () => {
  const [a, b] = [seededRandom(9), seededRandom(9)];
  assert.deepEqual(Array.from({ length: 5 }, a), Array.from({ length: 5 }, b));
  const uniform = Array.from({ length: 2000 }, seededRandom(1));
  assert.ok(uniform.every((x) => x >= 0 && x < 1));
  const normal = Array.from({ length: 5000 }, seededNormal(1));
  const { mean, stddev } = latencyOf(ascending(normal));
  assert.ok(Math.abs(mean) < 0.05 && Math.abs(stddev - 1) < 0.05);
});
