import assert from 'node:assert/strict';
import { test } from 'node:test';
import { undisturbed, undisturbedMean } from '../../../../daemon/runtime/profile/profileRuns';

test('runs that something disturbed do not count, and the others all do', () => {
  const calm = Array.from({ length: 50 }, (_, i) => 100 + (i % 5));
  const times = calm.flatMap((time) => [time, time + 40]);
  const counts = undisturbed(times);
  assert.deepEqual(
    times.filter((_, i) => counts[i]),
    calm,
  );
  assert.equal(undisturbedMean(times), 102);
});

test('where every run differs, the fastest thirtieth counts, and three at the least', () => {
  const spread = Array.from({ length: 100 }, (_, i) => 100 + 50 * i).reverse();
  assert.equal(undisturbed(spread).filter(Boolean).length, 3);
  assert.equal(undisturbed(spread).at(-1), true);
  assert.deepEqual(undisturbed([5, 1, 3, 9]), [true, true, true, false]);
  assert.deepEqual([undisturbed([7]), undisturbed([])], [[true], []]);
  assert.equal(undisturbedMean([7]), 7);
});
