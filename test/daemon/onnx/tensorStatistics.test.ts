// Statistics of tensors against ones counted plainly, for types, odd values and many pieces.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DataType } from '../../../daemon/ir/dataType';
import { floatTensor, int64Tensor, int8Tensor, rawTensor } from '../../../daemon/ir/builder';
import { tensorStatistics } from '../../../daemon/onnx/tensorStatistics';
import { randomNumbers } from '../../support/graphs';

test('statistics of floats are those counted plainly, over several pieces', async () => {
  const random = randomNumbers(3);
  const values = Float32Array.from({ length: 2_500_000 }, (_, i) => (random() - 0.5) * (i < 100 ? 0.01 : 8));
  const found = await tensorStatistics(floatTensor('w', [values.length], values));
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const stddev = Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length);
  assert.equal(found.elements, values.length);
  assert.ok(Math.abs(found.mean! - mean) < 1e-9 && Math.abs(found.stddev! - stddev) < 1e-9);
  assert.equal(
    found.min,
    values.reduce((a, b) => Math.min(a, b)),
  );
  assert.equal(
    found.max,
    values.reduce((a, b) => Math.max(a, b)),
  );
  const { from, to, counts } = found.histogram!;
  assert.equal(
    counts.reduce((a, b) => a + b),
    values.length,
  );
  const width = (to - from) / counts.length;
  const plain = new Array<number>(counts.length).fill(0);
  for (const value of values) plain[Math.floor((value - from) / width)]! += 1;
  const off = plain.reduce((sum, count, i) => sum + Math.abs(count - counts[i]!), 0);
  assert.ok(off <= 4, `${off} values in another bin`);
});

test('NaN, infinities and zeros are counted and left out', async () => {
  const found = await tensorStatistics(floatTensor('w', [7], [NaN, 1, Infinity, -Infinity, 0, -0, 3.4e38]));
  assert.deepEqual([found.nan, found.infinite, found.zeros], [1, 2, 2]);
  assert.equal(found.min, 0);
  assert.equal(
    found.histogram!.counts.reduce((a, b) => a + b),
    4,
  );
  const none = await tensorStatistics(floatTensor('w', [2], [NaN, NaN]));
  assert.deepEqual([none.min, none.mean, none.histogram], [null, null, null]);
  const empty = await tensorStatistics(floatTensor('w', [0], []));
  assert.deepEqual([empty.elements, empty.min], [0, null]);
});

test('all kinds of numbers have statistics, text has none', async () => {
  assert.equal((await tensorStatistics(int64Tensor('i', [3], [-5, 0, 5]))).min, -5);
  assert.equal((await tensorStatistics(int8Tensor('q', [3], [-128, 0, 127]))).max, 127);
  const half = new Uint8Array(Uint16Array.of(0x3c00, 0xc000).buffer);
  assert.equal((await tensorStatistics(rawTensor('h', DataType.FLOAT16, [2], half))).mean, -0.5);
  const nibbles = await tensorStatistics(rawTensor('n', DataType.INT4, [2], Uint8Array.of(0x8f)));
  assert.deepEqual([nibbles.min, nibbles.max], [-8, -1]);
  const same = await tensorStatistics(floatTensor('c', [3], [2, 2, 2]));
  assert.deepEqual(same.histogram, { from: 2, to: 2, counts: [3] });
  await assert.rejects(
    tensorStatistics(rawTensor('t', DataType.STRING, [1], new Uint8Array())),
    /no statistics/,
  );
});
