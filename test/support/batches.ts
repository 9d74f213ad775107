// The batches of a data set as plain values, to be compared.

import type { Dataset } from '../../daemon/evaluate/dataset';
import type { Feeds } from '../../daemon/runtime/runner/session';

const plain = (feeds: Feeds) =>
  Object.entries(feeds).map(([name, value]) => [
    name,
    value.type,
    value.dims,
    Array.from(value.data as Iterable<unknown>),
  ]);

/** `[from, count, [name, type, dims, values] …]` of every batch. */
export async function plainBatches(dataset: Dataset, size: number): Promise<unknown[]> {
  const all: unknown[] = [];
  for await (const { feeds, from, count } of dataset.batches(size)) all.push([from, count, ...plain(feeds)]);
  return all;
}

/** What the outputs should be, batch by batch. */
export async function plainExpected(dataset: Dataset, size: number): Promise<unknown[]> {
  const all: unknown[] = [];
  for await (const { expected } of dataset.batches(size)) all.push(expected ? plain(expected) : null);
  return all;
}
