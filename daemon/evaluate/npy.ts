// Reads NumPy's array format (.npy, versions 1 to 3): a header in the syntax of a Python literal, then the
// values. Nothing of it is evaluated, pickled objects are refused, and sizes are checked before memory is taken.
// The format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html

import { badRequest } from '../base/errors';
import type { ElementType } from '../runtime/runner/session';

export interface NpyHeader {
  readonly type: ElementType;
  readonly dims: readonly number[];
  /** Values run with the first dimension fastest. */
  readonly fortranOrder: boolean;
  readonly bigEndian: boolean;
  /** Bytes of one element in the file. */
  readonly itemBytes: number;
  /** How strings are stored: UTF-32 or bytes. */
  readonly text?: 'utf32' | 'bytes';
  /** Where the values begin. */
  readonly dataOffset: number;
}

/** Bytes that are enough to know how long the header is. */
export const npyPrefixBytes = 12;
const maxHeaderBytes = 1024 * 1024;
const maxRank = 32;

const elementTypes: Readonly<Record<string, ElementType>> = {
  f2: 'float16',
  f4: 'float32',
  f8: 'float64',
  i1: 'int8',
  i2: 'int16',
  i4: 'int32',
  i8: 'int64',
  u1: 'uint8',
  u2: 'uint16',
  u4: 'uint32',
  u8: 'uint64',
  b1: 'bool',
};

const bad = (what: string, why: string) => badRequest(`${what} cannot be read: ${why}`);

/** Length of the header with everything before the values, from the first `npyPrefixBytes` bytes. `what` names the array in errors. */
export function npyHeaderBytes(prefix: Uint8Array, what: string): number {
  const view = new DataView(prefix.buffer, prefix.byteOffset, prefix.byteLength);
  const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
  if (prefix.byteLength < 10 || magic.some((byte, i) => prefix[i] !== byte))
    throw bad(what, 'it is not a NumPy array. Write it with numpy.save or numpy.savez.');
  const major = prefix[6]!;
  if (major < 1 || major > 3)
    throw bad(what, `it has version ${major} of the array format; versions 1 to 3 are known.`);
  if (major > 1 && prefix.byteLength < 12) throw bad(what, 'it is cut off in its header.');
  const length = major === 1 ? 10 + view.getUint16(8, true) : 12 + view.getUint32(8, true);
  if (length > maxHeaderBytes) throw bad(what, 'its header is impossibly long.');
  return length;
}

/** Reads a whole header (`npyHeaderBytes` long). Throws `badRequest` for element types that a model cannot take. */
export function parseNpyHeader(header: Uint8Array, what: string): NpyHeader {
  const textFrom = header[6] === 1 ? 10 : 12;
  const text = new TextDecoder().decode(header.subarray(textFrom));
  if (/'descr'\s*:\s*\[/.test(text))
    throw bad(what, 'it is a structured array. Store each field as an array of its own.');
  const descr = /'descr'\s*:\s*'([^']{1,64})'/.exec(text)?.[1];
  const order = /'fortran_order'\s*:\s*(True|False)/.exec(text)?.[1];
  const shape = /'shape'\s*:\s*\(([\d\s,L]*)\)/.exec(text)?.[1];
  if (descr === undefined || order === undefined || shape === undefined)
    throw bad(what, 'its header is damaged. Write it again with numpy.save or numpy.savez.');
  const dims = shape
    .split(',')
    .map((part) => part.trim().replace(/L$/, ''))
    .filter((part) => part !== '')
    .map(Number);
  if (dims.length > maxRank || dims.some((dim) => !Number.isSafeInteger(dim)))
    throw bad(what, `its shape (${shape}) is impossible.`);
  if (!Number.isSafeInteger(dims.reduce((product, dim) => product * dim, 1) * 16))
    throw bad(what, `its shape (${shape}) is impossible.`);
  const common = {
    dims,
    fortranOrder: order === 'True' && dims.length > 1,
    bigEndian: descr.startsWith('>'),
    dataOffset: header.byteLength,
  };
  const kind = descr.replace(/^[<>|=]/, '');
  const type = elementTypes[kind];
  if (type) return { ...common, type, itemBytes: Number(kind.slice(1)) };
  const string = /^([US])(\d{1,6})$/.exec(kind);
  if (string) {
    const wide = string[1] === 'U';
    const itemBytes = Number(string[2]) * (wide ? 4 : 1);
    return { ...common, type: 'string', itemBytes, text: wide ? 'utf32' : 'bytes' };
  }
  if (kind.startsWith('O'))
    throw bad(what, 'it holds Python objects, which would have to run code to be read. Store plain numbers.');
  throw bad(
    what,
    `its element type "${descr}" is none that a model takes. Convert it with astype, for example to numpy.float32.`,
  );
}

const swapBytes = (bytes: Buffer, width: number) => {
  if (width === 2) bytes.swap16();
  else if (width === 4) bytes.swap32();
  else if (width === 8) bytes.swap64();
};

function decodeStrings(bytes: Buffer, header: NpyHeader, count: number): string[] {
  const values: string[] = [];
  for (let i = 0; i < count; i += 1) {
    const item = bytes.subarray(i * header.itemBytes, (i + 1) * header.itemBytes);
    if (header.text === 'bytes') {
      const end = item.indexOf(0);
      values.push(item.toString('utf8', 0, end < 0 ? item.length : end));
      continue;
    }
    let value = '';
    for (let at = 0; at + 4 <= item.length; at += 4) {
      const point = header.bigEndian ? item.readUInt32BE(at) : item.readUInt32LE(at);
      if (point === 0) break;
      value += point <= 0x10ffff ? String.fromCodePoint(point) : '\ufffd';
    }
    values.push(value);
  }
  return values;
}

export type NpyData =
  | Float32Array | Float64Array | Int8Array | Uint8Array | Int16Array | Uint16Array
  | Int32Array | Uint32Array | BigInt64Array | BigUint64Array | string[]; // prettier-ignore

function typed(type: ElementType, buffer: ArrayBuffer): NpyData {
  switch (type) {
    case 'float32':
      return new Float32Array(buffer);
    case 'float64':
      return new Float64Array(buffer);
    case 'int8':
      return new Int8Array(buffer);
    case 'int16':
      return new Int16Array(buffer);
    case 'uint16':
    case 'float16':
      return new Uint16Array(buffer);
    case 'int32':
      return new Int32Array(buffer);
    case 'uint32':
      return new Uint32Array(buffer);
    case 'int64':
      return new BigInt64Array(buffer);
    case 'uint64':
      return new BigUint64Array(buffer);
    default:
      return new Uint8Array(buffer);
  }
}

/** The same values with the last dimension fastest. */
function toRowMajor<T extends NpyData>(data: T, dims: readonly number[]): T {
  const out = data.slice() as T;
  // Strides of the file's order: the first dimension has stride 1.
  const strides: number[] = [];
  dims.reduce((stride, dim, i) => ((strides[i] = stride), stride * dim), 1);
  const index = dims.map(() => 0);
  let from = 0;
  for (let to = 0; to < data.length; to += 1) {
    out[to] = data[from]!;
    for (let axis = dims.length - 1; axis >= 0; axis -= 1) {
      index[axis]! += 1;
      from += strides[axis]!;
      if (index[axis]! < dims[axis]!) break;
      from -= strides[axis]! * dims[axis]!;
      index[axis] = 0;
    }
  }
  return out;
}

/**
 * Values from the bytes that follow a header, row-major. `bytes` owns its whole buffer and holds `rows` rows of
 * the first dimension (all of them when the file is in Fortran order); half floats stay 16-bit patterns.
 */
export function decodeNpy(header: NpyHeader, bytes: Buffer, rows: number | undefined): NpyData {
  const dims = rows === undefined || header.dims.length === 0 ? header.dims : [rows, ...header.dims.slice(1)];
  const count = dims.reduce((product, dim) => product * dim, 1);
  if (header.type === 'string') {
    const values = decodeStrings(bytes, header, count);
    return header.fortranOrder ? toRowMajor(values, dims) : values;
  }
  if (header.bigEndian) swapBytes(bytes, header.itemBytes);
  const data = typed(header.type, bytes.buffer as ArrayBuffer);
  if (header.type === 'bool') for (let i = 0; i < data.length; i += 1) if (data[i] !== 0) data[i] = 1;
  return header.fortranOrder ? toRowMajor(data, dims) : data;
}
