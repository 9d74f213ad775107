// Metrics on cases small enough to count by hand, and what happens at the edges.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { meanAveragePrecision, overlap, type BoxImage } from '../../../../daemon/evaluate/metrics/boxes';
import { confusionMatrix } from '../../../../daemon/evaluate/metrics/confusion';
import { cosineOf } from '../../../../daemon/evaluate/metrics/cosine';
import { determination } from '../../../../daemon/evaluate/metrics/determination';
import { divergenceOf } from '../../../../daemon/evaluate/metrics/divergence';
import { f1 } from '../../../../daemon/evaluate/metrics/f1';
import { recall } from '../../../../daemon/evaluate/metrics/recall';
import { agreementHits, ranks, topKHits } from '../../../../daemon/evaluate/metrics/topK';

test('a prediction that is no number is a miss of its class and names none', () => {
  const named = Int32Array.of(0, -1, 1, 1);
  const labels = Int32Array.of(0, 0, 1, 0);
  assert.deepEqual(confusionMatrix(named, labels, 2), [
    [1, 1],
    [0, 1],
  ]);
  assert.equal(recall(named, labels, 2, 'macro').value(), (1 / 3 + 1) / 2);
  assert.equal(f1(named, labels, 2, 'micro').value(), (2 * 2) / (3 + 4));
});

test('ranks: equal scores go by class, a NaN is in no top k', () => {
  const scores = [0.5, 0.5, 0.1, 0.2, 0.9, NaN];
  assert.deepEqual([...ranks(scores, 3, [1, 1])], [1, 3]);
  assert.deepEqual([...topKHits(Int32Array.of(1, 3), 2)], [1, 0]);
  assert.deepEqual([...agreementHits(Int32Array.of(1, -1, 2), Int32Array.of(1, -1, 0))], [1, 0, 0]);
});

test('cosine and divergence at their ends', () => {
  assert.deepEqual(
    [cosineOf([0, 0], [0, 0]), cosineOf([0, 0], [1, 0]), cosineOf([2, 0], [-3, 0])],
    [1, 0, -1],
  );
  assert.ok(Number.isNaN(cosineOf([NaN, 1], [1, 1])));
  assert.equal(divergenceOf([0.5, 0.5], [0.5, 0.5]), 0);
  assert.equal(divergenceOf([1, 0], [0.5, 0.5]), Infinity);
  assert.ok(Number.isNaN(divergenceOf([NaN, 1], [0.5, 0.5])));
});

test('R² of a value that never changes', () => {
  const r2 = (given: readonly number[]) =>
    determination(Float64Array.from(given), Float64Array.of(2, 2), 1).value();
  assert.deepEqual([r2([2, 2]), r2([2, 3])], [1, 0]);
});

const truth = (label: number, ...corners: [number, number, number, number]) => ({ label, corners });
const found = (label: number, score: number, ...corners: [number, number, number, number]) => ({
  label,
  score,
  corners,
});

test('overlap of boxes', () => {
  assert.equal(overlap([0, 0, 2, 2], [1, 1, 3, 3]), 1 / 7);
  assert.equal(overlap([0, 0, 1, 1], [1, 0, 2, 1]), 0);
});

test('average precision by hand, as VOC counts it', () => {
  const images: BoxImage[] = [
    {
      truth: [truth(1, 0, 0, 10, 10), truth(1, 20, 20, 30, 30)],
      // Right, wrong, right: precision 1, 1/2, 2/3 at recall 1/2, 1/2, 1.
      found: [found(1, 0.9, 0, 0, 10, 10), found(1, 0.8, 50, 50, 60, 60), found(1, 0.7, 20, 20, 30, 30)],
    },
  ];
  const scores = meanAveragePrecision(images, 'voc');
  assert.ok(Math.abs(scores.value() - (0.5 + (0.5 * 2) / 3)) < 1e-12);
  assert.deepEqual(scores.perClass, [{ label: 1, value: scores.value(), boxes: 2 }]);
});

test('a second box on the same object is wrong; classes without true boxes do not count', () => {
  const images: BoxImage[] = [
    {
      truth: [truth(0, 0, 0, 10, 10)],
      found: [found(0, 0.9, 0, 0, 10, 10), found(0, 0.95, 0, 0, 10, 9), found(7, 0.9, 0, 0, 5, 5)],
    },
    { truth: [], found: [] },
  ];
  // The better-scored box takes the object: precision 1 at recall 1.
  assert.equal(meanAveragePrecision(images, 'voc').value(), 1);
  assert.equal(meanAveragePrecision(images, 'voc').samples, 2);
  assert.ok(Number.isNaN(meanAveragePrecision([{ truth: [], found: [] }], 'coco').value()));
});
