// Deploying to this machine: a real server that answers, its states, and nothing left when it ends.

import assert from 'node:assert/strict';
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { silentTask } from '../../../daemon/base/task';
import { makeBundle, type Bundle } from '../../../daemon/deploy/bundle';
import type { Deployment } from '../../../daemon/deploy/target';
import { LocalTarget } from '../../../daemon/deploy/targets/local/localTarget';
import { temporaryFolder } from '../../support/paths';
import { call, childrenOf, infer, pairModel, until, type WireResponse } from '../serve/testServer';
import { externalModel } from './externalModel';

const folder = temporaryFolder();
const targets: LocalTarget[] = [];
after(() => Promise.all(targets.map((target) => target.dispose())));

function watched(stateFolder: string) {
  const target = new LocalTarget({ stateFolder });
  targets.push(target);
  const states: string[] = [];
  target.onChange((deployment) => states.push(deployment.state));
  return { target, states };
}

async function deploy(
  target: LocalTarget,
  bundle: Bundle,
  options: { port?: number } = {},
): Promise<Deployment> {
  return target.apply(await target.plan(bundle, options, silentTask), silentTask);
}

const bundleOf = async (path: string) => makeBundle([{ path }], { threads: 1 }, silentTask);
const value = (name: string) => ({ name, datatype: 'FP32', shape: [1, 4], data: [1, 2, 3, 4] });
const answers = async (deployment: Deployment) => {
  const reply = await infer(deployment, 'pair', { inputs: [value('a'), value('b')] });
  assert.deepEqual(reply.json<WireResponse>().outputs[0]?.data, [2, 4, 6, 8]);
};
const serversOfThis = () => childrenOf(process.pid);

test('deploy, answer, keep answering when the file changes, stop; nothing is left', async () => {
  const state = join(folder, 'state1');
  const { target, states } = watched(state);
  const path = await pairModel(folder);
  const bundle = await bundleOf(path);
  const plan = await target.plan(bundle, {}, silentTask);
  assert.deepEqual(plan.checks, []);
  assert.equal(plan.steps.length, 3);
  assert.ok(!existsSync(state), 'a plan changes nothing');

  const deployment = await target.apply(plan, silentTask);
  assert.match(deployment.id, /^local-[0-9a-f]{8}$/);
  assert.match(deployment.url, /^http:\/\/127\.0\.0\.1:\d+$/);
  const { target: name, model, file, digest, checks } = deployment;
  assert.deepEqual({ name, model, file, digest, checks }, { name: 'local', model: 'pair', file: path, digest: bundle.digest, checks: [] }); // prettier-ignore
  assert.deepEqual(target.status(deployment.id), deployment);
  await answers(deployment);

  // The server has its own copy: also a new worker loads the old model.
  writeFileSync(path, 'overwritten in place');
  const [server = 0] = serversOfThis();
  process.kill(childrenOf(server)[0]!, 'SIGKILL');
  await until(
    async () => (await call(`${deployment.url}/v2/health/ready`)).status === 503,
    'readiness to fail',
  );
  rmSync(path);
  await answers(deployment);

  const stopped = await target.stop(deployment.id, silentTask);
  assert.equal(stopped.state, 'stopped');
  assert.deepEqual(states, ['starting', 'ready', 'draining', 'stopped']);
  assert.deepEqual(serversOfThis(), []);
  assert.deepEqual(readdirSync(state), []);
  assert.deepEqual(await target.stop(deployment.id, silentTask), stopped);
  await target.dispose();
  assert.ok(!existsSync(state));
});

test('stopping lets accepted requests finish', async () => {
  const { target } = watched(join(folder, 'state2'));
  const deployment = await deploy(target, await bundleOf(await pairModel(folder)));
  const [server = 0] = serversOfThis();
  const [worker = 0] = childrenOf(server);
  process.kill(worker, 'SIGSTOP');
  const asked = answers(deployment);
  await until(async () => (await call(`${deployment.url}/metrics`)).text.includes('slipway_inflight_requests{model="pair",version="1"} 1'), 'the request'); // prettier-ignore
  const stopping = target.stop(deployment.id, silentTask);
  await until(() => target.status(deployment.id).state === 'draining', 'draining');
  process.kill(worker, 'SIGCONT');
  await asked;
  assert.equal((await stopping).state, 'stopped');
  assert.deepEqual(target.status(deployment.id).checks, []);
});

test('two deployments of one bundle share the copy and end on their own', async () => {
  const state = join(folder, 'state3');
  const { target } = watched(state);
  const bundle = await bundleOf(await pairModel(folder));
  const [first, second] = await Promise.all([deploy(target, bundle), deploy(target, bundle)]);
  assert.notEqual(first.url, second.url);
  assert.deepEqual(
    target
      .list()
      .map(({ id }) => id)
      .sort(),
    [first.id, second.id].sort(),
  );
  assert.equal(readdirSync(state).length, 1);
  await target.stop(first.id, silentTask);
  await answers(second);
  assert.equal(readdirSync(state).length, 1);
  await target.stop(second.id, silentTask);
  assert.equal(readdirSync(state).length, 0);
});

test('external data is copied too', async () => {
  const { target } = watched(join(folder, 'state4'));
  const path = await externalModel(join(folder, 'external'));
  const bundle = await bundleOf(path);
  const deployment = await deploy(target, bundle);
  rmSync(join(folder, 'external'), { recursive: true });
  const x = { name: 'x', datatype: 'FP32', shape: [1, 1024], data: new Array<number>(1024).fill(1) };
  const reply = await infer(deployment, 'external', { inputs: [x] });
  assert.equal(reply.json<WireResponse>().outputs[0]?.data?.[1023], 1024);
  await target.stop(deployment.id, silentTask);
});

test('a file that changes between bundling and copying is refused', async () => {
  const state = join(folder, 'state5');
  const { target, states } = watched(state);
  const path = await pairModel(folder);
  const bundle = await bundleOf(path);
  writeFileSync(path, 'something else');
  await assert.rejects(deploy(target, bundle), /changed while it was being deployed\. Deploy it again/);
  assert.deepEqual(states, ['starting', 'failed']);
  assert.deepEqual(readdirSync(state), []);
});

test('a port in use is told in the plan, and by the server', async () => {
  const { target } = watched(join(folder, 'state6'));
  const bundle = await bundleOf(await pairModel(folder));
  const other = createServer();
  const port = await new Promise<number>((resolve) =>
    other.listen(0, '127.0.0.1', () => resolve((other.address() as AddressInfo).port)),
  );
  const plan = await target.plan(bundle, { port }, silentTask);
  assert.equal(plan.checks[0]?.id, 'deploy/port-in-use');
  await assert.rejects(target.apply(plan, silentTask), {
    kind: 'conflict',
    message: new RegExp(`Port ${port} on`),
  });
  assert.deepEqual(target.list(), []);
  await assert.rejects(target.apply({ ...plan, checks: [] }, silentTask), {
    kind: 'conflict',
    message: new RegExp(`^Port ${port} on 127\\.0\\.0\\.1 is in use\\.`),
  });
  assert.equal(target.list()[0]?.state, 'failed');
  other.close();
});

test('cancelling the start leaves no process and no file', async () => {
  const state = join(folder, 'state7');
  const { target, states } = watched(state);
  const plan = await target.plan(await bundleOf(await pairModel(folder)), {}, silentTask);
  const cancel = new AbortController();
  const applied = target.apply(plan, { signal: cancel.signal, report: () => undefined });
  await until(() => serversOfThis().length > 0, 'the server to start');
  cancel.abort();
  await assert.rejects(applied, { kind: 'cancelled' });
  assert.deepEqual(states, ['starting', 'stopped']);
  assert.deepEqual(serversOfThis(), []);
  assert.deepEqual(readdirSync(state), []);
});

test('a server that ends by itself makes the deployment fail with what it said last', async () => {
  const state = join(folder, 'state8');
  const { target } = watched(state);
  const deployment = await deploy(target, await bundleOf(await pairModel(folder)));
  process.kill(serversOfThis()[0]!, 'SIGKILL');
  await until(() => target.status(deployment.id).state === 'failed', 'the deployment to fail');
  const [check] = target.status(deployment.id).checks;
  assert.equal(check?.id, 'deploy/server-ended');
  assert.match(check.message, /^The server was ended by signal SIGKILL\./);
  await until(() => readdirSync(state).length === 0, 'the copy to go');
});

test('disposing ends every server, and a temporary state folder goes with it', async () => {
  const own = () => readdirSync(tmpdir()).filter((name) => name.startsWith(`slipway-deploy-${process.pid}-`));
  const target = new LocalTarget();
  await deploy(target, await bundleOf(await pairModel(folder)));
  assert.equal(own().length, 1);
  await target.dispose();
  assert.deepEqual(serversOfThis(), []);
  assert.deepEqual(own(), []);
  assert.throws(() => target.status('local-1'), /There is no deployment local-1/);
});
