// Values of the 8-, 6- and 4-bit float types of ONNX, as tables by code (onnx.proto and the OCP MX and
// FP8 papers it names).

import { DataType } from '../ir/dataType';

interface Layout {
  readonly exponentBits: number;
  readonly fractionBits: number;
  readonly bias: number;
  /** Which codes are no finite numbers: IEEE's, only all ones, only minus zero, none. */
  readonly special: 'ieee' | 'allOnes' | 'minusZero' | 'none';
}

const layouts = new Map<DataType, Layout>([
  [DataType.FLOAT8E4M3FN, { exponentBits: 4, fractionBits: 3, bias: 7, special: 'allOnes' }],
  [DataType.FLOAT8E4M3FNUZ, { exponentBits: 4, fractionBits: 3, bias: 8, special: 'minusZero' }],
  [DataType.FLOAT8E5M2, { exponentBits: 5, fractionBits: 2, bias: 15, special: 'ieee' }],
  [DataType.FLOAT8E5M2FNUZ, { exponentBits: 5, fractionBits: 2, bias: 16, special: 'minusZero' }],
  [DataType.FLOAT6E2M3, { exponentBits: 2, fractionBits: 3, bias: 1, special: 'none' }],
  [DataType.FLOAT6E3M2, { exponentBits: 3, fractionBits: 2, bias: 3, special: 'none' }],
  [DataType.FLOAT4E2M1, { exponentBits: 2, fractionBits: 1, bias: 1, special: 'none' }],
]);

const tables = new Map<DataType, Float32Array>();

/** Value of every code of a float type of 8 bits or fewer, or undefined for other types. */
export function smallFloatTable(type: DataType): Float32Array | undefined {
  const known = tables.get(type);
  if (known) return known;
  let table: Float32Array | undefined;
  const layout = layouts.get(type);
  if (type === DataType.FLOAT8E8M0) {
    table = Float32Array.from({ length: 256 }, (_, code) => (code === 255 ? NaN : 2 ** (code - 127)));
  } else if (layout) {
    const length = 2 ** (1 + layout.exponentBits + layout.fractionBits);
    table = Float32Array.from({ length }, (_, code) => valueOf(code, layout));
  }
  if (table) tables.set(type, table);
  return table;
}

function valueOf(code: number, { exponentBits, fractionBits, bias, special }: Layout): number {
  const signBit = 1 << (exponentBits + fractionBits);
  if (special === 'minusZero' && code === signBit) return NaN;
  const sign = code & signBit ? -1 : 1;
  const magnitude = code & (signBit - 1);
  const exponent = magnitude >>> fractionBits;
  const fraction = magnitude & ((1 << fractionBits) - 1);
  if (special === 'allOnes' && magnitude === signBit - 1) return NaN;
  if (special === 'ieee' && exponent === (1 << exponentBits) - 1)
    return fraction === 0 ? sign * Infinity : NaN;
  const scale = 2 ** -fractionBits;
  if (exponent === 0) return sign * fraction * scale * 2 ** (1 - bias);
  return sign * (1 + fraction * scale) * 2 ** (exponent - bias);
}
