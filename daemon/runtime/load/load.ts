// Runs a model under a load pattern: runner processes as the system, each serving one query at a time, as the
// model server has them. The patterns are loadGenerator.ts's, the search for the highest rate loadSearch.ts's.

import { DisposableList } from '../../base/disposable';
import { badRequest } from '../../base/errors';
import type { Task } from '../../base/task';
import { makeInputs, withOffer, type InputSource } from '../benchmark/benchmarkInputs';
import { expectedWaitMs, offline, poisson, realClock, singleStream, type LoadRun } from './loadGenerator';
import { highestRate, type Trial } from './loadSearch';
import { startRunner } from '../runner/runnerProcess';
import type { DeviceName, Feeds, RunnerSession } from '../runner/session';

export const loadPatterns = ['single-stream', 'offline', 'server'] as const;
export type LoadPattern = (typeof loadPatterns)[number];

export interface LoadOptions {
  readonly pattern: LoadPattern;
  /** Arrivals per second, for `server`; with `boundMs` instead the highest that holds it is looked for. */
  readonly rate?: number | undefined;
  /** Largest p99 latency, milliseconds, for `server`. */
  readonly boundMs?: number | undefined;
  /** Processes that serve; 1 when absent. */
  readonly workers?: number | undefined;
  readonly device?: DeviceName | undefined;
  readonly threads?: number | undefined;
  readonly batch?: number | undefined;
  readonly bind?: Readonly<Record<string, number>> | undefined;
  readonly inputs?: InputSource | undefined;
  /** Length of the run, and of all trials of a search together; 10 when absent. */
  readonly maxSeconds?: number | undefined;
  /** Arrivals are the same for the same seed; 1 when absent. */
  readonly seed?: number | undefined;
}

export interface LoadResult extends LoadRun {
  model: string;
  pattern: LoadPattern;
  device: string;
  threads: number;
  batch: number;
  workers: number;
  /** Samples answered per second. */
  throughput: number;
  /** Arrivals per second; null for patterns that do not plan them. */
  rate: number | null;
  boundMs: number | null;
  /** Whether p99 stayed within the bound; null without one. */
  holds: boolean | null;
  /** Mean wait that queueing theory expects at this rate of one worker; null where it says nothing simple. */
  expectedWaitMs: number | null;
  /** Rates that were tried, when the highest was looked for. */
  trials: Trial[];
}

const mostQueries = 100_000;
const warmUpRuns = 10;

/** Loads the model in its workers, warms them up, and runs the pattern. No process stays behind. */
export async function runLoad(path: string, options: LoadOptions, task: Task): Promise<LoadResult> {
  const { rate, boundMs, workers = 1, seed = 1 } = options;
  if (options.pattern === 'server' && rate === undefined && boundMs === undefined)
    throw badRequest(
      'A server load needs the arrivals per second (--rate), or a latency bound (--p99) to look for the highest.',
    );
  const owned = new DisposableList();
  try {
    const slots: RunnerSession[] = [];
    let feeds: Feeds = {};
    let batch = 1;
    for (let worker = 0; worker < workers; worker++) {
      task.report({ stage: `Loading ${nameOf(path)}`, done: worker, total: workers });
      const runner = owned.add(startRunner());
      const session = { device: options.device ?? 'cpu', threads: options.threads ?? 1 };
      const slot = await runner.load(path, session, task);
      if (worker === 0) {
        const made = await makeInputs(path, slot.inputs, options, task);
        ({ feeds, batch } = made);
        try {
          await slot.timeRuns(feeds, { runs: 1, maxMs: longestMs }, task);
        } catch (error) {
          throw withOffer(error, made.warnings[0]);
        }
      }
      await slot.timeRuns(feeds, { runs: warmUpRuns, maxMs: 2000 }, task);
      slots.push(slot);
    }
    const system = {
      slots: workers,
      async serve(slot: number) {
        await slots[slot]!.timeRuns(feeds, { runs: 1, maxMs: longestMs }, task);
      },
    };
    const budgetMs = (options.maxSeconds ?? 10) * 1000;
    task.report({ stage: `Loading ${nameOf(path)} by pattern ${options.pattern}` });
    const common = {
      model: path,
      pattern: options.pattern,
      device: options.device ?? 'cpu',
      threads: options.threads ?? 1,
      batch,
      workers,
      boundMs: boundMs ?? null,
    };
    if (options.pattern !== 'server') {
      const limits = { queries: mostQueries, maxMs: budgetMs };
      const pattern = options.pattern === 'offline' ? offline : singleStream;
      const run = await pattern(system, limits, realClock, task);
      return { ...common, ...run, ...plain(run, batch, null, boundMs), trials: [] };
    }
    if (rate !== undefined) {
      const queries = bounded(rate * (budgetMs / 1000));
      const run = await poisson(system, { rate, queries, seed }, realClock, task);
      return { ...common, ...run, ...plain(run, batch, rate, boundMs, workers), trials: [] };
    }
    const capacityRun = await offline(system, { queries: mostQueries, maxMs: budgetMs / 8 }, realClock, task);
    if (capacityRun.failure)
      return { ...common, ...capacityRun, ...plain(capacityRun, batch, null, undefined), trials: [] };
    const trialSeconds = budgetMs / 1000 / 9;
    const found = await highestRate(
      system,
      {
        boundMs: boundMs!,
        capacity: capacityRun.queriesPerSecond,
        queries: (tried) => bounded(tried * trialSeconds),
        seed,
      },
      realClock,
      task,
    );
    const run = found.confirmed ?? found.best ?? capacityRun;
    // After a failure no rate was ruled out; without one, 0 says that all were.
    const known = found.failure && found.best === null ? null : found.rate;
    const figures = plain(run, batch, known, boundMs, workers);
    const { trials, failure } = found;
    return {
      ...common,
      ...run,
      ...figures,
      holds: failure ? null : found.confirmed !== null,
      trials,
      failure,
    };
  } finally {
    await owned.dispose();
  }
}

/** A p99 needs some hundreds of queries. */
const bounded = (queries: number) => Math.max(200, Math.min(mostQueries, Math.round(queries)));
const longestMs = 600_000;

function plain(
  run: LoadRun,
  batch: number,
  rate: number | null,
  boundMs: number | undefined,
  workers = 0,
): Pick<LoadResult, 'throughput' | 'rate' | 'holds' | 'expectedWaitMs'> {
  const expected = rate !== null && rate > 0 && workers === 1 ? expectedWaitMs(rate, run.serviceMs) : null;
  return {
    throughput: run.queriesPerSecond * batch,
    rate,
    holds: boundMs === undefined ? null : run.latencyMs.p99 <= boundMs,
    // JSON has no infinity: an overloaded queue grows without end, and that is said by the utilisation.
    expectedWaitMs: expected !== null && Number.isFinite(expected) ? expected : null,
  };
}

const nameOf = (path: string) => path.split(/[\\/]/).at(-1) ?? path;
