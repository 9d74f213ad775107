// Throughput over concurrency: the model in several processes at once, as the model server runs it, each with
// one request at a time. The levels take turns, so that a noisy machine meets them alike. A level that the machine has
// no room for does not cost the others.

import { DisposableList } from '../../base/disposable';
import type { SlipwayError } from '../../base/errors';
import { throwIfCancelled, type Task } from '../../base/task';
import { makeInputs, withOffer, type InputSource } from './benchmarkInputs';
import { isRunners } from './benchmarkMeasurement';
import { startRunner, type RunnerProcess } from '../runner/runnerProcess';
import type { DeviceName, Feeds, RunnerSession } from '../runner/session';
import { ascending, latencyOf, type Latency } from '../statistics';

export interface ConcurrencyOptions {
  /** Requests at once, each number a level. */
  readonly levels: readonly number[];
  readonly device?: DeviceName | undefined;
  readonly threads?: number | undefined;
  readonly batch?: number | undefined;
  readonly bind?: Readonly<Record<string, number>> | undefined;
  readonly inputs?: InputSource | undefined;
  /** Time for each level; 5 when absent. */
  readonly maxSeconds?: number | undefined;
}

export interface ConcurrencyMeasurement {
  model: string;
  device: string;
  threads: number;
  batch: number;
  /** Requests at once: processes with one session each. */
  concurrency: number;
  samples: number;
  latencyMs: Latency;
  /** Samples per second of all together. */
  throughput: number;
  /** Peak resident memory of the processes together, bytes. */
  peakRssBytes: number;
}

export interface ConcurrencyResult {
  readonly measured: ConcurrencyMeasurement[];
  /** Levels that could not be measured, or not to the end. */
  readonly failures: { readonly level: number; readonly error: SlipwayError }[];
}

const rounds = 4;

interface Level {
  readonly level: number;
  readonly times: Float64Array[];
  /** Sum over the rounds done. */
  perSecond: number;
  rounds: number;
  peakRssBytes: number;
  error: SlipwayError | undefined;
}

/**
 * Measures each level in four rounds. Throws the runner's error when no level could be measured; no process stays
 * behind.
 */
export async function benchmarkConcurrency(
  path: string,
  options: ConcurrencyOptions,
  task: Task,
): Promise<ConcurrencyResult> {
  const owned = new DisposableList();
  try {
    const levels = options.levels.map((level): Level => ({
      level,
      times: [],
      perSecond: 0,
      rounds: 0,
      peakRssBytes: 0,
      error: undefined,
    }));
    const { feeds, batch, workers } = await start(path, options, levels, owned, task);
    const maxMs = Math.max(50, ((options.maxSeconds ?? 5) * 1000) / rounds);
    for (let round = 0; round < rounds; round++) {
      const order = round % 2 === 0 ? levels : [...levels].reverse();
      for (const [done, level] of order.entries()) {
        throwIfCancelled(task);
        const total = rounds * levels.length;
        task.report({ stage: `${level.level} requests at once`, done: round * levels.length + done, total });
        if (level.error) continue;
        try {
          await oneRound(level, workers.slice(0, level.level), feeds, maxMs, task);
        } catch (error) {
          if (!isRunners(error)) throw error;
          level.error = error;
        }
      }
    }
    const [failed] = levels.filter(({ error }) => error !== undefined);
    if (levels.every(({ rounds: done }) => done === 0)) throw failed?.error ?? new Error('no level');
    const { device = 'cpu', threads = 1 } = options;
    return {
      measured: levels
        .filter(({ rounds: done }) => done > 0)
        .map((level) => {
          const sorted = ascending(level.times.flatMap((part) => [...part]));
          return {
            model: path,
            device,
            threads,
            batch,
            concurrency: level.level,
            samples: sorted.length,
            latencyMs: latencyOf(sorted),
            throughput: (level.perSecond / level.rounds) * batch,
            peakRssBytes: level.peakRssBytes,
          };
        }),
      failures: levels.flatMap(({ level, error }) => (error ? [{ level, error }] : [])),
    };
  } finally {
    await owned.dispose();
  }
}

interface Worker {
  readonly runner: RunnerProcess;
  readonly session: RunnerSession;
}

/** Starts as many processes as the highest level needs; levels for which there are not enough get the error. */
async function start(
  path: string,
  options: ConcurrencyOptions,
  levels: readonly Level[],
  owned: DisposableList,
  task: Task,
): Promise<{ feeds: Feeds; batch: number; workers: Worker[] }> {
  const name = path.split(/[\\/]/).at(-1) ?? path;
  const most = Math.max(...options.levels);
  const { device = 'cpu', threads = 1 } = options;
  const workers: Worker[] = [];
  let made: Awaited<ReturnType<typeof makeInputs>> | undefined;
  for (let i = 0; i < most; i++) {
    task.report({ stage: `Loading ${name} for ${most} requests at once`, done: i, total: most });
    try {
      const runner = owned.add(startRunner());
      const session = await runner.load(path, { device, threads }, task);
      made ??= await makeInputs(path, session.inputs, options, task);
      await session.timeRuns(made.feeds, { runs: 20, maxMs: 300 }, task);
      workers.push({ runner, session });
    } catch (error) {
      const told = withOffer(error, made?.warnings[0]);
      if (i === 0 || !isRunners(told)) throw told;
      for (const level of levels) if (level.level > i) level.error = told;
      break;
    }
  }
  return { feeds: made!.feeds, batch: made!.batch, workers };
}

async function oneRound(
  level: Level,
  workers: readonly Worker[],
  feeds: Feeds,
  maxMs: number,
  task: Task,
): Promise<void> {
  const running = workers.map(({ session }) => session.timeRuns(feeds, { runs: maxRunsAtOnce, maxMs }, task));
  // Nobody is left running when one of them fails.
  await Promise.allSettled(running);
  const times = await Promise.all(running);
  const peaks = await Promise.all(workers.map(({ runner }) => runner.peakRssBytes()));
  level.times.push(...times);
  // Each process says how fast it went by its own clock; they start a moment apart.
  for (const own of times) level.perSecond += (own.length * 1000) / sum(own);
  level.rounds += 1;
  level.peakRssBytes = Math.max(
    level.peakRssBytes,
    peaks.reduce((all, peak) => all + peak, 0),
  );
}

const maxRunsAtOnce = 20_000;
const sum = (times: Float64Array) => times.reduce((all, time) => all + time, 0);
