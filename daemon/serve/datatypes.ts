// The Open Inference Protocol's datatype names beside ONNX Runtime's element types. Values are converted in
// jsonTensors.ts and binaryTensors.ts.

import type { ElementType, SessionValue } from '../runtime/runner/session';

const datatypes: Readonly<Record<ElementType, string>> = {
  bool: 'BOOL',
  uint8: 'UINT8',
  uint16: 'UINT16',
  uint32: 'UINT32',
  uint64: 'UINT64',
  int8: 'INT8',
  int16: 'INT16',
  int32: 'INT32',
  int64: 'INT64',
  float16: 'FP16',
  float32: 'FP32',
  float64: 'FP64',
  string: 'BYTES',
};

const elementTypes = new Map(
  Object.entries(datatypes).map(([type, datatype]) => [datatype, type as ElementType]),
);

/** Bytes of one element in the binary form; 0 for `string`, whose elements carry their own length. */
export const elementBytes: Readonly<Record<ElementType, number>> = {
  bool: 1,
  uint8: 1,
  uint16: 2,
  uint32: 4,
  uint64: 8,
  int8: 1,
  int16: 2,
  int32: 4,
  int64: 8,
  float16: 2,
  float32: 4,
  float64: 8,
  string: 0,
};

/** The protocol's name of an element type, `FP32`. A type that ONNX Runtime knows and we do not gives its own name. */
export const datatypeOf = (type: ElementType): string =>
  (datatypes as Readonly<Record<string, string>>)[type] ?? (type as string).toUpperCase();

/** The element type of a protocol name, or undefined: BF16 has no JavaScript form in ONNX Runtime. */
export const elementTypeOf = (datatype: string): ElementType | undefined => elementTypes.get(datatype);

/** A session's dimensions as the protocol writes them: free ones are -1. */
export const wireShape = (dims: SessionValue['dims']): number[] =>
  dims.map((dim) => (typeof dim === 'number' && dim >= 0 ? dim : -1));

/** `FP32 [-1,3,224,224]`: how sentences name what an input takes. */
export const wireTypeText = (value: SessionValue): string =>
  `${datatypeOf(value.type)} ${JSON.stringify(wireShape(value.dims))}`;

/** The tensor entries of a model's metadata. */
export const wireTensors = (values: readonly SessionValue[]) =>
  values.map((value) => ({
    name: value.name,
    datatype: datatypeOf(value.type),
    shape: wireShape(value.dims),
  }));
