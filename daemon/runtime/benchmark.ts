// Measures models side by side: each in processes of its own, in short blocks in turn, so that a noisy
// machine meets all of them alike. The runs themselves are timed inside the runner (runner.ts).

import { badRequest } from '../base/errors';
import { DisposableList } from '../base/disposable';
import { throwIfCancelled, type Task } from '../base/task';
import { measureBlock, warmUp, type Contestant, type Series } from './benchmarkSeries';
import { freeDimensions, generateInputs } from './generateInputs';
import { describeMachine, type Machine } from './machine';
import { seededRandom } from './random';
import { startRunner } from './runnerProcess';
import type { Feeds, SessionValue } from './session';
import {
  ascending,
  histogramOf,
  type Histogram,
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
  histogram: Histogram;
  throughput: number;
  loadMs: number;
  peakRssBytes: number;
}

/** `p50Ratio` above 1: `model` is faster than `against`. */
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

/**
 * Two processes of the very same model differ by a percent or so for as long as they live, by where their
 * memory came to lie (Mytkowicz et al. 2009); so each model is measured in several.
 */
const launches = 5;
/** Turns of each launch at the least, time permitting: the bootstrap resamples whole turns. */
const minTurns = 4;
/** Measuring goes on until the medians are known this well (standard error over median). */
const goodError = 0.005;
/** Bounds memory and the bootstrap for models that run in microseconds. */
const maxSamples = 20_000;
const rowEveryMs = 250;

/**
 * Measures models in turn and compares each with the first. Reports progress, and at most four times a
 * second a row: one model's measurement so far. Throws the runner's error, which names the model, when one
 * of them fails. No process stays behind.
 */
export async function benchmark(
  models: readonly { readonly path: string }[],
  options: BenchmarkOptions,
  task: Task<Measurement>,
): Promise<BenchmarkResult> {
  if (models.length === 0) throw badRequest('Name at least one model to benchmark.');
  const all = models.map(({ path }): Series => newSeries(path));
  /** The launch of each turn. */
  const groups: number[] = [];
  const report = rowReporter(all, options, task);
  let machine: Machine | undefined;
  let planned = launches;
  for (let launch = 0; launch < planned; launch++) {
    const owned = new DisposableList();
    try {
      const contestants: Contestant[] = [];
      for (const series of all) {
        if (launch === 0)
          task.report({
            stage: `Loading ${nameOf(series.path)}`,
            done: contestants.length,
            total: all.length,
          });
        contestants.push(await prepare(series, options, owned, task));
      }
      if (launch === 0) {
        checkBindings(
          contestants.map(({ session }) => session.inputs),
          options,
        );
        machine = await describeMachine(task);
        // Loading a large model again would take longer than measuring it.
        if (all.some((series) => median(series.loadMs) > budgetMs(options) / 10)) planned = 1;
      }
      for (const contestant of contestants) {
        if (launch === 0) task.report({ stage: `Warming up ${nameOf(contestant.series.path)}` });
        await warmUp(contestant, Math.min(2000, budgetMs(options) / 3) / planned, task);
      }
      await takeTurns(contestants, { launch, planned, groups, report }, options, task);
      for (const { series, runner } of contestants) {
        series.peakRssBytes = Math.max(series.peakRssBytes, await runner.peakRssBytes());
      }
    } finally {
      await owned.dispose();
    }
    // One launch may have used the time of all.
    if (all.some((series) => series.spentMs >= budgetMs(options))) break;
  }
  report(true);
  return {
    machine: machine ?? (await describeMachine(task)),
    results: all.map((series) => measurement(series, options)),
    ratios: await ratiosOf(all, groups, task),
  };
}

const newSeries = (path: string): Series => ({
  path,
  blocks: [],
  samples: 0,
  spentMs: 0,
  runMs: 0,
  batch: 1,
  loadMs: [],
  peakRssBytes: 0,
});

async function prepare(
  series: Series,
  options: BenchmarkOptions,
  owned: DisposableList,
  task: Task,
): Promise<Contestant> {
  const runner = owned.add(startRunner());
  const sessionOptions = { device: options.device ?? 'cpu', threads: options.threads ?? 1 };
  const session = await runner.load(series.path, sessionOptions, task);
  series.loadMs.push(session.loadMs);
  if (options.feeds) {
    series.batch = Object.values(options.feeds)[0]?.dims[0] ?? 1;
    return { series, runner, session, feeds: options.feeds };
  }
  const { feeds, batch } = generateInputs(session.inputs, options);
  series.batch = batch;
  return { series, runner, session, feeds };
}

/** A name that no model has is a typing error, and silently measuring another size would be a wrong answer. */
function checkBindings(inputs: readonly (readonly SessionValue[])[], options: BenchmarkOptions): void {
  const names = new Set(inputs.flatMap(freeDimensions));
  const unknown = Object.keys(options.bind ?? {}).find((name) => !names.has(name));
  if (unknown === undefined) return;
  const known = names.size === 0 ? 'There are none.' : `There are: ${[...names].join(', ')}.`;
  throw badRequest(`No model has a free dimension named "${unknown}". ${known}`);
}

const budgetMs = (options: BenchmarkOptions) => (options.maxSeconds ?? 10) * 1000;

interface Launch {
  readonly launch: number;
  readonly planned: number;
  readonly groups: number[];
  readonly report: () => void;
}

/** Gives the models their blocks in turn until all are known well enough or this launch's time is used. */
async function takeTurns(
  contestants: readonly Contestant[],
  { launch, planned, groups, report }: Launch,
  options: BenchmarkOptions,
  task: Task,
): Promise<void> {
  const share = (launch + 1) / planned;
  const timeMs = budgetMs(options) * share;
  const needed = Math.ceil((options.minSamples ?? 50) * share);
  const random = seededRandom(launch + 1);
  for (let turn = 0; ; turn++) {
    groups.push(launch);
    for (const contestant of order(contestants, turn + launch, random)) {
      throwIfCancelled(task);
      const affordableMs = budgetMs(options) / planned / minTurns;
      await measureBlock(contestant, affordableMs, timeMs - contestant.series.spentMs, task);
      report();
    }
    // All go on until all are done: a turn without one of them could not be paired.
    const done = contestants.every(
      ({ series: { samples, blocks } }) =>
        samples >= needed &&
        turn + 1 >= minTurns &&
        medianError(blocks.slice(-(turn + 1))) <= goodError * Math.sqrt(planned),
    );
    const over = contestants.some(
      ({ series: { spentMs, samples } }) => spentMs >= timeMs || samples >= maxSamples * share,
    );
    if (done || over) return;
  }
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

/** Reports one model's row at a time, the models in turn; all of them at the end. */
function rowReporter(
  all: readonly Series[],
  options: BenchmarkOptions,
  task: Task<Measurement>,
): (final?: boolean) => void {
  const minSamples = options.minSamples ?? 50;
  const total = minSamples * all.length;
  let lastMs = performance.now();
  let next = 0;
  return (final = false) => {
    if (!final && performance.now() - lastMs < rowEveryMs) return;
    lastMs = performance.now();
    const done = all.reduce((sum, series) => sum + Math.min(series.samples, minSamples), 0);
    const ready = all.filter((series) => series.samples > 0);
    const shown = final ? ready : ready.slice(next % ready.length).slice(0, 1);
    next += 1;
    for (const series of shown) {
      task.report({ stage: 'Benchmarking', done, total, row: measurement(series, options) });
    }
  };
}

function measurement(series: Series, options: BenchmarkOptions): Measurement {
  const sorted = ascending(series.blocks.flatMap((block) => [...block]));
  const latencyMs = latencyOf(sorted);
  return {
    model: series.path,
    device: options.device ?? 'cpu',
    threads: options.threads ?? 1,
    batch: series.batch,
    samples: sorted.length,
    latencyMs,
    histogram: histogramOf(sorted),
    throughput: (series.batch * 1000) / latencyMs.mean,
    loadMs: median(series.loadMs),
    peakRssBytes: series.peakRssBytes,
  };
}

async function ratiosOf(all: readonly Series[], groups: readonly number[], task: Task): Promise<Ratio[]> {
  const [first, ...others] = all;
  const ratios: Ratio[] = [];
  if (!first) return ratios;
  for (const other of others) {
    const { ratio, low, high } = await ratioOfMedians(first.blocks, other.blocks, { groups }, task);
    ratios.push({ model: other.path, against: first.path, p50Ratio: ratio, low, high });
  }
  return ratios;
}

const nameOf = (path: string) => path.split(/[\\/]/).at(-1) ?? path;
