// ONNX test_data_set folders, written byte by byte.

import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { silentTask } from '../../../../daemon/base/task';
import { loadDataset } from '../../../../daemon/evaluate/dataset';
import type { SessionValue } from '../../../../daemon/runtime/runner/session';
import { plainBatches, plainExpected } from '../../../support/batches';
import { temporaryFolder } from '../../../support/paths';

const folder = temporaryFolder();
const x: SessionValue = { name: 'x', type: 'float32', dims: ['n', 2] };
const y: SessionValue = { name: 'y', type: 'float32', dims: ['n', 2] };

/** A TensorProto of floats: dims (1), data_type (2), name (8), raw_data (9). */
function tensor(name: string, dims: readonly number[], values: readonly number[]): Buffer {
  const raw = Buffer.from(Float32Array.from(values).buffer);
  return Buffer.concat([
    Buffer.from([...dims.flatMap((dim) => [0x08, dim]), 0x10, 1, 0x42, name.length]),
    Buffer.from(name),
    Buffer.from([0x4a, raw.length]),
    raw,
  ]);
}

function set(parent: string, index: number, files: Readonly<Record<string, Buffer>>): void {
  const path = join(folder, parent, `test_data_set_${index}`);
  mkdirSync(path, { recursive: true });
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(path, name), bytes);
}

test('sets in the order of their numbers, with what the outputs should be', async () => {
  set('good', 10, { 'input_0.pb': tensor('x', [1, 2], [9, 8]), 'output_0.pb': tensor('y', [1, 2], [1, 1]) });
  set('good', 2, {
    'input_0.pb': tensor('', [2, 2], [1, 2, 3, 4]),
    'output_0.pb': tensor('y', [2, 2], [2, 4, 6, 8]),
  });
  const data = await loadDataset(join(folder, 'good'), [x], { outputs: [y] }, silentTask);
  assert.deepEqual([data.samples, data.labels], [3, undefined]);
  assert.deepEqual(await plainBatches(data, 32), [
    [0, 2, ['x', 'float32', [2, 2], [1, 2, 3, 4]]],
    [2, 1, ['x', 'float32', [1, 2], [9, 8]]],
  ]);
  assert.deepEqual(await plainExpected(data, 32), [
    [['y', 'float32', [2, 2], [2, 4, 6, 8]]],
    [['y', 'float32', [1, 2], [1, 1]]],
  ]);
  const one = await loadDataset(join(folder, 'good', 'test_data_set_10'), [x], {}, silentTask);
  assert.equal(one.samples, 1);
});

test('what does not fit is said with the file, the input, shape and element type', async () => {
  set('wrong', 0, { 'input_0.pb': tensor('x', [1, 3], [1, 2, 3]) });
  set('missing', 0, { 'output_0.pb': tensor('y', [1, 2], [1, 2]) });
  set('broken', 0, { 'input_0.pb': Buffer.from('no tensor at all') });
  const load = (name: string) => loadDataset(join(folder, name), [x], {}, silentTask);
  await assert.rejects(
    load('wrong'),
    /input_0\.pb \(float32, 1 × 3\) does not fit the input "x" \(float32, n × 2\)/,
  );
  await assert.rejects(load('missing'), /has no file for the input "x" \(float32, n × 2\)/);
  await assert.rejects(load('broken'), /input_0\.pb cannot be read as a tensor/);
});
