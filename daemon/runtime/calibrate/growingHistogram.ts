// A histogram of float values whose range is not known beforehand: bins as wide as a power of two lie on either side
// of zero, and when a value falls beyond the last, neighbours are merged. So one pass over the data is enough, and
// the counts are exact whatever the order of the values. What is made of it: passes/quantize/histogramRange.ts.
//
// Calibration counts hundreds of millions of values, whose signs a processor cannot guess: the loops have no branch
// that depends on them. They look at the bits, which as integers have the order of the floats, negative ones mirrored.
// Where there is a kernel (countKernel.ts) it goes over four values at a time, and the loops here over what is left.

import type { ValueCounts } from '../runner/session';
import type { CountKernel } from './countKernel';

/** Bins on each side of zero; after merging at least half of them are in use on the longer side. */
export const sideBins = 4096;

const allBins = 2 * sideBins;
const infinityBits = 0x7f800000;
const mostInLane = 2 ** 32 - 1;
const greatestSinglePower = 2 ** 127;

export class GrowingHistogram {
  /**
   * Bins from the lowest to the highest, each with a place for every other value: two additions to one place would
   * wait for each other. Zeros are in the bins beside zero, by their sign. They lie here or in the kernel's memory.
   */
  private readonly ownLanes: Uint32Array | undefined;
  private readonly lanesAt: number = 0;
  private inLanes = 0;
  /** What no longer fitted into the lanes. */
  private spilled: Float64Array | undefined;
  private width = 0;
  private positiveZeros = 0;
  private negativeZeros = 0;
  private min = Infinity;
  private max = -Infinity;
  private finite = true;

  /** A kernel may be shared by many. */
  constructor(private readonly kernel?: CountKernel) {
    if (kernel) this.lanesAt = kernel.allocate(8 * allBins);
    else this.ownLanes = new Uint32Array(2 * allBins);
  }

  private get lanes(): Uint32Array {
    return this.ownLanes ?? new Uint32Array(this.kernel!.buffer, this.lanesAt, 2 * allBins);
  }

  /** Counts some values; when one of them is no finite number, none is, and the whole is marked. */
  add(values: Float32Array): void {
    const { kernel } = this;
    if (!kernel) {
      this.addRange(
        values,
        new Int32Array(values.buffer, values.byteOffset, values.length),
        0,
        values.length,
      );
      return;
    }
    for (let done = 0; done < values.length; done += kernel.stretch) {
      const part = values.subarray(done, done + kernel.stretch);
      const at = kernel.hold(part) / 4;
      this.addRange(kernel.floats, kernel.bits, at, at + part.length);
    }
  }

  private addRange(values: Float32Array, bits: Int32Array, from: number, to: number): void {
    if (!this.finite || from === to) return;
    const byKernel = this.kernel ? (to - from) & ~3 : 0;
    const rest = from + byKernel;
    const found = extremes(bits, rest, to);
    if (byKernel > 0) addExtremes(found, this.kernel!.extremes(4 * from, byKernel));
    const { greatest, least, zeros, negativeZeros } = found;
    const mirrored = found.unsigned ^ 0x80000000;
    // Without negative ones the least integer is the smallest; otherwise the negative one of the longest distance is.
    const most = floatOf(greatest >= 0 ? greatest : least);
    const fewest = floatOf(least < 0 ? mirrored : least);
    if (greatest >= infinityBits || (mirrored & 0x7fffffff) >= infinityBits) {
      this.finite = false;
      return;
    }
    this.min = Math.min(this.min, fewest + 0);
    this.max = Math.max(this.max, most + 0);
    this.reach(Math.max(-fewest, most));
    this.negativeZeros += negativeZeros;
    this.positiveZeros += zeros - negativeZeros;
    if (this.inLanes + to - from > mostInLane) this.spill();
    this.inLanes += to - from;
    const perUnit = this.width > 0 ? 1 / this.width : 0;
    // Beyond that the kernel, which computes in single precision, has no number.
    const small = perUnit > greatestSinglePower;
    if (byKernel > 0 && !small) this.kernel!.count(4 * from, byKernel, this.lanesAt, perUnit);
    const first = small ? from : rest;
    if (first < to) count(values, bits, first, to, perUnit, this.lanes);
  }

  /** Widens the bins until `extent` falls into the last one. */
  private reach(extent: number): void {
    if (extent === 0) return;
    if (this.width === 0) this.width = 2 ** (Math.floor(Math.log2(extent)) + 1) / sideBins;
    while (extent >= this.width * sideBins) {
      this.spill();
      const bins = this.spilled!;
      for (let i = 0; i < sideBins / 2; i += 1) {
        bins[sideBins + i] = bins[sideBins + 2 * i]! + bins[sideBins + 2 * i + 1]!;
        bins[sideBins - 1 - i] = bins[sideBins - 1 - 2 * i]! + bins[sideBins - 2 - 2 * i]!;
      }
      bins.fill(0, 0, sideBins / 2);
      bins.fill(0, sideBins + sideBins / 2);
      this.width *= 2;
    }
  }

  private spill(): void {
    if (this.inLanes === 0 && this.spilled) return;
    this.spilled = this.bins();
    this.lanes.fill(0);
    this.inLanes = 0;
  }

  private bins(): Float64Array {
    const { lanes, spilled, min, max } = this;
    const bins = new Float64Array(allBins);
    const perUnit = this.width > 0 ? 1 / this.width : 0;
    // Most values have one sign and leave half of the bins empty.
    const below = Math.min(sideBins, 1 + Math.floor(Math.max(0, -min) * perUnit));
    const above = Math.min(sideBins, 1 + Math.floor(Math.max(0, max) * perUnit));
    for (let i = sideBins - below; i < sideBins + above; i += 1)
      bins[i] = lanes[2 * i]! + lanes[2 * i + 1]! + (spilled?.[i] ?? 0);
    return bins;
  }

  /** Everything so far, without the empty bins at either end. */
  result(): ValueCounts {
    const { width, min, max, finite, positiveZeros, negativeZeros } = this;
    const bins = this.bins();
    bins[sideBins]! -= positiveZeros;
    bins[sideBins - 1]! -= negativeZeros;
    let from = 0;
    while (from < sideBins && bins[from] === 0) from += 1;
    let to = allBins;
    while (to > sideBins && bins[to - 1] === 0) to -= 1;
    return {
      counts: bins.slice(from, to),
      zeros: positiveZeros + negativeZeros,
      from: (from - sideBins) * width,
      to: (to - sideBins) * width,
      min,
      max,
      finite,
    };
  }
}

interface Extremes {
  /** Largest and smallest as integers. */
  greatest: number;
  least: number;
  /** The largest with its sign bit turned: the negative number furthest from zero, where there is one. */
  unsigned: number;
  zeros: number;
  negativeZeros: number;
}

function extremes(bits: Int32Array, from: number, to: number): Extremes {
  let greatest = -0x80000000;
  let least = 0x7fffffff;
  let unsigned = -0x80000000;
  let others = 0;
  let positive = 0;
  for (let i = from; i < to; i += 1) {
    const bit = bits[i]!;
    if (bit > greatest) greatest = bit;
    if (bit < least) least = bit;
    const flipped = bit ^ 0x80000000;
    if (flipped > unsigned) unsigned = flipped;
    // 1 for every number but the two zeros, and for a positive zero as well.
    const magnitude = bit << 1;
    others += (magnitude | -magnitude) >>> 31;
    positive += (bit | -bit) >>> 31;
  }
  // A negative zero is the one that looks like a number when its sign is kept.
  return { greatest, least, unsigned, zeros: to - from - others, negativeZeros: positive - others };
}

/** Adds what the kernel found, four numbers of each kind. */
function addExtremes(found: Extremes, of: Int32Array): void {
  for (let i = 0; i < 4; i += 1) {
    found.greatest = Math.max(found.greatest, of[i]!);
    found.least = Math.min(found.least, of[4 + i]!);
    found.unsigned = Math.max(found.unsigned, of[8 + i]!);
    found.zeros += of[12 + i]!;
    found.negativeZeros += of[16 + i]!;
  }
}

/** Adds one to the bin of each value: as many bins from zero as its distance has widths, on the side of its sign. */
function count(
  values: Float32Array,
  bits: Int32Array,
  from: number,
  to: number,
  perUnit: number,
  lanes: Uint32Array,
): void {
  const last = lanes.length - 1;
  const pairs = to - ((to - from) % 2);
  for (let i = from; i < pairs; i += 2) {
    const a = ((values[i]! * perUnit) | 0) + sideBins - (bits[i]! >>> 31);
    const b = ((values[i + 1]! * perUnit) | 0) + sideBins - (bits[i + 1]! >>> 31);
    lanes[(2 * a) & last]! += 1;
    lanes[(2 * b + 1) & last]! += 1;
  }
  if (pairs < to) {
    const a = ((values[pairs]! * perUnit) | 0) + sideBins - (bits[pairs]! >>> 31);
    lanes[2 * a]! += 1;
  }
}

const integer = new Int32Array(1);
const float = new Float32Array(integer.buffer);

function floatOf(bits: number): number {
  integer[0] = bits;
  return float[0]!;
}
