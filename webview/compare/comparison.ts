// A job as the results page shows it: rows in order, the baseline, the variant it is compared with, and what
// can be said of two measured things. Pure.

import type { JobView } from '../../daemon/protocol/page';
import type { Variant } from '../../daemon/protocol/compress';
import type { Evaluation } from '../../daemon/protocol/evaluate';

export interface Row {
  recipe: string;
  /** Undefined while the variant is not there yet. */
  variant: Variant | undefined;
}

export type JobState = 'running' | 'done' | 'failed' | 'cancelled';

export function jobState(job: JobView): JobState {
  if (job.result !== null) return 'done';
  if (job.error !== null) return 'failed';
  return job.cancelled ? 'cancelled' : 'running';
}

/** Rows from the start: what is planned, filled with what is there, and what came unplanned. */
export function rowsOf(job: JobView): Row[] {
  const found: readonly Variant[] = job.rows.length > 0 ? job.rows : (job.result?.variants ?? []);
  // What a job that has ended did not get to, it will not get to any more.
  const planned = jobState(job) === 'running' ? (job.planned ?? ['original', 'int8 dynamic']) : [];
  const rows: Row[] = planned.map((recipe) => ({
    recipe,
    variant: found.find((variant) => variant.recipe === recipe),
  }));
  for (const variant of found) {
    if (!rows.some((row) => row.variant === variant)) rows.push({ recipe: variant.recipe, variant });
  }
  // The original stands first, whatever order rows came in.
  return rows.sort((a, b) => Number(b.recipe === 'original') - Number(a.recipe === 'original'));
}

export function baselineOf(rows: readonly Row[]): Variant | undefined {
  return rows.find((row) => row.recipe === 'original')?.variant;
}

/** The variant to compare with the baseline: the one picked, else the chosen one, else the first measured. */
export function comparedOf(job: JobView, rows: readonly Row[], picked: string | undefined) {
  const others = rows.flatMap(({ recipe, variant }) =>
    recipe !== 'original' && variant !== undefined ? [variant] : [],
  );
  return (
    others.find(({ file }) => file === picked) ??
    others.find(({ file }) => file === job.result?.chosen) ??
    others.find(({ failed }) => failed === undefined) ??
    others[0]
  );
}

/** Whether a number is better than another, beyond doubt: intervals decide, not the numbers themselves. */
export type Verdict = 'better' | 'worse' | 'same';

export function speedVerdict(ratio: { low: number; high: number }): Verdict {
  return ratio.low > 1 ? 'better' : ratio.high < 1 ? 'worse' : 'same';
}

export interface Difference {
  /** Points: hundredths of the metric. */
  points: number;
  /** Half width of the 95 % interval, points. */
  margin: number;
  verdict: Verdict;
}

/**
 * Difference of two accuracies. Both models saw the same samples, so the paired interval is the right one; where a
 * daemon gave none, the intervals of both are joined as if the samples were independent, which is wider.
 */
export function accuracyDifference(
  base: Evaluation,
  other: Evaluation,
  paired?: { value: number; low: number; high: number },
): Difference {
  if (paired !== undefined) {
    const verdict = paired.low > 0 ? 'better' : paired.high < 0 ? 'worse' : 'same';
    return { points: 100 * paired.value, margin: 50 * (paired.high - paired.low), verdict };
  }
  const half = ({ low, high }: Evaluation) => (high - low) / 2;
  const points = 100 * (other.value - base.value);
  const margin = 100 * Math.hypot(half(base), half(other));
  return { points, margin, verdict: Math.abs(points) <= margin ? 'same' : points > 0 ? 'better' : 'worse' };
}
