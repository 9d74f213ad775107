// Weights as symmetric int8 on [−127, 127], one scale for the tensor or one for each channel of an axis.
// Scales come first and by themselves, because a bias may ask for a larger one (bias.ts) before rounding.

import { elementCount } from '../../ir/tensor';
import { quantParams, rint, symmetricInt8Range } from './params';

/** How a row-major tensor falls into channels: `outer` blocks of `count` channels of `inner` neighbours. */
function layout(dims: readonly number[], axis: number | undefined) {
  if (axis === undefined) return { outer: 1, count: 1, inner: elementCount(dims) };
  return {
    outer: elementCount(dims.slice(0, axis)),
    count: dims[axis] ?? 1,
    inner: elementCount(dims.slice(axis + 1)),
  };
}

/**
 * Scales (float32) of a weight, one per channel of `axis` or a single one; undefined when a value is NaN or
 * infinite. A channel of zeros takes the largest scale of the others, so that its bias is kept finely; ONNX
 * Runtime's tool gives it the scale 1.
 */
export function weightScales(
  values: Float32Array,
  dims: readonly number[],
  axis: number | undefined,
): Float32Array | undefined {
  const { outer, count, inner } = layout(dims, axis);
  const largest = new Float32Array(count);
  let poison = 0;
  for (let block = 0, i = 0; block < outer; block += 1) {
    for (let channel = 0; channel < count; channel += 1) {
      let most = largest[channel]!;
      for (const end = i + inner; i < end; i += 1) {
        const value = values[i]!;
        poison += value * 0;
        if (value > most) most = value;
        else if (-value > most) most = -value;
      }
      largest[channel] = most;
    }
  }
  if (Number.isNaN(poison)) return undefined;
  const scales = largest.map((max) => quantParams({ min: -max, max }, symmetricInt8Range, true).scale);
  let spare = 0;
  for (const [c, scale] of scales.entries()) if (largest[c]! > 0 && scale > spare) spare = scale;
  if (spare > 0) for (const [c, max] of largest.entries()) if (max === 0) scales[c] = spare;
  return scales;
}

/** Rounds a weight with its scales (as many as channels of `axis`, or one). */
export function quantizeWeight(
  values: Float32Array,
  dims: readonly number[],
  axis: number | undefined,
  scales: Float32Array,
): Int8Array {
  const { outer, count, inner } = layout(dims, axis);
  const out = new Int8Array(values.length);
  const { min, max } = symmetricInt8Range;
  for (let block = 0, i = 0; block < outer; block += 1) {
    for (let channel = 0; channel < count; channel += 1) {
      const scale = scales[channel]!;
      for (const end = i + inner; i < end; i += 1) {
        const q = rint(Math.fround(values[i]! / scale));
        out[i] = q < min ? min : q > max ? max : q;
      }
    }
  }
  return out;
}
