// One model's part in a benchmark: warming up a process that was just started, and measuring one block.
// Whose turn it is and when it is enough are decided in benchmark.ts.

import type { Task } from '../../base/task';
import type { EnergyMeter } from './benchmarkEnergy';
import type { Runner, RunnerSession, Feeds } from '../runner/session';
import { median } from '../statistics';

/** What was measured of one model so far, over all its processes. */
export interface Series {
  readonly path: string;
  readonly blocks: Float64Array[];
  samples: number;
  /** Time spent on it, warm-up included, loading excluded. */
  spentMs: number;
  /** Typical time of one run so far. */
  runMs: number;
  batch: number;
  readonly loadMs: number[];
  /** Of each process: from its start to its model loaded, and its first run. */
  readonly startMs: number[];
  readonly firstRunMs: number[];
  peakRssBytes: number;
  /** Energy of the processor packages during all runs of blocks, where it can be read. */
  energyUj: number;
  energyRuns: number;
  assumed: Readonly<Record<string, number>>;
  readonly warnings: Set<string>;
}

export const newSeries = (path: string): Series => ({
  path,
  blocks: [],
  samples: 0,
  spentMs: 0,
  runMs: 0,
  batch: 1,
  loadMs: [],
  startMs: [],
  firstRunMs: [],
  peakRssBytes: 0,
  energyUj: 0,
  energyRuns: 0,
  assumed: {},
  warnings: new Set(),
});

/** A process that takes part. */
export interface Contestant {
  readonly series: Series;
  readonly runner: Runner;
  readonly session: RunnerSession;
  readonly feeds: Feeds;
}

/** A block lasts about this long, so that a switch every block costs little and the turns stay close. */
const blockMs = 30;
const minBlockRuns = 5;
const maxBlockRuns = 200;
/** Bounds a call's time limit, which must be a number that timers take. */
const longestCallMs = 86_400_000;
/** Runs of at least this length are not disturbed by cold caches; their blocks keep the first run. */
const longRunMs = 200;

/** Medians of this many blocks, one after another, must agree within `goodWarm`. */
const warmBlocks = 3;
const goodWarm = 0.02;

/**
 * Runs all in turn until the medians of three blocks of each agree within 2 %, and so do the ratios of each to the first,
 * or each has used `capMs`. In turn, since what is warm alone is not warm beside the others.
 */
export async function warmUp(
  contestants: readonly Contestant[],
  capMs: number,
  task: Task,
  begun: (contestant: Contestant) => void = () => undefined,
): Promise<void> {
  const medians = contestants.map((): number[] => []);
  const until = contestants.map(({ series }) => series.spentMs + capMs);
  for (let turn = 0; ; turn++) {
    for (const [i, contestant] of contestants.entries()) {
      const { series } = contestant;
      // The first run is always made, and counted by itself; who has used its time waits for the others.
      if (turn > 0 && series.spentMs >= until[i]!) continue;
      begun(contestant);
      const limits = { runs: turn === 0 ? 1 : 10_000, maxMs: blockMs };
      const times = await timed(contestant, limits, task);
      if (turn === 0) series.firstRunMs.push(times[0] ?? 0);
      series.runMs = median(times);
      medians[i]!.push(series.runMs);
    }
    if (contestants.every(({ series }, i) => series.spentMs >= until[i]!)) return;
    if (turn >= warmBlocks && isSteady(medians)) return;
  }
}

function isSteady(medians: readonly (readonly number[])[]): boolean {
  const steady = (values: readonly number[]) => Math.max(...values) < (1 + goodWarm) * Math.min(...values);
  const last = medians.map((values) => values.slice(-warmBlocks));
  const [first = []] = last;
  return last.every((values) => steady(values) && steady(values.map((value, i) => value / first[i]!)));
}

/** Measures one block: about 30 ms or five runs, but no longer than `affordableMs`. */
export async function measureBlock(
  contestant: Contestant,
  affordableMs: number,
  leftMs: number,
  task: Task,
  energy?: EnergyMeter,
): Promise<void> {
  const { series } = contestant;
  const cold = series.runMs < longRunMs;
  const runMs = Math.max(series.runMs, 1e-3);
  const wanted = Math.min(maxBlockRuns, Math.max(minBlockRuns, Math.ceil(blockMs / runMs)));
  const kept = Math.max(1, Math.min(wanted, Math.floor(affordableMs / runMs)));
  const limits = { runs: kept + (cold ? 1 : 0), maxMs: Math.max(1, Math.min(leftMs, longestCallMs)) };
  const energyBefore = energy?.read() ?? 0;
  const times = await timed(contestant, limits, task);
  if (energy) {
    series.energyUj += energy.read() - energyBefore;
    series.energyRuns += times.length;
  }
  const block = cold ? withoutColdRuns(times) : times;
  series.blocks.push(block);
  series.samples += block.length;
  series.runMs = median(block);
}

/** Drops the first run after a switch, and all that began within the first millisecond: the caches were another model's. */
function withoutColdRuns(times: Float64Array): Float64Array {
  let dropped = 0;
  for (let passed = 0; dropped < times.length - 1 && (dropped === 0 || passed < 1); dropped++) {
    passed += times[dropped]!;
  }
  return times.slice(dropped);
}

async function timed(
  contestant: Contestant,
  limits: { runs: number; maxMs: number },
  task: Task,
): Promise<Float64Array> {
  const started = performance.now();
  const times = await contestant.session.timeRuns(contestant.feeds, limits, task);
  contestant.series.spentMs += performance.now() - started;
  return times;
}
