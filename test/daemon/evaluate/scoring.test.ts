// Scores against counts made by hand.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { agreement } from '../../../daemon/evaluate/agreement';
import { OutputComparison } from '../../../daemon/evaluate/outputError';
import { topClasses, topOne } from '../../../daemon/evaluate/topOne';
import type { TensorValue } from '../../../daemon/runtime/runner/session';

const floats = (dims: readonly number[], ...values: number[]): TensorValue => ({
  type: 'float32',
  dims,
  data: Float32Array.from(values),
});

test('the largest score, the first of equals, and none with a NaN', () => {
  const scores = floats([4, 3], 1, 3, 2, 5, 5, 5, NaN, 9, 1, -3, -2, -1);
  assert.deepEqual(topClasses('scores', scores, 4), Int32Array.of(1, 0, -1, 2));
  assert.deepEqual(topClasses('scores', floats([1, 2, 1, 1], 0, 1), 1), Int32Array.of(1));
});

test('half-float scores', () => {
  const scores: TensorValue = { type: 'float16', dims: [1, 2], data: Uint16Array.of(0xbc00, 0x3800) };
  assert.deepEqual(topClasses('scores', scores, 1), Int32Array.of(1));
});

test('outputs that are no class scores are refused by name and shape', () => {
  for (const output of [
    floats([1, 3, 4, 4], ...new Array<number>(48).fill(0)),
    floats([1, 1], 0),
    floats([2, 3], 1, 2, 3, 4, 5, 6),
    { type: 'int64', dims: [1, 2], data: BigInt64Array.of(1n, 2n) } as const,
  ])
    assert.throws(() => topClasses('map', output, 1), /first output "map" .* is not a row of class scores/);
});

test('top-1 counts, and wants labels of the model', () => {
  const score = topOne(Int32Array.of(1, 0, -1, 2), Int32Array.of(1, 2, 0, 2), 3);
  assert.equal(score.value, 0.5);
  assert.equal(score.samples, 4);
  assert.equal(score.low.toFixed(4), '0.1500');
  assert.equal(score.high.toFixed(4), '0.8500');
  assert.throws(
    () => topOne(Int32Array.of(1), Int32Array.of(3), 3),
    /label 3 of sample 0 is none of the model's 3 classes/,
  );
});

test('agreement counts, and a NaN agrees with nothing', () => {
  const score = agreement(Int32Array.of(1, 0, -1, 2), Int32Array.of(1, 1, -1, 2));
  assert.deepEqual([score.metric, score.value, score.samples], ['agreement', 0.5, 4]);
});

test('output error by hand: outputs (3, 4) and (3, 3)', () => {
  const comparison = new OutputComparison();
  comparison.add(floats([1, 2], 3, 4), floats([1, 2], 3, 3), 1, 1);
  comparison.addSamples(1);
  const { cosine, sqnrDb, maxAbs, samples } = comparison.result();
  assert.ok(Math.abs(cosine - 21 / (5 * Math.sqrt(18))) < 1e-12);
  assert.ok(Math.abs(sqnrDb - 10 * Math.log10(25)) < 1e-12);
  assert.deepEqual([maxAbs, samples, comparison.lost], [1, 1, 0]);
});

test('equal outputs, rows that do not count, and values that were lost', () => {
  const equal = new OutputComparison();
  equal.add(floats([2, 1], 3, 100), floats([2, 1], 3, -100), 1, 2);
  equal.add(floats([2], -Infinity, 1), floats([2], -7, 1), 2, 2);
  assert.deepEqual(equal.result(), { cosine: 1, sqnrDb: 200, maxAbs: 0, samples: 0 });
  const lost = new OutputComparison();
  lost.add(floats([2], 1, 2), floats([2], NaN, 2), 2, 2);
  assert.equal(lost.lost, 1);
});
