// Finds the highest rate of Poisson arrivals at which a system still holds its latency bound.

import { SlipwayError } from '../../base/errors';
import type { Task } from '../../base/task';
import { isRunners } from '../benchmark/benchmarkMeasurement';
import { poisson, type LoadClock, type LoadFailure, type LoadRun, type LoadSystem } from './loadGenerator';

export interface Trial {
  rate: number;
  holds: boolean;
  p99Ms: number;
  queries: number;
}

export interface HighestRate {
  /** Queries per second; 0 when not even the lowest rate tried holds the bound. */
  rate: number;
  /** The run at that rate with other arrivals than those it was found with. */
  confirmed: LoadRun | null;
  /** The run at the highest rate that held before a failure, confirmed or not. */
  best: LoadRun | null;
  trials: Trial[];
  /** What ended the search early: `rate` is then the highest that held so far. */
  failure: LoadFailure | null;
}

/** The search ends when the rate is known this well. */
const resolution = 0.03;
const maxTrials = 12;
const lowest = 0.02;

/**
 * Halves the interval between nothing and `capacity` (queries per second that the slots serve without a pause)
 * until the highest rate with p99 ≤ `boundMs` is known within 3 %, then confirms it with other arrivals,
 * stepping down by 5 % while these do not hold. `queries` is the length of a trial at a rate. A worker that ends costs
 * the trial that it ends in and those that would have followed.
 */
export async function highestRate(
  system: LoadSystem,
  options: {
    readonly boundMs: number;
    readonly capacity: number;
    readonly queries: (rate: number) => number;
    readonly seed: number;
  },
  clock: LoadClock,
  task: Task,
): Promise<HighestRate> {
  const trials: Trial[] = [];
  const attempt = async (rate: number, seed: number): Promise<{ run: LoadRun; holds: boolean }> => {
    task.report({ stage: `Trying ${rate.toPrecision(3)} queries a second`, done: trials.length });
    const queries = options.queries(rate);
    const run = await poisson(system, { rate, queries, seed, boundMs: options.boundMs }, clock, task);
    if (run.failure) throw new SlipwayError(run.failure.kind, run.failure.message);
    const holds = run.abandoned === 0 && run.latencyMs.p99 <= options.boundMs;
    trials.push({ rate, holds, p99Ms: run.latencyMs.p99, queries: run.queries });
    return { run, holds };
  };
  let low = 0;
  let best: LoadRun | null = null;
  let high = options.capacity;
  try {
    while (trials.length < maxTrials && high - low > resolution * high && high > lowest * options.capacity) {
      const rate = (low + high) / 2;
      const { run, holds } = await attempt(rate, options.seed);
      if (!holds) high = rate;
      else [low, best] = [rate, run];
    }
    for (let rate = low, tries = 0; rate > 0 && tries < 5; rate *= 0.95, tries++) {
      const { run, holds } = await attempt(rate, options.seed + 1);
      if (holds) return { rate, confirmed: run, best: run, trials, failure: null };
    }
  } catch (error) {
    if (!isRunners(error)) throw error;
    const failure = { kind: error.kind, message: error.message };
    return { rate: low, confirmed: null, best, trials, failure };
  }
  return { rate: 0, confirmed: null, best: null, trials, failure: null };
}
