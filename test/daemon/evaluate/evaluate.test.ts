// Trained models on their validation sets, in a real runner.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { silentTask, type Progress } from '../../../daemon/base/task';
import { loadDataset } from '../../../daemon/evaluate/dataset';
import { evaluateModel } from '../../../daemon/evaluate/evaluate';
import { compareOutputs } from '../../../daemon/evaluate/outputError';
import { setScriptFolder } from '../../../daemon/host/scripts';
import { withRunner } from '../../../daemon/runtime/runner/runnerProcess';
import { f4, writeNpz } from '../../support/npzWriter';
import { distFolder, sharedFolder, temporaryFolder } from '../../support/paths';

setScriptFolder(distFolder);
const shared = sharedFolder();
const folder = temporaryFolder();

if (!shared) {
  test('../shared is absent: no trained models to evaluate', () => undefined);
} else {
  const models = join(shared, 'models');
  const digits = join(models, 'digits', 'digits.onnx');
  const digitsData = join(models, 'digits', 'digits_validation.npz');

  test('top-1 of digits is what its training measured', async () => {
    const reports: Progress[] = [];
    const task = { signal: silentTask.signal, report: (progress: Progress) => reports.push(progress) };
    const result = await evaluateModel({ path: digits, data: digitsData, metric: 'top1' }, task);
    assert.deepEqual([result.metric, result.value, result.samples], ['top1', 0.992, 500]);
    assert.ok(result.low < 0.992 && result.low > 0.97 && result.high > 0.992 && result.high < 1);
    assert.deepEqual(reports.at(-1), { stage: 'Evaluating digits.onnx', done: 500, total: 500 });
  });

  test('the batch size does not change the result, and exports agree with each other', async () => {
    const other = join(models, 'digits', 'digits_dynamo.onnx');
    const options = { path: digits, data: digitsData, metric: 'agreement' as const, maxSamples: 100 };
    const one = await evaluateModel({ ...options, reference: other, batch: 1 }, silentTask);
    const many = await evaluateModel({ ...options, reference: other, batch: 33 }, silentTask);
    assert.deepEqual(one, many);
    assert.deepEqual([one.value, one.samples], [1, 100]);
    // In a process that is there already, which goes on living.
    await withRunner(silentTask, async (runner) => {
      assert.deepEqual(await evaluateModel({ ...options, reference: other }, silentTask, runner), one);
      assert.ok(!runner.ended && (await runner.rssBytes()) > 0);
    });
  });

  test('a transformer with two inputs', async () => {
    const path = join(models, 'bert', 'bert.onnx');
    const data = join(models, 'bert', 'bert_validation.npz');
    const result = await evaluateModel({ path, data, metric: 'top1', maxSamples: 64 }, silentTask);
    assert.equal(result.samples, 64);
    assert.ok(result.value > 0.75, String(result.value));
  });

  test('output error of a model against another export of it is rounding', async () => {
    const dataset = await withRunner(silentTask, async (runner) => {
      const session = await runner.load(digits, {}, silentTask);
      return loadDataset(digitsData, session.inputs, { maxSamples: 50 }, silentTask);
    });
    const bn = join(models, 'digits', 'digits_bn.onnx');
    const error = await compareOutputs(digits, bn, dataset.batches(16), silentTask);
    assert.equal(error.samples, 50);
    assert.ok(error.cosine > 0.999999 && error.sqnrDb > 80 && error.maxAbs < 1e-3, JSON.stringify(error));
    const same = await compareOutputs(digits, digits, dataset.batches(16), silentTask);
    assert.deepEqual(same, { cosine: 1, sqnrDb: 200, maxAbs: 0, samples: 50 });
  });

  test('data without labels, an output that is no scores, agreement with nobody', async () => {
    const data = writeNpz(join(folder, 'plain.npz'), {
      image: f4([1, 1, 8, 8], new Array<number>(64).fill(0)),
    });
    await assert.rejects(
      evaluateModel({ path: digits, data, metric: 'top1' }, silentTask),
      /has no labels: top-1 needs an array "label"/,
    );
    await assert.rejects(
      evaluateModel({ path: digits, data, metric: 'agreement' }, silentTask),
      /needs a second model/,
    );
    const detector = join(models, 'third-party', 'ultraface-rfb-320.onnx');
    const picture = writeNpz(join(folder, 'picture.npz'), {
      input: f4([1, 3, 240, 320], new Float32Array(3 * 240 * 320)),
    });
    await assert.rejects(
      evaluateModel({ path: detector, reference: detector, data: picture, metric: 'agreement' }, silentTask),
      /first output "scores" \(float32, 1 × 4420 × 2\) is not a row of class scores/,
    );
  });

  test('cancelling ends it', async () => {
    const stop = new AbortController();
    const task = {
      signal: stop.signal,
      report: (progress: Progress) => {
        if (progress.stage.startsWith('Evaluating')) stop.abort();
      },
    };
    await assert.rejects(
      evaluateModel({ path: digits, data: digitsData, metric: 'top1', batch: 1 }, task),
      (error: { kind?: string }) => error.kind === 'cancelled',
    );
  });
}
