// Intervals: published examples, coverage on made-up data, and that the seed decides.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentTask } from '../../../../daemon/base/task';
import { bootstrapDifference, bootstrapInterval } from '../../../../daemon/evaluate/metrics/bootstrap';
import { pairedCounts, pairedDifference } from '../../../../daemon/evaluate/metrics/pairedShares';
import { meanOf } from '../../../../daemon/evaluate/metrics/sampled';
import { wilson } from '../../../../daemon/evaluate/wilson';
import { seededNormal, seededRandom } from '../../../../daemon/runtime/random';

test('paired shares: a published example of method 10, and its mirror', () => {
  const { value, low, high } = pairedCounts(36, 12, 2, 0);
  assert.deepEqual([value.toFixed(4), low.toFixed(4), high.toFixed(4)], ['0.2000', '0.0569', '0.3404']);
  const mirror = pairedCounts(36, 2, 12, 0);
  assert.deepEqual([mirror.low.toFixed(4), mirror.high.toFixed(4)], ['-0.3404', '-0.0569']);
});

test('equal decisions differ by nothing, and the interval says how little is known', () => {
  const hits = [1, 1, 0, 1, 0, 1, 1, 1];
  const same = pairedDifference(hits, hits);
  assert.equal(same.value, 0);
  assert.ok(same.low < 0 && same.high > 0);
});

test('the paired interval covers the true difference, and is narrower than two separate ones', () => {
  const random = seededRandom(2);
  let covered = 0;
  let narrower = 0;
  const trials = 400;
  for (let trial = 0; trial < trials; trial += 1) {
    const [a, b]: [number[], number[]] = [[], []];
    for (let i = 0; i < 300; i += 1) {
      const right = random() < 0.9;
      a.push(Number(right !== random() < 0.03));
      b.push(Number(right));
    }
    // P(a) = 0.9 · 0.97 + 0.1 · 0.03.
    const { low, high } = pairedDifference(a, b);
    if (low <= 0.876 - 0.9 && 0.876 - 0.9 <= high) covered += 1;
    const half = (hits: number[]) => {
      const share = wilson(hits.filter((hit) => hit > 0).length, hits.length);
      return (share.high - share.low) / 2;
    };
    if ((high - low) / 2 < Math.hypot(half(a), half(b))) narrower += 1;
  }
  assert.ok(covered / trials > 0.92, String(covered / trials));
  assert.equal(narrower, trials);
});

test('the bootstrap covers a known mean about 95 times of 100', async () => {
  const normal = seededNormal(4);
  let covered = 0;
  for (let trial = 0; trial < 200; trial += 1) {
    const sampled = meanOf(Float64Array.from({ length: 60 }, () => 3 + normal()));
    const { low, high } = await bootstrapInterval(sampled, { rounds: 300, seed: trial }, silentTask);
    if (low <= 3 && 3 <= high) covered += 1;
  }
  assert.ok(covered >= 180 && covered <= 199, String(covered));
});

test('the same seed gives the same interval; pairs make it narrow', async () => {
  const normal = seededNormal(7);
  const hard = Array.from({ length: 100 }, normal);
  const a = meanOf(Float64Array.from(hard, (value) => value * value));
  const b = meanOf(Float64Array.from(hard, (value) => value * value + 0.1 + 0.01 * normal()));
  const once = await bootstrapInterval(a, {}, silentTask);
  assert.deepEqual(await bootstrapInterval(a, {}, silentTask), once);
  const difference = await bootstrapDifference(b, a, {}, silentTask);
  assert.ok(difference.low > 0.09 && difference.high < 0.11, JSON.stringify(difference));
  assert.ok(once.high - once.low > 10 * (difference.high - difference.low));
});

test('cancelling ends it', async () => {
  const stop = new AbortController();
  stop.abort();
  const task = { signal: stop.signal, report: () => undefined };
  await assert.rejects(bootstrapInterval(meanOf(new Float64Array(10)), {}, task), { kind: 'cancelled' });
});
