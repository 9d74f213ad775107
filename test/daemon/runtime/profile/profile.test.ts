import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { silentTask, type Task } from '../../../../daemon/base/task';
import { setScriptFolder } from '../../../../daemon/host/scripts';
import { profile, type ModelProfile } from '../../../../daemon/runtime/profile/profile';
import { placementOf } from '../../../../daemon/runtime/profile/profilePlacement';
import { childProcesses, ownTemporaryFolder } from '../../../support/childProcesses';
import { writeDenseModel } from '../../../support/denseModel';
import { distFolder, sharedFolder, temporaryFolder } from '../../../support/paths';
import { squareModel, unknownOperatorModel, writeSmall } from '../../../support/smallModels';

setScriptFolder(distFolder);
const folder = temporaryFolder();
const leftBehind = ownTemporaryFolder();

function check(found: ModelProfile): void {
  const sum = (values: readonly number[]) => values.reduce((all, value) => all + value, 0);
  assert.ok(found.nodes.length > 0 && found.runs >= 3);
  assert.ok(Math.abs(sum(found.nodes.map(({ share }) => share)) - 1) < 1e-9);
  assert.ok(Math.abs(sum(found.nodes.map(({ meanUs }) => meanUs)) - found.sumUs) < 1e-6);
  assert.ok(Math.abs(found.runUs - found.sumUs - found.betweenUs) < 1e-6);
  for (const parts of [found.byOp, found.byProvider]) {
    assert.ok(Math.abs(sum(parts.map(({ meanUs }) => meanUs)) - found.sumUs) < 1e-6);
    assert.equal(sum(parts.map(({ nodes }) => nodes)), found.nodes.length);
  }
  assert.deepEqual(
    found.byProvider.map(({ name }) => name),
    ['CPUExecutionProvider'],
  );
  assert.equal(found.fallback, null);
  assert.ok(found.recordUs >= 0 && found.recordUs <= 10);
  assert.ok(found.slowdown >= 1 && found.slowdown <= 1.25);
  if (found.slowdown > 1) assert.ok(Math.abs(found.sumUs + found.callUs - found.runUs) < 1e-6 * found.runUs);
  assert.deepEqual(childProcesses(), []);
  assert.deepEqual(leftBehind(), []);
}

test('a chain of MatMul and Relu, node by node', async () => {
  const path = await writeDenseModel(join(folder, 'dense.onnx'), 6, 192);
  const found = await profile(path, undefined, { maxSeconds: 1, batch: 8 }, silentTask);
  check(found);
  assert.deepEqual([found.device, found.threads, found.batch], ['cpu', 1, 8]);
  const names = found.nodes.flatMap(({ source }) => source ?? []);
  assert.ok(
    ['MatMul_0', 'MatMul_3', 'Relu_2'].every((name) => names.includes(name)),
    names.join(),
  );
  assert.equal(found.byOp[0]?.name, 'MatMul');
});

test('a trained model: scopes, and nodes of the file found again after fusion', async (context) => {
  const shared = sharedFolder();
  if (!shared) {
    context.diagnostic('the shared models are not here');
    return;
  }
  const path = join(shared, 'models/resnet/resnet.onnx');
  const found = await profile(path, undefined, { maxSeconds: 1 }, silentTask);
  check(found);
  const known = found.nodes.filter(({ source }) => source !== null).length;
  assert.ok(known >= 0.8 * found.nodes.length, `${known} of ${found.nodes.length} nodes have a source`);
  assert.ok(found.byScope.length > 3);
  for (const { name, meanUs } of found.byScope) {
    const around = found.byScope.find((scope) => scope.name === name.split('/').slice(0, -1).join('/'));
    if (around) assert.ok(around.meanUs >= meanUs - 1e-6, `${name} takes longer than what is around it`);
  }
});

test('two models in turn, and what differs', async () => {
  const one = await writeDenseModel(join(folder, 'one.onnx'), 2, 192);
  const two = await writeDenseModel(join(folder, 'two.onnx'), 6, 192);
  const found = await profile(one, two, { maxSeconds: 1, batch: 8 }, silentTask);
  check(found);
  assert.ok(found.against && found.difference);
  check(found.against);
  assert.equal(found.against.model, two);
  assert.ok(Math.abs(found.difference.runRatio - found.runUs / found.against.runUs) < 1e-9);
  const extra = found.difference.nodes.find(({ name }) => name === 'MatMul_5');
  assert.ok(extra && extra.meanUs === 0 && extra.differenceUs === -extra.againstUs);
});

test('a free dimension is taken as 1, and a value is offered', async () => {
  const path = await writeSmall(folder, 'square.onnx', squareModel());
  const found = await profile(path, undefined, { maxSeconds: 0.3 }, silentTask);
  assert.deepEqual(found.assumed, { batch: 1 });
});

test('a model that does not load is told, and nothing stays behind', async () => {
  const path = await writeSmall(folder, 'acme.onnx', unknownOperatorModel());
  await assert.rejects(profile(path, undefined, {}, silentTask), /acme\.onnx uses operator Norm/);
  assert.deepEqual([childProcesses(), leftBehind()], [[], []]);
});

test('a process that the system kills in a later launch: what was measured before is kept and said to be', async () => {
  const path = await writeSmall(folder, 'square.onnx', squareModel());
  let launches = 0;
  const task: Task = {
    signal: new AbortController().signal,
    report: ({ stage }) => {
      if (stage.startsWith('Loading')) launches += 1;
      if (launches === 2 && stage.startsWith('Profiling'))
        for (const pid of childProcesses()) process.kill(pid, 'SIGKILL');
    },
  };
  const found = await profile(path, undefined, { maxSeconds: 2.2 }, task);
  assert.equal(launches, 2);
  check(found);
  assert.match(
    found.warnings[0] ?? '',
    /square\.onnx was ended by signal SIGKILL\..*The profile ended there; what was measured before is kept\./,
  );
});

test('placement: which provider ran the nodes', async () => {
  const path = await writeSmall(folder, 'square.onnx', squareModel());
  const feeds = { x: { type: 'float32', dims: [1, 4], data: new Float32Array(4) } } as const;
  const { placement, warnings } = await placementOf(path, { device: 'cpu' }, feeds, silentTask);
  assert.deepEqual(placement, { nodes: { CPUExecutionProvider: 1 }, fallbackShare: 0, fallbackTimeShare: 0 });
  assert.deepEqual(warnings, []);
  assert.deepEqual([childProcesses(), leftBehind()], [[], []]);
});
