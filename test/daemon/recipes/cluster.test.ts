// Clustering whole files: size, accuracy, folding at load, and what wrong input gets.

import assert from 'node:assert/strict';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { silentTask } from '../../../daemon/base/task';
import { evaluateModel } from '../../../daemon/evaluate/evaluate';
import { setScriptFolder } from '../../../daemon/host/scripts';
import { floatTensor, node } from '../../../daemon/ir/builder';
import { readModel } from '../../../daemon/onnx/readModel';
import { centroidsOf, nearestCentroid } from '../../../daemon/passes/cluster/kMeans';
import { cluster } from '../../../daemon/recipes/cluster';
import { distFolder, temporaryFolder } from '../../support/paths';
import { trainedModel } from '../../support/trainedModel';
import { writeSmall } from '../../support/smallModels';
import { numbers, oneToOne, optimisedOps } from '../passes/modelHarness';

setScriptFolder(distFolder);
const folder = temporaryFolder('slipway-cluster-');
const trained = trainedModel(folder);
const top1 = async (path: string) =>
  (await evaluateModel({ path, data: trained.validation, metric: 'top1', maxSamples: 500 }, silentTask))
    .value;

test('16 centroids take an eighth, keep the accuracy, and fold at load', async () => {
  const [plain, fitted] = [join(folder, 'plain.onnx'), join(folder, 'fitted.onnx')];
  const first = await cluster(trained.path, { output: plain, clusters: 16 }, silentTask);
  const { calibration } = trained;
  const second = await cluster(trained.path, { output: fitted, clusters: 16, calibration }, silentTask);
  const scores = [await top1(trained.path), await top1(plain), await top1(fitted)];
  const share = second.after.fileBytes / second.before.fileBytes;
  console.log(
    `${trained.name}: file ${share.toFixed(3)}, top-1 dense, k-means, fitted: ${scores.map((each) => each.toFixed(4)).join(', ')}, ` +
      `SQNR ${first.error?.sqnrDb.toFixed(1)} → ${second.error?.sqnrDb.toFixed(1)} dB`,
  );
  assert.ok(share < 0.2 && second.tensors.every((tensor) => tensor.fitted && tensor.centroids <= 16));
  assert.ok(scores[2]! > scores[0]! - 0.01 && second.error!.sqnrDb > first.error!.sqnrDb);
  const [{ model: dense }, { model: made }] = [
    await readModel(trained.path, silentTask),
    await readModel(fitted, silentTask),
  ];
  assert.equal(await optimisedOps(made!), await optimisedOps(dense!));
});

test('codebooks of their own for groups of rows come nearer, are larger, and fold at load', async () => {
  const { calibration } = trained;
  const made = async (codebooks: number, clusters: number, data?: string) => {
    const output = join(folder, `g${codebooks}.${clusters}.${data === undefined ? 'k' : 'f'}.onnx`);
    return cluster(
      trained.path,
      { output, clusters, codebooks, calibration: data, calibrationSamples: 64 },
      silentTask,
    );
  };
  const [one, many] = [await made(1, 16), await made(8, 16)];
  assert.ok(many.tensors.some(({ codebooks }) => codebooks > 1));
  assert.ok(many.error!.sqnrDb > one.error!.sqnrDb + 0.5, `${one.error!.sqnrDb} → ${many.error!.sqnrDb}`);
  assert.ok(many.after.fileBytes > one.after.fileBytes && many.after.fileBytes < 0.3 * many.before.fileBytes);
  const fitted = await made(8, 16, calibration);
  assert.ok(fitted.error!.sqnrDb > many.error!.sqnrDb);
  const wide = await made(4, 20);
  const [{ model: dense }, ...others] = [
    await readModel(trained.path, silentTask),
    await readModel(fitted.output, silentTask),
    await readModel(wide.output, silentTask),
  ];
  for (const { model } of others) assert.equal(await optimisedOps(model!), await optimisedOps(dense!));
});

test('256 centroids take a quarter', async () => {
  const output = join(folder, 'c256.onnx');
  const { before, after, error } = await cluster(trained.path, { output, clusters: 256 }, silentTask);
  assert.ok(after.fileBytes < 0.34 * before.fileBytes && error!.sqnrDb > 30);
});

test('k-means keeps zero, is ascending, and beats equal steps', async () => {
  const values = Float32Array.from(numbers(5000, 3), (value) => (Math.abs(value) < 0.3 ? 0 : value ** 3));
  const centroids = (await centroidsOf(values, undefined, 16, silentTask))!;
  assert.ok(centroids.includes(0) && centroids.length === 16);
  assert.deepEqual(
    [...centroids],
    [...centroids].sort((a, b) => a - b),
  );
  const error = (book: Float32Array) =>
    values.reduce((sum, value) => sum + (value - book[nearestCentroid(book, value)]!) ** 2, 0);
  const steps = Float32Array.from({ length: 16 }, (_, i) => -1 + (i * 2) / 15);
  assert.ok(error(centroids) < 0.5 * error(steps));
  assert.deepEqual([...(await centroidsOf(new Float32Array(9), undefined, 4, silentTask))!], [0]);
  assert.equal(await centroidsOf(Float32Array.of(1, Number.NaN), undefined, 4, silentTask), undefined);
});

test('a file that did not become smaller is said', async () => {
  // 512 numbers and 256 centroids save 512 bytes, less than the nodes that unpack them when names are long; one number
  // that is none keeps a weight as it is.
  const small = numbers(512, 5);
  const long = `/model/${'encoder/layers.0/'.repeat(6)}weight`;
  const none = Float32Array.from(small, (value, i) => (i === 7 ? Number.NaN : value));
  for (const [name, values, clustered] of [
    ['small', small, 1],
    ['nan', none, 0],
  ] as const) {
    const weights = floatTensor(long, [4, 128], values);
    const made = oneToOne([node('MatMul', ['x', long], ['y'], { name: 'only' })], [weights], ['batch', 4]);
    const path = await writeSmall(folder, `${name}.onnx`, made);
    const output = join(folder, `${name}.c256.onnx`);
    const { before, after, tensors, diagnostics } = await cluster(
      path,
      { output, clusters: 256 },
      silentTask,
    );
    assert.equal(tensors.length, clustered, name);
    const notes = diagnostics.filter(({ id }) => id === 'cluster/not-smaller');
    assert.deepEqual(
      notes.map(({ severity, message }) => `${severity}: ${message}`),
      [
        `warning: The file has ${after.fileBytes} bytes and did not become smaller than its ${before.fileBytes}: its weights are small, or stored in few bits already. Keep the original.`,
      ],
      name,
    );
    assert.ok(after.fileBytes >= before.fileBytes && after.fileBytes === statSync(output).size);
  }
  const output = join(folder, 'smaller.onnx');
  const { diagnostics } = await cluster(trained.path, { output, clusters: 16 }, silentTask);
  assert.ok(!diagnostics.some(({ id }) => id === 'cluster/not-smaller'));
});

test('wrong input gets a sentence and writes nothing', async () => {
  const output = join(folder, 'none.onnx');
  await assert.rejects(
    cluster(trained.path, { output, clusters: 1 }, silentTask),
    /from 2 to 256; 1 was given/,
  );
  await assert.rejects(
    cluster(trained.path, { output, clusters: 16, codebooks: 0 }, silentTask),
    /from 1 to 512; 0 was given/,
  );
  await assert.rejects(
    cluster(trained.path, { output: trained.path, clusters: 16 }, silentTask),
    /never written over/,
  );
  assert.ok(!existsSync(output));
});
