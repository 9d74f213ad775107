// A data set for one model: arrays of a file matched with the inputs of the model by name, checked, converted
// and cut into batches. The first dimension of every array counts samples. What is run on it is decided elsewhere.

import { badRequest } from '../base/errors';
import { throwIfCancelled, type Task } from '../base/task';
import type { Feeds, SessionValue } from '../runtime/session';
import { convert, convertible, tensorOf } from './convert';
import type { NpyData } from './npy';
import { openArrays, type ArrayFile, type StoredArray } from './npz';

export interface Batch {
  readonly feeds: Feeds;
  /** Index of the first sample. */
  readonly from: number;
  /** Samples that count; a model with a fixed batch may get more, copies of the last one. */
  readonly count: number;
}

export interface Dataset {
  readonly path: string;
  readonly samples: number;
  /** Class of each sample, from the array `label` (or `labels`); absent when there is none of whole numbers. */
  readonly labels?: Int32Array;
  /** What should be said about how the file was understood; usually empty. */
  readonly notes: readonly string[];
  /** The batch that the model insists on, if it does; `batches` then uses it whatever size is asked for. */
  readonly fixedBatch?: number;
  /** Bytes that one sample takes in the feeds. */
  readonly sampleBytes: number;
  /** All samples in order; the last batch may be smaller. */
  readonly batches: (size: number) => AsyncIterable<Batch>;
}

export interface DatasetOptions {
  /** At most this many samples, the first ones. */
  readonly maxSamples?: number | undefined;
}

interface Column {
  readonly input: SessionValue;
  readonly data: NpyData;
  /** Dimensions of one sample. */
  readonly sampleDims: readonly number[];
  /** Fed whole in every batch: the input has no batch dimension. */
  readonly constant: boolean;
}

const labelNames = ['label', 'labels'];
const product = (dims: readonly number[]) => dims.reduce((all, dim) => all * dim, 1);
const shapeText = (dims: readonly (number | string | null)[]) =>
  dims.length === 0 ? 'a single value' : dims.map((dim) => dim ?? '?').join(' × ');
const inputText = (input: SessionValue) => `input "${input.name}" (${input.type}, ${shapeText(input.dims)})`;
const arrayText = (array: StoredArray) => `"${array.name}" (${array.type}, ${shapeText(array.dims)})`;

function findArray(file: ArrayFile, input: SessionValue, inputs: readonly SessionValue[], notes: string[]) {
  const named = file.arrays.find((array) => array.name === input.name);
  if (named) return named;
  const others = file.arrays.filter((array) => !labelNames.includes(array.name));
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

async function readColumn(
  file: ArrayFile,
  input: SessionValue,
  array: StoredArray,
  rows: number,
  task: Task,
): Promise<NpyData> {
  if (!convertible(array.type, input.type)) {
    const scale =
      input.type.startsWith('float') && array.type !== 'string'
        ? ' Whole numbers are not scaled by themselves: scale them as in training and store them as floating point.'
        : '';
    throw badRequest(
      `In ${file.path} the array "${array.name}" has the element type ${array.type}, and the ${inputText(input)} expects ${input.type}.${scale || ' Convert it with astype.'}`,
    );
  }
  const converted = convert(array.type, input.type, await array.read(rows, task));
  if ('misfit' in converted)
    throw badRequest(
      `In ${file.path} the array ${arrayText(array)} has a value (element ${converted.misfit}) that ${input.type} cannot hold, which the input "${input.name}" expects.`,
    );
  return converted.data;
}

async function readLabels(
  file: ArrayFile,
  inputs: readonly SessionValue[],
  samples: number,
  task: Task,
): Promise<Int32Array | undefined> {
  const array = file.arrays.find(
    ({ name }) => labelNames.includes(name) && !inputs.some((input) => input.name === name),
  );
  if (!array || !convertible(array.type, 'int32') || product(array.dims.slice(1)) !== 1) return undefined;
  if ((array.dims[0] ?? 0) < samples)
    throw badRequest(
      `In ${file.path} the array "${array.name}" has ${array.dims[0] ?? 0} labels for ${samples} samples. Store one label for each sample.`,
    );
  const converted = convert(array.type, 'int32', await array.read(samples, task));
  return 'data' in converted ? (converted.data as Int32Array) : undefined;
}

/** The batch size that the inputs insist on; undefined when it is free. */
function insistedBatch(inputs: readonly SessionValue[], constant: ReadonlySet<string>): number | undefined {
  for (const input of inputs) {
    const batch = input.dims[0];
    if (typeof batch === 'number' && !constant.has(input.name)) return batch;
  }
  return undefined;
}

function feedsOf(columns: readonly Column[], from: number, count: number, size: number): Feeds {
  const feeds: Record<string, Feeds[string]> = {};
  for (const { input, data, sampleDims, constant } of columns) {
    if (constant) {
      feeds[input.name] = tensorOf(input.type, sampleDims, data);
      continue;
    }
    const width = product(sampleDims);
    let part = data.slice(from * width, (from + count) * width) as NpyData;
    if (size > count) {
      const last = data.slice((from + count - 1) * width, (from + count) * width) as NpyData;
      part = repeatLast(part, last, size - count);
    }
    feeds[input.name] = tensorOf(input.type, [size, ...sampleDims], part);
  }
  return feeds;
}

function repeatLast(part: NpyData, last: NpyData, times: number): NpyData {
  if (Array.isArray(part)) return part.concat(...Array.from({ length: times }, () => last as string[]));
  const Kind = part.constructor as new (length: number) => Float32Array;
  const out = new Kind(part.length + last.length * times);
  out.set(part as Float32Array);
  for (let i = 0; i < times; i += 1) out.set(last as Float32Array, part.length + i * last.length);
  return out;
}

async function* cut(
  columns: readonly Column[],
  samples: number,
  size: number,
  padded: boolean,
): AsyncGenerator<Batch> {
  for (let from = 0; from < samples; from += size) {
    const count = Math.min(size, samples - from);
    yield await Promise.resolve({ feeds: feedsOf(columns, from, count, padded ? size : count), from, count });
  }
}

/**
 * Reads the arrays of an .npz (or a single .npy) file for the inputs of a model. Throws `badRequest` with the
 * input, shape and element type expected and what the file has. Whole numbers are never turned into floating
 * point; other conversions happen where every value fits.
 */
export async function loadDataset(
  path: string,
  inputs: readonly SessionValue[],
  options: DatasetOptions,
  task: Task,
): Promise<Dataset> {
  const file = await openArrays(path, task);
  try {
    const notes: string[] = [];
    const matched = inputs.map((input) => {
      const array = findArray(file, input, inputs, notes);
      return { input, array };
    });
    // An input whose dimensions are all fixed may carry settings instead of samples (such as an image size).
    const others = matched.filter(({ input }) => !input.dims.every((dim) => typeof dim === 'number'));
    const counted = matched.map(({ input, array }) => {
      const whole = input.dims.length > 0 && others.length > 0 && fits(input.dims, array.dims);
      const settings =
        whole &&
        input.dims.every((dim) => typeof dim === 'number') &&
        others.some((other) => other.array.dims[0] !== array.dims[0]);
      const shape = settings ? { sampleDims: array.dims, constant: true } : matchShape(file, input, array);
      return { input, array, ...shape };
    });
    const sampled = counted.filter((column) => !column.constant);
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
    const columns: Column[] = [];
    for (const [i, { input, array, sampleDims, constant }] of counted.entries()) {
      throwIfCancelled(task);
      task.report({ stage: 'Reading data', done: i, total: counted.length });
      const rows = constant ? (array.dims[0] ?? 1) : samples;
      columns.push({ input, data: await readColumn(file, input, array, rows, task), sampleDims, constant });
    }
    const labels = await readLabels(file, inputs, samples, task);
    const fixedBatch = insistedBatch(
      inputs,
      new Set(counted.filter((column) => column.constant).map((column) => column.input.name)),
    );
    const sampleBytes = columns.reduce(
      (sum, { data, constant }) =>
        sum + (constant || Array.isArray(data) ? 0 : data.byteLength / Math.max(1, samples)),
      0,
    );
    return {
      path,
      samples,
      ...(labels ? { labels } : {}),
      notes,
      ...(fixedBatch === undefined ? {} : { fixedBatch }),
      sampleBytes,
      batches: (size) =>
        cut(columns, samples, fixedBatch ?? Math.max(1, Math.floor(size)), fixedBatch !== undefined),
    };
  } finally {
    file.close();
  }
}
