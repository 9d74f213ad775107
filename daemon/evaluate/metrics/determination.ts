// R²: the share of the wanted values' variance that the model explains. S. Wright, "Correlation and causation",
// Journal of Agricultural Research 20 (1921); of several values, the mean of each value's R².

import type { Sampled } from './sampled';

/**
 * R² of samples × width values. A value that never changes gives 1 when it is always met and 0 otherwise, as in
 * scikit-learn.
 */
export function determination(given: Float64Array, wanted: Float64Array, width: number): Sampled {
  const samples = wanted.length / width;
  return {
    samples,
    value(counts) {
      let sum = 0;
      for (let column = 0; column < width; column += 1) {
        let [total, all] = [0, 0];
        for (let i = 0; i < samples; i += 1) {
          const times = counts ? counts[i]! : 1;
          total += times;
          all += times * wanted[i * width + column]!;
        }
        const mean = all / total;
        let [left, spread] = [0, 0];
        for (let i = 0; i < samples; i += 1) {
          const times = counts ? counts[i]! : 1;
          const value = wanted[i * width + column]!;
          left += times * (value - given[i * width + column]!) ** 2;
          spread += times * (value - mean) ** 2;
        }
        sum += spread > 0 ? 1 - left / spread : left === 0 ? 1 : Number.isNaN(left) ? Number.NaN : 0;
      }
      return sum / width;
    },
  };
}
