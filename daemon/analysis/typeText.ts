// Types and shapes of the IR as the text and plain values that people and other programs read.

import { DataType, dataTypeBits, dataTypeName } from '../ir/dataType';
import type { Shape, Type, ValueInfo } from '../ir/model';

/** A dimension as it is shown: a number, a symbolic name, or null where unknown. */
export type ShownDimension = number | string | null;

/** A named input or output; `shape` is null when the rank is unknown or the value is no tensor. */
export interface ValueSummary {
  name: string;
  dtype: string;
  shape: ShownDimension[] | null;
}

/** What stands for a type that nobody states. */
export const unknownType = dataTypeName(0);

/** A type expression: `float`, `seq(float)`, `map(int64,float)`, `optional(seq(int64))`, `sparse_tensor(float)`. */
export function typeText(type: Type | undefined): string {
  // Types nest as deep as a file likes; past this depth nobody reads them.
  return textOf(type, 32);
}

function textOf(type: Type | undefined, depth: number): string {
  if (!type || type.kind === 'none') return unknownType;
  if (depth === 0) return '…';
  switch (type.kind) {
    case 'tensor':
      return dataTypeName(type.elemType);
    case 'sparseTensor':
      return `sparse_tensor(${dataTypeName(type.elemType)})`;
    case 'sequence':
      return `seq(${textOf(type.elem, depth - 1)})`;
    case 'optional':
      return `optional(${textOf(type.elem, depth - 1)})`;
    case 'map':
      return `map(${dataTypeName(type.keyType)},${textOf(type.valueType, depth - 1)})`;
    case 'opaque':
      return `opaque(${[type.domain, type.name].filter((part) => part !== '').join(',')})`;
  }
}

/** Dimensions as stated; an empty name counts as unknown. */
const shownShape = (shape: Shape): ShownDimension[] =>
  shape.map((dim) => dim.value ?? (dim.param === undefined || dim.param === '' ? null : dim.param));

/** The stated shape of a tensor type, or null. */
export function shapeOfType(type: Type | undefined): ShownDimension[] | null {
  if (type?.kind !== 'tensor' && type?.kind !== 'sparseTensor') return null;
  return type.shape ? shownShape(type.shape) : null;
}

export const describeValue = (info: ValueInfo): ValueSummary => ({
  name: info.name,
  dtype: typeText(info.type),
  shape: shapeOfType(info.type),
});

/** "1×64×56×56" with "?" for unknown dimensions; "scalar" for no dimensions; "" for unknown rank. */
export function shapeText(dims: readonly ShownDimension[] | null): string {
  if (dims === null) return '';
  if (dims.length === 0) return 'scalar';
  return dims.map((dim) => (dim === null ? '?' : dim)).join('×');
}

const numbers = new Map<string, DataType>(Object.values(DataType).map((type) => [dataTypeName(type), type]));

/** The element type of a tensor's type text; undefined for sequences, maps and unknown types. */
export function elementTypeOf(dtype: string): DataType | undefined {
  const type = numbers.get(dtype);
  return type === DataType.UNDEFINED ? undefined : type;
}

/** Bits of one element of a tensor's type text; undefined for text, sequences and unknown types. */
export function bitsOf(dtype: string): number | undefined {
  const type = elementTypeOf(dtype);
  return type === undefined ? undefined : dataTypeBits(type);
}
