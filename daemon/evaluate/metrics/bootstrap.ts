// The interval of a metric that is no plain share: samples are drawn again with replacement, by a seeded
// generator, so that the same data gives the same interval everywhere. Percentile method of B. Efron and
// R. J. Tibshirani, "An Introduction to the Bootstrap" (1993), chapter 13.

import { breathe, type Task } from '../../base/task';
import { seededRandom } from '../../runtime/random';
import { ascending, quantile } from '../../runtime/statistics';
import type { Sampled } from './sampled';

/** A value with the ends of its 95 % interval. */
export interface Estimate {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

export interface BootstrapOptions {
  /** Resamples; 1,000, fewer when the samples are very many. */
  readonly rounds?: number | undefined;
  readonly seed?: number | undefined;
}

/** Draws in all that are affordable; beyond, the rounds are fewer. */
const affordableDraws = 2e8;
const fewestRounds = 200;

const roundsFor = (samples: number, wanted = 1000) =>
  Math.max(
    Math.min(wanted, fewestRounds),
    Math.min(wanted, Math.floor(affordableDraws / Math.max(1, samples))),
  );

async function estimate(
  samples: number,
  statistic: (counts?: Uint32Array) => number,
  options: BootstrapOptions,
  task: Task,
): Promise<Estimate> {
  const value = statistic();
  const rounds = roundsFor(samples, options.rounds);
  const random = seededRandom(options.seed ?? 1);
  const counts = new Uint32Array(samples);
  const values: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    await breathe(task);
    counts.fill(0);
    for (let i = 0; i < samples; i += 1) counts[Math.floor(random() * samples)]! += 1;
    const drawn = statistic(counts);
    if (Number.isFinite(drawn)) values.push(drawn);
  }
  const sorted = ascending(values);
  // The estimate itself belongs to the interval, however few the samples.
  return sorted.length === 0
    ? { value, low: value, high: value }
    : {
        value,
        low: Math.min(value, quantile(sorted, 0.025)),
        high: Math.max(value, quantile(sorted, 0.975)),
      };
}

/** The metric with its 95 % percentile interval over resampled samples. */
export const bootstrapInterval = (
  sampled: Sampled,
  options: BootstrapOptions,
  task: Task,
): Promise<Estimate> => estimate(sampled.samples, (counts) => sampled.value(counts), options, task);

/**
 * `changed` minus `original` with its 95 % interval, where both were measured on the same samples: every resample
 * draws the same samples for both, so that what makes a sample hard for both does not count as doubt.
 */
export const bootstrapDifference = (
  changed: Sampled,
  original: Sampled,
  options: BootstrapOptions,
  task: Task,
): Promise<Estimate> =>
  estimate(changed.samples, (counts) => changed.value(counts) - original.value(counts), options, task);
