// Zeros in weights: N:M holds along what a layer sums over, feedback from data beats magnitude, the file says what
// it is good for, and wrong input gets a sentence.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { silentTask } from '../../../daemon/base/task';
import { setScriptFolder } from '../../../daemon/host/scripts';
import { readModel } from '../../../daemon/onnx/readModel';
import { sparseLayers } from '../../../daemon/passes/prune/sparse';
import { floatsOf } from '../../../daemon/passes/tensorReader';
import { pruneSparse } from '../../../daemon/recipes/pruneSparse';
import { distFolder, temporaryFolder } from '../../support/paths';
import { trainedModel } from '../../support/trainedModel';
import { read } from '../passes/modelHarness';

setScriptFolder(distFolder);
const folder = temporaryFolder('slipway-sparse-');
const trained = trainedModel(folder);
const { calibration } = trained;
const pattern = { keep: 2, of: 4 };

test('2:4 with SparseGPT keeps two of four, and beats magnitude', async () => {
  const [plain, fitted] = [join(folder, 'magnitude.onnx'), join(folder, 'sparsegpt.onnx')];
  const first = await pruneSparse(
    trained.path,
    { output: plain, pattern, calibration, criterion: 'magnitude' },
    silentTask,
  );
  const second = await pruneSparse(trained.path, { output: fitted, pattern, calibration }, silentTask);
  console.log(`SQNR ${first.error?.sqnrDb.toFixed(1)} → ${second.error?.sqnrDb.toFixed(1)} dB`);
  assert.ok(second.error!.sqnrDb > first.error!.sqnrDb + 3);
  assert.ok(second.diagnostics.some(({ message }) => /neither faster nor/.test(message)));
  const { model } = await readModel(fitted, silentTask);
  const layers = sparseLayers(model!);
  assert.ok(layers.length > 5);
  for (const { weight, rows } of layers) {
    const values = await floatsOf(read, weight);
    for (let n = 0; n < rows.outputs; n += 1) {
      for (let top = 0; top < rows.k; top += 4) {
        let left = 0;
        for (let i = top; i < Math.min(rows.k, top + 4); i += 1) if (values[rows.at(i, n)] !== 0) left += 1;
        assert.ok(left <= 2, weight.name);
      }
    }
  }
});

test('a ratio of zeros by magnitude and by Wanda', async () => {
  for (const criterion of ['magnitude', 'wanda'] as const) {
    const output = join(folder, `${criterion}50.onnx`);
    const { groups } = await pruneSparse(
      trained.path,
      { output, pattern: { ratio: 0.5 }, calibration, criterion },
      silentTask,
    );
    for (const { from, to } of groups) assert.ok(Math.abs(to / from - 0.5) < 0.02);
  }
});

test('wrong input gets a sentence and writes nothing', async () => {
  const output = join(folder, 'none.onnx');
  const attempt = (options: Parameters<typeof pruneSparse>[1]) =>
    pruneSparse(trained.path, options, silentTask);
  await assert.rejects(attempt({ output, pattern: { ratio: 1 } }), /above 0 and below 1; 1 was given/);
  await assert.rejects(attempt({ output, pattern: { keep: 4, of: 4 } }), /N below M; 4:4 was given/);
  await assert.rejects(attempt({ output, pattern, criterion: 'sparsegpt' }), /is measured on data/);
  assert.ok(!existsSync(output));
});
