// The history over the protocol: a job leaves a record of the declared shape, with the digest of its model.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { Check } from 'typebox/value';
import { requests } from '../../../daemon/protocol/messages';
import type { RunRecord, RunSummary } from '../../../daemon/protocol/runs';
import { connect, startDaemon, type RunningDaemon, type WireClient } from '../../support/daemonProcess';
import { writeDenseModel } from '../../support/denseModel';
import { temporaryFolder } from '../../support/paths';

const folder = temporaryFolder();
const path = join(folder, 'dense.onnx');
const uri = pathToFileURL(path).href;
let daemon: RunningDaemon;
let client: WireClient;

before(async () => {
  await writeDenseModel(path, 4, 256);
  daemon = await startDaemon(join(folder, 'state'));
  client = await connect(daemon);
});
after(async () => {
  client.close();
  await daemon.stop();
});

async function ask<T>(method: string, params: object): Promise<T> {
  const { error, result } = await client.ask(method, params);
  assert.equal(error, undefined, error?.message);
  const declared = requests.find((one) => one.method === method);
  assert.ok(declared && Check(declared.result, result), `the result of ${method} is as declared`);
  return result as T;
}

const list = async (params: object = {}) =>
  (await ask<{ runs: RunSummary[] }>('slipway/runs/list', params)).runs;

test('a benchmark is recorded with its model, its figures and its result', async () => {
  const result = await ask('slipway/benchmark', { uris: [uri], maxSeconds: 0.3, minSamples: 5 });
  const [run, ...others] = await list({ uri });
  assert.ok(run);
  assert.deepEqual(others, []);
  const hash = createHash('sha256').update(readFileSync(path)).digest('hex');
  assert.equal(run.models[0]?.digest, `sha256:${hash}`);
  assert.equal((await ask<{ digest: string }>('slipway/digest', { uri })).digest, `sha256:${hash}`);
  assert.deepEqual([run.state, run.title, run.client], ['done', 'Benchmark of dense.onnx', 'daemon']);
  assert.equal(run.figures[0]?.name, 'p50');
  const whole = await ask<RunRecord>('slipway/runs/get', { id: run.id });
  assert.deepEqual(whole.result, result);
  const states = client.received
    .filter(({ method, params }) => method === 'slipway/runChanged' && params?.['id'] === run.id)
    .map(({ params }) => (params?.['run'] as RunSummary).state);
  assert.deepEqual([states[0], states.at(-1)], ['running', 'done']);
  assert.deepEqual(await list({ methods: ['slipway/profile'] }), []);
});

test('a cancelled job keeps what it had measured; a refused one says why', async () => {
  const id = client.begin('slipway/benchmark', {
    uris: [uri],
    maxSeconds: 60,
    minSamples: 1e6,
    progressToken: 'p',
  });
  await client.wait(
    ({ method, params }) =>
      method === '$/progress' &&
      params?.['token'] === 'p' &&
      (params['value'] as { row?: unknown }).row !== undefined,
  );
  client.send({ jsonrpc: '2.0', method: '$/cancelRequest', params: { id } });
  assert.equal((await client.answer(id)).error?.code, -32800);
  await client.wait(
    ({ method, params }) =>
      method === 'slipway/runChanged' && (params?.['run'] as RunSummary | null)?.state === 'cancelled',
  );
  const [run] = await list();
  assert.equal(run?.state, 'cancelled');
  const whole = await ask<RunRecord>('slipway/runs/get', { id: run.id });
  assert.ok(whole.rows.length > 0 && whole.result === null);
  assert.ok(run.figures.some(({ name }) => name === 'p50'));

  await client.ask('slipway/profile', { uri, data: '/nowhere.npz' });
  const [refused] = await list();
  assert.equal(refused?.state, 'failed');
  assert.match(refused.error ?? '', /nowhere\.npz/);

  const gone = await ask<{ removed: string[] }>('slipway/runs/remove', { ids: [run.id, refused.id, 'x'] });
  assert.deepEqual(gone.removed, [run.id, refused.id]);
  assert.equal((await client.ask('slipway/runs/get', { id: run.id })).error?.code, -31011);
});

test('zeros and low rank are jobs with a record and figures', async () => {
  const jobs = [
    ['slipway/pruneWeights', { pattern: '2:4' }, 'Zeros in dense.onnx'],
    ['slipway/lowRank', { energy: 0.5 }, 'Low rank of dense.onnx'],
  ] as const;
  for (const [method, params, title] of jobs) {
    const output = join(folder, `${method.split('/')[1]!}.onnx`);
    const made = await ask<{ output: string; layers: unknown[] }>(method, { uri, ...params, output });
    assert.equal(made.output, output);
    assert.ok(made.layers.length > 0);
    const [run] = await list({ methods: [method] });
    assert.equal(run?.title, title);
    assert.deepEqual(run.figures.map(({ name }) => name).slice(0, 2), ['size', 'smaller']);
  }
});

test('sensitivity to pruning and recipes are jobs; a recipe in the wrong order is refused before any work', async () => {
  const sensitivity = await ask<{ units: { name: string; from: number; to: number }[]; ratio: number }>(
    'slipway/pruneSensitivity',
    { uri, ratio: 0.5, samples: 2 },
  );
  assert.equal(sensitivity.ratio, 0.5);
  assert.ok(sensitivity.units.length > 0);
  for (const { name, from, to } of sensitivity.units) assert.ok(to < from, name);

  const recipe = join(folder, 'small.yaml');
  const output = join(folder, 'small.onnx');
  writeFileSync(recipe, 'steps:\n  - prune: {ratio: 0.5}\n  - cluster: {clusters: 16}\n');
  const made = await ask<{
    before: { fileBytes: number };
    after: { fileBytes: number };
    steps: { step: string }[];
  }>('slipway/runRecipe', { uri, recipe, output });
  assert.deepEqual(
    made.steps.map(({ step }) => step),
    ['prune', 'cluster'],
  );
  assert.equal(statSync(output).size, made.after.fileBytes);
  assert.ok(made.after.fileBytes < made.before.fileBytes / 4);
  for (const method of ['slipway/pruneSensitivity', 'slipway/runRecipe']) {
    assert.equal((await list({ methods: [method] }))[0]?.state, 'done', method);
  }

  const late = join(folder, 'late.onnx');
  writeFileSync(recipe, 'steps:\n  - quantize: {method: dynamic}\n  - prune: {ratio: 0.5}\n');
  const { error } = await client.ask('slipway/runRecipe', { uri, recipe, output: late });
  assert.match(error?.message ?? '', /prune/);
  assert.equal(existsSync(late), false);
});
