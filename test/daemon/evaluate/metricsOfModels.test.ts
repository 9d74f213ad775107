// Metrics of small models whose outputs are known, in a real runner.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { silentTask, type Task } from '../../../daemon/base/task';
import { evaluateModel, type EvaluateOptions } from '../../../daemon/evaluate/evaluate';
import { setScriptFolder } from '../../../daemon/host/scripts';
import { childProcesses } from '../../support/childProcesses';
import { f4, i8, writeNpz } from '../../support/npzWriter';
import { distFolder, temporaryFolder } from '../../support/paths';
import { squareModel, writeSmall } from '../../support/smallModels';
import { writeDenseModel } from '../../support/denseModel';

setScriptFolder(distFolder);
const folder = temporaryFolder();
const made = writeSmall(folder, 'square.onnx', squareModel());
const evaluate = async (options: Omit<EvaluateOptions, 'path'>) =>
  evaluateModel({ path: await made, ...options }, silentTask);

// y = x · x: the largest output is the class 3, 0, 1, 2 and 2 of the samples.
const x = f4([5, 4], [0, 1, 2, 3, 4, 1, 2, 0, 1, 5, 2, 3, 1, 2, 3, 0, 0, 1, 9, 2]);
const classes = writeNpz(join(folder, 'classes.npz'), { x, label: i8([5], [3, 0, 1, 1, 2]) });

test('classes: top-1, top-k, F1, and what is behind them', async () => {
  const top1 = await evaluate({ data: classes, metric: 'top1' });
  assert.deepEqual([top1.value, top1.interval, top1.samples], [0.8, 'wilson', 5]);
  assert.deepEqual(top1.details?.confusion, [
    [1, 0, 0, 0],
    [0, 1, 1, 0],
    [0, 0, 1, 0],
    [0, 0, 0, 1],
  ]);
  assert.equal((await evaluate({ data: classes, metric: 'topk', k: 2 })).value, 1);
  const f1 = await evaluate({ data: classes, metric: 'f1' });
  assert.ok(Math.abs(f1.value - (1 + 2 / 3 + 2 / 3 + 1) / 4) < 1e-12);
  assert.deepEqual([f1.interval, f1.average], ['bootstrap', 'macro']);
  assert.ok(f1.low <= f1.value && f1.value <= f1.high);
  await assert.rejects(evaluate({ data: classes, metric: 'topk', k: 4 }), /all of them\. Use a smaller k/);
  await assert.rejects(
    evaluate({ data: classes, metric: 'top1', output: 'z' }),
    /no output "z"; its outputs are "y"/,
  );
});

test('values: what the data wants, and what another model gives', async () => {
  const data = join(folder, 'values.csv');
  writeFileSync(data, 'x_0,x_1,x_2,x_3,target\n1,2,3,4,1 4 9 17\n0,1,0,2,0 1 0 4\n');
  const mse = await evaluate({ data, metric: 'mse' });
  assert.deepEqual([mse.value, mse.samples], [1 / 8, 2]);
  assert.equal((await evaluate({ data, metric: 'mae' })).value, 1 / 8);
  assert.ok((await evaluate({ data, metric: 'cosine' })).value > 0.99);
  await assert.rejects(
    evaluate({ data: classes, metric: 'mse' }),
    /does not say what the output "y" should be/,
  );
  const reference = await made;
  assert.equal((await evaluate({ data: classes, metric: 'mse', reference })).value, 0);
  assert.equal((await evaluate({ data: classes, metric: 'kl', reference })).value, 0);
  assert.equal((await evaluate({ data: classes, metric: 'agreement', reference })).value, 1);
});

test('a process that is killed in the middle: how it ended and where is said', async () => {
  const path = await made;
  const task: Task = {
    signal: silentTask.signal,
    report: ({ stage, done = 0 }) => {
      if (stage.startsWith('Evaluating') && done === 2) process.kill(childProcesses()[0]!, 'SIGKILL');
    },
  };
  await assert.rejects(
    evaluateModel({ path, data: classes, metric: 'top1', batch: 1 }, task),
    /square\.onnx was ended by signal SIGKILL.* It ended after [23] of 5 samples; a smaller batch needs less memory/,
  );
  assert.deepEqual(childProcesses(), []);
});

test('two models on the same samples', async () => {
  const against = await writeDenseModel(join(folder, 'dense.onnx'), 1, 4);
  const result = await evaluate({ data: classes, metric: 'top1', against });
  assert.equal(result.against?.model, against);
  assert.ok(Math.abs(result.difference!.value - (result.value - result.against.value)) < 1e-12);
  assert.ok(result.difference!.low <= result.difference!.value);
  const same = await evaluate({ data: classes, metric: 'f1', against: await made });
  assert.deepEqual(same.difference, { value: 0, low: 0, high: 0 });
});

test('what the metric needs and the data lacks is said', async () => {
  const plain = writeNpz(join(folder, 'plain.npz'), { x });
  await assert.rejects(evaluate({ data: plain, metric: 'f1' }), /has no labels.*measure agreement/);
  await assert.rejects(evaluate({ data: plain, metric: 'map' }), /has no true boxes: map needs "boxes"/);
});
