// Which runs of a profile count. What disturbs a run (another process, an interrupt, the host) only adds time and says
// nothing of the nodes; and of profiled and plain runs, which differ in length, it meets the longer ones more often.
// So both are told by the runs that nothing disturbed. Pure.

import { ascending, quantile } from '../statistics';
import { fastest, tolerance } from '../undisturbed';

/** So many runs count in any case, and this part of them: on a busy machine few are left alone. */
const fewest = 3;
const leastShare = 0.03;

/** For each time whether it counts: within 5 % of the fastest, or among the fastest thirtieth (three at the least). */
export function undisturbed(times: ArrayLike<number>): boolean[] {
  const limit = limitOf(ascending(Array.from(times)));
  return Array.from(times, (time) => time <= limit);
}

/** The mean of the times that count; NaN when there are none. */
export function undisturbedMean(times: Iterable<number>): number {
  const sorted = ascending(times);
  const limit = limitOf(sorted);
  const kept = sorted.filter((time) => time <= limit);
  return kept.reduce((sum, time) => sum + time, 0) / kept.length;
}

function limitOf(sorted: Float64Array): number {
  const some = Math.max(fewest, Math.ceil(leastShare * sorted.length));
  const last = sorted[Math.min(sorted.length, some) - 1] ?? Number.NaN;
  return Math.max(last, quantile(sorted, fastest) * (1 + tolerance));
}
