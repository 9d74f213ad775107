// Turns the raw little-endian bytes of a tensor into text. Types narrower than a byte are packed, low bits first; texts
// come as their UTF-8 bytes, each after its length.

import { three } from '../ui/format';
import { visible } from '../ui/text';

type Reader = (view: DataView, index: number) => string;

const float = (value: number): string =>
  Number.isNaN(value) ? 'NaN' : Number.isFinite(value) ? three(value) : value > 0 ? '∞' : '−∞';

/** A float of a few bits; `special` says which codes are no finite numbers. */
function smallFloat(
  code: number,
  exponentBits: number,
  fractionBits: number,
  bias: number,
  special: 'ieee' | 'allOnes' | 'minusZero' | 'none',
): number {
  const sign = code >> (exponentBits + fractionBits) === 0 ? 1 : -1;
  const magnitude = code & ((1 << (exponentBits + fractionBits)) - 1);
  const exponent = magnitude >> fractionBits;
  const fraction = magnitude & ((1 << fractionBits) - 1);
  const top = (1 << exponentBits) - 1;
  if (special === 'ieee' && exponent === top) return fraction === 0 ? sign * Infinity : NaN;
  if (special === 'allOnes' && magnitude === (1 << (exponentBits + fractionBits)) - 1) return NaN;
  if (special === 'minusZero' && sign < 0 && magnitude === 0) return NaN;
  if (exponent === 0) return sign * fraction * 2 ** (1 - bias - fractionBits);
  return sign * (1 + fraction / 2 ** fractionBits) * 2 ** (exponent - bias);
}

function brain(bits: number): number {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint32(0, bits << 16);
  return view.getFloat32(0);
}

/** The bits of an element that is not a whole number of bytes. */
function packed(view: DataView, index: number, width: number): number {
  const bit = index * width;
  const low = view.getUint8(bit >> 3) >> (bit & 7);
  const high = (bit & 7) + width > 8 ? view.getUint8((bit >> 3) + 1) << (8 - (bit & 7)) : 0;
  return (low | high) & ((1 << width) - 1);
}

const readers: Readonly<Record<string, Reader>> = {
  float: (view, i) => float(view.getFloat32(4 * i, true)),
  double: (view, i) => float(view.getFloat64(8 * i, true)),
  float16: (view, i) => float(smallFloat(view.getUint16(2 * i, true), 5, 10, 15, 'ieee')),
  bfloat16: (view, i) => float(brain(view.getUint16(2 * i, true))),
  complex64: (view, i) => complex(view.getFloat32(8 * i, true), view.getFloat32(8 * i + 4, true)),
  complex128: (view, i) => complex(view.getFloat64(16 * i, true), view.getFloat64(16 * i + 8, true)),
  float8e4m3fn: (view, i) => float(smallFloat(view.getUint8(i), 4, 3, 7, 'allOnes')),
  float8e4m3fnuz: (view, i) => float(smallFloat(view.getUint8(i), 4, 3, 8, 'minusZero')),
  float8e5m2: (view, i) => float(smallFloat(view.getUint8(i), 5, 2, 15, 'ieee')),
  float8e5m2fnuz: (view, i) => float(smallFloat(view.getUint8(i), 5, 2, 16, 'minusZero')),
  float8e8m0: (view, i) => float(view.getUint8(i) === 255 ? NaN : 2 ** (view.getUint8(i) - 127)),
  float6e2m3: (view, i) => float(smallFloat(packed(view, i, 6), 2, 3, 1, 'none')),
  float6e3m2: (view, i) => float(smallFloat(packed(view, i, 6), 3, 2, 3, 'none')),
  float4e2m1: (view, i) => float(smallFloat(packed(view, i, 4), 2, 1, 1, 'none')),
  int64: (view, i) => String(view.getBigInt64(8 * i, true)),
  uint64: (view, i) => String(view.getBigUint64(8 * i, true)),
  int32: (view, i) => String(view.getInt32(4 * i, true)),
  uint32: (view, i) => String(view.getUint32(4 * i, true)),
  int16: (view, i) => String(view.getInt16(2 * i, true)),
  uint16: (view, i) => String(view.getUint16(2 * i, true)),
  int8: (view, i) => String(view.getInt8(i)),
  uint8: (view, i) => String(view.getUint8(i)),
  bool: (view, i) => (view.getUint8(i) === 0 ? 'false' : 'true'),
  uint4: (view, i) => String(packed(view, i, 4)),
  int4: (view, i) => String((packed(view, i, 4) << 28) >> 28),
  uint2: (view, i) => String(packed(view, i, 2)),
  int2: (view, i) => String((packed(view, i, 2) << 30) >> 30),
};

const complex = (real: number, imaginary: number): string =>
  `${float(real)}${imaginary < 0 ? '' : '+'}${float(imaginary)}i`;

/** Texts of up to `count` values, or undefined for a type that is not shown. */
export function tensorValues(
  dtype: string,
  data: ArrayBuffer | Uint8Array,
  count: number,
): string[] | undefined {
  const bytes = data instanceof Uint8Array ? data : new Uint8Array(data);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (dtype === 'string') return textValues(view, bytes, count);
  const read = Object.hasOwn(readers, dtype) ? readers[dtype] : undefined;
  if (read === undefined) return undefined;
  const values: string[] = [];
  try {
    for (let i = 0; i < count; i++) values.push(read(view, i));
  } catch (error) {
    // Fewer values came than asked for: what is there is shown.
    if (!(error instanceof RangeError)) throw error;
  }
  return values;
}

function textValues(view: DataView, bytes: Uint8Array, count: number): string[] {
  const decoder = new TextDecoder();
  const values: string[] = [];
  for (let at = 0; at + 4 <= bytes.length && values.length < count;) {
    const length = view.getUint32(at, true);
    values.push(`"${visible(decoder.decode(bytes.subarray(at + 4, at + 4 + length)))}"`);
    at += 4 + length;
  }
  return values;
}
