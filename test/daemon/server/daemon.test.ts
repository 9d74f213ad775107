import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { Check } from 'typebox/value';
import { silentTask } from '../../../daemon/base/task';
import { hasErrors } from '../../../daemon/base/diagnostic';
import { readModel } from '../../../daemon/onnx/readModel';
import { decodeColumns } from '../../../daemon/protocol/columns';
import type { FrameRef } from '../../../daemon/protocol/common';
import { ErrorCode } from '../../../daemon/protocol/errors';
import { graphColumns } from '../../../daemon/protocol/graph';
import type { Inspection } from '../../../daemon/protocol/inspect';
import { requests } from '../../../daemon/protocol/messages';
import {
  connect,
  startDaemon,
  type Message,
  type RunningDaemon,
  type WireClient,
} from '../../support/daemonProcess';
import { writeDenseModel } from '../../support/denseModel';
import { temporaryFolder } from '../../support/paths';

const folder = temporaryFolder();
const small = join(folder, 'dense model #1 100%.onnx');
const uri = pathToFileURL(small).href;
let daemon: RunningDaemon;
let client: WireClient;

before(async () => {
  await writeDenseModel(small);
  daemon = await startDaemon(join(folder, 'state'));
  client = await connect(daemon);
});
after(async () => {
  client.close();
  await daemon.stop();
});

const isUri = (message: Message, method: string) =>
  message.method === method && message.params?.['uri'] === uri;

/** Asks, and holds the answer against the schema that the protocol declares for it. */
async function ask<T>(method: string, params: object, by = client): Promise<T> {
  const answer = await by.ask(method, params);
  assert.equal(answer.error, undefined, answer.error?.message);
  const declared = requests.find((one) => one.method === method);
  assert.ok(declared && Check(declared.result, answer.result), `the result of ${method} is as declared`);
  return answer.result as T;
}

const refused = async (method: string, params: object) => {
  const { error } = await client.ask(method, params);
  assert.ok(error, `${method} was refused`);
  return error;
};

test('a model is opened, drawn, looked into, and forgotten', async () => {
  const opened = await ask<{ uri: string; revision: string; inspection: Inspection }>('slipway/open', {
    uri,
  });
  assert.equal(opened.uri, uri);
  assert.equal(opened.inspection.file, small);
  assert.deepEqual(opened.inspection.ops, { MatMul: 2, Relu: 2 });
  assert.deepEqual(opened.inspection.diagnostics, []);
  const { revision } = opened;

  const graph = await ask<{ nodes: number; edges: number; columns: FrameRef }>('slipway/graph', {
    uri,
    revision,
  });
  assert.deepEqual([graph.nodes, graph.edges], [6, 5]);
  const payload = client.frames.get(graph.columns.frame);
  assert.equal(payload?.byteLength, graph.columns.byteLength);
  const columns = decodeColumns(payload);
  assert.deepEqual(Object.keys(columns).sort(), [...graphColumns].sort());
  assert.deepEqual(columns['op'], ['MatMul', 'Relu', 'MatMul', 'Relu', '', '']);
  const frameAt = client.received.findIndex(({ params }) => params?.['id'] === graph.columns.frame);
  const answerAt = client.received.findIndex(
    ({ result }) => (result as { columns?: FrameRef } | null)?.columns?.frame === graph.columns.frame,
  );
  assert.ok(frameAt >= 0 && frameAt < answerAt, 'the frame came first');

  const node = await ask<{ op: string; inputs: { initializer?: { name: string } }[] }>('slipway/node', {
    uri,
    revision,
    index: 2,
  });
  assert.equal(node.op, 'MatMul');
  assert.equal(node.inputs[1]?.initializer?.name, 'weight1');
  const tensor = await ask<{ dtype: string; shape: number[]; data: FrameRef }>('slipway/tensor', {
    uri,
    name: 'weight1',
    start: 16,
    count: 4,
  });
  assert.deepEqual([tensor.dtype, tensor.shape, tensor.data.byteLength], ['float', [16, 16], 16]);

  assert.equal((await refused('slipway/node', { uri, index: 99 })).code, ErrorCode.badRequest);
  assert.equal((await refused('slipway/graph', { uri, scope: 'nowhere' })).code, ErrorCode.badRequest);
  assert.equal((await refused('slipway/graph', { uri, revision: 'older' })).code, ErrorCode.modelChanged);
  await ask('slipway/close', { uri });
  await ask('slipway/close', { uri });
});

test('what cannot be opened is refused with a sentence; a broken file is opened with diagnostics', async () => {
  const missing = await refused('slipway/open', { uri: pathToFileURL(join(folder, 'none.onnx')).href });
  assert.equal(missing.code, ErrorCode.notFound);
  assert.match(missing.message, /none\.onnx: it does not exist/);
  assert.equal(
    (await refused('slipway/open', { uri: 'https://example.com/model.onnx' })).code,
    ErrorCode.badRequest,
  );
  assert.equal((await refused('slipway/open', { uri: 'model.onnx' })).code, ErrorCode.badRequest);
  assert.equal((await refused('slipway/open', { uri: `${uri}#part` })).code, ErrorCode.badRequest);

  const broken = join(folder, 'broken.onnx');
  writeFileSync(broken, readFileSync(small).subarray(0, 900));
  const brokenUri = pathToFileURL(broken).href;
  const { inspection } = await ask<{ inspection: Inspection }>('slipway/open', { uri: brokenUri });
  assert.ok(hasErrors(inspection.diagnostics));
  writeFileSync(broken, 'not a model at all');
  const nonsense = await ask<{ inspection: Inspection }>('slipway/open', { uri: brokenUri });
  assert.ok(hasErrors(nonsense.inspection.diagnostics));
  const noGraph = await refused('slipway/graph', { uri: brokenUri });
  assert.equal(noGraph.code, ErrorCode.invalidModel);
  assert.ok(Array.isArray(noGraph.data?.['diagnostics']));
});

test('a change on disk is told, and the old revision is refused', async () => {
  const copy = join(folder, 'changing.onnx');
  const copyUri = pathToFileURL(copy).href;
  await writeDenseModel(copy, 1, 8);
  const { revision } = await ask<{ revision: string }>('slipway/open', { uri: copyUri });
  const other = await connect(daemon);
  await ask('slipway/open', { uri: copyUri }, other);

  const changed = (exists: boolean) => (message: Message) =>
    message.method === 'slipway/modelChanged' &&
    message.params?.['uri'] === copyUri &&
    message.params['exists'] === exists;
  await writeDenseModel(join(folder, 'next.onnx'), 3, 8);
  renameSync(join(folder, 'next.onnx'), copy);
  await Promise.all([client.wait(changed(true)), other.wait(changed(true))]);
  assert.equal((await refused('slipway/graph', { uri: copyUri, revision })).code, ErrorCode.modelChanged);
  const again = await ask<{ revision: string; inspection: Inspection }>('slipway/open', { uri: copyUri });
  assert.notEqual(again.revision, revision);
  assert.equal(again.inspection.nodes, 6);

  await ask('slipway/close', { uri: copyUri }, other);
  const before = other.received.length;
  rmSync(copy);
  await client.wait(changed(false));
  assert.equal(other.received.length, before, 'who closed the model hears no more of it');
  other.close();
});

test('a benchmark reports rows; two of them wait for each other, a ping does not wait', async () => {
  const other = await connect(daemon);
  const first = client.begin('slipway/benchmark', { uris: [uri], maxSeconds: 0.5, progressToken: 'first' });
  await client.wait(({ method, params }) => method === '$/progress' && params?.['token'] === 'first');
  const second = other.begin('slipway/benchmark', { uris: [uri], maxSeconds: 0.3, progressToken: 'second' });
  const waiting = await other.wait(({ method }) => method === '$/progress');
  assert.match(
    (waiting.params?.['value'] as { stage: string }).stage,
    /^Waiting for benchmark of dense model/,
  );
  assert.ok((await other.ask('slipway/ping')).result);
  const answers = await Promise.all([client.answer(first), other.answer(second)]);
  const declared = requests.find(({ method }) => method === 'slipway/benchmark');
  for (const { result } of answers) assert.ok(declared && Check(declared.result, result));
  const rows = client.received.filter(
    ({ method, params }) =>
      method === '$/progress' && (params?.['value'] as { row?: unknown }).row !== undefined,
  );
  assert.ok(rows.length > 0);
  other.close();
});

test('a benchmark is cancelled within a second, and its runner is gone', async (t) => {
  const id = client.begin('slipway/benchmark', {
    uris: [uri],
    maxSeconds: 60,
    minSamples: 100_000_000,
    progressToken: 'long',
  });
  await client.wait(
    ({ method, params }) =>
      method === '$/progress' &&
      params?.['token'] === 'long' &&
      (params['value'] as { row?: unknown }).row !== undefined,
  );
  const asked = performance.now();
  client.send({ jsonrpc: '2.0', method: '$/cancelRequest', params: { id } });
  const { error } = await client.answer(id);
  assert.equal(error?.code, ErrorCode.requestCancelled);
  t.diagnostic(`answered ${(performance.now() - asked).toFixed(0)} ms after the cancellation`);
  assert.ok(
    (await ask<{ results: unknown[] }>('slipway/benchmark', { uris: [uri], maxSeconds: 0.2 })).results
      .length === 1,
  );
  await noChildren(daemon);
});

test('closing the connection stops its job', async () => {
  const leaving = await connect(daemon);
  leaving.begin('slipway/benchmark', {
    uris: [uri],
    maxSeconds: 60,
    minSamples: 100_000_000,
    progressToken: 1,
  });
  await leaving.wait(
    ({ method, params }) =>
      method === '$/progress' && (params?.['value'] as { row?: unknown }).row !== undefined,
  );
  leaving.socket.terminate();
  await noChildren(daemon);
  assert.ok(
    (await ask<{ results: unknown[] }>('slipway/benchmark', { uris: [uri], maxSeconds: 0.2 })).results
      .length === 1,
  );
});

test('a model is deployed, listed, answered from, stopped, and every connection hears of it', async () => {
  const other = await connect(daemon);
  const deployed = await ask<{ id: string; url: string; state: string }>('slipway/deploy', {
    uri,
    target: 'local',
    name: 'dense',
  });
  assert.equal(deployed.state, 'ready');
  const answer = await fetch(`${deployed.url}/v2/models/dense/infer`, {
    method: 'POST',
    body: JSON.stringify({
      inputs: [{ name: 'x', shape: [1, 16], datatype: 'FP32', data: Array(16).fill(1) }],
    }),
  });
  assert.equal(answer.status, 200);
  await other.wait(
    ({ method, params }) => method === 'slipway/deploymentChanged' && params?.['state'] === 'ready',
  );
  assert.deepEqual(
    (await ask<{ id: string }[]>('slipway/deployments', {})).map(({ id }) => id),
    [deployed.id],
  );
  assert.equal(
    (await ask<{ state: string }>('slipway/stopDeployment', { id: deployed.id })).state,
    'stopped',
  );
  await other.wait(
    ({ method, params }) => method === 'slipway/deploymentChanged' && params?.['state'] === 'stopped',
  );
  assert.equal((await refused('slipway/stopDeployment', { id: 'none' })).code, ErrorCode.notFound);
  other.close();
});

test('a daemon killed in the middle of quantizing leaves the files whole', async () => {
  const big = join(folder, 'big.onnx');
  await writeDenseModel(big, 12, 1024);
  const digest = () => createHash('sha256').update(readFileSync(big)).digest('hex');
  const original = digest();
  const output = join(folder, 'big.int8.onnx');
  for (const delayMs of [0, 60, 150, 300]) {
    const doomed = await startDaemon(join(folder, 'doomed'));
    const user = await connect(doomed);
    user.begin('slipway/quantize', {
      uri: pathToFileURL(big).href,
      method: 'dynamic',
      output,
      progressToken: 1,
    });
    await user.wait(({ method }) => method === '$/progress');
    await sleep(delayMs);
    await doomed.stop('SIGKILL');
    await user.closed;
    assert.equal(digest(), original);
    if (existsSync(output)) {
      const { model, diagnostics } = await readModel(output, silentTask);
      assert.ok(model && !hasErrors(diagnostics), 'an output that is there is whole');
      rmSync(output);
    }
  }
  const fresh = await startDaemon(join(folder, 'doomed'));
  const user = await connect(fresh);
  await ask('slipway/quantize', { uri: pathToFileURL(big).href, method: 'dynamic', output }, user);
  assert.equal(digest(), original);
  const again = await user.ask('slipway/quantize', {
    uri: pathToFileURL(big).href,
    method: 'dynamic',
    output,
  });
  assert.equal(again.error?.code, ErrorCode.conflict);
  user.close();
  assert.equal(await fresh.stop(), 0);
});

/** Waits until the daemon has no child processes. */
async function noChildren({ child }: RunningDaemon): Promise<void> {
  if (process.platform !== 'linux') return;
  for (let tries = 0; tries < 40; tries++) {
    const children = readFileSync(
      `/proc/${String(child.pid)}/task/${String(child.pid)}/children`,
      'utf8',
    ).trim();
    if (children === '') return;
    await sleep(50);
  }
  assert.fail('a runner stayed behind');
}

test('opening twice is watching once; news come once', async () => {
  await ask('slipway/open', { uri });
  await ask('slipway/open', { uri });
  const before = client.received.filter((message) => isUri(message, 'slipway/modelChanged')).length;
  writeFileSync(small, readFileSync(small));
  await client.wait((message) => isUri(message, 'slipway/modelChanged'));
  await sleep(300);
  assert.equal(
    client.received.filter((message) => isUri(message, 'slipway/modelChanged')).length,
    before + 1,
  );
});
