// Data as NumPy arrays: matched with the inputs of the model by name, checked and converted. The first dimension
// of every array counts samples. Small data is held; large data is read again with every pass, a batch at a time.

import { badRequest } from '../../base/errors';
import { throwIfCancelled, type Task } from '../../base/task';
import type { SessionValue, TensorValue } from '../../runtime/runner/session';
import { convert, convertible, tensorOf, toNumbers } from '../convert';
import type { DatasetOptions } from '../dataset';
import type { TrueBox } from '../metrics/boxes';
import type { NpyData } from '../npy';
import { openArrays, type ArrayCursor, type ArrayFile, type StoredArray } from '../npz';
import { arrayText, inputText, insistedBatch, labelNames, product, shapeText, targetNames } from './describe';
import { batchesOf, type Dataset, type RowReader, type RowSource, type Rows } from './rows';

const defaultHeldBytes = 512 * 2 ** 20;
const boxNames = ['boxes', 'box_labels'];

interface Matched {
  readonly value: SessionValue;
  readonly array: StoredArray;
  /** Dimensions of one sample. */
  readonly sampleDims: readonly number[];
  /** Fed whole in every batch: the input has no batch dimension. */
  readonly constant: boolean;
}

const isReserved = (name: string) =>
  labelNames.includes(name) || targetNames.includes(name) || boxNames.includes(name);

function findArray(
  file: ArrayFile,
  input: SessionValue,
  inputs: readonly SessionValue[],
  outputs: readonly SessionValue[],
  notes: string[],
) {
  const named = file.arrays.find((array) => array.name === input.name);
  if (named) return named;
  const others = file.arrays.filter(
    ({ name }) => !isReserved(name) && !outputs.some((output) => output.name === name),
  );
  const only = others[0];
  // numpy.save gives no name and numpy.savez without keywords calls the first array arr_0.
  if (inputs.length === 1 && others.length === 1 && only && (only.name === '' || only.name === 'arr_0')) {
    notes.push(`The array in ${file.path} has no name; it is taken for the input "${input.name}".`);
    return only;
  }
  const holds =
    file.arrays.length === 0
      ? 'it holds no array'
      : `it holds ${file.arrays.slice(0, 8).map(arrayText).join(', ')}${file.arrays.length > 8 ? ', …' : ''}`;
  throw badRequest(
    `${file.path} has no array for the ${inputText(input)}; ${holds}. Name the arrays like the inputs of the model.`,
  );
}

const fits = (wanted: readonly (number | string | null)[], dims: readonly number[]) =>
  wanted.length === dims.length && wanted.every((dim, i) => typeof dim !== 'number' || dim === dims[i]);

/** How an array's dimensions serve an input: per sample, or whole in every batch. */
function matchShape(
  file: ArrayFile,
  input: SessionValue,
  array: StoredArray,
): { sampleDims: readonly number[]; constant: boolean } {
  const [batch, ...rest] = input.dims;
  // A session says nothing of the rank of an input that has none: whatever is stored is fed.
  if (batch === undefined) return { sampleDims: array.dims.slice(1), constant: array.dims.length === 0 };
  if (array.dims.length > 0 && fits(rest, array.dims.slice(1)))
    return { sampleDims: array.dims.slice(1), constant: false };
  // Samples that were stored with their own batch dimension of one.
  if ((typeof batch !== 'number' || batch === 1) && array.dims[1] === 1 && fits(rest, array.dims.slice(2)))
    return { sampleDims: array.dims.slice(2), constant: false };
  throw badRequest(
    `In ${file.path} the array ${arrayText(array)} does not fit the ${inputText(input)}: expected ${shapeText(['samples', ...rest])}.`,
  );
}

function requireConvertible(path: string, input: SessionValue, array: StoredArray): void {
  if (convertible(array.type, input.type)) return;
  const scale =
    input.type.startsWith('float') && array.type !== 'string'
      ? ' Whole numbers are not scaled by themselves: scale them as in training and store them as floating point.'
      : '';
  throw badRequest(
    `In ${path} the array "${array.name}" has the element type ${array.type}, and the ${inputText(input)} expects ${input.type}.${scale || ' Convert it with astype.'}`,
  );
}

/** Values of the type that the input wants; `first` is the index of the first of them in the array. */
function converted(path: string, { value, array }: Matched, data: NpyData, first: number): NpyData {
  const made = convert(array.type, value.type, data);
  if ('misfit' in made)
    throw badRequest(
      `In ${path} the array ${arrayText(array)} has a value (element ${first + made.misfit}) that ${value.type} cannot hold, which the input "${value.name}" expects.`,
    );
  return made.data;
}

/** The class of each sample from an array of whole numbers. */
async function readLabels(
  file: ArrayFile,
  names: readonly string[],
  inputs: readonly SessionValue[],
  samples: number,
  task: Task,
): Promise<Int32Array | undefined> {
  const array = file.arrays.find(
    ({ name }) => names.includes(name) && !inputs.some((input) => input.name === name),
  );
  if (!array || !convertible(array.type, 'int32') || product(array.dims.slice(1)) !== 1) return undefined;
  requireRows(file, array, 'labels', samples);
  const made = convert(array.type, 'int32', await array.read(samples, task));
  return 'data' in made ? (made.data as Int32Array) : undefined;
}

function requireRows(file: ArrayFile, array: StoredArray, what: string, samples: number): void {
  if ((array.dims[0] ?? 0) < samples)
    throw badRequest(
      `In ${file.path} the array "${array.name}" has ${array.dims[0] ?? 0} ${what} for ${samples} samples. Store one ${what.replace(/s$/, '')} for each sample.`,
    );
}

/** True boxes from `boxes` (samples × K × 4 corners) and `box_labels` (samples × K, −1 where there is none). */
async function readBoxes(file: ArrayFile, samples: number, task: Task): Promise<TrueBox[][] | undefined> {
  const boxes = file.arrays.find(({ name }) => name === 'boxes');
  const labels = file.arrays.find(({ name }) => name === 'box_labels');
  if (!boxes || !labels) return undefined;
  const [, most = 0] = boxes.dims;
  if (boxes.dims.length !== 3 || boxes.dims[2] !== 4 || labels.dims[1] !== most || labels.dims.length !== 2)
    throw badRequest(
      `In ${file.path} the arrays ${arrayText(boxes)} and ${arrayText(labels)} are no true boxes: expected samples × K × 4 (x1, y1, x2, y2) and samples × K (the class, −1 where there is no box).`,
    );
  requireRows(file, boxes, 'rows of boxes', samples);
  requireRows(file, labels, 'rows of labels', samples);
  const corners = toNumbers(boxes.type, await boxes.read(samples, task));
  const classes = toNumbers(labels.type, await labels.read(samples, task));
  return Array.from({ length: samples }, (_, sample) => {
    const found: TrueBox[] = [];
    for (let k = 0; k < most; k += 1) {
      const label = classes[sample * most + k]!;
      const at = (sample * most + k) * 4;
      if (label < 0) continue;
      found.push({ label, corners: [corners[at]!, corners[at + 1]!, corners[at + 2]!, corners[at + 3]!] });
    }
    return found;
  });
}

/** Which arrays say what the outputs should be. */
function matchExpected(
  file: ArrayFile,
  inputs: readonly SessionValue[],
  outputs: readonly SessionValue[],
  samples: number,
): Matched[] {
  return outputs.flatMap((output, i): Matched[] => {
    const array = file.arrays.find(
      ({ name }) =>
        !inputs.some((input) => input.name === name) &&
        (name === output.name || (i === 0 && targetNames.includes(name))),
    );
    if (!array || array.type === 'string' || array.dims.length === 0) return [];
    requireRows(file, array, 'targets', samples);
    // Compared as numbers, whatever both are stored as.
    const value = { ...output, type: array.type };
    return [{ value, array, sampleDims: array.dims.slice(1), constant: false }];
  });
}

/** Reads columns in order from an open file, or from what is held. */
class ColumnReader implements RowReader {
  private readonly cursors = new Map<string, ArrayCursor>();
  private done = 0;

  constructor(
    private readonly path: string,
    /** Closed with the reader; absent when everything is held. */
    private readonly file: ArrayFile | undefined,
    private readonly feeds: readonly Matched[],
    private readonly expected: readonly Matched[],
    private readonly held: ReadonlyMap<string, NpyData>,
    private readonly task: Task,
  ) {}

  async next(count: number): Promise<Rows> {
    const feeds: Record<string, TensorValue> = {};
    const expected: Record<string, TensorValue> = {};
    for (const column of this.feeds) feeds[column.value.name] = await this.part(column, count);
    for (const column of this.expected) expected[column.value.name] = await this.part(column, count);
    this.done += count;
    return this.expected.length > 0 ? { feeds, expected } : { feeds };
  }

  private async part(column: Matched, count: number): Promise<TensorValue> {
    const { value, array, sampleDims, constant } = column;
    const width = product(sampleDims);
    const held = this.held.get(array.name);
    if (constant) return tensorOf(value.type, sampleDims, held!);
    const dims = [count, ...sampleDims];
    if (held) return tensorOf(value.type, dims, held.slice(this.done * width, (this.done + count) * width));
    const cursor = this.cursors.get(array.name) ?? array.cursor(this.task);
    this.cursors.set(array.name, cursor);
    const data = converted(this.path, column, await cursor.next(count), this.done * width);
    return tensorOf(value.type, dims, data);
  }

  async close(): Promise<void> {
    for (const cursor of this.cursors.values()) await cursor.close();
    this.file?.close();
  }
}

const bytesOf = ({ array, sampleDims, constant }: Matched, samples: number) =>
  array.itemBytes * product(constant ? sampleDims : [samples, ...sampleDims]);

/** Reads the arrays of an .npz file, of a single .npy file, or of a folder of .npy files. */
export async function loadArrays(
  path: string,
  inputs: readonly SessionValue[],
  options: DatasetOptions,
  task: Task,
): Promise<Dataset> {
  const file = await openArrays(path, task);
  try {
    const notes: string[] = [];
    const outputs = options.outputs ?? [];
    const columns = matchInputs(file, inputs, outputs, notes);
    const sampled = columns.filter((column) => !column.constant);
    const first = sampled[0];
    if (!first) throw badRequest(`${path} holds no samples: no array has a dimension that counts them.`);
    const stored = first.array.dims[0] ?? 0;
    const uneven = sampled.find((column) => column.array.dims[0] !== stored);
    if (uneven)
      throw badRequest(
        `In ${path} the arrays ${arrayText(first.array)} and ${arrayText(uneven.array)} have different numbers of samples. Store as many of each.`,
      );
    if (stored === 0) throw badRequest(`${path} holds no samples: ${arrayText(first.array)} is empty.`);
    const samples = Math.min(stored, options.maxSamples ?? stored);
    for (const { value, array } of columns) requireConvertible(path, value, array);
    const expected = matchExpected(file, inputs, outputs, samples);
    const constants = new Set(columns.filter(({ constant }) => constant).map(({ value }) => value.name));
    const held = await hold(file, columns, expected, samples, options, task);
    const labels = await readLabels(file, labelNames, inputs, samples, task);
    const boxes = await readBoxes(file, samples, task);
    const fixedBatch = insistedBatch(inputs, constants);
    const source: RowSource = {
      samples,
      constants,
      ...(fixedBatch === undefined ? {} : { fixedBatch }),
      open: async () => {
        const again = held.complete ? undefined : await reopened(file, columns, expected, task);
        const { columns: own, expected: wanted } = again ?? { columns, expected };
        return new ColumnReader(path, again?.file, own, wanted, held.values, task);
      },
    };
    return {
      path,
      samples,
      ...(labels ? { labels } : {}),
      ...(boxes ? { boxes } : {}),
      notes,
      ...(fixedBatch === undefined ? {} : { fixedBatch }),
      sampleBytes: sampled.reduce((sum, column) => sum + bytesOf(column, 1), 0),
      batches: (size) => batchesOf(source, size),
    };
  } finally {
    file.close();
  }
}

/** The same columns of the same file, opened once more. Throws when the file is no longer the same. */
async function reopened(
  file: ArrayFile,
  columns: readonly Matched[],
  expected: readonly Matched[],
  task: Task,
): Promise<{ file: ArrayFile; columns: Matched[]; expected: Matched[] }> {
  const again = await file.reopen(task);
  const find = (column: Matched): Matched => ({
    ...column,
    array: again.arrays.find(({ name }) => name === column.array.name)!,
  });
  return { file: again, columns: columns.map(find), expected: expected.map(find) };
}

/** What is kept in memory: everything when it is small, else only what every batch needs. */
async function hold(
  file: ArrayFile,
  columns: readonly Matched[],
  expected: readonly Matched[],
  samples: number,
  options: DatasetOptions,
  task: Task,
): Promise<{ values: Map<string, NpyData>; complete: boolean }> {
  const all = [...columns, ...expected];
  const bytes = all.reduce((sum, column) => sum + bytesOf(column, samples), 0);
  const complete = bytes <= (options.heldBytes ?? defaultHeldBytes);
  const values = new Map<string, NpyData>();
  for (const [i, column] of all.entries()) {
    throwIfCancelled(task);
    if (!complete && !column.constant) continue;
    task.report({ stage: 'Reading data', done: i, total: all.length });
    const data = await column.array.read(column.constant ? undefined : samples, task);
    values.set(column.array.name, converted(file.path, column, data, 0));
  }
  return { values, complete };
}

function matchInputs(
  file: ArrayFile,
  inputs: readonly SessionValue[],
  outputs: readonly SessionValue[],
  notes: string[],
): Matched[] {
  const matched = inputs.map((value) => ({ value, array: findArray(file, value, inputs, outputs, notes) }));
  // An input whose dimensions are all fixed may carry settings instead of samples (such as an image size).
  const others = matched.filter(({ value }) => !value.dims.every((dim) => typeof dim === 'number'));
  return matched.map(({ value, array }) => {
    const whole = value.dims.length > 0 && others.length > 0 && fits(value.dims, array.dims);
    const settings =
      whole &&
      value.dims.every((dim) => typeof dim === 'number') &&
      others.some((other) => other.array.dims[0] !== array.dims[0]);
    const shape = settings ? { sampleDims: array.dims, constant: true } : matchShape(file, value, array);
    return { value, array, ...shape };
  });
}
