// What every metric hands over to the intervals: its value over any multiset of the samples.

import { badRequest } from '../../base/errors';

export interface Sampled {
  readonly samples: number;
  /** The metric where sample i counts `counts[i]` times; once each when absent. NaN where it is not defined. */
  value(counts?: Uint32Array): number;
}

/** A metric that is the mean of a number for each sample. */
export function meanOf(perSample: Float64Array): Sampled {
  return {
    samples: perSample.length,
    value(counts) {
      let sum = 0;
      let total = 0;
      for (let i = 0; i < perSample.length; i += 1) {
        const times = counts ? counts[i]! : 1;
        if (times === 0) continue;
        sum += times * perSample[i]!;
        total += times;
      }
      return sum / total;
    },
  };
}

/** Throws `badRequest` unless there is one of each for every sample. */
export function requireSameLength(a: ArrayLike<unknown>, b: ArrayLike<unknown>): void {
  if (a.length !== b.length)
    throw badRequest(`${a.length} values cannot be held against ${b.length}: one for each sample is needed.`);
}
