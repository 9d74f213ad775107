// Attribute values and names of nodes as text to read: shortened, never all of a tensor.

import { dataTypeName } from '../ir/dataType';
import type { Attribute, Graph } from '../ir/model';
import { elementCount, type Tensor } from '../ir/tensor';
import { smallValues } from './smallTensors';
import { shapeText, typeText } from './typeText';

const longest = 400;
const mostItems = 32;
const utf8 = new TextDecoder();

/** A number without the tail that float32 leaves when it is read as a double: 0.1, not 0.10000000149. */
export const numberText = (value: number): string =>
  Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(7)));

const shortened = (text: string): string => (text.length > longest ? `${text.slice(0, longest)}…` : text);

function listText(items: readonly unknown[], text: (item: never) => string): string {
  const shown = items.slice(0, mostItems).map((item) => text(item as never));
  return items.length > mostItems ? `${shown.join(', ')}, … (${items.length})` : shown.join(', ');
}

/** "int64 2: 1, -1" for few numbers, "float 64×3×7×7" for many. */
export function tensorText(tensor: Tensor): string {
  const type = `${dataTypeName(tensor.dataType)} ${shapeText(tensor.dims)}`;
  const values = elementCount(tensor.dims) <= mostItems ? smallValues(tensor) : undefined;
  return values && values.length > 0 ? `${type}: ${values.map(numberText).join(', ')}` : type;
}

const textOf = (bytes: Uint8Array): string => utf8.decode(bytes.subarray(0, longest * 4));

/** The value of an attribute as text. */
export function attributeText(attribute: Attribute): string {
  if (attribute.refAttrName !== undefined && attribute.refAttrName !== '') {
    return shortened(`the function's attribute ${attribute.refAttrName}`);
  }
  return shortened(valueText(attribute));
}

/** "graph body of 4 nodes". */
function graphText({ name, nodes }: Graph): string {
  return `graph${name === '' ? '' : ` ${name}`} of ${nodes.length} node${nodes.length === 1 ? '' : 's'}`;
}

function valueText(attribute: Attribute): string {
  switch (attribute.type) {
    case 'UNDEFINED':
      return '';
    case 'FLOAT':
      return numberText(attribute.value);
    case 'INT':
      return String(attribute.value);
    case 'STRING':
      return textOf(attribute.value);
    case 'TENSOR':
      return tensorText(attribute.value);
    case 'GRAPH':
      return graphText(attribute.value);
    case 'SPARSE_TENSOR':
      return `sparse ${dataTypeName(attribute.value.values.dataType)} ${shapeText(attribute.value.dims)}`;
    case 'TYPE_PROTO':
      return typeText(attribute.value);
    case 'FLOATS':
      return listText(attribute.value, numberText);
    case 'INTS':
      return listText(attribute.value, String);
    case 'STRINGS':
      return listText(attribute.value, textOf);
    case 'TENSORS':
      return listText(attribute.value, tensorText);
    case 'TYPE_PROTOS':
      return listText(attribute.value, typeText);
    case 'GRAPHS':
    case 'SPARSE_TENSORS':
      return `${attribute.value.length} values`;
  }
}
