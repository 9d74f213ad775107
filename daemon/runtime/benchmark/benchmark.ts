// Measures models side by side: each in processes of its own, in short blocks in turn, so that a noisy
// machine meets all of them alike. The runs themselves are timed inside the runner (runner.ts).

import { badRequest, type SlipwayError } from '../../base/errors';
import { DisposableList } from '../../base/disposable';
import { throwIfCancelled, type Task } from '../../base/task';
import { openEnergyMeter, type EnergyMeter } from './benchmarkEnergy';
import { describeEnvironment, type Environment } from './benchmarkEnvironment';
import { makeInputs, withOffer, type InputSource } from './benchmarkInputs';
import {
  isRunners,
  measurement,
  ratiosOf,
  ratioWarnings,
  rowReporter,
  timeWarnings,
  uncertaintyOf,
  type Failure,
  type Measurement,
  type Ratio,
} from './benchmarkMeasurement';
import { measureBlock, newSeries, warmUp, type Contestant, type Series } from './benchmarkSeries';
import { watchMachine } from './benchmarkWatch';
import { freeDimensions } from '../generateInputs';
import { describeMachine, type Machine } from '../machine';
import { placementOf } from '../profile/profilePlacement';
import { seededRandom } from '../random';
import { startRunner } from '../runner/runnerProcess';
import type { DeviceName, Feeds, SessionValue } from '../runner/session';
import { median, medianError } from '../statistics';

export type { Failure, Measurement, Ratio } from './benchmarkMeasurement';

export interface BenchmarkOptions {
  readonly device?: DeviceName | undefined;
  /** Threads inside an operator; 1 when absent. */
  readonly threads?: number | undefined;
  readonly batch?: number | undefined;
  readonly bind?: Readonly<Record<string, number>> | undefined;
  /** Timed runs of each model at the least, time permitting; 50 when absent. */
  readonly minSamples?: number | undefined;
  /** Time for each model, loading excluded; 10 when absent. */
  readonly maxSeconds?: number | undefined;
  /** Processes of each model, one after another; 5 when absent. */
  readonly launches?: number | undefined;
  /** Inputs for all models instead of generated ones. */
  readonly feeds?: Feeds | undefined;
  /** Makes each model's inputs, from data say, instead of generating them. */
  readonly inputs?: InputSource | undefined;
}

export interface BenchmarkResult {
  machine: Machine;
  results: Measurement[];
  ratios: Ratio[];
  /** What could not be measured; what had been measured before is in `results`. */
  failures: Failure[];
  /** What disturbed or limits these numbers, in sentences; empty when nothing did. */
  warnings: string[];
  environment: Environment;
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
/** Further processes are started, time permitting, until ratios are known this well (half the interval over the ratio). */
const goodRatio = 0.015;
const mostLaunches = 10;
/**
 * Each model is measured for so long at the least, or for this part of its time: what disturbs a machine may last for
 * seconds, and looks as steady as quiet does.
 */
const leastMs = 2000;
const leastShare = 0.25;
/** Bounds memory and the bootstrap for models that run in microseconds. */
const maxSamples = 20_000;

/**
 * Measures models in turn and compares each with the first. Reports progress, and at most four times a
 * second a row: one model's measurement so far. Throws the runner's error, which names the model, when one
 * of them fails before each was measured; a process that dies later (for want of memory, say) ends the
 * measuring, and what was measured is returned with the failure. No process stays behind.
 */
export async function benchmark(
  models: readonly { readonly path: string }[],
  options: BenchmarkOptions,
  task: Task<Measurement>,
): Promise<BenchmarkResult> {
  if (models.length === 0) throw badRequest('Name at least one model to benchmark.');
  const environment = describeEnvironment();
  const all = models.map(({ path }): Series => newSeries(path));
  const run: Run = {
    options,
    all,
    groups: [],
    report: rowReporter(all, options, budgetMs(options), task),
    watch: watchMachine(),
    energy: openEnergyMeter(),
    planned: options.launches ?? launches,
    feeds: new Map(),
    current: undefined,
  };
  const failures: Failure[] = [];
  let machine: Machine | undefined;
  for (let launch = 0; launch < run.planned || (await needsMore(run, launch, task)); launch++) {
    try {
      await oneLaunch(run, launch, task);
    } catch (error) {
      if (!isRunners(error) || all.some(({ samples }) => samples === 0)) throw error;
      failures.push(failureOf(error, run.current, options));
      break;
    } finally {
      run.current = undefined;
    }
    machine ??= await describeMachine(task);
    // One launch may have used the time of all.
    if (all.some((series) => series.spentMs >= budgetMs(options))) break;
  }
  run.report(true);
  const results = all.map((series) => measurement(series, options));
  const warnings = new Set(all.flatMap((series) => [...series.warnings]));
  for (const warning of await verifyPlacement(results, run, task)) warnings.add(warning);
  machine ??= await describeMachine(task);
  const { threads = 1 } = options;
  if (threads > machine.cores)
    warnings.add(
      `${threads} threads were asked for, and this process may use ${machine.cores} processors: they wait for each other.`,
    );
  for (const series of all) for (const warning of timeWarnings(series, run.groups)) warnings.add(warning);
  const ratios = await ratiosOf(all, run.groups, options, task);
  for (const warning of ratioWarnings(ratios)) warnings.add(warning);
  return {
    machine,
    results,
    ratios,
    failures,
    warnings: [...warnings, ...run.watch.warnings()],
    environment,
  };
}

/** One benchmark while it goes on. */
interface Run {
  readonly options: BenchmarkOptions;
  readonly all: readonly Series[];
  /** The launch of each turn. */
  readonly groups: number[];
  readonly report: (final?: boolean) => void;
  readonly watch: ReturnType<typeof watchMachine>;
  readonly energy: EnergyMeter | undefined;
  planned: number;
  /** Inputs by model. */
  readonly feeds: Map<string, Feeds>;
  /** The model whose turn it is. */
  current: Series | undefined;
}

/** Whether another process of each model would tell more, and may be started. */
async function needsMore(
  { options, all, groups, planned }: Run,
  launch: number,
  task: Task,
): Promise<boolean> {
  if (all.length < 2 || planned < launches || launch >= mostLaunches) return false;
  // Too little time for a warm-up and a few turns tells nothing.
  const leftMs = budgetMs(options) - Math.max(...all.map(({ spentMs }) => spentMs));
  if (leftMs < budgetMs(options) / planned / 2) return false;
  const ratios = await ratiosOf(all, groups, options, task, 200);
  return ratios.some((ratio) => !(uncertaintyOf(ratio) <= goodRatio));
}

/** Starts a process for each model, warms them up, and gives them their turns. */
async function oneLaunch(run: Run, launch: number, task: Task): Promise<void> {
  const { options, all } = run;
  const owned = new DisposableList();
  try {
    const contestants: Contestant[] = [];
    for (const series of all) {
      run.current = series;
      if (launch === 0) {
        const stage = `Loading ${nameOf(series.path)}`;
        task.report({ stage, done: contestants.length, total: all.length });
      }
      const contestant = await prepare(series, options, owned, task);
      run.feeds.set(series.path, contestant.feeds);
      contestants.push(contestant);
    }
    if (launch === 0) {
      checkBindings(
        contestants.map(({ session }) => session.inputs),
        options,
      );
      // Loading a large model again would take longer than measuring it.
      if (all.some((series) => median(series.loadMs) > budgetMs(options) / 10)) run.planned = 1;
    }
    if (launch === 0)
      task.report({ stage: `Warming up ${contestants.map(({ series }) => nameOf(series.path)).join(', ')}` });
    try {
      const capMs = Math.min(2000, budgetMs(options) / 3) / run.planned;
      await warmUp(contestants, capMs, task, ({ series }) => (run.current = series));
    } catch (error) {
      throw withOffer(error, [...(run.current?.warnings ?? [])][0]);
    }
    run.watch.begin(contestants.map(({ runner }) => runner.processId));
    await takeTurns(contestants, launch, run, task);
    run.watch.end();
    for (const { series, runner } of contestants) {
      run.current = series;
      series.peakRssBytes = Math.max(series.peakRssBytes, await runner.peakRssBytes());
    }
  } finally {
    await owned.dispose();
  }
}

const failureOf = (error: SlipwayError, series: Series | undefined, options: BenchmarkOptions): Failure => ({
  model: series?.path ?? '',
  device: options.device ?? 'cpu',
  threads: options.threads ?? 1,
  batch: series?.batch ?? options.batch ?? null,
  kind: error.kind,
  message: `${error.message} What was measured before is kept.`,
});

/** Asks, for any device but the CPU, which provider ran each node, and writes it into the results. */
async function verifyPlacement(results: Measurement[], run: Run, task: Task): Promise<string[]> {
  const { device = 'cpu', threads } = run.options;
  if (device === 'cpu') return [];
  const said: string[] = [];
  for (const result of results) {
    task.report({ stage: `Checking what ran ${nameOf(result.model)}` });
    const feeds = run.feeds.get(result.model) ?? {};
    const { placement, warnings } = await placementOf(result.model, { device, threads }, feeds, task);
    result.placement = placement;
    said.push(...warnings.map((warning) => `${nameOf(result.model)}: ${warning}`));
  }
  return said;
}

async function prepare(
  series: Series,
  options: BenchmarkOptions,
  owned: DisposableList,
  task: Task,
): Promise<Contestant> {
  const begun = performance.now();
  const runner = owned.add(startRunner());
  const sessionOptions = { device: options.device ?? 'cpu', threads: options.threads ?? 1 };
  const session = await runner.load(series.path, sessionOptions, task);
  series.loadMs.push(session.loadMs);
  series.startMs.push(performance.now() - begun);
  if (options.feeds) {
    series.batch = Object.values(options.feeds)[0]?.dims[0] ?? 1;
    return { series, runner, session, feeds: options.feeds };
  }
  const made = await makeInputs(series.path, session.inputs, options, task);
  series.batch = made.batch;
  series.assumed = made.assumed;
  for (const warning of made.warnings) series.warnings.add(warning);
  return { series, runner, session, feeds: made.feeds };
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

/** Gives the models their blocks in turn until all are known well enough or this launch's time is used. */
async function takeTurns(
  contestants: readonly Contestant[],
  launch: number,
  run: Run,
  task: Task,
): Promise<void> {
  const { options, planned } = run;
  // Launches beyond those planned have what the others left.
  const share = Math.min(1, (launch + 1) / planned);
  const timeMs = budgetMs(options) * share;
  const shortestMs = Math.min(leastMs, budgetMs(options) * leastShare) * share;
  const needed = Math.ceil((options.minSamples ?? 50) * share);
  const random = seededRandom(launch + 1);
  for (let turn = 0; ; turn++) {
    run.groups.push(launch);
    for (const contestant of order(contestants, turn + launch, random)) {
      throwIfCancelled(task);
      run.current = contestant.series;
      const affordableMs = budgetMs(options) / planned / minTurns;
      const leftMs = timeMs - contestant.series.spentMs;
      await measureBlock(contestant, affordableMs, leftMs, task, run.energy);
      run.report();
    }
    // All go on until all are done: a turn without one of them could not be paired.
    const done = contestants.every(
      ({ series: { samples, blocks, spentMs } }) =>
        samples >= needed &&
        spentMs >= shortestMs &&
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

const nameOf = (path: string) => path.split(/[\\/]/).at(-1) ?? path;
