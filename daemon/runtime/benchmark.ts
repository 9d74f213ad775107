// Measures models side by side: each in a process of its own, in short blocks in turn, so that a noisy
// machine meets all of them alike. The runs themselves are timed inside the runner (runner.ts).

import { badRequest } from '../base/errors';
import { DisposableList } from '../base/disposable';
import { throwIfCancelled, type Task } from '../base/task';
import { freeDimensions, generateInputs } from './generateInputs';
import { describeMachine, type Machine } from './machine';
import { seededRandom } from './random';
import { startRunner, type RunnerProcess } from './runnerProcess';
import type { Feeds, RunnerSession } from './session';
import {
  ascending,
  histogramOf,
  latencyOf,
  median,
  medianError,
  ratioOfMedians,
  type Latency,
} from './statistics';

export interface BenchmarkOptions {
  readonly device?: 'cpu' | undefined;
  /** Threads inside an operator; 1 when absent. */
  readonly threads?: number | undefined;
  readonly batch?: number | undefined;
  readonly bind?: Readonly<Record<string, number>> | undefined;
  /** Timed runs of each model at the least, time permitting; 50 when absent. */
  readonly minSamples?: number | undefined;
  /** Time for each model, loading excluded; 10 when absent. */
  readonly maxSeconds?: number | undefined;
  /** Inputs for all models instead of generated ones. */
  readonly feeds?: Feeds | undefined;
}

export interface Measurement {
  model: string;
  device: string;
  threads: number;
  batch: number;
  samples: number;
  latencyMs: Latency;
  histogram: { fromMs: number; toMs: number; counts: number[] };
  throughput: number;
  loadMs: number;
  peakRssBytes: number;
}

export interface Ratio {
  model: string;
  against: string;
  p50Ratio: number;
  low: number;
  high: number;
}

export interface BenchmarkResult {
  machine: Machine;
  results: Measurement[];
  ratios: Ratio[];
}

/** A block lasts about this long, so that a switch every block costs little and the turns stay close. */
const blockMs = 30;
const blockRuns = 5;
/** Turns at the least, time permitting: the bootstrap resamples whole turns. */
const minTurns = 12;
/** Measuring goes on until the medians are known this well (standard error over median). */
const goodError = 0.005;
/** Runs of at least this length are not disturbed by cold caches; their blocks keep the first run. */
const longRunMs = 200;
/** Bounds memory and the bootstrap for models that run in microseconds. */
const maxSamples = 20_000;
const rowEveryMs = 250;

interface Contestant {
  readonly path: string;
  readonly runner: RunnerProcess;
  readonly session: RunnerSession;
  readonly feeds: Feeds;
  readonly batch: number;
  readonly blocks: Float64Array[];
  samples: number;
  /** Time spent on it, warm-up included. */
  spentMs: number;
  /** Typical time of one run so far. */
  runMs: number;
  peakRssBytes: number;
}

/**
 * Measures models in turn and compares each with the first. Reports progress with a row per model, at most
 * four a second. Throws the runner's error, which names the model, when one of them fails; nothing of it stays behind.
 */
export async function benchmark(
  models: readonly { readonly path: string }[],
  options: BenchmarkOptions,
  task: Task<Measurement>,
): Promise<BenchmarkResult> {
  if (models.length === 0) throw badRequest('Name at least one model to benchmark.');
  const owned = new DisposableList();
  try {
    const contestants: Contestant[] = [];
    for (const { path } of models) {
      task.report({ stage: `Loading ${nameOf(path)}`, done: contestants.length, total: models.length });
      contestants.push(await prepare(path, options, owned, task));
    }
    checkBindings(contestants, options);
    const machine = await describeMachine(task, contestants[0]?.runner);
    for (const [index, contestant] of contestants.entries()) {
      task.report({ stage: `Warming up ${nameOf(contestant.path)}`, done: index, total: models.length });
      await warmUp(contestant, options, task);
    }
    await measure(contestants, options, task);
    const results = contestants.map((contestant) => measurement(contestant, options));
    return { machine, results, ratios: await ratiosOf(contestants, task) };
  } finally {
    await owned.dispose();
  }
}

async function prepare(
  path: string,
  options: BenchmarkOptions,
  owned: DisposableList,
  task: Task,
): Promise<Contestant> {
  const runner = owned.add(startRunner());
  const session = await runner.load(
    path,
    { device: options.device ?? 'cpu', threads: options.threads ?? 1 },
    task,
  );
  const made = options.feeds ? undefined : generateInputs(session.inputs, options);
  const feeds = options.feeds ?? made?.feeds ?? {};
  const batch = made?.batch ?? Object.values(feeds)[0]?.dims[0] ?? 1;
  return {
    path,
    runner,
    session,
    feeds,
    batch,
    blocks: [],
    samples: 0,
    spentMs: 0,
    runMs: 0,
    peakRssBytes: 0,
  };
}

/** A name that no model has is a typing error, and silently measuring another size would be a wrong answer. */
function checkBindings(contestants: readonly Contestant[], options: BenchmarkOptions): void {
  const names = new Set(contestants.flatMap(({ session }) => freeDimensions(session.inputs)));
  const unknown = Object.keys(options.bind ?? {}).find((name) => !names.has(name));
  if (unknown === undefined) return;
  const known = names.size === 0 ? 'There are none.' : `There are: ${[...names].join(', ')}.`;
  throw badRequest(`No model has a free dimension named "${unknown}". ${known}`);
}

const budgetMs = (options: BenchmarkOptions) => (options.maxSeconds ?? 10) * 1000;

/** Runs until the medians of three blocks agree within 2 %, or a third of the time (2 s at most) is used. */
async function warmUp(contestant: Contestant, options: BenchmarkOptions, task: Task): Promise<void> {
  const capMs = Math.min(2000, budgetMs(options) / 3);
  const medians: number[] = [];
  while (contestant.spentMs < capMs || medians.length === 0) {
    const limits = { runs: medians.length === 0 ? 1 : 10_000, maxMs: blockMs };
    const times = await timed(contestant, limits, task);
    medians.push(median(times));
    contestant.runMs = medians.at(-1) ?? 0;
    const last = medians.slice(-3);
    if (medians.length >= 4 && Math.max(...last) < 1.02 * Math.min(...last)) break;
  }
}

async function timed(
  contestant: Contestant,
  limits: { runs: number; maxMs: number },
  task: Task,
): Promise<Float64Array> {
  const started = performance.now();
  const times = await contestant.session.timeRuns(contestant.feeds, limits, task);
  contestant.spentMs += performance.now() - started;
  return times;
}

async function measure(
  contestants: readonly Contestant[],
  options: BenchmarkOptions,
  task: Task<Measurement>,
): Promise<void> {
  const minSamples = options.minSamples ?? 50;
  const random = seededRandom(1);
  const report = rowReporter(contestants, options, task);
  for (let turn = 0; ; turn++) {
    for (const contestant of order(contestants, turn, random)) {
      throwIfCancelled(task);
      await measureBlock(contestant, options, task);
      report();
    }
    // All go on until all are done: a turn without one of them could not be paired.
    const enough = contestants.every(
      (c) => c.samples >= minSamples && c.blocks.length >= minTurns && medianError(c.blocks) <= goodError,
    );
    if (enough || contestants.some((c) => c.spentMs >= budgetMs(options) || c.samples >= maxSamples)) break;
  }
  for (const contestant of contestants) contestant.peakRssBytes = await contestant.runner.peakRssBytes();
  report(true);
}

/** There and back (A B, B A) for two, so that a drift meets both alike; a shuffle for more. */
function order<T>(items: readonly T[], turn: number, random: () => number): T[] {
  if (items.length <= 2) return turn % 2 === 0 ? [...items] : [...items].reverse();
  const shuffled = [...items];
  for (let i = shuffled.length - 1; i > 0; i--) {
    const other = Math.floor(random() * (i + 1));
    [shuffled[i], shuffled[other]] = [shuffled[other]!, shuffled[i]!];
  }
  return shuffled;
}

async function measureBlock(contestant: Contestant, options: BenchmarkOptions, task: Task): Promise<void> {
  const { runMs } = contestant;
  const cold = runMs < longRunMs;
  // A slow model gets shorter blocks rather than fewer turns.
  const affordable = Math.floor(budgetMs(options) / minTurns / Math.max(runMs, 1e-3));
  const wanted = Math.max(blockRuns, Math.ceil(blockMs / Math.max(runMs, 1e-3)));
  const kept = Math.max(1, Math.min(wanted, affordable, 10_000));
  const leftMs = Math.max(1, budgetMs(options) - contestant.spentMs);
  const times = await timed(contestant, { runs: kept + (cold ? 1 : 0), maxMs: leftMs }, task);
  const block = cold ? withoutColdRuns(times) : times;
  contestant.blocks.push(block);
  contestant.samples += block.length;
  contestant.runMs = median(block);
  if (contestant.blocks.length === 1) contestant.peakRssBytes = await contestant.runner.peakRssBytes();
}

/** Drops the first run after a switch, and more of them within the first millisecond: caches were another model's. */
function withoutColdRuns(times: Float64Array): Float64Array {
  let dropped = 0;
  for (let passed = 0; dropped < times.length - 1 && (dropped === 0 || passed < 1); dropped++) {
    passed += times[dropped]!;
  }
  return times.slice(dropped);
}

function rowReporter(
  contestants: readonly Contestant[],
  options: BenchmarkOptions,
  task: Task<Measurement>,
): (all?: boolean) => void {
  const minSamples = options.minSamples ?? 50;
  const total = minSamples * contestants.length;
  let lastMs = performance.now();
  let next = 0;
  return (all = false) => {
    if (!all && performance.now() - lastMs < rowEveryMs) return;
    lastMs = performance.now();
    const done = contestants.reduce((sum, c) => sum + Math.min(c.samples, minSamples), 0);
    const ready = contestants.filter((c) => c.samples > 0);
    const shown = all ? ready : ready.slice(next % ready.length, (next % ready.length) + 1);
    next += 1;
    for (const contestant of shown) {
      task.report({ stage: 'Benchmarking', done, total, row: measurement(contestant, options) });
    }
  };
}

function measurement(contestant: Contestant, options: BenchmarkOptions): Measurement {
  const sorted = ascending(contestant.blocks.flatMap((block) => [...block]));
  const latencyMs = latencyOf(sorted);
  return {
    model: contestant.path,
    device: options.device ?? 'cpu',
    threads: options.threads ?? 1,
    batch: contestant.batch,
    samples: sorted.length,
    latencyMs,
    histogram: histogramOf(sorted),
    throughput: (contestant.batch * 1000) / latencyMs.mean,
    loadMs: contestant.session.loadMs,
    peakRssBytes: contestant.peakRssBytes,
  };
}

async function ratiosOf(contestants: readonly Contestant[], task: Task): Promise<Ratio[]> {
  const [first, ...others] = contestants;
  const ratios: Ratio[] = [];
  if (!first) return ratios;
  for (const other of others) {
    const { ratio, low, high } = await ratioOfMedians(first.blocks, other.blocks, {}, task);
    ratios.push({ model: other.path, against: first.path, p50Ratio: ratio, low, high });
  }
  return ratios;
}

const nameOf = (path: string) => path.split(/[\\/]/).at(-1) ?? path;
