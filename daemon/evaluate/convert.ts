// Brings stored values to the element type that an input wants, where nothing is lost that matters: whole numbers
// to whole numbers that hold them, floating point to floating point. Whole numbers are not made floating point:
// pixels of 0 to 255 in place of the scaled ones that a model was trained on would give wrong results silently.

import { floatToHalf, halvesToFloats } from '../onnx/float16';
import type { ElementType, TensorValue } from '../runtime/runner/session';
import type { NpyData } from './npy';

/** Smallest and largest value of the whole-number types. */
export const ranges: Readonly<Partial<Record<ElementType, readonly [bigint, bigint]>>> = {
  bool: [0n, 1n],
  int8: [-128n, 127n],
  uint8: [0n, 255n],
  int16: [-32768n, 32767n],
  uint16: [0n, 65535n],
  int32: [-(2n ** 31n), 2n ** 31n - 1n],
  uint32: [0n, 2n ** 32n - 1n],
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
  uint64: [0n, 2n ** 64n - 1n],
};
const floats: readonly ElementType[] = ['float16', 'float32', 'float64'];

/** Whether values of one type may stand for another, single values aside. */
export function convertible(from: ElementType, to: ElementType): boolean {
  if (from === to) return true;
  if (floats.includes(from)) return floats.includes(to);
  return from in ranges && to in ranges;
}

/** A tensor of a type from the array that holds it. */
export const tensorOf = (type: ElementType, dims: readonly number[], data: NpyData): TensorValue =>
  ({ type, dims, data }) as TensorValue;

/** An array of zeros for values of a type; not for strings. */
export function emptyArray(type: ElementType, length: number): Exclude<NpyData, string[]> {
  switch (type) {
    case 'float32':
      return new Float32Array(length);
    case 'float64':
      return new Float64Array(length);
    case 'int8':
      return new Int8Array(length);
    case 'int16':
      return new Int16Array(length);
    case 'uint16':
    case 'float16':
      return new Uint16Array(length);
    case 'int32':
      return new Int32Array(length);
    case 'uint32':
      return new Uint32Array(length);
    case 'int64':
      return new BigInt64Array(length);
    case 'uint64':
      return new BigUint64Array(length);
    default:
      return new Uint8Array(length);
  }
}

/** Values of any numeric type as numbers; 64-bit ones beyond 2^53 are rounded. */
export function toNumbers(type: ElementType, data: NpyData): ArrayLike<number> {
  if (type === 'float16') return halvesToFloats(data as Uint16Array);
  if (data instanceof BigInt64Array || data instanceof BigUint64Array)
    return Float64Array.from({ length: data.length }, (_, i) => Number(data[i]));
  return data as ArrayLike<number>;
}

/** The converted values, or the index of the first that does not fit. Ask `convertible` first. */
export function convert(
  from: ElementType,
  to: ElementType,
  data: NpyData,
): { data: NpyData } | { misfit: number } {
  if (from === to) return { data };
  const out = emptyArray(to, data.length);
  if (floats.includes(to)) {
    const numbers = toNumbers(from, data);
    for (let i = 0; i < numbers.length; i += 1) {
      const value = numbers[i]!;
      if (to === 'float16') {
        const half = floatToHalf(value);
        if (Number.isFinite(value) && (half & 0x7fff) === 0x7c00) return { misfit: i };
        out[i] = half;
      } else {
        out[i] = value;
        if (Number.isFinite(value) && !Number.isFinite(Number(out[i]))) return { misfit: i };
      }
    }
    return { data: out };
  }
  const [low, high] = ranges[to]!;
  const wide = out instanceof BigInt64Array || out instanceof BigUint64Array;
  for (let i = 0; i < data.length; i += 1) {
    const value = data[i] as number | bigint;
    if (value < low || value > high) return { misfit: i };
    out[i] = wide ? BigInt(value) : Number(value);
  }
  return { data: out };
}
