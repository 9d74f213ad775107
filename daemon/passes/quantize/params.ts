// Scale and zero point, bit for bit as ONNX Runtime's quantization tool computes them: ranges are widened to
// hold zero, the width is a float32 difference, the division is in float64, rounding is half to even.
// Source: compute_scale_zp of onnxruntime.quantization 1.30.

import type { IntegerArray } from './integerTensor';

export interface Range {
  readonly min: number;
  readonly max: number;
}

/** real = scale · (quantized − zeroPoint); `scale` is a float32 value. */
export interface QuantParams {
  readonly scale: number;
  readonly zeroPoint: number;
}

/** Smallest and largest integer of a quantized type. */
export interface IntegerRange {
  readonly min: number;
  readonly max: number;
}

export const uint8Range: IntegerRange = { min: 0, max: 255 };
/** Weights leave −128 out, so that the range is symmetric. */
export const symmetricInt8Range: IntegerRange = { min: -127, max: 127 };

/** The smallest normal float32. */
export const smallestScale = 2 ** -126;

/** 1.5 · 2^52: adding it leaves no bits for a fraction, and the addition itself rounds half to even. */
export const roundingShift = 6755399441055744;

/** Rounds half to even, exact for |x| < 2^51. */
export const rint = (x: number): number =>
  x > -2251799813685248 && x < 2251799813685248 ? x + roundingShift - roundingShift : x;

/**
 * Scale and zero point for values in `range` (float32 numbers). Symmetric ranges are ±max|r| around the
 * middle of the integers. A range narrower than the smallest float gets scale 1 and zero point 0.
 */
export function quantParams(range: Range, integers: IntegerRange, symmetric = false): QuantParams {
  let min = Math.fround(Math.min(range.min, 0));
  let max = Math.fround(Math.max(range.max, 0));
  if (symmetric) {
    max = Math.max(-min, max);
    min = -max;
  }
  const scale = Math.fround(max - min) / (integers.max - integers.min);
  if (scale < smallestScale) return { scale: 1, zeroPoint: 0 };
  const zeroPoint = symmetric
    ? rint((integers.min + integers.max) / 2)
    : Math.min(integers.max, Math.max(integers.min, rint(integers.min - min / scale)));
  return { scale: Math.fround(scale), zeroPoint };
}

/** Quantizes float32 values with one scale; the quotient is a float32, as in ONNX Runtime. */
export function quantizeValues(
  values: Float32Array,
  { scale, zeroPoint }: QuantParams,
  integers: IntegerRange,
  out: IntegerArray,
): void {
  for (let i = 0; i < values.length; i += 1) {
    const q = rint(Math.fround(values[i]! / scale)) + zeroPoint;
    out[i] = q < integers.min ? integers.min : q > integers.max ? integers.max : q;
  }
}

/** Smallest and largest of the values; NaN to NaN when one of them is no finite number. Empty gives 0 to 0. */
export function rangeOf(values: Float32Array): Range {
  let min = values.length > 0 ? Infinity : 0;
  let max = values.length > 0 ? -Infinity : 0;
  // Comparisons are false for NaN, so that a minimum passes over it; 0 · NaN and 0 · ∞ are NaN.
  let poison = 0;
  for (const value of values) {
    if (value < min) min = value;
    if (value > max) max = value;
    poison += value * 0;
  }
  return Number.isNaN(poison) ? { min: NaN, max: NaN } : { min, max };
}

/** True for a range that a float32 scale can be made of. */
export const isFiniteRange = (range: Range | undefined): range is Range =>
  range !== undefined && range.min <= range.max && Number.isFinite(Math.fround(range.max - range.min));
