// TensorProto.DataType: the numbers of the file format, their names, and how many bits an element takes.

export const DataType = {
  UNDEFINED: 0,
  FLOAT: 1,
  UINT8: 2,
  INT8: 3,
  UINT16: 4,
  INT16: 5,
  INT32: 6,
  INT64: 7,
  STRING: 8,
  BOOL: 9,
  FLOAT16: 10,
  DOUBLE: 11,
  UINT32: 12,
  UINT64: 13,
  COMPLEX64: 14,
  COMPLEX128: 15,
  BFLOAT16: 16,
  FLOAT8E4M3FN: 17,
  FLOAT8E4M3FNUZ: 18,
  FLOAT8E5M2: 19,
  FLOAT8E5M2FNUZ: 20,
  UINT4: 21,
  INT4: 22,
  FLOAT4E2M1: 23,
  FLOAT8E8M0: 24,
  UINT2: 25,
  INT2: 26,
  FLOAT6E2M3: 27,
  FLOAT6E3M2: 28,
} as const;

/** A number from the file; values outside the table are kept as they are. */
export type DataType = number;

const names = new Map<number, string>(
  Object.entries(DataType).map(([name, value]) => [value, name.toLowerCase()]),
);

/** Lower-case name as ONNX Runtime prints it ("float", "uint8", "float16"), or "type 99" for an unknown number. */
export const dataTypeName = (type: DataType): string => names.get(type) ?? `type ${type}`;

const bits: Readonly<Record<number, number>> = {
  1: 32, 2: 8, 3: 8, 4: 16, 5: 16, 6: 32, 7: 64, 9: 8, 10: 16, 11: 64, 12: 32, 13: 64, 14: 64, 15: 128,
  16: 16, 17: 8, 18: 8, 19: 8, 20: 8, 21: 4, 22: 4, 23: 4, 24: 8, 25: 2, 26: 2, 27: 6, 28: 6,
}; // prettier-ignore

/** Bits of one element, or undefined for STRING and unknown types. */
export const dataTypeBits = (type: DataType): number | undefined => bits[type];

/**
 * Bytes that `elements` values take in raw_data, or undefined for STRING and unknown types.
 * Types narrower than a byte are packed; the last byte is padded.
 */
export function rawByteLength(type: DataType, elements: number): number | undefined {
  const width = dataTypeBits(type);
  return width === undefined ? undefined : Math.ceil((elements * width) / 8);
}
