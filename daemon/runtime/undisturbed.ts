// Which runs of the same work nothing disturbed. With the same inputs every run does the same, so what makes one longer is
// not the model's: another process on the other half of the core, an interrupt, the host. Such disturbance only adds, it can
// last for minutes, and it slows one model by another factor than the next. So models are compared by the runs that nothing
// disturbed (Chen & Revels 2016 argue for the minimum for the same reason; a low quantile does not hang on one reading of the
// clock). Pure.

/** The fastest times are taken to be undisturbed; one in fifty may be a slip of the clock. */
export const fastest = 0.02;
/** A run that takes longer than the fastest by more than this was disturbed. */
export const tolerance = 0.05;
/** So many runs count in any case. */
const fewest = 10;

export interface Undisturbed {
  /** Median of the runs that count. */
  readonly p50: number;
  /** Part of all runs that count, 0 to 1. */
  readonly share: number;
}

/** Median and share of the undisturbed among ascending times, of which each counts `weight(i)` times; NaN when there are none. */
export function undisturbedOf(
  sorted: Float64Array,
  weight: (index: number) => number = () => 1,
): Undisturbed {
  let total = 0;
  for (let i = 0; i < sorted.length; i++) total += weight(i);
  const floor = atRank(sorted, weight, fastest * total);
  const least = atRank(sorted, weight, Math.min(total, fewest) - 1);
  const limit = Math.max(least, floor * (1 + tolerance));
  let kept = 0;
  for (let i = 0; i < sorted.length && sorted[i]! <= limit; i++) kept += weight(i);
  const middle = (kept - 1) / 2;
  const p50 = (atRank(sorted, weight, Math.floor(middle)) + atRank(sorted, weight, Math.ceil(middle))) / 2;
  return { p50, share: total > 0 ? kept / total : 0 };
}

/** The time at a rank, from 0, among weighted times; NaN when there is none. */
function atRank(sorted: Float64Array, weight: (index: number) => number, rank: number): number {
  let seen = 0;
  for (let i = 0; i < sorted.length; i++) {
    seen += weight(i);
    if (seen > rank) return sorted[i]!;
  }
  return Number.NaN;
}
