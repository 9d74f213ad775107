// Zeros in weights: N:M holds along what a layer sums over, feedback from data beats magnitude, the file says what
// it is good for, and wrong input gets a sentence.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { silentTask } from '../../../../daemon/base/task';
import { setScriptFolder } from '../../../../daemon/host/scripts';
import { evaluateModel } from '../../../../daemon/evaluate/evaluate';
import { readModel } from '../../../../daemon/onnx/readModel';
import { sparseLayers } from '../../../../daemon/passes/prune/sparse';
import { floatsOf } from '../../../../daemon/passes/tensorReader';
import { patternFrom, pruneSparse } from '../../../../daemon/recipes/prune/pruneSparse';
import { distFolder, temporaryFolder } from '../../../support/paths';
import { trainedModel } from '../../../support/trainedModel';
import { optimisedOps, read } from '../../passes/modelHarness';

setScriptFolder(distFolder);
const folder = temporaryFolder('slipway-sparse-');
const trained = trainedModel(folder);
const { calibration } = trained;
const pattern = { keep: 2, of: 4 };

test('2:4 with SparseGPT keeps two of four, and beats magnitude', async () => {
  const [plain, fitted] = [join(folder, 'magnitude.onnx'), join(folder, 'sparsegpt.onnx')];
  const store = 'dense' as const;
  const first = await pruneSparse(
    trained.path,
    { output: plain, pattern, calibration, criterion: 'magnitude', store },
    silentTask,
  );
  const second = await pruneSparse(trained.path, { output: fitted, pattern, calibration, store }, silentTask);
  console.log(`SQNR ${first.error?.sqnrDb.toFixed(1)} → ${second.error?.sqnrDb.toFixed(1)} dB`);
  assert.ok(second.error!.sqnrDb > first.error!.sqnrDb + 3);
  assert.ok(second.diagnostics.some(({ message }) => /do not make the model faster/.test(message)));
  const { model } = await readModel(fitted, silentTask);
  const layers = sparseLayers(model!);
  assert.ok(layers.length > 5);
  for (const { weight, rows } of layers) {
    const values = await floatsOf(read, weight);
    const channels = rows.k / rows.perChannel;
    for (let n = 0; n < rows.outputs; n += 1) {
      for (let position = 0; position < rows.perChannel; position += 1) {
        for (let top = 0; top < channels; top += 4) {
          let left = 0;
          for (let channel = top; channel < Math.min(channels, top + 4); channel += 1)
            if (values[rows.at(channel * rows.perChannel + position, n)] !== 0) left += 1;
          assert.ok(left <= 2, weight.name);
        }
      }
    }
  }
});

test('a ratio of zeros by magnitude and by Wanda', async () => {
  for (const criterion of ['magnitude', 'wanda'] as const) {
    const output = join(folder, `${criterion}50.onnx`);
    const { layers } = await pruneSparse(
      trained.path,
      { output, pattern: { ratio: 0.5 }, scope: 'layer', calibration, criterion },
      silentTask,
    );
    for (const { zeros, elements } of layers) assert.ok(Math.abs(zeros / elements - 0.5) < 0.06);
  }
});

test('where zeros cost less there are more of them, and the whole share is the same', async () => {
  const [even, spread] = [join(folder, 'even.onnx'), join(folder, 'spread.onnx')];
  const common = { pattern: { ratio: 0.7 }, calibration } as const;
  const first = await pruneSparse(trained.path, { ...common, output: even, scope: 'layer' }, silentTask);
  const second = await pruneSparse(
    trained.path,
    { ...common, output: spread, scope: 'global', rounds: 3 },
    silentTask,
  );
  const shares = second.layers.map(({ zeros, elements }) => zeros / elements);
  const all = (layers: typeof second.layers) =>
    layers.reduce((sum, { zeros }) => sum + zeros, 0) /
    layers.reduce((sum, { elements }) => sum + elements, 0);
  console.log(
    `SQNR layer ${first.error?.sqnrDb.toFixed(1)}, global in 3 rounds ${second.error?.sqnrDb.toFixed(1)} dB`,
  );
  assert.ok(Math.abs(all(first.layers) - 0.7) < 0.01 && Math.abs(all(second.layers) - 0.7) < 0.01);
  assert.ok(Math.max(...shares) - Math.min(...shares) > 0.1);
  assert.ok(second.error!.sqnrDb > first.error!.sqnrDb);
});

test('the packed file is smaller, gives the same outputs and folds at load', async () => {
  const [dense, packed] = [join(folder, 'dense70.onnx'), join(folder, 'packed70.onnx')];
  const common = { pattern: { ratio: 0.7 } } as const;
  const first = await pruneSparse(trained.path, { ...common, output: dense, store: 'dense' }, silentTask);
  const second = await pruneSparse(trained.path, { ...common, output: packed }, silentTask);
  const share = second.after.fileBytes / second.before.fileBytes;
  console.log(`70 % zeros: ${share.toFixed(3)} of the file`);
  assert.ok(share < 0.4 && first.after.fileBytes > 0.98 * first.before.fileBytes);
  assert.ok(second.stored.some(({ form }) => form === 'bitmap'));
  const { value } = await evaluateModel(
    { path: packed, data: trained.validation, metric: 'mae', reference: dense, maxSamples: 32 },
    silentTask,
  );
  assert.equal(value, 0);
  const [{ model: a }, { model: b }] = [
    await readModel(trained.path, silentTask),
    await readModel(packed, silentTask),
  ];
  assert.equal(await optimisedOps(b!), await optimisedOps(a!));
});

test('wrong input gets a sentence and writes nothing', async () => {
  const output = join(folder, 'none.onnx');
  const attempt = (options: Parameters<typeof pruneSparse>[1]) =>
    pruneSparse(trained.path, options, silentTask);
  await assert.rejects(attempt({ output, pattern: { ratio: 1 } }), /above 0 and below 1; 1 was given/);
  await assert.rejects(attempt({ output, pattern: { keep: 4, of: 4 } }), /M at most 64; 4:4 was given/);
  await assert.rejects(attempt({ output, pattern, criterion: 'sparsegpt' }), /is measured on data/);
  await assert.rejects(
    attempt({ output, pattern, calibration, scope: 'global' }),
    /2:4 fixes the share of every layer/,
  );
  await assert.rejects(attempt({ output, pattern: { ratio: 0.5 }, rounds: 0 }), /from 1 to 20; 0 was given/);
  assert.throws(() => patternFrom({ pattern: 'half' }), /A pattern is N:M, as in 2:4; "half" was given/);
  assert.throws(() => patternFrom({}), /either the ratio of zeros/);
  assert.ok(!existsSync(output));
});
