// Weights that are products of thin matrices are found again, in every kind of layer and in both directions, and the
// outputs stay; wrong input gets a sentence.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { silentTask } from '../../../../daemon/base/task';
import { floatTensor, node } from '../../../../daemon/ir/builder';
import { symmetricEigen } from '../../../../daemon/passes/linear/eigen';
import { factorise } from '../../../../daemon/passes/lowRank/factor';
import { lowRank } from '../../../../daemon/passes/lowRank/lowRank';
import { lowRankFile } from '../../../../daemon/recipes/lowRank';
import { trainedModel } from '../../../support/trainedModel';
import { difference, feedsFor, folder, frozen, numbers, oneToOne, read, run, weight } from '../modelHarness';

/** A matrix of the given rank, row-major. */
function thin(rows: number, columns: number, rank: number, seed: number): Float32Array {
  const [a, b] = [numbers(rows * rank, seed), numbers(rank * columns, seed + 1)];
  return Float32Array.from({ length: rows * columns }, (_, at) => {
    const [i, n] = [Math.floor(at / columns), at % columns];
    let sum = 0;
    for (let r = 0; r < rank; r += 1) sum += a[i * rank + r]! * b[r * columns + n]!;
    return sum;
  });
}

test('eigenvalues of a known matrix, largest first', async () => {
  const { values, vectors } = await symmetricEigen(Float64Array.of(2, 1, 0, 1, 2, 0, 0, 0, 5), 3, silentTask);
  assert.deepEqual(
    [...values].map((value) => Number(value.toFixed(9))),
    [5, 3, 1],
  );
  assert.ok(Math.abs(Math.abs(vectors[2]!) - 1) < 1e-9);
});

test('1×1 Conv with a stride, MatMul and Gemm are split to their true rank', async () => {
  const model = oneToOne(
    [
      node('Conv', ['x', 'w1', 'b1'], ['a'], { name: 'conv', attributes: { strides: [2n, 2n] } }),
      node('Flatten', ['a'], ['f'], { name: 'flat' }),
      node('MatMul', ['f', 'w2'], ['m'], { name: 'wide' }),
      node('Gemm', ['m', 'w3', 'b3'], ['y'], { name: 'narrow', attributes: { transB: 1n } }),
    ],
    [
      floatTensor('w1', [20, 12, 1, 1], thin(20, 12, 3, 1)),
      weight('b1', [20], 5),
      floatTensor('w2', [80, 90], thin(80, 90, 4, 7)),
      floatTensor('w3', [16, 90], thin(16, 90, 2, 11)),
      weight('b3', [16], 13),
    ],
    ['batch', 12, 4, 4],
  );
  const { model: made, layers } = await lowRank(frozen(model), { energy: 0.999999 }, read, silentTask);
  assert.deepEqual(
    layers.map(({ name, from, to }) => `${name} ${from}→${to}`),
    ['conv 12→3', 'wide 80→4', 'narrow 16→2'],
  );
  const feeds = feedsFor(['batch', 12, 4, 4]);
  const [before, after] = [await run(model, feeds), await run(made, feeds)];
  assert.ok(difference(before, after) < 0.05, String(difference(before, after)));
});

test('with data the energy is that of the outputs', async () => {
  // The second input is always zero, so only the first row of the weights matters, and rank 1 is exact.
  for (const [k, outputs] of [
    [4, 6],
    [6, 4],
  ] as const) {
    const gram = new Float64Array(k * k);
    gram[0] = 1;
    const w = Float64Array.from(numbers(k * outputs, 3));
    const free = await factorise(w, k, outputs, undefined, 0.999, silentTask);
    assert.equal(free, undefined);
    const made = (await factorise(w, k, outputs, gram, 0.999, silentTask))!;
    assert.equal(made.rank, 1);
    for (let n = 0; n < outputs; n += 1) assert.ok(Math.abs(made.a[0]! * made.b[n]! - w[n]!) < 1e-3);
  }
});

test('wrong input gets a sentence and writes nothing', async () => {
  const trained = trainedModel(folder);
  const output = join(folder, 'none.onnx');
  const refused = (options: object, sentence: RegExp) =>
    assert.rejects(lowRankFile(trained.path, { output, ...options }, silentTask), sentence);
  await refused({}, /Give either the share of energy/);
  await refused({ energy: 0 }, /above 0 and at most 1; 0 was given/);
  await refused({ maxError: 2 }, /above 0 and below 1; 2 was given/);
  await refused({ maxError: 0.1 }, /measured on data\. Name calibration data/);
  await refused({ energy: 0.9, output: trained.path }, /never written over/);
  assert.ok(!existsSync(output));
});
