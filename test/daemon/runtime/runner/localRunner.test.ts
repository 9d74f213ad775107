import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SlipwayError } from '../../../../daemon/base/errors';
import { silentTask, type Task } from '../../../../daemon/base/task';
import { setScriptFolder } from '../../../../daemon/host/scripts';
import { startLocalRunner } from '../../../../daemon/runtime/runner/localRunner';
import { setJobRunner, startRunner, withRunner } from '../../../../daemon/runtime/runner/runnerProcess';
import type { Feeds, Runner } from '../../../../daemon/runtime/runner/session';
import { distFolder, temporaryFolder } from '../../../support/paths';
import { squareModel, unknownOperatorModel, writeSmall } from '../../../support/smallModels';

setScriptFolder(distFolder);
const folder = temporaryFolder();
const feeds: Feeds = { x: { type: 'float32', dims: [1, 4], data: Float32Array.of(1, 2, 3, -4) } };

async function errorOf(promise: Promise<unknown>): Promise<SlipwayError> {
  const error = await promise.then(
    () => assert.fail('it must fail'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof SlipwayError);
  return error;
}

/** What a job sees of a runner, errors included. */
async function seen(runner: Runner): Promise<unknown[]> {
  const path = await writeSmall(folder, 'square.onnx', squareModel());
  const session = await runner.load(path, {}, silentTask);
  const { inputs, outputs } = session;
  const result = await session.run(feeds, silentTask);
  await session.countValues(feeds, ['y'], silentTask);
  const counted = await session.countedValues(silentTask);
  const times = await session.timeRuns(feeds, { runs: 3, maxMs: 5000 }, silentTask);
  const wrong = await errorOf(session.run({ x: { ...feeds['x']!, dims: [4] } }, silentTask));
  await session.release();
  const released = await errorOf(session.run(feeds, silentTask));
  const unknown = await writeSmall(folder, 'unknown.onnx', unknownOperatorModel());
  const refused = await errorOf(runner.load(unknown, {}, silentTask));
  const errors = [wrong, released, refused].map(({ kind, message }) => ({ kind, message }));
  return [inputs, outputs, result, counted, times.length, errors];
}

test('a runner in this process answers as a process of its own does', async () => {
  const here = startLocalRunner();
  assert.equal(here.processId, process.pid);
  const there = startRunner();
  assert.deepEqual(await seen(here), await seen(there));
  assert.equal((await here.describe(silentTask)).version, (await there.describe(silentTask)).version);
  await there.dispose();
  await here.dispose();
  assert.equal(here.ended, true);
});

test('calls that are made at once are answered in turn; a cancelled task gets none', async () => {
  const path = await writeSmall(folder, 'square.onnx', squareModel());
  setJobRunner(() => startLocalRunner());
  await withRunner(silentTask, async (runner) => {
    assert.equal(runner.processId, process.pid);
    const session = await runner.load(path, {}, silentTask);
    const both = await Promise.all([session.run(feeds, silentTask), session.run(feeds, silentTask)]);
    assert.deepEqual(both[0], both[1]);
    const stop = new AbortController();
    const task: Task = { signal: stop.signal, report: () => undefined };
    const waiting = errorOf(session.run(feeds, task));
    stop.abort();
    assert.equal((await waiting).kind, 'cancelled');
    // It goes on for others: nothing was killed.
    assert.deepEqual(await session.run(feeds, silentTask), both[0]);
  });
  setJobRunner(startRunner);
});
