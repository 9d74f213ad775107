import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { silentTask } from '../../../daemon/base/task';
import { loadDataset, type Dataset } from '../../../daemon/evaluate/dataset';
import type { SessionValue } from '../../../daemon/runtime/runner/session';
import { f4, i8, npyBytes, u1, writeNpz, type NpyArray } from '../../support/npzWriter';
import { temporaryFolder } from '../../support/paths';

const folder = temporaryFolder();
let count = 0;
const data = (arrays: Record<string, NpyArray>) => writeNpz(join(folder, `${(count += 1)}.npz`), arrays);
const image: SessionValue = { name: 'image', type: 'float32', dims: ['batch', 1, 2] };
const ids: SessionValue = { name: 'ids', type: 'int64', dims: ['batch', 2] };

async function batches(dataset: Dataset, size: number) {
  const all: unknown[] = [];
  for await (const { feeds, from, count } of dataset.batches(size))
    all.push([
      from,
      count,
      ...Object.entries(feeds).map(([name, value]) => [
        name,
        value.type,
        value.dims,
        Array.from(value.data as Iterable<unknown>),
      ]),
    ]);
  return all;
}

const load = (arrays: Record<string, NpyArray>, inputs: readonly SessionValue[], maxSamples?: number) =>
  loadDataset(data(arrays), inputs, { maxSamples }, silentTask);

test('several inputs, labels, and a last batch that is smaller', async () => {
  const dataset = await load(
    {
      image: f4([3, 1, 2], [0, 1, 2, 3, 4, 5]),
      ids: i8([3, 2], [1, 2, 3, 4, 5, 6]),
      label: i8([3], [7, 8, 9]),
    },
    [image, ids],
  );
  assert.equal(dataset.samples, 3);
  assert.equal(dataset.sampleBytes, 24);
  assert.equal(dataset.fixedBatch, undefined);
  assert.deepEqual(dataset.notes, []);
  assert.deepEqual(dataset.labels, Int32Array.of(7, 8, 9));
  assert.deepEqual(await batches(dataset, 2), [
    [0, 2, ['image', 'float32', [2, 1, 2], [0, 1, 2, 3]], ['ids', 'int64', [2, 2], [1n, 2n, 3n, 4n]]],
    [2, 1, ['image', 'float32', [1, 1, 2], [4, 5]], ['ids', 'int64', [1, 2], [5n, 6n]]],
  ]);
});

test('maxSamples takes the first ones', async () => {
  const dataset = await load(
    { image: f4([3, 1, 2], [0, 1, 2, 3, 4, 5]), label: i8([3], [7, 8, 9]) },
    [image],
    2,
  );
  assert.deepEqual(dataset.labels, Int32Array.of(7, 8));
  assert.deepEqual(await batches(dataset, 8), [[0, 2, ['image', 'float32', [2, 1, 2], [0, 1, 2, 3]]]]);
});

test('a fixed batch is kept, the last one filled with copies', async () => {
  const dataset = await load({ image: f4([3, 1, 2], [0, 1, 2, 3, 4, 5]) }, [{ ...image, dims: [2, 1, 2] }]);
  assert.equal(dataset.fixedBatch, 2);
  assert.deepEqual(await batches(dataset, 32), [
    [0, 2, ['image', 'float32', [2, 1, 2], [0, 1, 2, 3]]],
    [2, 1, ['image', 'float32', [2, 1, 2], [4, 5, 4, 5]]],
  ]);
});

test('samples stored with a batch dimension of one, and settings beside samples', async () => {
  const dataset = await load({ image: f4([2, 1, 1, 2], [0, 1, 2, 3]), size: f4([3], [10, 20, 1]) }, [
    image,
    { name: 'size', type: 'float32', dims: [3] },
  ]);
  assert.deepEqual(await batches(dataset, 2), [
    [0, 2, ['image', 'float32', [2, 1, 2], [0, 1, 2, 3]], ['size', 'float32', [3], [10, 20, 1]]],
  ]);
});

test('an array without a name serves a single input, and that is said', async () => {
  const path = join(folder, 'plain.npy');
  writeFileSync(path, npyBytes(f4([1, 1, 2], [3, 4])));
  const dataset = await loadDataset(path, [image], {}, silentTask);
  assert.match(dataset.notes.join(), /has no name; it is taken for the input "image"/);
  assert.deepEqual(await batches(dataset, 1), [[0, 1, ['image', 'float32', [1, 1, 2], [3, 4]]]]);
});

test('element types change where every value fits', async () => {
  const narrow: SessionValue = { name: 'ids', type: 'int32', dims: ['batch', 2] };
  assert.deepEqual(await batches(await load({ ids: i8([1, 2], [-5, 2 ** 31 - 1]) }, [narrow]), 1), [
    [0, 1, ['ids', 'int32', [1, 2], [-5, 2 ** 31 - 1]]],
  ]);
  const half: SessionValue = { name: 'image', type: 'float16', dims: ['batch', 1, 2] };
  assert.deepEqual(await batches(await load({ image: f4([1, 1, 2], [0.5, -65504]) }, [half]), 1), [
    [0, 1, ['image', 'float16', [1, 1, 2], [0x3800, 0xfbff]]],
  ]);
  const double: NpyArray = {
    descr: '<f8',
    shape: [1, 1, 2],
    bytes: new Uint8Array(Float64Array.of(0.1, -3).buffer),
  };
  assert.deepEqual(await batches(await load({ image: double }, [image]), 1), [
    [0, 1, ['image', 'float32', [1, 1, 2], [Math.fround(0.1), -3]]],
  ]);
});

const refused: readonly (readonly [
  what: string,
  arrays: Record<string, NpyArray>,
  inputs: readonly SessionValue[],
  message: RegExp,
])[] = [
  [
    'a wrong name',
    { picture: f4([1, 1, 2], [1, 2]) },
    [image],
    /no array for the input "image" \(float32, batch × 1 × 2\); it holds "picture" \(float32, 1 × 1 × 2\)\. Name the arrays/,
  ],
  [
    'a wrong shape',
    { image: f4([1, 1, 3], [1, 2, 3]) },
    [image],
    /"image" \(float32, 1 × 1 × 3\) does not fit the input "image" \(float32, batch × 1 × 2\): expected samples × 1 × 2/,
  ],
  [
    'pixels for floating point',
    { image: u1([1, 1, 2], [1, 255]) },
    [image],
    /"image" has the element type uint8, and the input "image" \(float32, batch × 1 × 2\) expects float32\. Whole numbers are not scaled/,
  ],
  [
    'floating point for indices',
    { ids: f4([1, 2], [1, 2]) },
    [ids],
    /element type float32, and the input "ids" \(int64, batch × 2\) expects int64\. Convert it with astype/,
  ],
  [
    'a value that does not fit',
    { ids: i8([1, 2], [1, 2 ** 40]) },
    [{ ...ids, type: 'int32' }],
    /value \(element 1\) that int32 cannot hold/,
  ],
  [
    'different numbers of samples',
    { image: f4([1, 1, 2], [1, 2]), ids: i8([2, 2], [1, 2, 3, 4]) },
    [image, ids],
    /different numbers of samples/,
  ],
  [
    'too few labels',
    { image: f4([2, 1, 2], [1, 2, 3, 4]), label: i8([1], [0]) },
    [image],
    /1 labels for 2 samples/,
  ],
  ['no samples', { image: f4([0, 1, 2], []) }, [image], /holds no samples/],
];
for (const [what, arrays, inputs, message] of refused)
  test(`refuses ${what}`, async () => {
    await assert.rejects(load(arrays, inputs), (error: Error & { kind?: string }) => {
      assert.equal(error.kind, 'badRequest');
      assert.match(error.message, message);
      return true;
    });
  });

test('a missing file is a sentence with the path', async () => {
  const path = join(folder, 'missing.npz');
  await assert.rejects(loadDataset(path, [image], {}, silentTask), (error: Error & { kind?: string }) => {
    assert.equal(error.kind, 'notFound');
    assert.match(error.message, /missing\.npz: it does not exist/);
    return true;
  });
});
