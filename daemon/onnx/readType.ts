// Readers of TypeProto, TensorShapeProto and ValueInfoProto.

import type { Dimension, Shape, Type, ValueInfo } from '../ir/model';
import { deepestType } from './reading';
import type { Reading } from './reading';
import type { Ranges } from './wireReader';

const valueInfoFields = new Set([1, 2, 3, 4]);
const typeFields = new Set([1, 4, 5, 6, 7, 8, 9]);
const shapeFields = new Set([1]);
const dimensionFields = new Set([1, 2, 3]);
const pairFields = new Set([1, 2]);
const elemFields = new Set([1]);

/** The current field as a ValueInfoProto. */
export function readValueInfo(reading: Reading): ValueInfo {
  const { wire } = reading;
  const info: ValueInfo = { name: '', docString: '', metadataProps: [] };
  let rest: Ranges | undefined;
  const outer = wire.enter(150);
  while (wire.next()) {
    switch (wire.tag) {
      case 10:
        info.name = wire.string();
        break;
      case 18:
        info.type = readType(reading, 0);
        break;
      case 26:
        info.docString = wire.string();
        break;
      case 34:
        info.metadataProps.push(reading.entry());
        break;
      default:
        rest = reading.unknown(rest, valueInfoFields);
    }
  }
  reading.keep(info, rest);
  wire.leave(outer);
  return info;
}

/** The current field as a TypeProto; of several kinds the last one counts, as protobuf has it. */
export function readType(reading: Reading, depth: number): Type {
  const { wire } = reading;
  let type: Type = { kind: 'none' };
  let denotation: string | undefined;
  let rest: Ranges | undefined;
  const outer = wire.enter();
  while (wire.next()) {
    switch (wire.tag) {
      case 10:
        type = readTensorType(reading, 'tensor');
        break;
      case 66:
        type = readTensorType(reading, 'sparseTensor');
        break;
      case 34:
        type = readElemType(reading, 'sequence', depth);
        break;
      case 74:
        type = readElemType(reading, 'optional', depth);
        break;
      case 42:
        type = readMapType(reading, depth);
        break;
      case 58:
        type = readOpaqueType(reading);
        break;
      case 50:
        denotation = wire.string();
        break;
      default:
        rest = reading.unknown(rest, typeFields);
    }
  }
  if (denotation !== undefined) type.denotation = denotation;
  reading.keep(type, rest);
  wire.leave(outer);
  return type;
}

function readTensorType(reading: Reading, kind: 'tensor' | 'sparseTensor'): Type {
  const { wire } = reading;
  const type: Type = { kind, elemType: 0 };
  let rest: Ranges | undefined;
  const outer = wire.enter();
  while (wire.next()) {
    switch (wire.tag) {
      case 8:
        type.elemType = wire.int32();
        break;
      case 18:
        type.shape = readShape(reading, type);
        break;
      default:
        rest = reading.unknown(rest, pairFields);
    }
  }
  if (rest) type.unknownInside = wire.copyRanges(rest);
  wire.leave(outer);
  return type;
}

function readElemType(reading: Reading, kind: 'sequence' | 'optional', depth: number): Type {
  const { wire } = reading;
  const type: Type = { kind };
  let rest: Ranges | undefined;
  const outer = wire.enter();
  while (wire.next()) {
    if (wire.tag === 10 && isTooDeep(reading, depth)) rest = wire.note(rest);
    else if (wire.tag === 10) type.elem = readType(reading, depth + 1);
    else rest = reading.unknown(rest, elemFields);
  }
  if (rest) type.unknownInside = wire.copyRanges(rest);
  wire.leave(outer);
  return type;
}

function readMapType(reading: Reading, depth: number): Type {
  const { wire } = reading;
  const type: Type = { kind: 'map', keyType: 0 };
  let rest: Ranges | undefined;
  const outer = wire.enter();
  while (wire.next()) {
    if (wire.tag === 8) type.keyType = wire.int32();
    else if (wire.tag === 18 && isTooDeep(reading, depth)) rest = wire.note(rest);
    else if (wire.tag === 18) type.valueType = readType(reading, depth + 1);
    else rest = reading.unknown(rest, pairFields);
  }
  if (rest) type.unknownInside = wire.copyRanges(rest);
  wire.leave(outer);
  return type;
}

function readOpaqueType(reading: Reading): Type {
  const { wire } = reading;
  const type: Type = { kind: 'opaque', domain: '', name: '' };
  let rest: Ranges | undefined;
  const outer = wire.enter();
  while (wire.next()) {
    if (wire.tag === 10) type.domain = wire.string();
    else if (wire.tag === 18) type.name = wire.string();
    else rest = reading.unknown(rest, pairFields);
  }
  if (rest) type.unknownInside = wire.copyRanges(rest);
  wire.leave(outer);
  return type;
}

function isTooDeep(reading: Reading, depth: number): boolean {
  if (depth < deepestType) return false;
  reading.complain(
    'onnx/too-deep',
    'Types are nested too deeply; the inner ones are kept as bytes',
    reading.wire.fieldStart,
  );
  return true;
}

function readShape(reading: Reading, type: Type): Shape {
  const { wire } = reading;
  const shape: Shape = [];
  let rest: Ranges | undefined;
  const outer = wire.enter();
  while (wire.next()) {
    if (wire.tag === 10) shape.push(readDimension(reading));
    else rest = reading.unknown(rest, shapeFields);
  }
  if (rest) type.unknownInShape = wire.copyRanges(rest);
  wire.leave(outer);
  return shape;
}

function readDimension(reading: Reading): Dimension {
  const { wire } = reading;
  const dimension: Dimension = {};
  let rest: Ranges | undefined;
  const outer = wire.enter();
  while (wire.next()) {
    switch (wire.tag) {
      case 8:
        delete dimension.param;
        dimension.value = readDim(reading);
        break;
      case 18:
        delete dimension.value;
        dimension.param = wire.string();
        break;
      case 26:
        dimension.denotation = wire.string();
        break;
      default:
        rest = reading.unknown(rest, dimensionFields);
    }
  }
  reading.keep(dimension, rest);
  wire.leave(outer);
  return dimension;
}

/** The current varint as a dimension; says so when it is no size. */
export function readDim(reading: Reading): number {
  const { wire } = reading;
  const value = wire.int();
  wire.charge(8);
  if (value < 0 || value > Number.MAX_SAFE_INTEGER) {
    reading.complain('onnx/dims', `A dimension of ${value} is not a size`, wire.fieldStart);
  }
  return value;
}
