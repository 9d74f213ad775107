import assert from 'node:assert/strict';
import { test } from 'node:test';
import { wilson } from '../../../daemon/evaluate/wilson';

// The examples of R. G. Newcombe, "Two-sided confidence intervals for the single proportion", Statistics in
// Medicine 17 (1998), 857–872, table I, method 3 (score, no continuity correction).
const published: readonly (readonly [hits: number, total: number, low: number, high: number])[] = [
  [81, 263, 0.2553, 0.3662],
  [15, 148, 0.0624, 0.1605],
  [0, 20, 0, 0.1611],
  [1, 29, 0.0061, 0.1718],
];
for (const [hits, total, low, high] of published)
  test(`${hits} of ${total}`, () => {
    const share = wilson(hits, total);
    assert.equal(share.value, hits / total);
    assert.equal(share.low.toFixed(4), low.toFixed(4));
    assert.equal(share.high.toFixed(4), high.toFixed(4));
  });

test('the interval is mirrored, and ends at 1 when all hit', () => {
  const few = wilson(3, 17);
  const many = wilson(14, 17);
  assert.ok(Math.abs(few.low - (1 - many.high)) < 1e-12);
  assert.equal(wilson(20, 20).high, 1);
});
