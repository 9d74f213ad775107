// Kullback–Leibler divergence of the model's class probabilities from the wanted ones, in nats. S. Kullback and
// R. A. Leibler, "On Information and Sufficiency", Annals of Mathematical Statistics 22 (1951), 79–86.

/** Sums that are one within rounding are probabilities already. */
const tolerance = 1e-3;

/** Probabilities from one row: as they are when they are none below 0 and sum to 1, else their softmax. */
export function probabilities(row: ArrayLike<number>): Float64Array {
  let sum = 0;
  let smallest = Infinity;
  let largest = -Infinity;
  for (let i = 0; i < row.length; i += 1) {
    sum += row[i]!;
    smallest = Math.min(smallest, row[i]!);
    largest = Math.max(largest, row[i]!);
  }
  if (smallest >= 0 && Math.abs(sum - 1) <= tolerance) return Float64Array.from(row, (value) => value / sum);
  const shifted = Float64Array.from(row, (value) => Math.exp(value - largest));
  const total = shifted.reduce((all, one) => all + one, 0);
  return shifted.map((value) => value / total);
}

/** Σ p ln(p / q) of the wanted p and the given q; infinite where q is 0 and p is not. */
export function divergenceOf(given: ArrayLike<number>, wanted: ArrayLike<number>): number {
  const q = probabilities(given);
  const p = probabilities(wanted);
  let sum = 0;
  for (let i = 0; i < p.length; i += 1) {
    if (Number.isNaN(q[i]!)) return Number.NaN;
    if (p[i]! > 0) sum += p[i]! * Math.log(p[i]! / q[i]!);
  }
  return sum;
}
