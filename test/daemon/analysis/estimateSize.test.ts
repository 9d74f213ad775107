// Estimates against the files that the recipes really write.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { estimateSize, type SizeChange } from '../../../daemon/analysis/estimateSize';
import { silentTask } from '../../../daemon/base/task';
import { setScriptFolder } from '../../../daemon/host/scripts';
import { readModel } from '../../../daemon/onnx/readModel';
import { cluster } from '../../../daemon/recipes/cluster';
import { lowRankFile } from '../../../daemon/recipes/lowRank';
import { optimize } from '../../../daemon/recipes/optimize';
import { convertPrecision } from '../../../daemon/recipes/precision/precision';
import { pruneChannels } from '../../../daemon/recipes/prune/prune';
import { pruneSparse } from '../../../daemon/recipes/prune/pruneSparse';
import { quantize } from '../../../daemon/recipes/quantize/quantize';
import { quantizeWeights } from '../../../daemon/recipes/weightOnly/weightOnly';
import { writeDenseModel } from '../../support/denseModel';
import { distFolder, temporaryFolder } from '../../support/paths';
import { trainedModel } from '../../support/trainedModel';

setScriptFolder(distFolder);
const folder = temporaryFolder('slipway-estimate-');
const trained = trainedModel(folder);
let made = 0;

/** The estimate lies within `within` of the real size, and the real size within its interval. */
async function check(
  path: string,
  change: SizeChange,
  within: number,
  make: (output: string) => Promise<{ after: { fileBytes: number } }>,
): Promise<void> {
  const { model, fileBytes, externalBytes } = await readModel(path, silentTask);
  assert.ok(model);
  const estimate = estimateSize(model, fileBytes + externalBytes, change);
  const { after } = await make(join(folder, `made-${(made += 1)}.onnx`));
  const text = `${JSON.stringify(change)}: estimated ${estimate.low} ≤ ${estimate.after} ≤ ${estimate.high}, really ${after.fileBytes}`;
  console.log(text);
  assert.ok(Math.abs(estimate.after / after.fileBytes - 1) <= within, text);
  assert.ok(estimate.low <= after.fileBytes && after.fileBytes <= estimate.high, text);
  assert.match(estimate.note, /^[A-Z].+\.$/);
}

test('int8 and half precision of a trained network', async () => {
  const { path, calibration } = trained;
  await check(path, { method: 'static' }, 0.1, (output) =>
    quantize(path, { method: 'static', calibration, calibrationSamples: 8, tune: false, output }, silentTask),
  );
  await check(path, { method: 'fp16' }, 0.05, (output) =>
    convertPrecision(path, { method: 'fp16', mode: 'storage', output }, silentTask),
  );
});

test('shared weights and fewer channels', async () => {
  const { path } = trained;
  await check(path, { method: 'cluster', clusters: 16 }, 0.05, (output) =>
    cluster(path, { output, clusters: 16 }, silentTask),
  );
  await check(path, { method: 'channels', ratio: 0.3 }, 0.3, (output) =>
    pruneChannels(path, { output, ratio: 0.3 }, silentTask),
  );
});

test('zeros, packed and plain', async () => {
  const { path } = trained;
  await check(path, { method: 'zeros', pattern: '2:4' }, 0.05, (output) =>
    pruneSparse(path, { output, pattern: { keep: 2, of: 4 } }, silentTask),
  );
  await check(path, { method: 'zeros', ratio: 0.75, store: 'dense' }, 0.05, (output) =>
    pruneSparse(path, { output, pattern: { ratio: 0.75 }, store: 'dense' }, silentTask),
  );
});

test('weights in blocks, and integers without data', async () => {
  const path = await writeDenseModel(join(folder, 'dense.onnx'), 3, 256);
  await check(path, { method: 'weight-only', bits: 4, blockSize: 32 }, 0.05, (output) =>
    quantizeWeights(path, { output, bits: 4, blockSize: 32, accuracyLevel: 0 }, silentTask),
  );
  await check(path, { method: 'dynamic' }, 0.05, (output) =>
    quantize(path, { method: 'dynamic', output }, silentTask),
  );
});

test('thinner layers, where there is nothing in common, and fewer nodes', async () => {
  const path = await writeDenseModel(join(folder, 'random.onnx'), 3, 256);
  await check(path, { method: 'low-rank', energy: 0.9 }, 1, (output) =>
    lowRankFile(path, { output, energy: 0.9 }, silentTask),
  );
  await check(trained.path, { method: 'optimize' }, 0.05, async (output) => {
    const { after } = await optimize(trained.path, { output }, silentTask);
    return { after };
  });
});

test('a model without weights stays as it is', () => {
  const empty = estimateSize(
    {
      irVersion: 8, opsetImports: [], producerName: '', producerVersion: '', domain: '', modelVersion: 0n,
      docString: '', metadataProps: [], trainingInfo: [], functions: [], configurations: [],
      graph: {
        name: '', docString: '', nodes: [], inputs: [], outputs: [], valueInfo: [], initializers: [],
        sparseInitializers: [], quantizationAnnotations: [], metadataProps: [],
      },
    },
    100,
    { method: 'weight-only' },
  ); // prettier-ignore
  assert.deepEqual([empty.before, empty.after, empty.low, empty.high], [100, 100, 100, 100]);
});
