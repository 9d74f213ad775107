// Reader of AttributeProto. Its type stands behind its value in the file, so the fields are looked over
// once before they are read. Bodies and large tensors are read later, without recursion.

import type { Attribute, Node } from '../ir/model';
import { emptyGraph, fillGraph } from './readGraph';
import { emptyTensor, fillSparseTensor, fillTensor, readSparseTensor, readTensor } from './readTensor';
import { readType } from './readType';
import { deepestGraph } from './reading';
import type { Reading, Scope } from './reading';
import type { Ranges } from './wireReader';

export const attributeTypes = [
  'UNDEFINED', 'FLOAT', 'INT', 'STRING', 'TENSOR', 'GRAPH', 'FLOATS', 'INTS', 'STRINGS', 'TENSORS', 'GRAPHS',
  'SPARSE_TENSOR', 'SPARSE_TENSORS', 'TYPE_PROTO', 'TYPE_PROTOS',
] as const; // prettier-ignore

/** Field number of the value of each type, by the type's number. */
export const attributeValueField = [0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 22, 23, 14, 15] as const;

const valueFields: ReadonlySet<number> = new Set(attributeValueField.slice(1));
const knownFields: ReadonlySet<number> = new Set([1, 13, 20, 21, ...valueFields]);
/** Types whose absent value is not simply zero or empty: TENSOR, GRAPH, SPARSE_TENSOR. */
const needsValue: ReadonlySet<number> = new Set([4, 5, 11]);
const largeTensor = 64 << 10;

/** The current field as an AttributeProto of `node` (absent for a function's default). */
export function readAttribute(reading: Reading, scope: Scope, node: Node | undefined): Attribute {
  const { wire } = reading;
  const outer = wire.enter(250);
  const start = wire.position;
  const { typeNumber, isStated, isReference } = lookOver(reading);
  const attribute = emptyAttribute(typeNumber);
  const valueField = isReference ? 0 : attributeValueField[typeNumber]!;
  let hasValue = isReference || !needsValue.has(typeNumber);
  let rest: Ranges | undefined;
  wire.seek(start);
  while (wire.next()) {
    const number = wire.tag >>> 3;
    if (number === valueField && readValue(reading, attribute, scope, node)) {
      hasValue = true;
      continue;
    }
    switch (wire.tag) {
      case 10:
        attribute.name = wire.string();
        break;
      case 106:
        attribute.docString = wire.string();
        break;
      case 170:
        attribute.refAttrName = wire.string();
        break;
      case 160:
        // A type without a name stays among the unknown fields.
        if (isStated) wire.skip();
        else rest = wire.note(rest);
        break;
      default:
        if (valueFields.has(number) && number !== valueField) {
          reading.report(
            'warning',
            'onnx/attribute-values',
            'An attribute holds a value that is not of its type',
            {
              byteOffset: wire.fieldStart,
            },
          );
          rest = wire.note(rest);
        } else rest = reading.unknown(rest, knownFields);
    }
  }
  if (!hasValue && !wire.truncated) {
    const message = `Attribute "${attribute.name}" of type ${attribute.type} holds no value`;
    reading.report('error', 'onnx/attribute-values', message, { byteOffset: start });
  }
  reading.keep(attribute, rest);
  wire.leave(outer);
  return attribute;
}

/** The attribute's type: as stated, else (IR versions 1 and 2) the type of the first value present. */
function lookOver(reading: Reading): { typeNumber: number; isStated: boolean; isReference: boolean } {
  const { wire } = reading;
  let stated: number | undefined;
  let first = 0;
  let isReference = false;
  while (wire.next()) {
    const number = wire.tag >>> 3;
    if (wire.tag === 160) {
      stated = wire.int32();
      continue;
    }
    if (wire.tag === 170) isReference = wire.length > 0;
    else if (first === 0 && valueFields.has(number)) first = number;
    wire.skip();
  }
  if (stated !== undefined && stated !== 0) {
    const isNamed = stated > 0 && stated < attributeTypes.length;
    return { typeNumber: isNamed ? stated : 0, isStated: isNamed, isReference };
  }
  const typeNumber = first === 0 ? 0 : attributeValueField.indexOf(first as 2);
  return { typeNumber, isStated: true, isReference };
}

function emptyAttribute(typeNumber: number): Attribute {
  // Written out: spreading a base costs more than the rest of reading an attribute.
  const name = '';
  const docString = '';
  const type = attributeTypes[typeNumber]!;
  switch (type) {
    case 'UNDEFINED':
      return { name, docString, type };
    case 'FLOAT':
      return { name, docString, type, value: 0 };
    case 'INT':
      return { name, docString, type, value: 0n };
    case 'STRING':
      return { name, docString, type, value: new Uint8Array(0) };
    case 'TENSOR':
      return { name, docString, type, value: emptyTensor() };
    case 'GRAPH':
      return { name, docString, type, value: emptyGraph() };
    case 'SPARSE_TENSOR':
      return { name, docString, type, value: { values: emptyTensor(), indices: emptyTensor(), dims: [] } };
    case 'TYPE_PROTO':
      return { name, docString, type, value: { kind: 'none' } };
    default:
      return { name, docString, type, value: [] };
  }
}

/** Reads the current field as the attribute's value; false when the wire type does not fit. */
function readValue(reading: Reading, attribute: Attribute, scope: Scope, node: Node | undefined): boolean {
  const { wire } = reading;
  const kind = wire.tag & 7;
  if (attribute.type === 'FLOAT') {
    if (kind !== 5) return false;
    attribute.value = wire.float();
  } else if (attribute.type === 'INT') {
    if (kind !== 0) return false;
    attribute.value = wire.bigint();
  } else if (attribute.type === 'FLOATS') {
    if (kind !== 5 && kind !== 2) return false;
    wire.floats(attribute.value);
  } else if (attribute.type === 'INTS') {
    if (kind !== 0 && kind !== 2) return false;
    const { value } = attribute;
    wire.integers(() => {
      wire.charge(32);
      value.push(wire.bigint());
    });
  } else {
    if (kind !== 2) return false;
    readMessageValue(reading, attribute, scope, node);
  }
  return true;
}

function readMessageValue(
  reading: Reading,
  attribute: Attribute,
  scope: Scope,
  node: Node | undefined,
): void {
  const { wire } = reading;
  const isLarge = wire.length > largeTensor;
  switch (attribute.type) {
    case 'STRING':
      attribute.value = wire.bytes();
      break;
    case 'STRINGS':
      attribute.value.push(wire.bytes());
      break;
    case 'TENSOR':
      if (isLarge) {
        const tensor = (attribute.value = emptyTensor());
        reading.later(() => fillTensor(reading, tensor, scope.path));
      } else attribute.value = readTensor(reading, scope.path);
      break;
    case 'TENSORS':
      attribute.value.push(readTensor(reading, scope.path));
      break;
    case 'SPARSE_TENSOR':
      if (isLarge) {
        const { value } = attribute;
        reading.later(() => fillSparseTensor(reading, value, scope.path));
      } else attribute.value = readSparseTensor(reading, scope.path);
      break;
    case 'SPARSE_TENSORS':
      attribute.value.push(readSparseTensor(reading, scope.path));
      break;
    case 'TYPE_PROTO':
      attribute.value = readType(reading, 0);
      break;
    case 'TYPE_PROTOS':
      attribute.value.push(readType(reading, 0));
      break;
    case 'GRAPH':
      readBody(reading, attribute.value, scope, () => `${nodeLabel(node)}/${attribute.name}`);
      break;
    case 'GRAPHS': {
      const index = attribute.value.push(emptyGraph()) - 1;
      readBody(
        reading,
        attribute.value[index]!,
        scope,
        () => `${nodeLabel(node)}/${attribute.name}[${index}]`,
      );
      break;
    }
  }
}

const nodeLabel = (node: Node | undefined) => (node ? node.name || node.opType : 'default');

function readBody(
  reading: Reading,
  body: ReturnType<typeof emptyGraph>,
  scope: Scope,
  label: () => string,
): void {
  if (scope.depth >= deepestGraph) {
    reading.complain(
      'onnx/too-deep',
      `Graphs are nested more than ${deepestGraph} deep; the inner ones were not read`,
      reading.wire.fieldStart,
    );
    reading.wire.skip();
    return;
  }
  reading.later(() => {
    // The path would grow with every level; deep down the innermost part says enough.
    const path = scope.path ? `${scope.path}/${label()}` : label();
    return fillGraph(reading, body, {
      path: path.length > 300 ? `…${path.slice(-300)}` : path,
      depth: scope.depth + 1,
    });
  });
}
