// Ranges from histograms, on spreads whose best range is known.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  entropyRange,
  mseRange,
  percentileRange,
  type Histogram,
} from '../../../../daemon/passes/quantize/histogramRange';
import { GrowingHistogram } from '../../../../daemon/runtime/calibrate/growingHistogram';

/** About normal, the same each time (Irwin–Hall). */
function bell(count: number): Float32Array {
  let state = 7;
  const uniform = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  return Float32Array.from({ length: count }, () => {
    let sum = -6;
    for (let i = 0; i < 12; i += 1) sum += uniform();
    return sum;
  });
}
function histogram(values: Float32Array, bins = 2048): Histogram {
  let min = Infinity;
  let max = -Infinity;
  for (const value of values) {
    min = Math.min(min, value);
    max = Math.max(max, value);
  }
  const counts = new Float64Array(bins);
  let zeros = 0;
  for (const value of values) {
    const bin = Math.min(bins - 1, Math.floor(((value - min) / (max - min)) * bins));
    if (value === 0) zeros += 1;
    else counts[bin]! += 1;
  }
  return { min, max, counts, zeros };
}
const withOutliers = (values: Float32Array, ...more: number[]) => Float32Array.from([...values, ...more]);

test('percentile leaves out what it says, on both sides or on one', () => {
  const ramp = histogram(Float32Array.from({ length: 10_001 }, (_, i) => (i - 5000) / 1000));
  const { min, max } = percentileRange(ramp, 98);
  assert.ok(Math.abs(min + 4.9) < 0.02 && Math.abs(max - 4.9) < 0.02, `${min} ${max}`);
  const positive = histogram(Float32Array.from({ length: 10_000 }, (_, i) => (i + 1) / 1000));
  assert.equal(percentileRange(positive, 98).min, 0);
  assert.ok(Math.abs(percentileRange(positive, 98).max - 9.8) < 0.02);
  assert.deepEqual(percentileRange(ramp, 100), { min: ramp.min, max: ramp.max });
});

/** As calibration counts: bins of a power of two from zero to either side. */
function counted(values: Float32Array): Histogram {
  const growing = new GrowingHistogram();
  growing.add(values);
  const { counts, zeros, from, to } = growing.result();
  return { counts, zeros, min: from, max: to };
}

test('percentile ends in the bin of the outermost value that may not be left out', () => {
  // With outliers the bins are wide beside what is kept; zeros are values like others.
  for (const values of [
    bell(40_000),
    withOutliers(bell(40_000), 31, -17, 12),
    bell(40_000).map((value) => Math.max(0, value)),
    bell(60),
  ])
    for (const percentile of [99, 99.9, 99.999]) {
      const sorted = values.slice().sort();
      const sides = sorted[0]! < 0 && sorted.at(-1)! > 0 ? 2 : 1;
      const out = Math.floor(((1 - percentile / 100) * values.length) / sides + 1e-9);
      const spread = counted(values);
      const width = (spread.max - spread.min) / spread.counts.length;
      const { min, max } = percentileRange(spread, percentile);
      const [lowest, highest] = [Math.min(0, sorted[out]!), sorted.at(-1 - out)!];
      assert.ok(max >= highest && max <= highest + width, `${percentile}: ${max} for ${highest}`);
      assert.ok(min <= lowest && min >= lowest - width, `${percentile}: ${min} for ${lowest}`);
    }
});

const squaredError = (values: Float32Array, min: number, max: number, levels: number) => {
  const step = (max - min) / (levels - 1);
  let sum = 0;
  for (const value of values) {
    const clipped = Math.min(max, Math.max(min, value));
    sum += (value - (min + Math.round((clipped - min) / step) * step)) ** 2;
  }
  return sum;
};

test('mse gives up an outlier, and loses no more than any symmetric cut', () => {
  const values = withOutliers(bell(50_000), 40);
  for (const levels of [16, 256]) {
    const range = mseRange(histogram(values), levels);
    assert.ok(range.max < 39, `${range.max}`);
    const ours = squaredError(values, range.min, range.max, levels);
    for (let cut = 1; cut <= 40; cut += 0.5)
      assert.ok(ours <= squaredError(values, Math.max(-cut, -6), cut, levels) * 1.05, `${levels} ${cut}`);
  }
  const even = histogram(Float32Array.from({ length: 10_000 }, (_, i) => i / 1000));
  assert.ok(mseRange(even, 256).max > 9.9);
});

test('entropy clips far outliers, keeps an even spread, and takes no notice of the zeros of a ReLU', () => {
  const values = withOutliers(bell(100_000), 60, -60);
  const { min, max } = entropyRange(histogram(values), 256);
  assert.ok(max < 20 && max > 2.5 && min < -2.5, `${min} ${max}`);
  const relu = bell(100_000).map((value) => Math.max(0, value));
  const plain = entropyRange(histogram(relu.filter((value) => value > 0)), 256);
  const spiked = entropyRange(histogram(relu), 256);
  assert.equal(spiked.min, 0);
  assert.ok(Math.abs(spiked.max - plain.max) < 0.05, `${spiked.max} ${plain.max}`);
  const even = histogram(Float32Array.from({ length: 200_000 }, (_, i) => (i + 1) / 20_000));
  assert.ok(entropyRange(even, 256).max > 9);
});

test('entropy finds what its definition finds, threshold by threshold', () => {
  // A bell with a tail, folded: the loss of each threshold is computed as it is defined, value by value.
  const bins = 1024;
  const counts = new Float64Array(bins);
  for (let i = 0; i < bins; i += 1)
    counts[i] = Math.round(5000 * Math.exp(-((i / 140) ** 2)) + (i % 97 === 0 ? 1 : 0));
  const levels = 64;
  const total = counts.reduce((a, b) => a + b, 0);
  const loss = (kept: number) => {
    const beyond = counts.subarray(kept).reduce((a, b) => a + b, 0);
    const p = [...counts.subarray(0, kept)];
    p[kept - 1]! += beyond;
    let sum = 0;
    for (let level = 0; level < levels; level += 1) {
      const from = Math.floor((level * kept) / levels);
      const to = Math.floor(((level + 1) * kept) / levels);
      const mass = counts.subarray(from, to).reduce((a, b) => a + b, 0);
      const places = p.slice(from, to).filter((count) => count > 0).length;
      for (let i = from; i < to; i += 1) {
        const q = mass > 0 ? mass / places / (total - beyond) : 1e-4 / levels;
        if (p[i]! > 0) sum += (p[i]! / total) * Math.log(p[i]! / total / q);
      }
    }
    return sum;
  };
  const { max } = entropyRange({ counts, zeros: 0, min: 0, max: bins }, levels);
  const stride = Math.floor((bins - levels) / 256);
  const tried = Array.from({ length: Math.ceil((bins - levels) / stride) }, (_, i) => levels + i * stride);
  const best = tried.reduce((a, b) => (loss(b) < loss(a) ? b : a), bins);
  assert.equal(max, best);
  assert.ok(best < bins && best > levels, `${best} of ${bins}`);
});

test('entropy takes both signs as what they are without them', () => {
  // The short side ends within the long one, as that of HardSwish does.
  const [below, above] = [77, 700];
  const counts = Float64Array.from(
    { length: below + above },
    (_, i) =>
      Math.round(4000 * Math.exp(-(((i - below) / 120) ** 2))) + (i === 0 ? 9000 : i % 61 === 0 ? 1 : 0),
  );
  const folded = counts.slice(below);
  for (let i = 0; i < below; i += 1) folded[i]! += counts[below - 1 - i]!;
  const width = 1 / 256;
  const both = entropyRange({ counts, zeros: 0, min: -below * width, max: above * width }, 256);
  const alone = entropyRange({ counts: folded, zeros: 0, min: 0, max: above * width }, 128);
  assert.equal(both.max, alone.max);
  assert.equal(both.min, -below * width);
});
