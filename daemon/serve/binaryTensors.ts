// Tensor data as bytes: little-endian, row-major, without padding; strings as a 32-bit length and their UTF-8
// bytes each. Every machine that Node runs this server on is little-endian, so arrays are viewed, not converted.

import { arrayTypes } from '../runtime/runner/arrayTypes';
import type { ElementType, TensorValue } from '../runtime/runner/session';
import { datatypeOf, elementBytes } from './datatypes';
import { invalid } from './requestError';

/** A tensor from exactly its bytes; `count` is the product of `dims`. The bytes are shared where alignment allows. */
export function tensorFromBytes(
  name: string,
  type: ElementType,
  dims: readonly number[],
  count: number,
  bytes: Uint8Array,
): TensorValue {
  if (type === 'string') return { type, dims, data: strings(name, count, bytes) };
  const width = elementBytes[type];
  if (bytes.length !== count * width) {
    throw invalid(
      `Input '${name}' has shape ${JSON.stringify(dims)} of ${datatypeOf(type)}, so ${count * width} bytes; ${bytes.length} were sent.`,
    );
  }
  if (type === 'bool') {
    const wrong = bytes.findIndex((byte) => byte > 1);
    if (wrong >= 0) throw invalid(`Value ${wrong} of input '${name}' is not a BOOL: each byte is 0 or 1.`);
  }
  const aligned = bytes.byteOffset % width === 0 ? bytes : new Uint8Array(bytes);
  const view = [aligned.buffer as ArrayBuffer, aligned.byteOffset, count] as const;
  return { type, dims, data: new arrayTypes[type](...view) } as TensorValue;
}

function strings(name: string, count: number, bytes: Uint8Array): string[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values: string[] = [];
  let at = 0;
  while (at < bytes.length) {
    const length = at + 4 <= bytes.length ? view.getUint32(at, true) : Infinity;
    if (at + 4 + length > bytes.length) {
      throw invalid(`String ${values.length} of input '${name}' runs past the end of its data.`);
    }
    values.push(utf8(name, bytes.subarray(at + 4, at + 4 + length)));
    at += 4 + length;
  }
  if (values.length !== count) {
    throw invalid(`Input '${name}' needs ${count} strings for its shape; the data holds ${values.length}.`);
  }
  return values;
}

/** A string from the bytes of a BYTES element; ONNX strings are UTF-8. */
export function utf8(name: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw invalid(`Input '${name}' holds a string that is not valid UTF-8.`);
  }
}

/** The bytes of a tensor; numeric data is shared, not copied. */
export function bytesFromTensor(value: TensorValue): Uint8Array {
  if (value.type !== 'string') {
    return new Uint8Array(value.data.buffer, value.data.byteOffset, value.data.byteLength);
  }
  const parts: Uint8Array[] = [];
  for (const text of value.data) {
    const encoded = Buffer.from(text, 'utf8');
    const length = Buffer.alloc(4);
    length.writeUInt32LE(encoded.length);
    parts.push(length, encoded);
  }
  return Buffer.concat(parts);
}
