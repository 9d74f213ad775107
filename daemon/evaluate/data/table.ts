// Data as a table (.csv, .tsv, .jsonl): columns named like the inputs, a column of labels or targets, or a column of
// text for a tokenizer. Read twice: once to count and check, once to feed.

import { badRequest } from '../../base/errors';
import { throwIfCancelled, type Task } from '../../base/task';
import type { Feeds, SessionValue, TensorValue } from '../../runtime/runner/session';
import { tensorOf } from '../convert';
import type { DatasetOptions } from '../dataset';
import type { TrueBox } from '../metrics/boxes';
import { CellError, fitCell, parseCell, tensorOfCells, type Cell } from './cells';
import { inputText, insistedBatch, labelNames, shapeText, targetNames } from './describe';
import { readRecords, type TableRecord } from './records';
import { batchesOf, type Dataset, type RowReader, type RowSource } from './rows';
import { textColumns, textFeeder } from './text';

/** Makes the feeds of some records. */
export type Feeder = (records: readonly TableRecord[]) => Feeds;

const maxTargets = 2 ** 25;

/** Columns `x_0, x_1 …`, `x.0 …`, `x[0] …` or `x0 …` of an input that has no column of its own. */
function numbered(names: readonly string[], input: string): string[] {
  const found = names.flatMap((name) => {
    const rest = name.startsWith(input) ? name.slice(input.length) : '';
    const index = /^(?:[_.-]?(\d+)|\[(\d+)\])$/.exec(rest);
    return index ? [{ name, index: Number(index[1] ?? index[2]) }] : [];
  });
  return found.sort((a, b) => a.index - b.index).map(({ name }) => name);
}

function columnsOf(
  path: string,
  names: readonly string[],
  input: SessionValue,
  inputs: readonly SessionValue[],
  notes: string[],
): readonly string[] {
  if (names.includes(input.name)) return [input.name];
  const parts = numbered(names, input.name);
  if (parts.length > 0) return parts;
  const others = names.filter((name) => !labelNames.includes(name) && !targetNames.includes(name));
  const sample = input.dims.slice(1);
  // A picture with a column for each of its pixels as well as a row of features.
  const width = sample.reduce<number>((all, dim) => all * (typeof dim === 'number' ? dim : Number.NaN), 1);
  const takesAll =
    inputs.length === 1 &&
    (width === others.length || (sample.length === 1 && typeof sample[0] !== 'number'));
  if (takesAll && others.length > 0) {
    const said =
      others.length > 6 ? `${others.slice(0, 5).join(', ')}, … ${others.at(-1)!}` : others.join(', ');
    notes.push(`The columns ${said} of ${path} are taken in this order for the input "${input.name}".`);
    return others;
  }
  const holds =
    names.length === 0
      ? 'none'
      : names
          .slice(0, 12)
          .map((name) => `"${name}"`)
          .join(', ');
  throw badRequest(
    `${path} has no column for the ${inputText(input)}; its columns are ${holds}${names.length > 12 ? ', …' : ''}. Name a column like the input, or its numbers ${input.name}_0, ${input.name}_1 and so on.`,
  );
}

/** Says where a cell is that cannot be used. */
function located<T>(path: string, line: number, column: string, input: SessionValue, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof CellError)) throw error;
    throw badRequest(
      `${path}, line ${line}, column "${column}", for the ${inputText(input)}: ${error.message}.`,
    );
  }
}

function cellOf(path: string, record: TableRecord, columns: readonly string[], input: SessionValue): Cell {
  const text = input.type === 'string';
  const parsed = columns.map((column) =>
    located(path, record.line, column, input, () => parseCell(record.cells[column], text)),
  );
  const [only] = parsed;
  return parsed.length === 1 && only
    ? only
    : { dims: [parsed.length], values: parsed.flatMap(({ values }) => values) };
}

function columnFeeder(
  path: string,
  inputs: readonly SessionValue[],
  columns: ReadonlyMap<string, readonly string[]>,
): Feeder {
  return (records) => {
    const feeds: Record<string, TensorValue> = {};
    for (const input of inputs) {
      const own = columns.get(input.name) ?? [];
      const [column = ''] = own;
      const cells = records.map((record) => cellOf(path, record, own, input));
      const dims = cells.map((cell, i) =>
        located(path, records[i]!.line, column, input, () => fitCell(cell, input)),
      );
      const uneven = dims.findIndex((one) => one.join() !== dims[0]!.join());
      if (uneven >= 0)
        throw badRequest(
          `${path}, line ${records[uneven]!.line}, column "${column}": ${shapeText(dims[uneven]!)} values, and ${shapeText(dims[0]!)} before. Samples of a batch must have the same shape: fill the short ones up, or use a batch of 1.`,
        );
      feeds[input.name] = located(path, records[0]!.line, column, input, () =>
        tensorOfCells(input, dims[0]!, cells),
      );
    }
    return feeds;
  };
}

/** What the first pass gathers beside the count. */
class Gathered {
  samples = 0;
  names: readonly string[] = [];
  readonly labels: unknown[] = [];
  readonly targets: number[] = [];
  targetWidth = 0;
  readonly boxes: TrueBox[][] = [];
}

async function gather(
  path: string,
  inputs: readonly SessionValue[],
  options: DatasetOptions,
  task: Task,
): Promise<Gathered> {
  const found = new Gathered();
  const isInput = (name: string) => inputs.some((input) => input.name === name);
  let [labelColumn, targetColumn]: (string | undefined)[] = [];
  for await (const record of readRecords(path, task)) {
    const { cells, line } = record;
    if (found.samples === 0) {
      found.names = Object.keys(cells);
      labelColumn = labelNames.find((name) => name in cells && !isInput(name));
      targetColumn = targetNames.find((name) => name in cells && !isInput(name));
    }
    if (labelColumn !== undefined) found.labels.push(cells[labelColumn]);
    if (targetColumn !== undefined) {
      const output: SessionValue = { name: targetColumn, type: 'float64', dims: [] };
      const { values } = located(path, line, targetColumn, output, () =>
        parseCell(cells[targetColumn!], false),
      );
      if (found.samples > 0 && values.length !== found.targetWidth)
        throw badRequest(`${path}, line ${line}: ${values.length} targets, and ${found.targetWidth} before.`);
      found.targetWidth = values.length;
      if (found.targets.length > maxTargets)
        throw badRequest(`${path} has more targets than are held at once. Use fewer samples.`);
      for (const value of values) found.targets.push(Number(value));
    }
    if ('boxes' in cells && 'box_labels' in cells) found.boxes.push(boxesOf(path, record));
    found.samples += 1;
    if (found.samples % 1000 === 0) task.report({ stage: 'Reading data', done: found.samples });
    if (found.samples >= (options.maxSamples ?? Infinity)) break;
  }
  return found;
}

function boxesOf(path: string, { cells, line }: TableRecord): TrueBox[] {
  const list = (value: unknown): unknown[] =>
    Array.isArray(value) ? value : (JSON.parse(String(value)) as unknown[]);
  try {
    const labels = list(cells['box_labels']).map(Number);
    return list(cells['boxes']).map((box, i) => {
      const [x1, y1, x2, y2] = list(box).map(Number);
      const [label] = [labels[i]];
      if ([x1, y1, x2, y2, label].some((value) => value === undefined || Number.isNaN(value)))
        throw new RangeError();
      return { corners: [x1!, y1!, x2!, y2!], label: label! };
    });
  } catch {
    throw badRequest(
      `${path}, line ${line}: "boxes" must be a list of [x1, y1, x2, y2] and "box_labels" a list of as many classes.`,
    );
  }
}

/** Classes as whole numbers; other texts are named in order. */
function labelsOf(
  path: string,
  cells: readonly unknown[],
  notes: string[],
): { labels?: Int32Array; classNames?: string[] } {
  if (cells.length === 0) return {};
  const texts = cells.map((cell) =>
    typeof cell === 'string' ? cell.trim() : cell === undefined ? '' : JSON.stringify(cell),
  );
  if (texts.every((text) => /^-?\d{1,9}(\.0+)?$/.test(text)))
    return { labels: Int32Array.from(texts, Number) };
  // Numbers with a fraction are no classes but what the output should be.
  if (texts.every((text) => text !== '' && !Number.isNaN(Number(text)))) return {};
  const classNames = [...new Set(texts)].sort();
  notes.push(`The labels of ${path} are taken as classes in the order of their names: ${said(classNames)}.`);
  const index = new Map(classNames.map((name, i) => [name, i]));
  return { labels: Int32Array.from(texts, (text) => index.get(text)!), classNames };
}

const said = (names: readonly string[]) =>
  `${names
    .slice(0, 6)
    .map((name, i) => `${i} is ${name === '' ? 'an empty cell' : name}`)
    .join(', ')}${names.length > 6 ? ', …' : ''}`;

/** Reads `count` records after another and makes feeds of them. */
function readerOf(
  path: string,
  feeder: Feeder,
  expectedOf: (from: number, count: number) => Feeds | undefined,
  task: Task,
): RowReader {
  const records = readRecords(path, task);
  let done = 0;
  return {
    async next(count) {
      throwIfCancelled(task);
      const some: TableRecord[] = [];
      while (some.length < count) {
        const record = await records.next();
        if (record.done)
          throw badRequest(`${path} has fewer records than before: it changed while it was read.`);
        some.push(record.value);
      }
      const expected = expectedOf(done, count);
      done += count;
      return { feeds: feeder(some), ...(expected ? { expected } : {}) };
    },
    close: async () => {
      await records.return(undefined);
    },
  };
}

/** Opens a table for the inputs of a model. */
export async function loadTable(
  path: string,
  inputs: readonly SessionValue[],
  options: DatasetOptions,
  task: Task,
): Promise<Dataset> {
  const found = await gather(path, inputs, options, task);
  if (found.samples === 0) throw badRequest(`${path} holds no samples.`);
  const notes: string[] = [];
  const text = textColumns(found.names, inputs);
  const columns = text
    ? new Map<string, readonly string[]>()
    : new Map(inputs.map((input) => [input.name, columnsOf(path, found.names, input, inputs, notes)]));
  const feeder = text
    ? await textFeeder(path, text, inputs, options.tokenizer, notes)
    : columnFeeder(path, inputs, columns);
  const { labels, classNames } = labelsOf(path, found.labels, notes);
  // Labels with a fraction are the values that a regression should give.
  const numbers = found.targets.length > 0 ? found.targets : labels ? [] : found.labels.map(Number);
  const width = found.targets.length > 0 ? found.targetWidth : 1;
  const [output] = options.outputs ?? [];
  const expectedOf = (from: number, count: number): Feeds | undefined =>
    numbers.length > 0 && output
      ? {
          [output.name]: tensorOf(
            'float64',
            [count, width],
            Float64Array.from(numbers.slice(from * width, (from + count) * width)),
          ),
        }
      : undefined;
  const first = await firstFeeds(path, feeder, task);
  const fixedBatch = insistedBatch(inputs, new Set());
  const source: RowSource = {
    samples: found.samples,
    ...(fixedBatch === undefined ? {} : { fixedBatch }),
    open: () => Promise.resolve(readerOf(path, feeder, expectedOf, task)),
  };
  const bytes = Object.values(first).map(({ data }) => (Array.isArray(data) ? 64 : data.byteLength));
  return {
    path,
    samples: found.samples,
    ...(labels ? { labels } : {}),
    ...(classNames ? { classNames } : {}),
    ...(found.boxes.length > 0 ? { boxes: found.boxes } : {}),
    notes,
    ...(fixedBatch === undefined ? {} : { fixedBatch }),
    sampleBytes: bytes.reduce((sum, one) => sum + one, 0),
    batches: (size) => batchesOf(source, size),
  };
}

/** The first sample, so that what does not fit is said before anything runs. */
async function firstFeeds(path: string, feeder: Feeder, task: Task): Promise<Feeds> {
  const reader = readerOf(path, feeder, () => undefined, task);
  try {
    return (await reader.next(1)).feeds;
  } finally {
    await reader.close();
  }
}
