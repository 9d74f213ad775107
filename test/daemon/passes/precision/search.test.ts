// The bisection finds exactly the nodes that spoil the result, within its bound, and keeps its best.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SlipwayError } from '../../../../daemon/base/errors';
import { silentTask } from '../../../../daemon/base/task';
import { searchHalf } from '../../../../daemon/passes/precision/search';

const names = Array.from({ length: 100 }, (_, index) => `n${index}`);
const without = (bad: readonly string[]) => (half: ReadonlySet<string>) =>
  Promise.resolve(!bad.some((name) => half.has(name)));

test('one trial when all is well', async () => {
  const found = await searchHalf(names, without([]), { budget: 50 }, silentTask);
  assert.deepEqual([found.accepted.size, found.trials, found.stopped], [100, 1, 'done']);
});

test('only the nodes that spoil it stay', async () => {
  const found = await searchHalf(names, without(['n3', 'n71']), { budget: 100 }, silentTask);
  assert.equal(found.accepted.size, 98);
  assert.ok(!found.accepted.has('n3') && !found.accepted.has('n71') && found.stopped === 'done');
  assert.ok(found.trials <= 2 * 2 * Math.ceil(Math.log2(100)) + 2, `${found.trials} trials`);
});

test('a spent budget leaves a set that was accepted, and the large parts are decided first', async () => {
  const accept = without(['n3', 'n71']);
  const found = await searchHalf(names, accept, { budget: 7 }, silentTask);
  assert.deepEqual([found.stopped, found.trials], ['evaluations', 7]);
  assert.ok(await accept(found.accepted));
  // The whole, two halves, four quarters: two of the quarters are clean.
  assert.equal(found.accepted.size, 50);
});

test('time that is up ends it after the first trial', async () => {
  const found = await searchHalf(names, without(['n3']), { budget: 100, maxMs: 0 }, silentTask);
  assert.deepEqual([found.stopped, found.trials, found.accepted.size], ['seconds', 1, 0]);
});

test('a trial that had to be left ends it and does not count', async () => {
  let trials = 0;
  const accept = (half: ReadonlySet<string>) =>
    Promise.resolve((trials += 1) === 4 ? undefined : !half.has('n3'));
  const found = await searchHalf(names, accept, { budget: 100 }, silentTask);
  assert.deepEqual([found.stopped, found.trials, found.accepted.size > 0], ['seconds', 3, true]);
});

test('it can be cancelled', async () => {
  const controller = new AbortController();
  const accept = () => {
    controller.abort();
    return Promise.resolve(false);
  };
  const task = { signal: controller.signal, report: () => undefined };
  await assert.rejects(
    searchHalf(names, accept, { budget: 50 }, task),
    (error) => error instanceof SlipwayError && error.kind === 'cancelled',
  );
});
