// What a benchmark says: one model's figures from its series, ratios between models, progress rows, and what
// the times themselves tell about disturbances. How the times come about is benchmark.ts's business.

import { SlipwayError } from '../../base/errors';
import type { Task } from '../../base/task';
import type { Series } from './benchmarkSeries';
import type { DeviceName } from '../runner/session';
import {
  ascending,
  histogramOf,
  latencyOf,
  median,
  ratioOfMedians,
  type Histogram,
  type Latency,
} from '../statistics';
import { undisturbedOf } from '../undisturbed';

export interface Measurement {
  model: string;
  device: string;
  threads: number;
  batch: number;
  samples: number;
  /** Of all runs. */
  latencyMs: Latency;
  /** The runs that nothing disturbed (undisturbed.ts): p50, milliseconds, and their part of all runs, 0 to 1. */
  undisturbed: { p50Ms: number; share: number };
  histogram: Histogram;
  throughput: number;
  loadMs: number;
  peakRssBytes: number;
  start: Start;
  /** Null where the machine does not tell. */
  energy: Energy | null;
  /** Values of free dimensions that nobody had bound. */
  assumed: Record<string, number>;
  /** Which providers ran the nodes; null when it was not asked (on the CPU there is no other). */
  placement: Placement | null;
}

/** Nodes by execution provider, as a profiled run saw them. */
export interface Placement {
  nodes: Record<string, number>;
  /** Part of the nodes that the device asked for did not run, 0 to 1. */
  fallbackShare: number;
  /** Part of the time spent in them. */
  fallbackTimeShare: number;
}

export interface Start {
  /** From the start of the first process to its first result; the model file may have been in memory already. */
  coldMs: number;
  /** Median of the same over the later processes; null when there was one only. */
  warmMs: number | null;
  /** First run of the first process. */
  firstRunMs: number;
}

export interface Energy {
  /** Of the processor packages, everything that ran on them included. */
  joulesPerRun: number;
  source: 'rapl';
}

/** `p50Ratio` above 1: `model` is faster than `against`. It is that of the undisturbed runs of both. */
export interface Ratio {
  model: string;
  against: string;
  p50Ratio: number;
  low: number;
  high: number;
  /** The setting that both were measured in. */
  device: string;
  threads: number;
  batch: number;
}

/** A model in a setting that could not be measured, or not to the end. */
export interface Failure {
  model: string;
  device: string;
  threads: number;
  batch: number | null;
  /** The error's kind, `runnerDied`. */
  kind: string;
  message: string;
}

/** Errors that tell of one process or run, not of the request: what was measured besides counts. */
export const isRunners = (error: unknown): error is SlipwayError =>
  error instanceof SlipwayError && ['runnerDied', 'runnerFailed', 'timeout'].includes(error.kind);

export interface Setting {
  readonly device?: DeviceName | undefined;
  readonly threads?: number | undefined;
}

/** The figures of what was measured so far. */
export function measurement(series: Series, { device = 'cpu', threads = 1 }: Setting): Measurement {
  const sorted = ascending(series.blocks.flatMap((block) => [...block]));
  const latencyMs = latencyOf(sorted);
  const { p50, share } = undisturbedOf(sorted);
  const starts = series.startMs.map((start, i) => start + (series.firstRunMs[i] ?? 0));
  return {
    model: series.path,
    device,
    threads,
    batch: series.batch,
    samples: sorted.length,
    latencyMs,
    undisturbed: { p50Ms: p50, share },
    histogram: histogramOf(sorted),
    throughput: (series.batch * 1000) / latencyMs.mean,
    loadMs: median(series.loadMs),
    peakRssBytes: series.peakRssBytes,
    start: {
      coldMs: starts[0] ?? 0,
      warmMs: starts.length > 1 ? median(starts.slice(1)) : null,
      firstRunMs: series.firstRunMs[0] ?? 0,
    },
    energy:
      series.energyRuns > 0
        ? { joulesPerRun: series.energyUj / 1e6 / series.energyRuns, source: 'rapl' }
        : null,
    assumed: { ...series.assumed },
    placement: null,
  };
}

/** Each model after the first against the first; `groups` holds the launch of each turn. */
export async function ratiosOf(
  all: readonly Series[],
  groups: readonly number[],
  setting: Setting,
  task: Task,
  resamples?: number,
): Promise<Ratio[]> {
  const [first, ...others] = all;
  const ratios: Ratio[] = [];
  if (!first) return ratios;
  const { device = 'cpu', threads = 1 } = setting;
  for (const other of others) {
    const options = { groups, undisturbed: true, ...(resamples === undefined ? {} : { resamples }) };
    const { ratio, low, high } = await ratioOfMedians(first.blocks, other.blocks, options, task);
    const measured = { device, threads, batch: other.batch };
    ratios.push({ model: other.path, against: first.path, p50Ratio: ratio, low, high, ...measured });
  }
  return ratios;
}

/** Half the width of a ratio's interval over the ratio. */
export const uncertaintyOf = ({ p50Ratio, low, high }: Ratio): number => (high - low) / 2 / p50Ratio;

/** Ratios that are known less well than this are said to be. */
const poorRatio = 0.03;

/** What is not known well enough, in sentences. */
export const ratioWarnings = (ratios: readonly Ratio[]): string[] =>
  ratios.flatMap((one) => {
    const known = uncertaintyOf(one);
    if (!(known > poorRatio)) return [];
    return [
      `The speed of ${nameOf(one.model)} against ${nameOf(one.against)} is known to ± ${(known * 100).toFixed(0)} % only: allow more time, or wait until the machine is quieter.`,
    ];
  });

const nameOf = (path: string) => path.split(/[\\/]/).at(-1) ?? path;

const rowEveryMs = 250;

/**
 * Reports one model's row at a time, the models in turn, at most four a second; all of them at the end. `done` and
 * `total` are seconds: the time used, and the most that it may take (`budgetMs` for each model).
 */
export function rowReporter(
  all: readonly Series[],
  options: Setting,
  budgetMs: number,
  task: Task<Measurement>,
): (final?: boolean) => void {
  const total = (budgetMs * all.length) / 1000;
  let lastMs = performance.now();
  let next = 0;
  return (final = false) => {
    if (!final && performance.now() - lastMs < rowEveryMs) return;
    lastMs = performance.now();
    const spentMs = all.reduce((sum, series) => sum + Math.min(series.spentMs, budgetMs), 0);
    const done = Math.round(spentMs / 100) / 10;
    const ready = all.filter((series) => series.samples > 0);
    const shown = final ? ready : ready.slice(next % ready.length).slice(0, 1);
    next += 1;
    for (const series of shown) {
      task.report({ stage: 'Benchmarking', done, total, row: measurement(series, options) });
    }
  };
}

/** Where half of the runs took longer than this many undisturbed ones, it is said. */
const disturbed = 1.15;

/** What the times of a series tell: runs that something interrupted, processes that differ, a drift. */
export function timeWarnings(series: Series, groups: readonly number[]): string[] {
  const name = nameOf(series.path);
  const sorted = ascending(series.blocks.flatMap((block) => [...block]));
  if (sorted.length > 0 && sorted.length < 10)
    return [
      `Only ${sorted.length === 1 ? 'one run' : `${sorted.length} runs`} of ${name} could be measured: allow more time.`,
    ];
  const said: string[] = [];
  const p50 = median(sorted);
  const undisturbed = undisturbedOf(sorted);
  if (p50 > disturbed * undisturbed.p50)
    said.push(
      `Something slowed the runs of ${name} down: half of them took more than ${(p50 / undisturbed.p50).toFixed(1)} times as long as the ${(undisturbed.share * 100).toFixed(undisturbed.share < 0.1 ? 1 : 0)} % that nothing disturbed. Speeds against each other are those of the undisturbed runs.`,
    );
  const slow = sorted.filter((time) => time > 2 * p50).length / sorted.length;
  if (slow > 0.01)
    said.push(
      `${(slow * 100).toFixed(slow < 0.1 ? 1 : 0)} % of the runs of ${name} took more than twice the median: something interrupted them, so read p50 rather than p99 or the mean.`,
    );
  const medians = new Map<number, number[]>();
  series.blocks.forEach((block, i) => {
    const launch = groups[i] ?? 0;
    medians.set(launch, [...(medians.get(launch) ?? []), median(block)]);
  });
  const launches = [...medians.values()].map((blocks) => median(blocks));
  const spread = Math.max(...launches) / Math.min(...launches) - 1;
  if (launches.length > 1 && spread > 0.1)
    said.push(
      `The medians of the ${launches.length} processes of ${name} lie ${(spread * 100).toFixed(0)} % apart: the machine was not steady.`,
    );
  return said;
}
