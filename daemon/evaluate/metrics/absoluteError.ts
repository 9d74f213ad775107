// Mean absolute error: the mean over samples and values of the absolute difference. C. J. Willmott and
// K. Matsuura, "Advantages of the mean absolute error", Climate Research 30 (2005), 79–82.

/** The mean absolute difference of one sample's values; NaN when a value is none. */
export function absoluteErrorOf(given: ArrayLike<number>, wanted: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < wanted.length; i += 1) sum += Math.abs(given[i]! - wanted[i]!);
  return sum / wanted.length;
}
