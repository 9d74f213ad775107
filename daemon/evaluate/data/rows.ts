// Rows of samples as every kind of data gives them, and how they become batches. Where they come from (arrays,
// tables, pictures, sound, text) is decided elsewhere.

import type { Feeds, TensorValue } from '../../runtime/runner/session';
import { tensorOf } from '../convert';
import type { NpyData } from '../npy';
import type { TrueBox } from '../metrics/boxes';

export interface Batch {
  readonly feeds: Feeds;
  /** Index of the first sample. */
  readonly from: number;
  /** Samples that count; a model with a fixed batch may get more, copies of the last one. */
  readonly count: number;
  /** What the outputs should be, by their names, `count` rows each; only where the data says so. */
  readonly expected?: Feeds;
}

export interface Rows {
  /** `count` rows of every input that has samples, and the whole of those that have none. */
  readonly feeds: Feeds;
  readonly expected?: Feeds;
}

/** Reads samples in order. */
export interface RowReader {
  /** The next `count` samples; never asked for more than there are. */
  next(count: number): Promise<Rows>;
  close(): void | Promise<void>;
}

export interface RowSource {
  readonly samples: number;
  /** Inputs that are the same for every sample and have no batch dimension. */
  readonly constants?: ReadonlySet<string>;
  /** The batch that the model insists on. */
  readonly fixedBatch?: number;
  open(): Promise<RowReader>;
}

/** A data set for one model. */
export interface Dataset {
  readonly path: string;
  readonly samples: number;
  /** Class of each sample; absent when there is none of whole numbers. */
  readonly labels?: Int32Array;
  /** Names of the classes, where the data has them. */
  readonly classNames?: readonly string[];
  /** True boxes of each sample, where the data has them. */
  readonly boxes?: readonly (readonly TrueBox[])[];
  /** What should be said about how the data was understood; usually empty. */
  readonly notes: readonly string[];
  /** The batch that the model insists on, if it does; `batches` then uses it whatever size is asked for. */
  readonly fixedBatch?: number;
  /** Bytes that one sample takes in the feeds. */
  readonly sampleBytes: number;
  /** All samples in order; the last batch may be smaller. */
  readonly batches: (size: number) => AsyncIterable<Batch>;
}

function repeatLast(data: NpyData, width: number, times: number): NpyData {
  const last = data.slice(data.length - width) as NpyData;
  if (Array.isArray(data)) return data.concat(...Array.from({ length: times }, () => last as string[]));
  const Kind = data.constructor as new (length: number) => Float32Array;
  const out = new Kind(data.length + width * times);
  out.set(data as Float32Array);
  for (let i = 0; i < times; i += 1) out.set(last as Float32Array, data.length + i * width);
  return out;
}

function filled(value: TensorValue, size: number): TensorValue {
  const [rows = 1, ...rest] = value.dims;
  if (rows >= size) return value;
  const width = rest.reduce((product, dim) => product * dim, 1);
  return tensorOf(value.type, [size, ...rest], repeatLast(value.data, width, size - rows));
}

/** All samples in batches of `size` (or of the size that the model insists on, the last one filled with copies). */
export async function* batchesOf(source: RowSource, size: number): AsyncGenerator<Batch> {
  const step = source.fixedBatch ?? Math.max(1, Math.floor(size));
  const reader = await source.open();
  try {
    for (let from = 0; from < source.samples; from += step) {
      const count = Math.min(step, source.samples - from);
      const { feeds, expected } = await reader.next(count);
      const complete =
        source.fixedBatch === undefined || count === step
          ? feeds
          : Object.fromEntries(
              Object.entries(feeds).map(([name, value]) => [
                name,
                source.constants?.has(name) ? value : filled(value, step),
              ]),
            );
      yield { feeds: complete, from, count, ...(expected ? { expected } : {}) };
    }
  } finally {
    await reader.close();
  }
}

/** The same items, each prepared while the one before it is being worked on. */
export async function* ahead<T>(items: AsyncIterable<T>): AsyncGenerator<T> {
  const iterator = items[Symbol.asyncIterator]();
  const begin = () => {
    // First let whoever got the last item set its work going.
    const next = new Promise((resolve) => setImmediate(resolve)).then(() => iterator.next());
    next.catch(() => undefined);
    return next;
  };
  let next = begin();
  try {
    for (let item = await next; item.done !== true; item = await next) {
      next = begin();
      yield item.value;
    }
  } finally {
    await next.catch(() => undefined);
    await iterator.return?.();
  }
}
