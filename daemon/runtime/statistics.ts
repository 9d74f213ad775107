// Numbers over run times: quantiles, histogram, and the bootstrap interval of a ratio. Pure and seeded.

import { breathe, silentTask, type Task } from '../base/task';
import { seededRandom } from './random';
import { undisturbedOf } from './undisturbed';

export interface Latency {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly mean: number;
  readonly min: number;
  readonly stddev: number;
}

/** The q-quantile of ascending values, interpolated between neighbours (the common "type 7"). NaN when empty. */
export function quantile(ascending: ArrayLike<number>, q: number): number {
  if (ascending.length === 0) return Number.NaN;
  const position = q * (ascending.length - 1);
  const below = Math.floor(position);
  const above = Math.min(below + 1, ascending.length - 1);
  return ascending[below]! + (ascending[above]! - ascending[below]!) * (position - below);
}

export const ascending = (values: Iterable<number>): Float64Array => Float64Array.from(values).sort();

export const median = (values: Iterable<number>): number => quantile(ascending(values), 0.5);

/** Latency figures of ascending times, in their unit; `stddev` is that of the sample (n−1). */
export function latencyOf(sorted: Float64Array): Latency {
  const mean = sorted.reduce((sum, time) => sum + time, 0) / sorted.length;
  const squares = sorted.reduce((sum, time) => sum + (time - mean) ** 2, 0);
  return {
    p50: quantile(sorted, 0.5),
    p90: quantile(sorted, 0.9),
    p99: quantile(sorted, 0.99),
    mean,
    min: sorted[0] ?? Number.NaN,
    stddev: sorted.length > 1 ? Math.sqrt(squares / (sorted.length - 1)) : 0,
  };
}

/** Run times in bins of equal width, milliseconds. */
export interface Histogram {
  fromMs: number;
  toMs: number;
  /** Runs per bin; those slower than `toMs` are in the last one. */
  counts: number[];
  /** Runs slower than `toMs`. */
  beyond: number;
}

/**
 * Equal bins from the fastest time to the 99th percentile, or to three medians where the tail is longer than
 * that; slower times are in `beyond` and count in the last bin too.
 */
export function histogramOf(sorted: Float64Array, bins = 40): Histogram {
  const fromMs = sorted[0] ?? 0;
  const tail = Math.min(quantile(sorted, 0.99) || 0, 3 * (quantile(sorted, 0.5) || 0));
  const toMs = Math.max(tail, quantile(sorted, 0.9) || 0, fromMs);
  const counts = new Array<number>(bins).fill(0);
  const width = (toMs - fromMs) / bins;
  let beyond = 0;
  for (const time of sorted) {
    if (time > toMs) beyond += 1;
    const bin = width > 0 ? Math.min(bins - 1, Math.floor((time - fromMs) / width)) : 0;
    counts[bin]! += 1;
  }
  return { fromMs, toMs, counts, beyond };
}

/**
 * Relative standard error of the median, from the scatter of the blocks' own medians: times within a
 * block depend on each other, so counting them as independent would promise too much. The scatter is taken
 * from the quartiles, which a few disturbed blocks do not move. Infinity below four blocks.
 */
export function medianError(blocks: readonly Float64Array[]): number {
  if (blocks.length < 4) return Number.POSITIVE_INFINITY;
  const medians = ascending(blocks.map((block) => median(block)));
  const deviation = (quantile(medians, 0.75) - quantile(medians, 0.25)) / 1.349;
  return (1.2533 * deviation) / Math.sqrt(blocks.length) / quantile(medians, 0.5);
}

/** A bootstrap of fewer pairs than this promises too much. */
const fewPairs = 4;

/**
 * Ratio of the medians of two series measured in paired blocks (`first[i]` beside `second[i]`), with its
 * 95 % percentile bootstrap interval (Efron & Tibshirani 1993). Resampled are first the groups that
 * `groups[i]` puts the pairs in (processes, say), then whole pairs within them, so that what disturbed both
 * at once does not count as difference and what made one process differ does not count as certainty. Of fewer
 * than four pairs nothing can be resampled that they do not already say: the interval is then what the fastest and slowest
 * runs allow. With `undisturbed` the medians are those of the runs that nothing disturbed (undisturbed.ts).
 */
export async function ratioOfMedians(
  first: readonly Float64Array[],
  second: readonly Float64Array[],
  options: { groups?: readonly number[]; resamples?: number; seed?: number; undisturbed?: boolean } = {},
  task: Task = silentTask,
): Promise<{ ratio: number; low: number; high: number }> {
  const pairs = Math.min(first.length, second.length);
  const a = pooled(first.slice(0, pairs));
  const b = pooled(second.slice(0, pairs));
  const weights = new Float64Array(pairs).fill(1);
  const middle = options.undisturbed ? weightedUndisturbed : weightedMedian;
  const ratio = middle(a, weights) / middle(b, weights);
  const members = new Map<number, number[]>();
  for (let k = 0; k < pairs; k++) {
    const group = options.groups?.[k] ?? 0;
    members.set(group, [...(members.get(group) ?? []), k]);
  }
  const groups = [...members.values()];
  const random = seededRandom(options.seed ?? 1);
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!;
  const resamples = options.resamples ?? 1000;
  const ratios = new Float64Array(resamples);
  for (let i = 0; i < resamples; i++) {
    await breathe(task);
    weights.fill(0);
    for (let g = 0; g < groups.length; g++) {
      const group = pick(groups);
      for (let k = 0; k < group.length; k++) weights[pick(group)]! += 1;
    }
    ratios[i] = middle(a, weights) / middle(b, weights);
  }
  ratios.sort();
  const [lowest, highest] =
    pairs < fewPairs
      ? [a.times[0]! / b.times.at(-1)!, a.times.at(-1)! / b.times[0]!]
      : [quantile(ratios, 0.025), quantile(ratios, 0.975)];
  // The estimate itself belongs to the interval, however few the pairs.
  return { ratio, low: Math.min(ratio, lowest), high: Math.max(ratio, highest) };
}

interface Pooled {
  /** Ascending. */
  readonly times: Float64Array;
  /** The block of each time. */
  readonly block: Uint32Array;
  readonly sizes: readonly number[];
}

/** All times sorted once, each with its block, so that a resample is a walk and not a sort. */
function pooled(blocks: readonly Float64Array[]): Pooled {
  const entries = blocks.flatMap((block, index) => Array.from(block, (time) => ({ time, index })));
  entries.sort((x, y) => x.time - y.time);
  return {
    times: Float64Array.from(entries, (entry) => entry.time),
    block: Uint32Array.from(entries, (entry) => entry.index),
    sizes: blocks.map((block) => block.length),
  };
}

const weightedUndisturbed = ({ times, block }: Pooled, weights: Float64Array): number =>
  undisturbedOf(times, (i) => weights[block[i]!]!).p50;

/** Median when the times of block i count `weights[i]` times; the mean of the two middle times when even. */
function weightedMedian({ times, block, sizes }: Pooled, weights: Float64Array): number {
  const total = sizes.reduce((sum, size, index) => sum + size * weights[index]!, 0);
  const lower = Math.floor((total - 1) / 2);
  const upper = Math.floor(total / 2);
  let seen = 0;
  let low: number | undefined;
  for (let i = 0; i < times.length; i++) {
    seen += weights[block[i]!]!;
    if (low === undefined && seen > lower) low = times[i]!;
    if (low !== undefined && seen > upper) return (low + times[i]!) / 2;
  }
  return Number.NaN;
}
