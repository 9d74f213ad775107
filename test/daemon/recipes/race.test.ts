// Sessions in turns: who leaves, when it ends, and what a disturbed run counts.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentTask } from '../../../daemon/base/task';
import { race } from '../../../daemon/recipes/race';
import type { RunnerSession } from '../../../daemon/runtime/runner/session';

/** A session whose every turn takes what is listed. */
const contestant = (times: readonly number[]) =>
  ({ timeRuns: () => Promise.resolve(Float64Array.from(times)) }) as unknown as RunnerSession;
const limits = { turnMs: 1, rounds: 10, fewest: 3 };
const ratios = async (...sessions: RunnerSession[]) =>
  (await race(sessions, {}, limits, silentTask)).map(
    ({ ratio, rounds }) => `${ratio.toFixed(2)} in ${rounds}`,
  );

test('runs that were disturbed do not count', async () => {
  const quiet = contestant([2, 2, 2]);
  const busy = contestant([40, 1, 30]);
  assert.deepEqual(await ratios(quiet, busy), ['1.00 in 10', '2.00 in 10']);
});

test('who falls behind leaves, and it ends when only the first is left', async () => {
  const [first, slow, near] = [contestant([2]), contestant([4]), contestant([2.05])];
  assert.deepEqual(await ratios(first, slow, near), ['1.00 in 10', '0.50 in 3', '0.98 in 10']);
  assert.deepEqual(await ratios(contestant([2]), contestant([3]), contestant([4])), [
    '1.00 in 3',
    '0.67 in 3',
    '0.50 in 3',
  ]);
});
