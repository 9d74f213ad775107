// Types in ONNX's textual form: `float[N,3]`, `seq(int64[])`, `map(string, float)`, `optional(…)`,
// `sparse_tensor(float[4])`, `opaque(domain,name)`.

import { DataType, dataTypeName } from '../../ir/dataType';
import type { Dimension, Shape, Type } from '../../ir/model';
import type { Scanner } from './scanner';
import type { Mark } from './syntax';

const deepest = 64;

/** Element types by name. */
export const elementTypes: ReadonlyMap<string, DataType> = new Map(
  Object.values(DataType)
    .filter((type) => type !== DataType.UNDEFINED)
    .map((type) => [dataTypeName(type), type]),
);

const composed: ReadonlySet<string> = new Set(['seq', 'map', 'optional', 'sparse_tensor', 'opaque']);

/** Every word that a type starts with. */
export const typeWords: readonly string[] = [...elementTypes.keys(), ...composed];

export const isTypeWord = (word: string): boolean => elementTypes.has(word) || composed.has(word);

/** Reads a type; the names in it are added to `marks`. */
export function parseType(scan: Scanner, marks: Mark[], depth = 0): Type {
  const word = scan.peekIdentifier();
  if (!isTypeWord(word)) scan.fail('A type is missing, such as float[N,3]');
  if (depth > deepest) scan.fail('The type is nested too deeply');
  // `seq (` is a type, but a value may be called `map`.
  const start = scan.at;
  scan.at += word.length;
  marks.push({ kind: 'type', text: word, start, end: scan.at });
  const element = elementTypes.get(word);
  if (element !== undefined) return { kind: 'tensor', elemType: element, ...shapeOf(scan, marks) };
  scan.expect('(', `after ${word}`);
  const type = inside(word, scan, marks, depth);
  scan.expect(')', `after the type in ${word}`);
  return type;
}

function inside(word: string, scan: Scanner, marks: Mark[], depth: number): Type {
  if (word === 'seq') return { kind: 'sequence', elem: parseType(scan, marks, depth + 1) };
  if (word === 'optional') return { kind: 'optional', elem: parseType(scan, marks, depth + 1) };
  if (word === 'opaque') return opaque(scan);
  const key = parseElementType(scan, marks);
  if (word === 'sparse_tensor') return { kind: 'sparseTensor', elemType: key, ...shapeOf(scan, marks) };
  scan.expect(',', 'after the key type of map');
  return { kind: 'map', keyType: key, valueType: parseType(scan, marks, depth + 1) };
}

function parseElementType(scan: Scanner, marks: Mark[]): DataType {
  const word = scan.peekIdentifier();
  const element = elementTypes.get(word);
  if (element === undefined) scan.fail('An element type is missing, such as int64');
  marks.push({ kind: 'type', text: word, start: scan.at, end: scan.at + word.length });
  scan.at += word.length;
  return element;
}

function opaque(scan: Scanner): Type {
  const qualified = () => {
    let name = '';
    while (scan.nextIsIdentifier()) {
      const word = scan.peekIdentifier();
      name += word;
      scan.at += word.length;
      if (!scan.takes('.')) break;
      name += '.';
    }
    return name;
  };
  const first = qualified();
  if (!scan.takes(',')) return { kind: 'opaque', domain: '', name: first };
  return { kind: 'opaque', domain: first, name: qualified() };
}

/** `[N,3]`; nothing is a scalar, `[]` an unknown rank. */
function shapeOf(scan: Scanner, marks: Mark[]): { shape?: Shape } {
  if (!scan.takes('[')) return { shape: [] };
  if (scan.takes(']')) return {};
  const shape: Shape = [];
  do shape.push(dimension(scan, marks));
  while (scan.takes(','));
  scan.expect(']', 'after the dimensions');
  return { shape };
}

function dimension(scan: Scanner, marks: Mark[]): Dimension {
  if (scan.takes('?')) return {};
  if (scan.nextIsQuoted()) {
    const { text, start, end } = scan.quoted('');
    marks.push({ kind: 'dimension', text, start, end });
    return { param: text };
  }
  const word = scan.peekIdentifier();
  if (word !== '') {
    marks.push({ kind: 'dimension', text: word, start: scan.at, end: scan.at + word.length });
    scan.at += word.length;
    return { param: word };
  }
  const number = scan.number('as a dimension');
  if (!('int' in number)) {
    scan.at = number.start;
    return scan.fail('A dimension is a whole number, a name or "?"');
  }
  return { value: Number(number.int) };
}
