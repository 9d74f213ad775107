// Throughput over concurrency: the model in several processes at once, as the model server runs it, each with
// one request at a time. The levels take turns, so that a noisy machine meets them alike.

import { DisposableList } from '../base/disposable';
import { throwIfCancelled, type Task } from '../base/task';
import { makeInputs, type InputSource } from './benchmarkInputs';
import { startRunner, type RunnerProcess } from './runnerProcess';
import type { DeviceName, Feeds, RunnerSession } from './session';
import { ascending, latencyOf, type Latency } from './statistics';

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

const rounds = 4;

/** Measures each level in four rounds. Throws the runner's error; no process stays behind. */
export async function benchmarkConcurrency(
  path: string,
  options: ConcurrencyOptions,
  task: Task,
): Promise<ConcurrencyMeasurement[]> {
  const owned = new DisposableList();
  const name = path.split(/[\\/]/).at(-1) ?? path;
  try {
    const most = Math.max(...options.levels);
    const runners: RunnerProcess[] = [];
    const sessions: RunnerSession[] = [];
    let made: { readonly feeds: Feeds; readonly batch: number } | undefined;
    const { device = 'cpu', threads = 1 } = options;
    for (let i = 0; i < most; i++) {
      task.report({ stage: `Loading ${name} for ${most} requests at once`, done: i, total: most });
      const runner = owned.add(startRunner());
      const session = await runner.load(path, { device, threads }, task);
      made ??= await makeInputs(path, session.inputs, options, task);
      await session.timeRuns(made.feeds, { runs: 20, maxMs: 300 }, task);
      runners.push(runner);
      sessions.push(session);
    }
    const { feeds, batch } = made!;
    const levels = options.levels.map((level) => ({ level, times: [] as Float64Array[], perSecond: 0 }));
    const maxMs = Math.max(50, ((options.maxSeconds ?? 5) * 1000) / rounds);
    for (let round = 0; round < rounds; round++) {
      const order = round % 2 === 0 ? levels : [...levels].reverse();
      for (const [done, level] of order.entries()) {
        throwIfCancelled(task);
        const total = rounds * levels.length;
        task.report({ stage: `${level.level} requests at once`, done: round * levels.length + done, total });
        const busy = sessions.slice(0, level.level);
        const times = await Promise.all(
          busy.map((session) => session.timeRuns(feeds, { runs: maxRunsAtOnce, maxMs }, task)),
        );
        level.times.push(...times);
        // Each process says how fast it went by its own clock; they start a moment apart.
        for (const own of times) level.perSecond += (own.length * 1000) / sum(own) / rounds;
      }
    }
    const peaks = await Promise.all(runners.map((runner) => runner.peakRssBytes()));
    return levels.map(({ level, times, perSecond }) => {
      const sorted = ascending(times.flatMap((part) => [...part]));
      return {
        model: path,
        device,
        threads,
        batch,
        concurrency: level,
        samples: sorted.length,
        latencyMs: latencyOf(sorted),
        throughput: perSecond * batch,
        peakRssBytes: peaks.slice(0, level).reduce((all, peak) => all + peak, 0),
      };
    });
  } finally {
    await owned.dispose();
  }
}

const maxRunsAtOnce = 20_000;
const sum = (times: Float64Array) => times.reduce((all, time) => all + time, 0);
