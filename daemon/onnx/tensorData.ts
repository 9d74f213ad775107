// Values of tensors: bytes, numbers or texts, wherever they are stored, by range where only a part is
// wanted. Reading from disk refuses a file that has changed since the model was opened.

import { SlipwayError } from '../base/errors';
import { breathe, silentTask } from '../base/task';
import type { Task } from '../base/task';
import { openUnchanged } from '../host/files';
import { DataType, dataTypeBits, dataTypeName, rawByteLength } from '../ir/dataType';
import { byteLength, elementCount } from '../ir/tensor';
import type { Bytes, Tensor } from '../ir/tensor';
import { packBits, signExtend, unpackBits } from './bits';
import { openExternal } from './externalData';
import { bfloat16sToFloats, halvesToFloats } from './float16';
import { smallFloatTable } from './smallFloats';
import { decodeFields, decodeStrings } from './tensorFields';

/** A part of a tensor, in elements of its flattened, row-major form. */
export interface ElementRange {
  readonly start: number;
  readonly count: number;
}

/** Bytes read from disk at once, so that the event loop runs in between. */
const pieceBytes = 1 << 20;

export type TensorValues =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

/**
 * A tensor's values as raw_data holds them: little-endian, row-major, types narrower than a byte packed
 * with the first element lowest. The bytes may be the model's own: do not write to them.
 * Throws a SlipwayError when the values are missing, too few, text, or changed on disk.
 */
export async function readTensorBytes(
  tensor: Tensor,
  range?: ElementRange,
  task: Task = silentTask,
): Promise<Uint8Array> {
  const total = elementCount(tensor.dims);
  const { start, count } = range ?? { start: 0, count: total };
  if (start < 0 || count < 0 || start + count > total) {
    throw new SlipwayError(
      'badRequest',
      `Elements ${start} to ${start + count} were asked of tensor "${tensor.name}", which has ${total}.`,
    );
  }
  const width = bitsOf(tensor);
  const firstByte = Math.floor((start * width) / 8);
  const lastByte = Math.ceil(((start + count) * width) / 8);
  const bytes = await readPayload(tensor, firstByte, lastByte - firstByte, task);
  if ((start * width) % 8 === 0) return bytes;
  return packBits(unpackBits(bytes, width, start - (firstByte * 8) / width, count), width);
}

function bitsOf(tensor: Tensor): number {
  const width = dataTypeBits(tensor.dataType);
  if (width !== undefined) return width;
  throw new SlipwayError(
    'invalidModel',
    `Tensor "${tensor.name}" of type ${dataTypeName(tensor.dataType)} has no numeric values.`,
  );
}

/** Bytes [start, start + length) of the values in packed form. */
async function readPayload(tensor: Tensor, start: number, length: number, task: Task): Promise<Uint8Array> {
  const { storage } = tensor;
  if (storage.kind === 'fields') {
    const all = decodeFields(tensor, await readFieldBytes(storage.fields, task));
    return all.subarray(start, start + length);
  }
  if (storage.kind !== 'raw' && storage.kind !== 'external') {
    if (length === 0) return new Uint8Array(0);
    throw new SlipwayError('invalidModel', `Tensor "${tensor.name}" states no values.`);
  }
  if (!storage.bytes) {
    throw new SlipwayError(
      'invalidModel',
      `The values of tensor "${tensor.name}" lie in another file, which could not be used. See the model's diagnostics.`,
    );
  }
  if (start + length > byteLength(storage.bytes)) {
    throw new SlipwayError(
      'invalidModel',
      `Tensor "${tensor.name}" holds ${byteLength(storage.bytes)} bytes, but its shape needs more.`,
    );
  }
  return readBytes(storage.bytes, storage.kind === 'external', start, length, task);
}

async function readFieldBytes(fields: readonly Bytes[], task: Task): Promise<Uint8Array> {
  if (fields.length === 1) return readBytes(fields[0]!, false, 0, byteLength(fields[0]!), task);
  const total = fields.reduce((sum, part) => sum + byteLength(part), 0);
  const all = new Uint8Array(total);
  let done = 0;
  for (const part of fields) {
    all.set(await readBytes(part, false, 0, byteLength(part), task), done);
    done += byteLength(part);
  }
  return all;
}

/** The bytes [start, start + length) of a piece of a file. */
export async function readBytes(
  bytes: Bytes,
  isExternal: boolean,
  start: number,
  length: number,
  task: Task,
): Promise<Uint8Array> {
  if (bytes.in === 'memory') return bytes.data.subarray(start, start + length);
  const target = new Uint8Array(length);
  let done = 0;
  for await (const piece of streamBytes(bytes, isExternal, task, start, length)) {
    target.set(piece, done);
    done += piece.length;
  }
  return target;
}

/**
 * The bytes [start, start + length) in pieces of at most 1 MB; a piece is only valid until the next one.
 * Throws when the file changed since the model was opened.
 */
export async function* streamBytes(
  bytes: Bytes,
  isExternal: boolean,
  task: Task,
  start = 0,
  length = byteLength(bytes) - start,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (length === 0) return;
  if (bytes.in === 'memory') {
    yield bytes.data.subarray(start, start + length);
    return;
  }
  const source = isExternal ? openExternal(bytes.file) : openUnchanged(bytes.file);
  try {
    const buffer = new Uint8Array(Math.min(pieceBytes, length));
    for (let done = 0; done < length;) {
      await breathe(task);
      const piece = buffer.subarray(0, Math.min(buffer.length, length - done));
      if (source.readSync(bytes.offset + start + done, piece) !== piece.length) {
        throw new SlipwayError('fileSystem', `${bytes.file.path} changed on disk; open it again.`);
      }
      yield piece;
      done += piece.length;
    }
  } finally {
    source.close();
  }
}

/**
 * A tensor's values as a typed array of its own element type, one element per entry. Types without one:
 * BOOL is Uint8Array of 0 and 1; FLOAT16 and BFLOAT16 are Uint16Array of bits; the small floats are
 * Uint8Array of codes; INT4 and INT2 are Int8Array, UINT4 and UINT2 Uint8Array; complex types are pairs.
 * Do not write to it.
 */
export async function readTensorValues(
  tensor: Tensor,
  range?: ElementRange,
  task: Task = silentTask,
): Promise<TensorValues> {
  const bytes = await readTensorBytes(tensor, range, task);
  return valuesOf(tensor.dataType, bytes, range?.count ?? elementCount(tensor.dims));
}

/**
 * The values of a small tensor that is in memory (constants of up to 1 KB always are), as
 * `readTensorValues` gives them; undefined when they are on disk, missing or text.
 */
export function tensorValuesInMemory(tensor: Tensor): TensorValues | undefined {
  const { storage } = tensor;
  const count = elementCount(tensor.dims);
  const needed = rawByteLength(tensor.dataType, count);
  if (needed === undefined) return undefined;
  if (storage.kind === 'raw' || storage.kind === 'external') {
    if (storage.bytes?.in !== 'memory' || storage.bytes.data.length < needed) return undefined;
    return valuesOf(tensor.dataType, storage.bytes.data.subarray(0, needed), count);
  }
  if (storage.kind !== 'fields' || storage.fields.length !== 1) return undefined;
  const [field] = storage.fields;
  if (field?.in !== 'memory') return undefined;
  try {
    return valuesOf(tensor.dataType, decodeFields(tensor, field.data), count);
  } catch {
    return undefined;
  }
}

/** Packed little-endian bytes → typed array of the element type; see `readTensorValues`. */
export function valuesOf(type: DataType, bytes: Uint8Array, count: number): TensorValues {
  const width = dataTypeBits(type) ?? 8;
  if (width < 8) {
    const codes = unpackBits(bytes, width, 0, count);
    return type === DataType.INT4 || type === DataType.INT2 ? signExtend(codes, width) : codes;
  }
  const size = Math.min(width / 8, 8);
  const aligned = bytes.byteOffset % size === 0 ? bytes : new Uint8Array(bytes);
  const { buffer, byteOffset } = aligned;
  const length = aligned.byteLength / size;
  switch (type) {
    case DataType.FLOAT:
      return new Float32Array(buffer, byteOffset, length);
    case DataType.COMPLEX64:
      return new Float32Array(buffer, byteOffset, aligned.byteLength / 4);
    case DataType.DOUBLE:
    case DataType.COMPLEX128:
      return new Float64Array(buffer, byteOffset, length);
    case DataType.INT8:
      return new Int8Array(buffer, byteOffset, length);
    case DataType.INT16:
      return new Int16Array(buffer, byteOffset, length);
    case DataType.UINT16:
    case DataType.FLOAT16:
    case DataType.BFLOAT16:
      return new Uint16Array(buffer, byteOffset, length);
    case DataType.INT32:
      return new Int32Array(buffer, byteOffset, length);
    case DataType.UINT32:
      return new Uint32Array(buffer, byteOffset, length);
    case DataType.INT64:
      return new BigInt64Array(buffer, byteOffset, length);
    case DataType.UINT64:
      return new BigUint64Array(buffer, byteOffset, length);
    default:
      return aligned;
  }
}

/** A tensor's values as float32; integers are rounded to float32, complex types are pairs. */
export async function readFloats(
  tensor: Tensor,
  range?: ElementRange,
  task: Task = silentTask,
): Promise<Float32Array> {
  return floatsOf(tensor.dataType, await readTensorValues(tensor, range, task));
}

/** Values as `readTensorValues` gives them → float32. */
export function floatsOf(type: DataType, values: TensorValues): Float32Array {
  if (values instanceof Float32Array) return values;
  if (type === DataType.FLOAT16) return halvesToFloats(values as Uint16Array);
  if (type === DataType.BFLOAT16) return bfloat16sToFloats(values as Uint16Array);
  const table = smallFloatTable(type);
  if (table) return Float32Array.from(values as Uint8Array, (code) => table[code]!);
  if (values instanceof BigInt64Array || values instanceof BigUint64Array) {
    return Float32Array.from(values, Number);
  }
  return Float32Array.from(values);
}

/** The values of a STRING tensor as UTF-8 bytes. */
export async function readStringBytes(tensor: Tensor, task: Task = silentTask): Promise<Uint8Array[]> {
  const { storage } = tensor;
  if (storage.kind === 'strings') return [...storage.values];
  if (storage.kind === 'fields') {
    return decodeStrings(tensor, await readFieldBytes(storage.fields, task));
  }
  if (elementCount(tensor.dims) === 0 || storage.kind === 'none') return [];
  throw new SlipwayError('invalidModel', `Tensor "${tensor.name}" does not hold its texts as string_data.`);
}

/** The values of a STRING tensor as text. */
export async function readStrings(tensor: Tensor, task: Task = silentTask): Promise<string[]> {
  const decoder = new TextDecoder();
  return (await readStringBytes(tensor, task)).map((bytes) => decoder.decode(bytes));
}
