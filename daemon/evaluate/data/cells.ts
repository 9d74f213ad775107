// Cells of a table as values of an input: numbers, nested lists of them, or text.

import { floatToHalf } from '../../onnx/float16';
import type { SessionValue, TensorValue } from '../../runtime/runner/session';
import { emptyArray, ranges, tensorOf } from '../convert';

export interface Cell {
  /** Dimensions of the list; none for a single value. */
  readonly dims: readonly number[];
  readonly values: readonly (number | bigint | string)[];
}

/** Why a cell is no value; a sentence's second half. */
export class CellError extends Error {}

/** The lists of a cell laid out in order; a text that looks like a list is read as JSON, or as numbers with spaces. */
export function parseCell(cell: unknown, asText: boolean): Cell {
  if (asText && typeof cell === 'string') return { dims: [], values: [cell] };
  if (typeof cell === 'string') {
    const text = cell.trim();
    if (text.startsWith('[')) {
      try {
        return parseCell(JSON.parse(text), asText);
      } catch (error) {
        if (error instanceof CellError) throw error;
        throw new CellError(`"${short(text)}" is no list of numbers`);
      }
    }
    if (/\s|;/.test(text)) {
      const parts = text.split(/[\s;]+/);
      return { dims: [parts.length], values: parts.map(number) };
    }
    return { dims: [], values: [number(text)] };
  }
  if (!Array.isArray(cell)) return { dims: [], values: [number(cell)] };
  const parts = (cell as unknown[]).map((part) => parseCell(part, asText));
  const [first] = parts;
  if (first === undefined) return { dims: [0], values: [] };
  if (parts.some(({ dims }) => dims.join() !== first.dims.join()))
    throw new CellError('its lists have different lengths');
  return { dims: [parts.length, ...first.dims], values: parts.flatMap(({ values }) => values) };
}

const short = (text: string) => (text.length > 40 ? `${text.slice(0, 40)}…` : text);

function number(value: unknown): number | bigint {
  if (typeof value === 'number') return value;
  if (typeof value === 'boolean') return Number(value);
  const text = typeof value === 'string' ? value.trim() : '';
  if (/^-?\d{16,20}$/.test(text)) return BigInt(text);
  if (/^(true|false)$/i.test(text)) return Number(text.toLowerCase() === 'true');
  if (/^[+-]?(nan|inf(inity)?)$/i.test(text))
    return /nan/i.test(text) ? Number.NaN : text.startsWith('-') ? -Infinity : Infinity;
  const parsed = Number(text);
  if (text === '' || Number.isNaN(parsed)) {
    const said =
      typeof value === 'string'
        ? `"${short(value)}"`
        : value === undefined
          ? 'nothing'
          : short(JSON.stringify(value));
    throw new CellError(`${said} is no number`);
  }
  return parsed;
}

/** Dimensions of one sample of an input that a cell gives, or why it does not. */
export function fitCell(cell: Cell, input: SessionValue): readonly number[] {
  // A session says nothing of the rank of an input that has none.
  const wanted = input.dims.slice(1);
  const fits = (dims: readonly number[]) =>
    dims.length === wanted.length && wanted.every((dim, i) => typeof dim !== 'number' || dim === dims[i]);
  if (input.dims.length === 0 || fits(cell.dims)) return cell.dims;
  // A list that is not nested, or a single value for a dimension of one.
  const fixed = wanted.map((dim) => (typeof dim === 'number' ? dim : 1));
  const count = fixed.reduce((all, dim) => all * dim, 1);
  const free = wanted.filter((dim) => typeof dim !== 'number').length;
  if (cell.dims.length <= 1 && free === 0 && count === cell.values.length) return fixed;
  if (cell.dims.length <= 1 && free === 1 && cell.values.length % count === 0)
    return wanted.map((dim) => (typeof dim === 'number' ? dim : cell.values.length / count));
  const given = cell.dims.length === 0 ? 'a single value' : cell.dims.join(' × ');
  const expected = wanted.length === 0 ? 'a single value' : wanted.map((dim) => dim ?? '?').join(' × ');
  throw new CellError(`it holds ${given}, expected ${expected} for each sample`);
}

/** A tensor of rows with the same dimensions. */
export function tensorOfCells(
  input: SessionValue,
  sampleDims: readonly number[],
  rows: readonly Cell[],
): TensorValue {
  const dims = [rows.length, ...sampleDims];
  if (input.type === 'string')
    return tensorOf(
      'string',
      dims,
      rows.flatMap(({ values }) => values.map(String)),
    );
  const width = sampleDims.reduce((all, dim) => all * dim, 1);
  const data = emptyArray(input.type, rows.length * width);
  const range = ranges[input.type];
  const wide = data instanceof BigInt64Array || data instanceof BigUint64Array;
  rows.forEach(({ values }, row) => {
    values.forEach((value, i) => {
      const at = row * width + i;
      if (typeof value === 'string') throw new CellError(`"${short(value)}" is no number`);
      if (range === undefined)
        data[at] = input.type === 'float16' ? floatToHalf(Number(value)) : Number(value);
      else if (
        (typeof value === 'number' && !Number.isInteger(value)) ||
        value < range[0] ||
        value > range[1]
      )
        throw new CellError(`${String(value)} is none that ${input.type} can hold`);
      else data[at] = wide ? BigInt(value) : Number(value);
    });
  });
  return tensorOf(input.type, dims, data);
}
