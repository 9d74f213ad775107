// Values of tensors in ONNX's textual form: written out while they are few, else named by the place where they lie,
// which the form's external data can say of the model file itself.

import { basename } from 'node:path';
import { SlipwayError } from '../../base/errors';
import type { Task } from '../../base/task';
import { DataType } from '../../ir/dataType';
import { byteLength, elementCount, type Tensor } from '../../ir/tensor';
import { unpackBits } from '../bits';
import { dataTypeBits } from '../../ir/dataType';
import { readStringBytes, readTensorBytes } from '../tensorData';

/** An identifier as it is, anything else in quotes. */
export const nameText = (name: string): string => (/^[A-Za-z_]\w*$/.test(name) ? name : quotedText(name));

export const quotedText = (text: string): string => `"${text.replace(/[\\"]/g, '\\$&')}"`;

/** The shortest decimal that is read back as the same float32. */
export function floatText(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  if (Object.is(value, -0)) return '-0';
  for (let digits = 6; digits < 9; digits += 1) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === Math.fround(value)) return String(short);
  }
  return String(Number(value.toPrecision(9)));
}

/** The same, told apart from a whole number. */
export const floatLiteral = (value: number): string => {
  const text = floatText(value);
  return /^-?\d+$/.test(text) ? `${text}.0` : text;
};

const utf8 = new TextDecoder();

export interface ValuesOptions {
  /** Tensors of more elements are named by their place. */
  readonly mostValues: number;
}

/** `{1, 2}`, or `["location": "model.onnx", "offset": "64", "length": "9408"]`. */
export async function valuesText(tensor: Tensor, { mostValues }: ValuesOptions, task: Task): Promise<string> {
  const { storage } = tensor;
  if (storage.kind === 'external') return placeText(storage.entries.map(({ key, value }) => [key, value]));
  const count = elementCount(tensor.dims);
  if (count <= mostValues) {
    try {
      return `{${(await valueTexts(tensor, count, task)).join(', ')}}`;
    } catch (error) {
      if (!(error instanceof SlipwayError)) throw error;
      return placeText([['elided', error.message]]);
    }
  }
  if (storage.kind === 'raw' && storage.bytes.in === 'file')
    return placeText([
      ['location', basename(storage.bytes.file.path)],
      ['offset', String(storage.bytes.offset)],
      ['length', String(storage.bytes.length)],
    ]);
  const bytes =
    storage.kind === 'raw'
      ? byteLength(storage.bytes)
      : storage.kind === 'fields'
        ? storage.fields.reduce((sum, part) => sum + byteLength(part), 0)
        : undefined;
  return placeText([['elided', `${count} values${bytes === undefined ? '' : `, ${bytes} bytes`}`]]);
}

const placeText = (entries: readonly (readonly [string, string])[]) =>
  `[${entries.map(([key, value]) => `${quotedText(key)}: ${quotedText(value)}`).join(', ')}]`;

async function valueTexts(tensor: Tensor, count: number, task: Task): Promise<string[]> {
  if (count === 0 || tensor.storage.kind === 'none') return [];
  const type = tensor.dataType;
  if (type === DataType.STRING)
    return (await readStringBytes(tensor, task)).map((value) => quotedText(utf8.decode(value)));
  const bytes = await readTensorBytes(tensor, undefined, task);
  const bits = dataTypeBits(type)!;
  if (bits < 8) {
    const signed = type === DataType.INT4 || type === DataType.INT2;
    return Array.from(unpackBits(bytes, bits, 0, count), (value) =>
      String(signed && value >= 1 << (bits - 1) ? value - (1 << bits) : value),
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const list = (step: number, text: (at: number) => string) =>
    Array.from({ length: Math.floor(bytes.byteLength / step) }, (_, at) => text(at * step));
  switch (type) {
    case DataType.FLOAT:
    case DataType.COMPLEX64:
      return list(4, (at) => floatText(view.getFloat32(at, true)));
    case DataType.DOUBLE:
    case DataType.COMPLEX128:
      return list(8, (at) => doubleText(view.getFloat64(at, true)));
    case DataType.INT64:
      return list(8, (at) => String(view.getBigInt64(at, true)));
    case DataType.UINT64:
      return list(8, (at) => String(view.getBigUint64(at, true)));
    case DataType.INT32:
      return list(4, (at) => String(view.getInt32(at, true)));
    case DataType.UINT32:
      return list(4, (at) => String(view.getUint32(at, true)));
    case DataType.INT16:
      return list(2, (at) => String(view.getInt16(at, true)));
    case DataType.INT8:
      return list(1, (at) => String(view.getInt8(at)));
    default:
      // Unsigned integers, and what stands as its bits.
      return bits === 16
        ? list(2, (at) => String(view.getUint16(at, true)))
        : list(1, (at) => String(view.getUint8(at)));
  }
}

const doubleText = (value: number): string =>
  Number.isFinite(value) ? (Object.is(value, -0) ? '-0' : String(value)) : floatText(value);
