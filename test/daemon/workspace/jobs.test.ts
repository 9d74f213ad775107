import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { Progress, Task } from '../../../daemon/base/task';
import { JobQueue } from '../../../daemon/workspace/jobs';
import { shared } from '../../../daemon/workspace/shared';

function watched() {
  const controller = new AbortController();
  const stages: string[] = [];
  const task: Task = { signal: controller.signal, report: ({ stage }: Progress) => void stages.push(stage) };
  return { task, stages, cancel: () => controller.abort() };
}

/** Work that ends when it is told to. */
function held() {
  let finish: () => void = () => undefined;
  const done = new Promise<void>((resolve) => (finish = resolve));
  return { work: () => done, finish: () => finish() };
}

test('heavy jobs run one after the other and say whom they wait for', async () => {
  const queue = new JobQueue();
  const [a, b, c] = [watched(), watched(), watched()];
  const [first, second] = [held(), held()];
  const order: string[] = [];
  const running = [
    queue.heavy('A', a.task, first.work).then(() => order.push('a')),
    queue.heavy('B', b.task, second.work).then(() => order.push('b')),
    queue.heavy('C', c.task, () => Promise.resolve()).then(() => order.push('c')),
  ];
  assert.equal(queue.size, 3);
  assert.deepEqual([b.stages, c.stages.at(-1)], [['Waiting for A', 'Waiting for A'], 'Waiting for B']);
  first.finish();
  await turn();
  assert.equal(c.stages.at(-1), 'Waiting for B');
  second.finish();
  await Promise.all(running);
  assert.deepEqual(order, ['a', 'b', 'c']);
  assert.equal(queue.size, 0);
});

test('a job that is cancelled while it waits leaves the line; one that fails lets the next in', async () => {
  const queue = new JobQueue();
  const [a, b, c] = [watched(), watched(), watched()];
  const first = held();
  const failing = queue.heavy('A', a.task, async () => {
    await first.work();
    throw new Error('broken');
  });
  const waiting = queue.heavy('B', b.task, () => Promise.reject(new Error('must not run')));
  const last = queue.heavy('C', c.task, () => Promise.resolve('c'));
  b.cancel();
  await assert.rejects(waiting, /Cancelled/);
  assert.equal(c.stages.at(-1), 'Waiting for A');
  first.finish();
  await assert.rejects(failing, /broken/);
  assert.equal(await last, 'c');
  a.cancel();
  await assert.rejects(
    queue.heavy('D', a.task, () => Promise.resolve()),
    /Cancelled/,
  );
  assert.equal(queue.size, 0);
});

test('shared work is cancelled only when everybody has left', async () => {
  let runs = 0;
  let stopped = false;
  const first = held();
  const work = shared(async (task) => {
    runs += 1;
    task.signal.addEventListener('abort', () => (stopped = true));
    task.report({ stage: 'Reading' });
    await first.work();
    return 'model';
  });
  const [a, b] = [watched(), watched()];
  const forA = work.join(a.task);
  const forB = work.join(b.task);
  a.cancel();
  await assert.rejects(forA, /Cancelled/);
  assert.ok(!stopped);
  first.finish();
  assert.equal(await forB, 'model');
  assert.equal(await work.join(watched().task), 'model');
  assert.deepEqual([runs, a.stages, work.failed()], [1, ['Reading'], false]);

  const endless = shared(() => new Promise<never>(() => undefined));
  const c = watched();
  const forC = endless.join(c.task);
  c.cancel();
  await assert.rejects(forC, /Cancelled/);
  assert.ok(endless.failed(), 'the next one starts afresh');
});
