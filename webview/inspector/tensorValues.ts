// Turns the raw little-endian bytes of a tensor into text. Types narrower than a byte are packed, low bits first.

import { three } from '../ui/format';

type Reader = (view: DataView, index: number) => string;

const float = (value: number): string =>
  Number.isNaN(value) ? 'NaN' : Number.isFinite(value) ? three(value) : value > 0 ? '∞' : '−∞';

/** IEEE half precision. */
export function half(bits: number): number {
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  const sign = bits & 0x8000 ? -1 : 1;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

function brain(bits: number): number {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint32(0, bits << 16);
  return view.getFloat32(0);
}

const nibble = (view: DataView, i: number): number => (view.getUint8(i >> 1) >> (4 * (i & 1))) & 15;

const readers: Readonly<Record<string, Reader>> = {
  float: (view, i) => float(view.getFloat32(4 * i, true)),
  double: (view, i) => float(view.getFloat64(8 * i, true)),
  float16: (view, i) => float(half(view.getUint16(2 * i, true))),
  bfloat16: (view, i) => float(brain(view.getUint16(2 * i, true))),
  int64: (view, i) => String(view.getBigInt64(8 * i, true)),
  uint64: (view, i) => String(view.getBigUint64(8 * i, true)),
  int32: (view, i) => String(view.getInt32(4 * i, true)),
  uint32: (view, i) => String(view.getUint32(4 * i, true)),
  int16: (view, i) => String(view.getInt16(2 * i, true)),
  uint16: (view, i) => String(view.getUint16(2 * i, true)),
  int8: (view, i) => String(view.getInt8(i)),
  uint8: (view, i) => String(view.getUint8(i)),
  bool: (view, i) => (view.getUint8(i) === 0 ? 'false' : 'true'),
  uint4: (view, i) => String(nibble(view, i)),
  int4: (view, i) => String((nibble(view, i) << 28) >> 28),
};

/** Texts of up to `count` values, or undefined for a type that is not shown. */
export function tensorValues(
  dtype: string,
  data: ArrayBuffer | Uint8Array,
  count: number,
): string[] | undefined {
  const read = readers[dtype];
  if (read === undefined) return undefined;
  const bytes = data instanceof Uint8Array ? data : new Uint8Array(data);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values: string[] = [];
  try {
    for (let i = 0; i < count; i++) values.push(read(view, i));
  } catch (error) {
    // Fewer values came than asked for: what is there is shown.
    if (!(error instanceof RangeError)) throw error;
  }
  return values;
}
