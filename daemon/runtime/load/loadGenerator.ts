// Load patterns after MLPerf's loadgen (Reddi et al. 2020): single stream, offline, and server with Poisson
// arrivals. It knows a system that serves queries and a clock; sessions and processes are loadSystem.ts's.
// A query's latency counts from its scheduled arrival, so a system that falls behind cannot hide it.

import { badRequest, type ErrorKind, type SlipwayError } from '../../base/errors';
import { breathe, throwIfCancelled, type Task } from '../../base/task';
import { isRunners } from '../benchmark/benchmarkMeasurement';
import { seededRandom } from '../random';
import { ascending, latencyOf, quantile, type Latency } from '../statistics';

/** Serves queries, one at a time in each slot. */
export interface LoadSystem {
  readonly slots: number;
  serve(slot: number): Promise<void>;
}

export interface LoadClock {
  /** Milliseconds. */
  now(): number;
  /** Resolves at this time, or at once when it has passed. */
  until(time: number, task: Task): Promise<void>;
}

export interface LoadRun {
  queries: number;
  /** From arrival to answer. */
  latencyMs: Latency;
  /** From arrival to the start of service: the queue. */
  waitMs: { mean: number; p99: number };
  /** Of service alone. */
  serviceMs: { mean: number; stddev: number };
  /** Answers per second over the whole run. */
  queriesPerSecond: number;
  /** Part of the slots' time spent serving, 0 to 1. */
  utilisation: number;
  /** Queries that were asked for but given up, because the bound could not hold any more or a worker ended. */
  abandoned: number;
  /** What ended it early; the figures are those of the queries answered before. Null when nothing did. */
  failure: LoadFailure | null;
}

/** A worker that ended, or gave an error, in the middle of a load. */
export interface LoadFailure {
  kind: ErrorKind;
  message: string;
}

/** `queries` one after another, each when the one before is answered, for `maxMs` at the most. */
export const singleStream = (
  system: LoadSystem,
  limits: { readonly queries: number; readonly maxMs: number },
  clock: LoadClock,
  task: Task,
): Promise<LoadRun> => closed({ slots: 1, serve: () => system.serve(0) }, limits, clock, task);

/** All queries are there at once, and every slot takes the next as soon as it is free. */
export const offline = (
  system: LoadSystem,
  limits: { readonly queries: number; readonly maxMs: number },
  clock: LoadClock,
  task: Task,
): Promise<LoadRun> => closed(system, limits, clock, task);

/** Exponential gaps of mean 1; multiplied by the mean gap they make Poisson arrivals of any rate. */
export function unitGaps(count: number, seed: number): Float64Array {
  const random = seededRandom(seed);
  return Float64Array.from({ length: count }, () => -Math.log(1 - random()));
}

/**
 * Queries arrive at `rate` per second with exponential gaps, wait in one queue and are served in their order.
 * With `boundMs` it gives up once more than 1 % of all have exceeded it. The same seed gives the same gaps at
 * every rate but for their scale, so that rates can be compared.
 */
export async function poisson(
  system: LoadSystem,
  options: {
    readonly rate: number;
    readonly queries: number;
    readonly seed: number;
    readonly boundMs?: number | undefined;
  },
  clock: LoadClock,
  task: Task,
): Promise<LoadRun> {
  if (!(options.rate > 0)) throw badRequest('The rate of arrivals must be above 0 queries per second.');
  const start = clock.now();
  let time = start;
  const arrivals = unitGaps(options.queries, options.seed).map(
    (gap) => (time += (gap * 1000) / options.rate),
  );
  const log = newLog();
  const allowed = Math.floor(options.queries / 100);
  let next = 0;
  let late = 0;
  const { failed, guard } = firstFailure();
  // A free slot takes the next query and waits for its arrival: that is one queue, first come first served.
  const slot = async (index: number) => {
    while (next < arrivals.length && late <= allowed && !failed()) {
      const arrival = arrivals[next]!;
      next += 1;
      throwIfCancelled(task);
      await clock.until(arrival, task);
      await record(log, arrival, () => system.serve(index), clock);
      if (options.boundMs !== undefined && clock.now() - arrival > options.boundMs) late += 1;
    }
  };
  await Promise.all(Array.from({ length: system.slots }, (_, index) => guard(slot(index))));
  const missing = options.queries - log.latencies.length;
  return summary(log, system.slots, start, clock.now(), missing, failed());
}

async function closed(
  system: LoadSystem,
  limits: { readonly queries: number; readonly maxMs: number },
  clock: LoadClock,
  task: Task,
): Promise<LoadRun> {
  const start = clock.now();
  const log = newLog();
  let begun = 0;
  const { failed, guard } = firstFailure();
  const slot = async (index: number) => {
    while (begun < limits.queries && (begun === 0 || clock.now() - start < limits.maxMs) && !failed()) {
      begun += 1;
      await breathe(task);
      await record(log, clock.now(), () => system.serve(index), clock);
    }
  };
  await Promise.all(Array.from({ length: system.slots }, (_, index) => guard(slot(index))));
  return summary(log, system.slots, start, clock.now(), 0, failed());
}

/** Keeps the first error of a worker, so that the others can stop and what they answered counts; throws any other. */
function firstFailure() {
  let first: SlipwayError | undefined;
  return {
    failed: () => first,
    guard: (slot: Promise<void>) =>
      slot.catch((error: unknown) => {
        if (!isRunners(error)) throw error;
        first ??= error;
      }),
  };
}

interface Log {
  readonly latencies: number[];
  readonly waits: number[];
  readonly services: number[];
}

const newLog = (): Log => ({ latencies: [], waits: [], services: [] });

async function record(
  log: Log,
  arrival: number,
  serve: () => Promise<void>,
  clock: LoadClock,
): Promise<void> {
  const begun = clock.now();
  await serve();
  const done = clock.now();
  log.latencies.push(done - arrival);
  log.waits.push(begun - arrival);
  log.services.push(done - begun);
}

/** Throws the failure when nothing was answered before it. */
function summary(
  log: Log,
  slots: number,
  start: number,
  end: number,
  abandoned: number,
  failure: SlipwayError | undefined,
): LoadRun {
  if (failure && log.latencies.length === 0) throw failure;
  const services = latencyOf(ascending(log.services));
  const waits = ascending(log.waits);
  const elapsed = Math.max(end - start, 1e-6);
  return {
    queries: log.latencies.length,
    latencyMs: latencyOf(ascending(log.latencies)),
    waitMs: { mean: latencyOf(waits).mean, p99: quantile(waits, 0.99) },
    serviceMs: { mean: services.mean, stddev: services.stddev },
    queriesPerSecond: (log.latencies.length * 1000) / elapsed,
    utilisation: (services.mean * log.services.length) / (elapsed * slots),
    abandoned,
    failure: failure ? { kind: failure.kind, message: failure.message } : null,
  };
}

/**
 * Mean wait in milliseconds that queueing theory expects of one server with Poisson arrivals: Pollaczek and
 * Khinchine's formula λ·E[S²] / 2(1 − ρ); for a constant service time it is M/D/1. Infinity at ρ ≥ 1.
 */
export function expectedWaitMs(ratePerSecond: number, service: { mean: number; stddev: number }): number {
  const perMs = ratePerSecond / 1000;
  const load = perMs * service.mean;
  if (load >= 1) return Number.POSITIVE_INFINITY;
  return (perMs * (service.stddev ** 2 + service.mean ** 2)) / (2 * (1 - load));
}

/** The clock of this machine: sleeps until shortly before the time and looks at the clock for the rest. */
export const realClock: LoadClock = {
  now: () => performance.now(),
  async until(time, task) {
    for (;;) {
      throwIfCancelled(task);
      const left = time - performance.now();
      if (left <= 0) return;
      // Timers come up to a millisecond late and more on a busy machine; a long sleep must end when cancelled.
      if (left > 3) await new Promise((resolve) => setTimeout(resolve, Math.min(left - 2, 100)));
      else await new Promise((resolve) => setImmediate(resolve));
    }
  },
};
