// Ranges from histograms: what of a value's spread the integers should cover. Each way trades clipping of a few
// values against finer steps for all others. Counting is runtime/calibrate/calibrateHistograms.ts. Exact zeros are kept
// out of the bins: every quantized range holds zero exactly, so that they cost nothing wherever it ends, while
// in the first bin the spike that a ReLU makes would drown everything else.
// Entropy after Migacz, "8-bit inference with TensorRT" (GTC 2017): the threshold whose clipped distribution
// loses least information when it is merged into the quantized levels.

import type { Range } from './params';

/** Bins of equal width over the observed range. */
export interface Histogram extends Range {
  readonly counts: Float64Array;
  /** Exact zeros, which are in no bin. */
  readonly zeros: number;
}

const sum = (values: Float64Array) => values.reduce((all, value) => all + value, 0);

/**
 * The range that leaves `100 − percentile` percent of the values out: half on each side, or all on one where
 * the values have one sign.
 */
export function percentileRange(histogram: Histogram, percentile: number): Range {
  const { counts, min, max, zeros } = histogram;
  const width = (max - min) / counts.length;
  // As numbers, 1 − 99.9 % is a little less than a thousandth, and would leave out one value too few.
  const out = (1 - percentile / 100) * (1 + 1e-9) * (sum(counts) + zeros);
  const cut = min < 0 && max > 0 ? out / 2 : out;
  let first = 0;
  if (min < 0)
    for (let left = cut - counts[0]!; left >= 0 && first < counts.length - 1;) left -= counts[++first]!;
  let last = counts.length - 1;
  if (max > 0) for (let right = cut - counts[last]!; right >= 0 && last > 0;) right -= counts[--last]!;
  return withZero({ min: min + first * width, max: min + (last + 1) * width }, histogram);
}

/** Inside what was observed, and with zero in it. */
const withZero = (range: Range, { min, max }: Range): Range => ({
  min: Math.max(Math.min(min, 0), Math.min(range.min, 0)),
  max: Math.min(Math.max(max, 0), Math.max(range.max, 0)),
});

/** Shares of the range that are tried, and rounds in which one end is moved at a time. */
const tried = 100;
const rounds = 2;

/**
 * The range with the least squared error on `levels` integers: values are spread evenly in their bins, those
 * inside are off by a step's width over √12, those outside by their distance.
 */
export function mseRange(histogram: Histogram, levels: number): Range {
  const error = clippingError(histogram);
  const cost = (range: Range) => error(range) + roundingError(range, levels, histogram);
  let best: Range = withZero(histogram, histogram);
  let least = cost(best);
  const attempt = (range: Range) => {
    if (!(range.max > range.min)) return;
    const now = cost(range);
    if (now >= least) return;
    least = now;
    best = range;
  };
  const { min, max } = best;
  for (let i = 1; i < tried; i += 1) attempt({ min: (min * i) / tried, max: (max * i) / tried });
  for (let round = 0; round < rounds; round += 1) {
    if (min < 0) for (let i = 0; i <= tried; i += 1) attempt({ min: (min * i) / tried, max: best.max });
    if (max > 0) for (let i = 0; i <= tried; i += 1) attempt({ min: best.min, max: (max * i) / tried });
  }
  return best;
}

function roundingError(range: Range, levels: number, histogram: Histogram): number {
  const step = (range.max - range.min) / (levels - 1);
  const { counts, min, max } = histogram;
  const perBin = counts.length / (max - min);
  const from = Math.max(0, Math.floor((range.min - min) * perBin));
  const to = Math.min(counts.length, Math.ceil((range.max - min) * perBin));
  let inside = 0;
  for (let i = from; i < to; i += 1) inside += counts[i]!;
  return (inside * step * step) / 12;
}

/** Squared distance of everything outside a range, from sums that are made once. */
function clippingError({ counts, min, max }: Histogram): (range: Range) => number {
  const n = counts.length;
  const width = (max - min) / n;
  const [zeroth, first, second] = [0, 1, 2].map(() => new Float64Array(n + 1)) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  for (let i = 0; i < n; i += 1) {
    const centre = min + (i + 0.5) * width;
    const count = counts[i]!;
    zeroth[i + 1] = zeroth[i]! + count;
    first[i + 1] = first[i]! + count * centre;
    second[i + 1] = second[i]! + count * (centre * centre + (width * width) / 12);
  }
  const over = (from: number, to: number, edge: number) =>
    second[to]! -
    second[from]! -
    2 * edge * (first[to]! - first[from]!) +
    edge * edge * (zeroth[to]! - zeroth[from]!);
  return (range) => {
    const below = Math.max(0, Math.min(n, Math.round((range.min - min) / width)));
    const above = Math.max(below, Math.min(n, Math.round((range.max - min) / width)));
    return Math.max(0, over(0, below, range.min)) + Math.max(0, over(above, n, range.max));
  };
}

/** Thresholds that are tried between the fewest bins and all of them. */
const entropyCandidates = 256;
/** Losses nearer than this, in nats, differ by rounding: of few values many thresholds lose nothing, and the widest stays. */
const equalLoss = 1e-9;

/**
 * The threshold of least information loss (Kullback–Leibler) when the values are merged into `levels` integers.
 * Values of one sign use all levels; values of both use half of them for either sign.
 */
export function entropyRange(histogram: Histogram, levels: number): Range {
  const { min, max } = histogram;
  const oneSided = min >= 0 || max <= 0;
  const magnitudes = foldedCounts(histogram);
  const extent = Math.max(-min, max);
  const steps = oneSided ? levels : levels / 2;
  const bins = magnitudes.length;
  const stride = Math.max(1, Math.floor((bins - steps) / entropyCandidates));
  const divergence = divergences(magnitudes, steps);
  let best = bins;
  let least = divergence(bins, Infinity);
  for (let candidate = steps; candidate < bins; candidate += stride) {
    const now = divergence(candidate, least);
    if (now < least - equalLoss) {
      least = now;
      best = candidate;
    }
  }
  const threshold = (best / bins) * extent;
  return withZero({ min: -threshold, max: threshold }, histogram);
}

/**
 * Counts of |value| over [0, the largest], in bins of the same width: finer ones would be filled unevenly, which looks like
 * a loss whatever the threshold. Where zero lies on an edge, as it does in what calibration counts, bins fall upon bins.
 */
function foldedCounts({ counts, min, max }: Histogram): Float64Array {
  const width = (max - min) / counts.length;
  const extent = Math.max(-min, max);
  const bins = Math.max(1, Math.round(extent / width));
  const perUnit = bins / extent;
  const out = new Float64Array(bins);
  for (let i = 0; i < counts.length; i += 1) {
    const count = counts[i]!;
    if (count === 0) continue;
    const centre = Math.abs(min + (i + 0.5) * width);
    out[Math.min(bins - 1, Math.floor(centre * perUnit))]! += count;
  }
  return out;
}

/** Levels after which it is asked whether a threshold can still lose less than the best. */
const stretchOfLevels = 16;

/**
 * KL(P ‖ Q) for any number of kept bins: P is those bins with all that is beyond in the last; Q the same merged into
 * `levels`. What lies in a level is told by sums that are made once, so that one threshold costs as much as it has levels;
 * less where it must lose `enough` or more, which is then given as Infinity: no level but the last can lose less than nothing.
 */
function divergences(counts: Float64Array, levels: number): (kept: number, enough: number) => number {
  const bins = counts.length;
  const masses = new Float64Array(bins + 1);
  const filled = new Float64Array(bins + 1);
  /** Sums of c·log c. */
  const logs = new Float64Array(bins + 1);
  for (let i = 0; i < bins; i += 1) {
    const count = counts[i]!;
    masses[i + 1] = masses[i]! + count;
    filled[i + 1] = filled[i]! + (count > 0 ? 1 : 0);
    logs[i + 1] = logs[i]! + xLogX(count);
  }
  const total = masses[bins]!;
  // What the merged levels know nothing of keeps a ten-thousandth, so that the loss stays finite.
  const unknown = Math.log(1e-4 / levels);
  return (kept, enough) => {
    const inside = masses[kept]!;
    if (inside <= 0) return Infinity;
    const beyond = total - inside;
    const last = counts[kept - 1]!;
    const logInside = Math.log(inside);
    const lastFrom = Math.floor(((levels - 1) * kept) / levels);
    const lastMass = masses[kept]! - masses[lastFrom]!;
    const lastPlaces = filled[kept]! - filled[lastFrom]! + (beyond > 0 && last === 0 ? 1 : 0);
    const lastGain =
      lastMass + beyond > 0
        ? (lastMass + beyond) * (lastMass > 0 ? Math.log(lastMass / lastPlaces) - logInside : unknown)
        : 0;
    // Σ c·log c of P, less Σ c·log q level by level; divided by the total, with its logarithm, at the end.
    let loss = logs[kept - 1]! + xLogX(last + beyond);
    const most = (enough + Math.log(total)) * total;
    let from = 0;
    for (let level = 0; level < levels - 1; level += 1) {
      if (level % stretchOfLevels === 0) {
        const logsLeft = logs[lastFrom]! - logs[from]!;
        const massLeft = masses[lastFrom]! - masses[from]!;
        if (loss - lastGain - logsLeft + massLeft * logInside >= most) return Infinity;
      }
      const to = Math.floor(((level + 1) * kept) / levels);
      const mass = masses[to]! - masses[from]!;
      if (mass > 0) loss -= mass * (Math.log(mass / (filled[to]! - filled[from]!)) - logInside);
      from = to;
    }
    return (loss - lastGain) / total - Math.log(total);
  };
}

const xLogX = (x: number) => (x > 0 ? x * Math.log(x) : 0);
