// Mean squared error: the mean over samples and values of the squared difference. C. F. Gauss, "Theoria
// combinationis observationum" (1823).

/** The mean squared difference of one sample's values; NaN when a value is none. */
export function squaredErrorOf(given: ArrayLike<number>, wanted: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < wanted.length; i += 1) sum += (given[i]! - wanted[i]!) ** 2;
  return sum / wanted.length;
}
