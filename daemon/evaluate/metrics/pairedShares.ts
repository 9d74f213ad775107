// The difference of two shares that were counted on the same samples, such as the top-1 of a model and of its
// compressed version.

import { wilson } from '../wilson';
import type { Estimate } from './bootstrap';
import { requireSameLength } from './sampled';

/**
 * `changed` minus `original` (1 for a hit, 0 for a miss, by sample) with the 95 % interval of R. G. Newcombe,
 * "Improved confidence intervals for the difference between binomial proportions based on paired data", Statistics
 * in Medicine 17 (1998), 2635–2650, method 10: Wilson's intervals of both shares, joined by their correlation.
 */
export function pairedDifference(changed: ArrayLike<number>, original: ArrayLike<number>): Estimate {
  requireSameLength(changed, original);
  let [both, first, second, neither] = [0, 0, 0, 0];
  for (let i = 0; i < changed.length; i += 1) {
    const [a, b] = [changed[i]! > 0, original[i]! > 0];
    if (a && b) both += 1;
    else if (a) first += 1;
    else if (b) second += 1;
    else neither += 1;
  }
  return pairedCounts(both, first, second, neither);
}

/** The same from counts: hits of both, of the first alone, of the second alone, of neither. */
export function pairedCounts(both: number, first: number, second: number, neither: number): Estimate {
  const total = both + first + second + neither;
  const a = wilson(both + first, total);
  const b = wilson(both + second, total);
  const product = (both + first) * (second + neither) * (both + second) * (first + neither);
  const excess = both * neither - first * second;
  const corrected = excess > 0 ? Math.max(excess - total / 2, 0) : excess;
  const phi = product === 0 ? 0 : corrected / Math.sqrt(product);
  const joined = (x: number, y: number) => Math.sqrt(Math.max(0, x * x - 2 * phi * x * y + y * y));
  const value = a.value - b.value;
  return {
    value,
    low: value - joined(a.value - a.low, b.high - b.value),
    high: value + joined(a.high - a.value, b.value - b.low),
  };
}
