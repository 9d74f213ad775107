// The interval of a share that was counted on a sample.

export interface Share {
  readonly value: number;
  /** Ends of the 95 % interval. */
  readonly low: number;
  readonly high: number;
}

/** Two-sided 95 % of the normal distribution. */
const z = 1.959963984540054;

/**
 * Share of `hits` in `total` (above 0) with the 95 % score interval of E. B. Wilson, "Probable Inference, the Law of
 * Succession, and Statistical Inference", Journal of the American Statistical Association 22 (1927), 209–212,
 * without continuity correction. It stays within 0 and 1 and holds for few samples and shares near the ends.
 */
export function wilson(hits: number, total: number): Share {
  const value = hits / total;
  const weight = 1 + (z * z) / total;
  const middle = (value + (z * z) / (2 * total)) / weight;
  const half = (z / weight) * Math.sqrt((value * (1 - value)) / total + (z * z) / (4 * total * total));
  return {
    value,
    low: hits === 0 ? 0 : Math.max(0, middle - half),
    high: hits === total ? 1 : Math.min(1, middle + half),
  };
}
