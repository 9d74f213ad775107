// One model's part in a benchmark: warming up a process that was just started, and measuring one block.
// Whose turn it is and when it is enough are decided in benchmark.ts.

import type { Task } from '../base/task';
import type { EnergyMeter } from './benchmarkEnergy';
import type { Runner, RunnerSession, Feeds } from './session';
import { median } from './statistics';

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

/** Runs until the medians of three blocks agree within 2 %, or `capMs` have passed. */
export async function warmUp(contestant: Contestant, capMs: number, task: Task): Promise<void> {
  const medians: number[] = [];
  const until = contestant.series.spentMs + capMs;
  while (contestant.series.spentMs < until || medians.length === 0) {
    const limits = { runs: medians.length === 0 ? 1 : 10_000, maxMs: blockMs };
    const times = await timed(contestant, limits, task);
    if (medians.length === 0) contestant.series.firstRunMs.push(times[0] ?? 0);
    medians.push(median(times));
    contestant.series.runMs = medians.at(-1) ?? 0;
    const last = medians.slice(-3);
    if (medians.length >= 4 && Math.max(...last) < 1.02 * Math.min(...last)) break;
  }
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
