// A histogram of float values with bins of equal width. What is made of it: passes/quantize/histogramRange.ts.

import type { ValueCounts, ValueSpan } from './session';

/** Counts values in `bins` bins over the span; NaN is left out, exact zeros are counted apart. */
export function countValues(
  values: Float32Array,
  { min, max }: Pick<ValueSpan, 'min' | 'max'>,
  bins: number,
): ValueCounts {
  const counts = new Float64Array(bins);
  const perUnit = max > min ? bins / (max - min) : 0;
  let zeros = 0;
  for (const value of values) {
    if (value === 0) {
      zeros += 1;
      continue;
    }
    const bin = Math.floor((value - min) * perUnit);
    if (bin >= 0 && bin < bins) counts[bin]! += 1;
    else if (bin < 0) counts[0]! += 1;
    else if (bin >= bins) counts[bins - 1]! += 1;
  }
  return { counts, zeros };
}
