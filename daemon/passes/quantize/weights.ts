// Weights as symmetric int8 on [−127, 127] (or a narrower range), one scale for the tensor or one for each channel of an axis.
// Scales come first and by themselves, because a bias may ask for a larger one (bias.ts) before rounding.

import { breathe, type Task } from '../../base/task';
import { elementCount } from '../../ir/tensor';
import { quantParams, roundingShift, symmetricInt8Range, type IntegerRange } from './params';

/** A stretch of neighbours that share a channel. */
type VisitStretch = (channel: number, from: number, to: number) => void;

/** Elements between two looks at the task. */
const stride = 1 << 17;

/** Visits a row-major tensor stretch by stretch; without an axis, all of it is channel 0. */
async function eachStretch(
  dims: readonly number[],
  axis: number | undefined,
  visit: VisitStretch,
  task: Task,
): Promise<void> {
  const total = elementCount(dims);
  const count = axis === undefined ? 1 : (dims[axis] ?? 1);
  const inner = axis === undefined ? total : elementCount(dims.slice(axis + 1));
  let seen = 0;
  for (let from = 0, channel = 0; from < total; channel = channel + 1 === count ? 0 : channel + 1) {
    const end = from + inner;
    for (; from < end; from += stride) {
      const to = Math.min(end, from + stride);
      visit(channel, from, to);
      seen += to - from;
      if (seen < stride) continue;
      seen = 0;
      await breathe(task);
    }
    from = end;
  }
}

/**
 * Scales (float32) of a weight, one per channel of `axis` or a single one; undefined when a value is NaN or
 * infinite. A channel of zeros takes the largest scale of the others, so that its bias is kept finely; ONNX
 * Runtime's tool gives it the scale 1.
 */
export async function weightScales(
  values: Float32Array,
  dims: readonly number[],
  axis: number | undefined,
  task: Task,
  integers: IntegerRange = symmetricInt8Range,
): Promise<Float32Array | undefined> {
  // The bits of floats without their sign order as the floats do; infinity and NaN come last.
  const largest = new Float32Array(axis === undefined ? 1 : (dims[axis] ?? 1));
  const most = new Int32Array(largest.buffer);
  const bits = new Int32Array(values.buffer, values.byteOffset, values.length);
  const visit: VisitStretch = (channel, from, to) => {
    most[channel] = largestBits(bits, from, to, most[channel]!);
  };
  await eachStretch(dims, axis, visit, task);
  if (most.some((each) => each >= infinityBits)) return undefined;
  const scales = largest.map((max) => quantParams({ min: -max, max }, integers, true).scale);
  let spare = 0;
  for (const [c, scale] of scales.entries()) if (largest[c]! > 0 && scale > spare) spare = scale;
  if (spare > 0) for (const [c, max] of largest.entries()) if (max === 0) scales[c] = spare;
  return scales;
}

const infinityBits = 0x7f800000;

// Loops over elements are functions of their own: compiled once, they stay fast whatever calls them.
function largestBits(bits: Int32Array, from: number, to: number, start: number): number {
  let most = start;
  for (let i = from; i < to; i += 1) {
    const each = bits[i]! & 0x7fffffff;
    if (each > most) most = each;
  }
  return most;
}

function roundStretch(
  values: Float32Array,
  out: Int8Array,
  from: number,
  to: number,
  scale: number,
  min: number,
  max: number,
): void {
  for (let i = from; i < to; i += 1) {
    const q = Math.fround(values[i]! / scale);
    // Clamped first, it is small enough for the shift that rounds half to even, and rounds to the same.
    out[i] = (q < min ? min : q > max ? max : q) + roundingShift - roundingShift;
  }
}

/** Rounds a weight with its scales (as many as channels of `axis`, or one). */
export async function quantizeWeight(
  values: Float32Array,
  dims: readonly number[],
  axis: number | undefined,
  scales: Float32Array,
  task: Task,
  { min, max }: IntegerRange = symmetricInt8Range,
): Promise<Int8Array<ArrayBuffer>> {
  const out = new Int8Array(values.length);
  const visit: VisitStretch = (channel, from, to) => {
    roundStretch(values, out, from, to, scales[channel]!, min, max);
  };
  await eachStretch(dims, axis, visit, task);
  return out;
}
