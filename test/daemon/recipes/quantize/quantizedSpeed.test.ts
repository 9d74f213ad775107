// What is said of a quantized model's speed: measured where there is doubt, with a warning exactly when it is no faster.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { silentTask } from '../../../../daemon/base/task';
import { setScriptFolder } from '../../../../daemon/host/scripts';
import { node } from '../../../../daemon/ir/builder';
import type { Model } from '../../../../daemon/ir/model';
import { writeModel } from '../../../../daemon/onnx/writeModel';
import { quantize } from '../../../../daemon/recipes/quantize/quantize';
import { f4, writeNpz } from '../../../support/npzWriter';
import { distFolder, temporaryFolder } from '../../../support/paths';
import { numbers, oneToOne, weight } from '../../passes/modelHarness';

setScriptFolder(distFolder);
const folder = temporaryFolder('slipway-speed-');

/** Two products of vectors of this width. */
const made = (width: number): Model =>
  oneToOne(
    [node('Gemm', ['x', 'w'], ['a'], { name: 'first' }), node('Gemm', ['a', 'v'], ['y'], { name: 'last' })],
    [weight('w', [width, width], 1, 0.1), weight('v', [width, width], 2, 0.1)],
    ['n', width],
  );

async function quantized(width: number, options: { target?: 'neon' | 'vnni'; tune?: boolean } = {}) {
  const path = join(folder, `${width}.onnx`);
  const calibration = join(folder, `${width}.npz`);
  await writeModel(made(width), path, { overwrite: true }, silentTask);
  writeNpz(calibration, { x: f4([4, width], numbers(4 * width, 3)) });
  const output = join(folder, 'out.onnx');
  return quantize(path, { method: 'static', output, calibration, overwrite: true, ...options }, silentTask);
}

test('a small model is measured, and told to be no faster when it is not', async () => {
  const { speed, diagnostics } = await quantized(16);
  assert.ok(speed && speed.floatMs > 0 && speed.quantizedMs > 0);
  assert.ok(Math.abs(speed.ratio - speed.floatMs / speed.quantizedMs) < 1e-9);
  const said = diagnostics.filter(({ id }) => id === 'quantize/not-faster');
  assert.equal(said.length, speed.ratio < 1.03 ? 1 : 0);
  if (said[0])
    assert.match(said[0].message, /so small that calling them takes longer.*keep the float model/u);
});

test('a plain gain is not measured unless tuning is asked for, and never for another processor', async () => {
  assert.equal((await quantized(512)).speed, null);
  assert.notEqual((await quantized(512, { tune: true })).speed, null);
  const { speed, diagnostics } = await quantized(16, { target: 'neon' });
  assert.equal(speed, null);
  assert.ok(!diagnostics.some(({ id }) => id === 'quantize/not-faster'));
});
