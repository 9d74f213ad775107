// Shape rules of Fourier transforms.

import { axisOf, intOf, unknownDims, type Rule, type RuleContext, type RuleTable } from './context';
import { addDims, floorDivide, multiplyDims, subtractDims, type Dim, type Dims } from './dims';

/** Different values of the transform of `length` real ones: the others are their mirror image. */
const half = (length: Dim): Dim => addDims(floorDivide(length, 2), 1);

const firstValue = (context: RuleContext, input: number): Dim => context.values(input)?.[0] ?? null;

/** The last dimension holds the real and the imaginary part, or the real one alone. */
const dft: Rule = (context) => {
  const dims = context.dims(0);
  const dtype = context.dtype(0);
  if (!dims || dims.length < 2) return [{ dtype, dims }];
  // The axis was an attribute that counts from the front, and is an input since opset 20.
  const stated =
    context.opset < 20 ? intOf(context, 'axis', 1) : context.has(2) ? firstValue(context, 2) : -2;
  const inverse = intOf(context, 'inverse', 0) !== 0;
  const onesided = intOf(context, 'onesided', 0) !== 0;
  const parts = inverse && onesided ? 1 : 2;
  const axis = typeof stated === 'number' ? axisOf(stated, dims.length) : undefined;
  if (axis === undefined) {
    // Without a length of its own, a transform of all values keeps every size, whichever axis it runs along.
    const kept = onesided || context.has(1) ? unknownDims(dims.length - 1) : dims.slice(0, -1);
    return [{ dtype, dims: [...kept, parts] }];
  }
  const size = dims[axis] ?? null;
  const whole = inverse && onesided ? multiplyDims(subtractDims(size, 1), 2) : size;
  const length = context.has(1) ? firstValue(context, 1) : whole;
  const result = dims.map((dim, at) => (at === axis ? (onesided && !inverse ? half(length) : length) : dim));
  return [{ dtype, dims: [...result.slice(0, -1), parts] }];
};

/** [batch, frames, frequencies, 2]. */
const stft: Rule = (context) => {
  const dims = context.dims(0);
  const signal = dims?.[1] ?? null;
  const window = context.has(2) ? (context.dims(2)?.[0] ?? null) : signal;
  const frame = context.has(3) ? firstValue(context, 3) : window;
  const frames = addDims(floorDivide(subtractDims(signal, frame), firstValue(context, 1)), 1);
  const frequencies = intOf(context, 'onesided', 1) !== 0 ? half(frame) : frame;
  return [{ dtype: context.dtype(0), dims: [dims?.[0] ?? null, frames, frequencies, 2] }];
};

/** com.microsoft.Rfft and Irfft: the last dimension of the input, or the last before the parts. */
const rfft: Rule = (context) => {
  const dims = context.dims(0);
  const last = dims?.at(-1) ?? null;
  const result: Dims | null = dims && [...dims.slice(0, -1), half(last), 2];
  return [{ dtype: context.dtype(0), dims: result }];
};

const irfft: Rule = (context) => {
  const dims = context.dims(0);
  if (!dims || dims.length < 2) return [{ dtype: context.dtype(0), dims: null }];
  const length = multiplyDims(subtractDims(dims.at(-2) ?? null, 1), 2);
  return [{ dtype: context.dtype(0), dims: [...dims.slice(0, -2), length] }];
};

export const signalRules: RuleTable = {
  DFT: dft,
  STFT: stft,
  'com.microsoft.Rfft': rfft,
  'com.microsoft.Irfft': irfft,
};
