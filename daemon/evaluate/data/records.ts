// Reads the records of a .csv, .tsv or .jsonl file one after the other, in memory that does not grow. CSV is read
// as RFC 4180 has it: quotes around cells, doubled quotes inside them. What the columns mean is decided elsewhere.

import { createReadStream } from 'node:fs';
import { extname } from 'node:path';
import { badRequest, fileSystemError } from '../../base/errors';
import { breathe, type Task } from '../../base/task';

export interface TableRecord {
  /** Line of the file that it begins on, from 1. */
  readonly line: number;
  /** Cells of CSV are texts; those of JSON are what they are. */
  readonly cells: Readonly<Record<string, unknown>>;
}

const maxRecord = 64 * 2 ** 20;

async function* pieces(path: string): AsyncGenerator<string> {
  const stream = createReadStream(path, { encoding: 'utf8', highWaterMark: 256 * 1024 });
  try {
    for await (const piece of stream) yield piece as string;
  } catch (error) {
    throw fileSystemError('read', path, error);
  } finally {
    stream.destroy();
  }
}

const tooLong = (path: string, line: number) =>
  badRequest(`${path}, line ${line}: the record is impossibly long. Is a quote missing?`);

/** Rows of CSV as cells; empty lines are left out. */
async function* csvRows(path: string, separator: string): AsyncGenerator<{ line: number; cells: string[] }> {
  let cells: string[] = [];
  let cell = '';
  let [quoted, justClosed, wasQuoted] = [false, false, false];
  let [line, begun] = [1, 1];
  const closeCell = () => {
    cells.push(wasQuoted ? cell : cell.trim());
    cell = '';
    [justClosed, wasQuoted] = [false, false];
  };
  for await (const piece of pieces(path)) {
    for (const character of begun === 1 && line === 1 ? piece.replace(/^\ufeff/, '') : piece) {
      if (character === '\n') line += 1;
      if (quoted) {
        if (character === '"') [quoted, justClosed] = [false, true];
        else cell += character;
        continue;
      }
      if (character === '"' && (justClosed || cell.trim() === '')) {
        cell = justClosed ? `${cell}"` : '';
        [quoted, justClosed, wasQuoted] = [true, false, true];
      } else if (character === separator) closeCell();
      else if (character === '\n') {
        closeCell();
        if (cells.length > 1 || cells[0] !== '') yield { line: begun, cells };
        cells = [];
        begun = line;
      } else if (character !== '\r' && !(wasQuoted && character === ' ')) cell += character;
    }
    if (cell.length > maxRecord) throw tooLong(path, begun);
  }
  if (quoted) throw badRequest(`${path}, line ${begun}: a quote is not closed.`);
  if (cell !== '' || cells.length > 0) {
    closeCell();
    yield { line: begun, cells };
  }
}

async function* csvRecords(path: string, task: Task): AsyncGenerator<TableRecord> {
  let names: string[] | undefined;
  for await (const { line, cells } of csvRows(path, path.toLowerCase().endsWith('.tsv') ? '\t' : ',')) {
    await breathe(task);
    if (!names) {
      names = cells;
      const double = names.find((name, i) => names!.indexOf(name) !== i);
      if (double !== undefined)
        throw badRequest(`${path} has two columns "${double}". Name each column once.`);
      continue;
    }
    if (cells.length !== names.length)
      throw badRequest(
        `${path}, line ${line}: ${cells.length} cells, but the first line names ${names.length} columns.`,
      );
    yield { line, cells: Object.fromEntries(names.map((name, i) => [name, cells[i]])) };
  }
}

async function* jsonRecords(path: string, task: Task): AsyncGenerator<TableRecord> {
  let left = '';
  let line = 0;
  const parse = (text: string): TableRecord | undefined => {
    line += 1;
    if (text.trim() === '') return undefined;
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      throw badRequest(`${path}, line ${line}: it is not JSON. Write one object on each line.`);
    }
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw badRequest(
        `${path}, line ${line}: it is not an object. Write one object on each line, with the inputs by name.`,
      );
    return { line, cells: value as Record<string, unknown> };
  };
  for await (const piece of pieces(path)) {
    const lines = (left + piece.replace(line === 0 && left === '' ? /^\ufeff/ : /$^/, '')).split('\n');
    left = lines.pop() ?? '';
    if (left.length > maxRecord) throw tooLong(path, line + 1);
    for (const text of lines) {
      await breathe(task);
      const record = parse(text);
      if (record) yield record;
    }
  }
  const last = parse(left);
  if (last) yield last;
}

/** The records of a table by the ending of its name, `.csv`, `.tsv`, `.jsonl` or `.ndjson`. */
export const readRecords = (path: string, task: Task): AsyncGenerator<TableRecord> =>
  ['.csv', '.tsv'].includes(extname(path).toLowerCase()) ? csvRecords(path, task) : jsonRecords(path, task);
