// Biases as int32 with the scale that integer kernels add them at: input scale · weight scale. ONNX Runtime
// refuses to fuse a layer whose bias has another one.

import { rint, smallestScale } from './params';

const int32Max = 2 ** 31 - 1;
/** Room for the rounding of the scales themselves. */
const slack = 1.0001;

/** The smallest weight scale with which bias values fit into int32, and which keeps the product a normal number. */
export const leastWeightScale = (bias: number, inputScale: number): number =>
  Math.max((slack * Math.abs(bias)) / int32Max, smallestScale) / inputScale;

/** float32 scales of a bias: the product of the scales it is added to. */
export const biasScales = (inputScale: number, weightScales: Float32Array): Float32Array =>
  weightScales.map((scale) => inputScale * scale);

/** Rounds a bias; `scales` has one entry for each element or a single one. */
export function quantizeBias(bias: Float32Array, scales: Float32Array): Int32Array {
  const out = new Int32Array(bias.length);
  for (let i = 0; i < bias.length; i += 1) {
    const q = rint(bias[i]! / scales[scales.length === 1 ? 0 : i]!);
    out[i] = Math.max(-int32Max - 1, Math.min(int32Max, q));
  }
  return out;
}
