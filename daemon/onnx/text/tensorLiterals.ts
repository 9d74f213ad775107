// The numbers between braces, `{1, 2.5, inf}`, as the bytes that raw_data would hold. As in the reference parser,
// float16, bfloat16 and float8 are given by their bits as whole numbers, complex numbers as pairs.

import { packBits } from '../bits';
import { DataType, dataTypeBits, dataTypeName } from '../../ir/dataType';
import { elementCount, type TensorStorage } from '../../ir/tensor';
import { Scanner, Unexpected } from './scanner';
import type { Span } from './syntax';

const utf8 = new TextEncoder();

/** Decodes the values of a tensor. Throws `Unexpected` with the place of what does not fit. */
export function tensorLiterals(
  text: string,
  span: Span,
  dataType: DataType,
  dims: readonly number[],
): TensorStorage {
  const scan = new Scanner(text.slice(0, span.end - 1));
  scan.at = span.start + 1;
  const pairs = dataType === DataType.COMPLEX64 || dataType === DataType.COMPLEX128;
  const wanted = elementCount(dims) * (pairs ? 2 : 1);
  if (dataType === DataType.STRING) return strings(scan, wanted, span);
  const width = dataTypeBits(dataType);
  if (width === undefined)
    throw new Unexpected(`Values of type ${dataTypeName(dataType)} cannot be written.`, span.start, span.end);
  const entryBits = pairs ? width / 2 : width;
  const values: (bigint | number)[] = [];
  while (!scan.atEnd()) {
    const number = scan.number('in the values');
    if ('float' in number && !takesFloats(dataType))
      throw new Unexpected(
        `${dataTypeName(dataType)} takes whole numbers${bitPatterns.has(dataType) ? ', the bits of each value' : ''}.`,
        number.start,
        number.end,
      );
    values.push('int' in number ? number.int : number.float);
    if (!scan.takes(',')) break;
  }
  if (!scan.atEnd()) scan.fail('"," is missing between the values');
  countOf(values.length, wanted, span);
  return { kind: 'raw', bytes: { in: 'memory', data: pack(dataType, entryBits, values) } };
}

function countOf(found: number, wanted: number, { start, end }: Span): void {
  if (found !== wanted)
    throw new Unexpected(
      `The shape needs ${wanted} value${wanted === 1 ? '' : 's'}, but there ${found === 1 ? 'is' : 'are'} ${found}.`,
      start,
      Math.min(end, start + 40),
    );
}

function strings(scan: Scanner, wanted: number, span: Span): TensorStorage {
  const values: Uint8Array[] = [];
  while (!scan.atEnd()) {
    values.push(utf8.encode(scan.quoted('in the values').text));
    if (!scan.takes(',')) break;
  }
  countOf(values.length, wanted, span);
  return { kind: 'strings', values };
}

const floats: ReadonlySet<DataType> = new Set([
  DataType.FLOAT,
  DataType.DOUBLE,
  DataType.COMPLEX64,
  DataType.COMPLEX128,
]);
const takesFloats = (type: DataType) => floats.has(type);

/** Types whose values stand as bits. */
const bitPatterns: ReadonlySet<DataType> = new Set([
  DataType.FLOAT16,
  DataType.BFLOAT16,
  DataType.FLOAT8E4M3FN,
  DataType.FLOAT8E4M3FNUZ,
  DataType.FLOAT8E5M2,
  DataType.FLOAT8E5M2FNUZ,
  DataType.FLOAT8E8M0,
  DataType.FLOAT4E2M1,
  DataType.FLOAT6E2M3,
  DataType.FLOAT6E3M2,
]);

function pack(type: DataType, bits: number, values: readonly (bigint | number)[]): Uint8Array {
  if (bits < 8)
    return packBits(
      Uint8Array.from(values, (value) => Number(value) & ((1 << bits) - 1)),
      bits,
    );
  const out = new Uint8Array((values.length * bits) / 8);
  const view = new DataView(out.buffer);
  values.forEach((value, at) => {
    if (takesFloats(type)) {
      if (bits === 32) view.setFloat32(at * 4, Number(value), true);
      else view.setFloat64(at * 8, Number(value), true);
    } else if (bits === 64) view.setBigInt64(at * 8, BigInt(value), true);
    else if (bits === 32) view.setInt32(at * 4, Number(value), true);
    else if (bits === 16) view.setInt16(at * 2, Number(value), true);
    else view.setInt8(at, Number(value));
  });
  return out;
}
