// Data with NaN is refused by everything that measures on it, with the sample, and nothing is written: one method for each
// place that reads data (clustering, splitting and pruning share one, static int8 has its own test).

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { silentTask } from '../../../daemon/base/task';
import { cluster } from '../../../daemon/recipes/cluster';
import { convertPrecision } from '../../../daemon/recipes/precision/precision';
import { quantize } from '../../../daemon/recipes/quantize/quantize';
import { quantizeWeights } from '../../../daemon/recipes/weightOnly/weightOnly';
import { writeModel } from '../../../daemon/onnx/writeModel';
import { node } from '../../../daemon/ir/builder';
import { f4, writeNpz } from '../../support/npzWriter';
import { folder, numbers, oneToOne, weight } from '../passes/modelHarness';

const path = join(folder, 'dense.onnx');
const calibration = join(folder, 'nan.npz');
const output = join(folder, 'out.onnx');

before(async () => {
  const layers = [
    node('MatMul', ['x', 'a'], ['h'], { name: 'first' }),
    node('Relu', ['h'], ['r']),
    node('MatMul', ['r', 'b'], ['y'], { name: 'second' }),
  ];
  const model = oneToOne(layers, [weight('a', [32, 32]), weight('b', [32, 32])], ['n', 32]);
  await writeModel(model, path, { overwrite: true }, silentTask);
  writeNpz(calibration, { x: f4([3, 32], [...numbers(64, 1), NaN, ...numbers(31, 2)]) });
});

test('every method that measures on data names the sample that holds NaN, and writes nothing', async () => {
  const given = { output, calibration };
  const methods: [string, () => Promise<unknown>][] = [
    ['cluster', () => cluster(path, { ...given, clusters: 16 }, silentTask)],
    ['fp16', () => convertPrecision(path, { ...given, method: 'fp16' }, silentTask)],
    ['dynamic', () => quantize(path, { ...given, method: 'dynamic' }, silentTask)],
    ['weight-only', () => quantizeWeights(path, { ...given, bits: 4 }, silentTask)],
  ];
  for (const [name, run] of methods) {
    await assert.rejects(
      run,
      /Sample 2 of the calibration data \(.*nan\.npz\) holds NaN in the input "x"/u,
      name,
    );
    assert.ok(!existsSync(output), name);
  }
});
