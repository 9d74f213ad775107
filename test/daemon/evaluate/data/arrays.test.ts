// Arrays: a folder of .npy files, wanted outputs, true boxes, and reading in parts.

import assert from 'node:assert/strict';
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { silentTask } from '../../../../daemon/base/task';
import { loadDataset } from '../../../../daemon/evaluate/dataset';
import type { SessionValue } from '../../../../daemon/runtime/runner/session';
import { plainBatches, plainExpected } from '../../../support/batches';
import { f4, i8, npyBytes, writeNpz } from '../../../support/npzWriter';
import { temporaryFolder } from '../../../support/paths';

const folder = temporaryFolder();
const x: SessionValue = { name: 'x', type: 'float32', dims: ['batch', 2] };
const y: SessionValue = { name: 'y', type: 'float32', dims: ['batch', 1] };

test('a folder with a .npy file for each input', async () => {
  const path = join(folder, 'arrays');
  mkdirSync(path);
  writeFileSync(join(path, 'x.npy'), npyBytes(f4([2, 2], [1, 2, 3, 4])));
  writeFileSync(join(path, 'label.npy'), npyBytes(i8([2], [1, 0])));
  const data = await loadDataset(path, [x], {}, silentTask);
  assert.deepEqual([...data.labels!], [1, 0]);
  assert.deepEqual(await plainBatches(data, 2), [[0, 2, ['x', 'float32', [2, 2], [1, 2, 3, 4]]]]);
});

const many = Array.from({ length: 2000 }, (_, i) => i / 8);
for (const level of [0, 6] as const)
  test(`read in parts, the data is the same (${level === 0 ? 'stored' : 'deflated'}), as often as it is asked for`, async () => {
    const path = writeNpz(
      join(folder, `large${level}.npz`),
      {
        x: f4([1000, 2], many),
        y: f4([1000, 1], many.slice(0, 1000)),
        label: i8(
          [1000],
          many.map(() => 0),
        ),
      },
      level,
    );
    const options = { outputs: [y] };
    const held = await loadDataset(path, [x], options, silentTask);
    const parts = await loadDataset(path, [x], { ...options, heldBytes: 100 }, silentTask);
    const expected = await plainBatches(held, 33);
    assert.deepEqual(await plainBatches(parts, 33), expected);
    assert.deepEqual(await plainBatches(parts, 33), expected);
    assert.deepEqual(await plainExpected(parts, 33), await plainExpected(held, 33));
    assert.equal(expected.length, 31);
    // Ending in the middle leaves nothing open.
    for await (const batch of parts.batches(10)) if (batch.from > 50) break;
  });

test('a single .npy in parts, and one that changed meanwhile', async () => {
  const path = join(folder, 'plain.npy');
  writeFileSync(path, npyBytes(f4([1000, 2], many)));
  const data = await loadDataset(path, [x], { heldBytes: 0 }, silentTask);
  assert.equal((await plainBatches(data, 300)).length, 4);
  utimesSync(path, 1, 1);
  await assert.rejects(plainBatches(data, 300), /changed on disk/);
});

test('true boxes, −1 where there is none', async () => {
  const path = writeNpz(join(folder, 'boxes.npz'), {
    x: f4([2, 2], [1, 2, 3, 4]),
    boxes: f4([2, 2, 4], [0, 0, 1, 1, 2, 2, 4, 4, 0, 0, 0, 0, 5, 5, 6, 6]),
    box_labels: i8([2, 2], [0, 3, -1, 1]),
  });
  const data = await loadDataset(path, [x], {}, silentTask);
  assert.deepEqual(data.boxes, [
    [
      { label: 0, corners: [0, 0, 1, 1] },
      { label: 3, corners: [2, 2, 4, 4] },
    ],
    [{ label: 1, corners: [5, 5, 6, 6] }],
  ]);
});

test('a folder with nothing in it says what data may be', async () => {
  const path = join(folder, 'empty');
  mkdirSync(path);
  await assert.rejects(loadDataset(path, [x], {}, silentTask), /holds no data that is known\. Name an \.npz/);
});
