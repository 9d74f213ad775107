// A histogram of float values whose range is not known beforehand: bins as wide as a power of two lie on either side
// of zero, and when a value falls beyond the last, neighbours are merged. So one pass over the data is enough, and
// the counts are exact whatever the order of the values. What is made of it: passes/quantize/histogramRange.ts.

import type { ValueCounts } from './session';

/** Bins on each side of zero; after merging at least half of them are in use on the longer side. */
export const sideBins = 4096;

export class GrowingHistogram {
  private readonly positive = new Float64Array(sideBins);
  private readonly negative = new Float64Array(sideBins);
  private width = 0;
  private zeros = 0;
  private min = Infinity;
  private max = -Infinity;
  private finite = true;

  /** Counts some values; when one of them is no finite number, none is, and the whole is marked. */
  add(values: Float32Array): void {
    let least = Infinity;
    let most = -Infinity;
    let poison = 0;
    for (let i = 0; i < values.length; i += 1) {
      const value = values[i]!;
      if (value < least) least = value;
      if (value > most) most = value;
      // 0 · NaN and 0 · ∞ are NaN.
      poison += value * 0;
    }
    if (Number.isNaN(poison)) this.finite = false;
    if (!this.finite || values.length === 0) return;
    this.min = Math.min(this.min, least);
    this.max = Math.max(this.max, most);
    this.reach(Math.max(-least, most));
    const { positive, negative } = this;
    const perUnit = this.width > 0 ? 1 / this.width : 0;
    let zeros = 0;
    for (let i = 0; i < values.length; i += 1) {
      const value = values[i]!;
      if (value > 0) positive[(value * perUnit) | 0]! += 1;
      else if (value < 0) negative[(-value * perUnit) | 0]! += 1;
      else zeros += 1;
    }
    this.zeros += zeros;
  }

  /** Widens the bins until `extent` falls into the last one. */
  private reach(extent: number): void {
    if (extent === 0) return;
    if (this.width === 0) this.width = 2 ** (Math.floor(Math.log2(extent)) + 1) / sideBins;
    while (extent >= this.width * sideBins) {
      for (const side of [this.positive, this.negative]) {
        for (let i = 0; i < sideBins / 2; i += 1) side[i] = side[2 * i]! + side[2 * i + 1]!;
        side.fill(0, sideBins / 2);
      }
      this.width *= 2;
    }
  }

  /** Everything so far, without the empty bins at either end. */
  result(): ValueCounts {
    const { width, zeros, min, max, finite } = this;
    const below = usedBins(this.negative);
    const above = usedBins(this.positive);
    const counts = new Float64Array(below + above);
    for (let i = 0; i < below; i += 1) counts[below - 1 - i] = this.negative[i]!;
    counts.set(this.positive.subarray(0, above), below);
    return { counts, zeros, from: -below * width, to: above * width, min, max, finite };
  }
}

function usedBins(side: Float64Array): number {
  let used = side.length;
  while (used > 0 && side[used - 1] === 0) used -= 1;
  return used;
}
