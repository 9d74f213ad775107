// The history of jobs: records on disk, what a list shows, what stays when a process ends in the middle.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { cancelled, SlipwayError } from '../../../daemon/base/errors';
import type { RunModel } from '../../../daemon/protocol/runs';
import { RunStore } from '../../../daemon/workspace/runs';
import { writeRun } from '../../../daemon/workspace/runFile';
import { temporaryFolder } from '../../support/paths';
import { waitUntil } from '../../support/waiting';

const folder = temporaryFolder();
let stores = 0;

function newStore(limits: { most?: number; mostBytes?: number } = {}) {
  const warnings: string[] = [];
  const own = join(folder, String(stores++), 'runs');
  const options = { folder: own, client: 'daemon', warn: (text: string) => warnings.push(text) } as const;
  return { store: new RunStore({ ...options, ...limits }), folder: own, warnings };
}

const model = (path: string, digest: string | null = null): RunModel => ({
  role: 'model',
  path,
  digest,
  fileBytes: 7,
});

const job = (method: string, ...models: RunModel[]) => ({
  method: `slipway/${method}`,
  title: `${method} of it`,
  models,
  params: { maxSeconds: 3 },
});

const measured = (path: string, p50: number) => ({
  model: path,
  device: 'cpu',
  threads: 2,
  batch: 1,
  latencyMs: { p50 },
});

test('a run is in the list from its beginning and whole at its end, for another process too', async () => {
  const { store, folder: own, warnings } = newStore();
  const run = store.begin(job('benchmark', model('/m/a.onnx', 'sha256:1')));
  assert.deepEqual(
    (await store.list()).map(({ id, state }) => ({ id, state })),
    [{ id: run.id, state: 'running' }],
  );
  await run.done({ results: [measured('/m/a.onnx', 1.5)], ratios: [] });

  const other = new RunStore({ folder: own, client: 'cli', warn: (text) => warnings.push(text) });
  const [listed] = await other.list();
  assert.deepEqual(listed?.figures, [
    {
      name: 'p50',
      value: 1.5,
      unit: 'ms',
      better: 'lower',
      model: '/m/a.onnx',
      setting: 'cpu, threads 2, batch 1',
    },
  ]);
  assert.equal(listed.state, 'done');
  assert.ok((listed.durationMs ?? -1) >= 0);
  const whole = await other.get(run.id);
  assert.deepEqual(whole.params, { maxSeconds: 3 });
  assert.deepEqual(whole.result, { results: [measured('/m/a.onnx', 1.5)], ratios: [] });
  assert.deepEqual(whole, await store.get(run.id));
  assert.deepEqual(warnings, []);
});

test('what was measured before a failure or a cancel is kept', async () => {
  const { store } = newStore();
  const failed = store.begin(job('benchmark', model('/m/a.onnx')));
  failed.row(measured('/m/a.onnx', 3));
  failed.row(measured('/m/a.onnx', 2));
  failed.row(measured('/m/b.onnx', 1));
  await failed.failed(new SlipwayError('runnerDied', 'It was killed.'));
  const stopped = store.begin(job('benchmark', model('/m/a.onnx')));
  stopped.row(measured('/m/a.onnx', 9));
  await stopped.failed(cancelled());

  const first = await store.get(failed.id);
  assert.deepEqual([first.state, first.error], ['failed', 'It was killed.']);
  assert.deepEqual(first.rows, [measured('/m/a.onnx', 2), measured('/m/b.onnx', 1)]);
  assert.deepEqual(
    first.figures.map(({ value }) => value),
    [2, 1],
  );
  const second = await store.get(stopped.id);
  assert.deepEqual([second.state, second.error, second.rows.length], ['cancelled', null, 1]);
});

test('a run whose process is gone is said to be interrupted', async () => {
  const { store, folder: own } = newStore();
  const run = store.begin(job('profile', model('/m/a.onnx')));
  await run.done(null);
  const record = await store.get(run.id);
  const { pid } = spawnSync(process.execPath, ['-e', '']);
  await writeRun(join(own, `${run.id}.json`), { ...record, state: 'running', durationMs: null }, pid);
  assert.deepEqual(
    (await store.list()).map(({ state }) => state),
    ['interrupted'],
  );
  assert.equal((await store.get(run.id)).state, 'interrupted');
  assert.deepEqual(await store.remove([run.id]), [run.id]);
});

test('runs are found by model, by what it held, and by what was done; the newest first', async () => {
  const { store } = newStore();
  const made: string[] = [];
  for (const [method, path, digest] of [
    ['benchmark', '/m/a.onnx', 'sha256:1'],
    ['evaluate', '/m/a.onnx', 'sha256:2'],
    ['benchmark', '/m/b.onnx', 'sha256:1'],
  ] as const) {
    const run = store.begin(job(method, model(path, digest)));
    await run.done(null);
    made.push(run.id);
    // Ids sort by the millisecond.
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  const found = async (filter: Parameters<RunStore['list']>[0]) =>
    (await store.list(filter)).map(({ id }) => made.indexOf(id));
  assert.deepEqual(await found({}), [2, 1, 0]);
  assert.deepEqual(await found({ path: '/m/a.onnx' }), [1, 0]);
  assert.deepEqual(await found({ digest: 'sha256:1' }), [2, 0]);
  assert.deepEqual(await found({ methods: ['slipway/evaluate'] }), [1]);
  assert.deepEqual(await found({ limit: 1 }), [2]);
});

test('the oldest go when there are too many or they take too much; a running one stays', async () => {
  const { store, folder: own } = newStore({ most: 3 });
  const running = store.begin(job('benchmark'));
  for (let i = 0; i < 5; i++) {
    await store.begin(job('benchmark')).done(null);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  const ids = (await store.list()).map(({ id }) => id);
  assert.equal(ids.length, 4);
  assert.ok(ids.includes(running.id));
  await running.failed(cancelled());
  assert.equal(readdirSync(own).length, 3);

  const small = newStore({ mostBytes: 20_000 });
  for (let i = 0; i < 4; i++) {
    await small.store.begin(job('profile')).done({ runUs: 1, nodes: 'x'.repeat(9000) });
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  const files = readdirSync(small.folder);
  assert.equal(files.length, 2);
  assert.ok(files.reduce((sum, name) => sum + statSync(join(small.folder, name)).size, 0) <= 20_000);
});

test('ids do not lead out of the folder, and foreign files are left alone', async () => {
  const { store, folder: own } = newStore();
  await store.begin(job('benchmark')).done(null);
  writeFileSync(join(own, 'notes.json'), '{"mine": 1}');
  writeFileSync(join(own, 'half.json'), '{"summary":{"id":"half"');
  assert.equal((await store.list()).length, 1);
  assert.deepEqual(
    await store.remove(['../../secret', 'nothing', 'notes']).catch(() => 'refused'),
    'refused',
  );
  assert.deepEqual(await store.remove(['nothing', 'notes']), []);
  assert.equal(readFileSync(join(own, 'notes.json'), 'utf8'), '{"mine": 1}');
  await assert.rejects(store.get('../../secret'), /There is no run/);
  await assert.rejects(store.get('half'), /There is no run half/);
});

test('a history that cannot be written costs a warning, not the job', async () => {
  const { store, folder: own, warnings } = newStore();
  writeFileSync(join(folder, 'file'), '');
  const blocked = new RunStore({
    folder: join(folder, 'file', 'runs'),
    client: 'cli',
    warn: (text) => warnings.push(text),
  });
  await blocked.begin(job('benchmark')).done(null);
  assert.match(warnings[0] ?? '', /history of jobs could not be written/);
  assert.deepEqual(await store.list(), []);
  assert.ok(own);
});

test('runs of other processes are heard of: their beginning, their end, their death, and their removal', async () => {
  const { store, folder: own, warnings } = newStore();
  const heard: string[] = [];
  const stop = store.onChanged((id, run) => heard.push(`${id} ${run === null ? 'gone' : run.state}`));
  const other = new RunStore({ folder: own, client: 'cli', warn: (text) => warnings.push(text) });
  const news = (id: string, what: string) =>
    waitUntil(`${id} ${what} is heard of`, () => heard.includes(`${id} ${what}`));
  const waiting = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
  try {
    // A run of this process is told of once for each change, whatever the disk says afterwards.
    const ours = store.begin(job('benchmark', model('/m/a.onnx')));
    await ours.done(null);

    const theirs = other.begin(job('evaluate', model('/m/a.onnx')));
    await theirs.done(null);
    await news(theirs.id, 'done');
    await other.remove([theirs.id]);
    await news(theirs.id, 'gone');
    assert.deepEqual(
      heard.filter((text) => text.startsWith(ours.id)),
      [`${ours.id} running`, `${ours.id} done`],
    );

    const left = other.begin(job('profile', model('/m/a.onnx')));
    await left.done(null);
    const record = { ...(await other.get(left.id)), state: 'running', durationMs: null } as const;
    await writeRun(join(own, `${left.id}.json`), record, waiting.pid!);
    await news(left.id, 'running');
    const gone = once(waiting, 'exit');
    waiting.kill('SIGKILL');
    await gone;
    await news(left.id, 'interrupted');
  } finally {
    waiting.kill('SIGKILL');
    stop();
  }
  const before = heard.length;
  await other.begin(job('evaluate')).done(null);
  const again = store.onChanged(() => heard.push('again'));
  await other.begin(job('evaluate')).done(null);
  await waitUntil('the new listener hears', () => heard.includes('again'));
  again();
  assert.deepEqual(
    heard.slice(before).filter((text) => text !== 'again'),
    [],
  );
  assert.deepEqual(warnings, []);
});
