// Tensor data as JSON arrays, flat or nested, and back. Nothing is rounded silently: what does not fit the
// datatype is refused with its position.

import type { ElementType, TensorValue } from '../runtime/runner/session';
import { datatypeOf } from './datatypes';
import { exactDigits } from './jsonText';
import { invalid, RequestError } from './requestError';

type Put = (value: unknown, index: number) => void;

/** A tensor from the `data` of a request's input. `count` is the product of `dims`. */
export function tensorFromJson(
  name: string,
  type: ElementType,
  dims: readonly number[],
  count: number,
  data: unknown,
): TensorValue {
  if (type === 'float16') {
    throw invalid(
      `Input '${name}' is FP16, which has no JSON form. Send it with the binary tensor extension (binary_data_size).`,
    );
  }
  if (!Array.isArray(data)) throw invalid(`The data of input '${name}' is not an array.`);
  // The array is made only once as many values as the shape says are really there.
  const rows = rowsOf(name, dims, data);
  const found = rows.reduce((sum, row) => sum + row.length, 0);
  if (found !== count) {
    throw invalid(
      `Input '${name}' has shape ${JSON.stringify(dims)}, so ${count} values; the data holds ${found}.`,
    );
  }
  const holder = arrayFor(type, count);
  const put = putter(name, type, holder.data);
  let index = 0;
  for (const row of rows) for (const value of row) put(value, index++);
  return { type, dims, data: holder.data } as TensorValue;
}

/** The innermost arrays of nested data, whose lengths must be the shape's; flat data is one row. */
function rowsOf(name: string, dims: readonly number[], data: readonly unknown[]): (readonly unknown[])[] {
  if (!Array.isArray(data[0])) return [data];
  const rows: (readonly unknown[])[] = [];
  const walk = (level: readonly unknown[], axis: number) => {
    if (level.length !== dims[axis]) {
      throw invalid(
        `Input '${name}' has shape ${JSON.stringify(dims)}, but an array at dimension ${axis} of its data holds ${level.length} values.`,
      );
    }
    if (axis === dims.length - 1) {
      rows.push(level);
      return;
    }
    for (const item of level) {
      if (Array.isArray(item)) walk(item, axis + 1);
      else
        throw invalid(`The nested data of input '${name}' does not match its shape ${JSON.stringify(dims)}.`);
    }
  };
  walk(data, 0);
  return rows;
}

function arrayFor(type: Exclude<ElementType, 'float16'>, count: number) {
  switch (type) {
    case 'float32':
      return { data: new Float32Array(count) };
    case 'float64':
      return { data: new Float64Array(count) };
    case 'int8':
      return { data: new Int8Array(count) };
    case 'int16':
      return { data: new Int16Array(count) };
    case 'int32':
      return { data: new Int32Array(count) };
    case 'uint8':
    case 'bool':
      return { data: new Uint8Array(count) };
    case 'uint16':
      return { data: new Uint16Array(count) };
    case 'uint32':
      return { data: new Uint32Array(count) };
    case 'int64':
      return { data: new BigInt64Array(count) };
    case 'uint64':
      return { data: new BigUint64Array(count) };
    case 'string':
      return { data: new Array<string>(count).fill('') };
  }
}

const ranges: Readonly<Record<string, readonly [number, number]>> = {
  int8: [-128, 127],
  int16: [-32768, 32767],
  int32: [-2147483648, 2147483647],
  uint8: [0, 255],
  uint16: [0, 65535],
  uint32: [0, 4294967295],
};

function putter(name: string, type: ElementType, target: TensorValue['data']): Put {
  const refuse = (index: number, why: string) =>
    invalid(`Value ${index} of input '${name}' is not a ${datatypeOf(type)}: ${why}.`);

  if (type === 'string') {
    const strings = target as string[];
    return (value, index) => {
      if (typeof value !== 'string') throw refuse(index, 'a string is expected');
      strings[index] = value;
    };
  }
  if (type === 'bool') {
    const flags = target as Uint8Array;
    return (value, index) => {
      if (value !== true && value !== false && value !== 0 && value !== 1) {
        throw refuse(index, 'true or false is expected');
      }
      flags[index] = Number(value);
    };
  }
  if (type === 'int64' || type === 'uint64') {
    const integers = target as BigInt64Array;
    return (value, index) => {
      const digits = exactDigits(value);
      if (digits === undefined && !Number.isSafeInteger(value)) throw refuse(index, 'an integer is expected');
      const integer = BigInt(digits ?? (value as number));
      const held = type === 'int64' ? BigInt.asIntN(64, integer) : BigInt.asUintN(64, integer);
      if (held !== integer) throw refuse(index, 'it is out of range');
      integers[index] = integer;
    };
  }
  const numbers = target as Float64Array;
  const range = ranges[type];
  if (range) {
    const [low, high] = range;
    return (value, index) => {
      if (!Number.isInteger(value)) throw refuse(index, 'an integer is expected');
      if ((value as number) < low || (value as number) > high) {
        throw refuse(index, `it must lie between ${low} and ${high}`);
      }
      numbers[index] = value as number;
    };
  }
  const round = type === 'float32' ? Math.fround : (number: number) => number;
  return (value, index) => {
    const number = typeof value === 'number' ? value : Number(exactDigits(value) ?? Number.NaN);
    if (!Number.isFinite(round(number))) {
      throw refuse(index, typeof value === 'number' ? 'it is out of range' : 'a number is expected');
    }
    numbers[index] = number;
  };
}

/** The JSON text of a tensor's `data`: flat, row-major. Throws when a value has no JSON form. */
export function jsonFromTensor(name: string, value: TensorValue): string {
  switch (value.type) {
    case 'float16':
      throw binaryOnly(400, name, 'is FP16, which has no JSON form');
    case 'string':
      return JSON.stringify(value.data);
    case 'bool':
      return `[${Array.from(value.data, (flag) => flag !== 0).join(',')}]`;
    case 'float32':
    case 'float64':
      return floatsText(name, value.data);
    default:
      // Integers: typed arrays join without rounding, 64-bit ones too.
      return `[${value.data.join(',')}]`;
  }
}

function floatsText(name: string, data: Float32Array | Float64Array): string {
  let negativeZero = false;
  for (let index = 0; index < data.length; index++) {
    const number = data[index]!;
    if (number === 0) negativeZero ||= Object.is(number, -0);
    // Not the client's fault: the model computed it.
    else if (!Number.isFinite(number)) {
      throw binaryOnly(500, name, `holds ${number} at position ${index}, which has no JSON form`);
    }
  }
  if (!negativeZero) return `[${data.join(',')}]`;
  return `[${Array.from(data, (number) => (Object.is(number, -0) ? '-0' : String(number))).join(',')}]`;
}

const binaryOnly = (status: 400 | 500, name: string, why: string) =>
  new RequestError(status, `Output '${name}' ${why}. Ask for it with "binary_data": true.`);
