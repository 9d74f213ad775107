// The trained models beside the checkout: everything is known, nothing is complained of, and the numbers are those
// that counting by hand gives.

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Check } from 'typebox/value';
import { inspect } from '../../../daemon/analysis/inspect';
import { inferShapes } from '../../../daemon/analysis/shapes';
import { silentTask } from '../../../daemon/base/task';
import { readModel } from '../../../daemon/onnx/readModel';
import { InspectionSchema } from '../../../daemon/protocol/inspect';
import { sharedFolder } from '../../support/paths';

const shared = sharedFolder();
const at = (...parts: string[]) => join(shared ?? '', 'models', ...parts);

const trained = shared
  ? ['digits', 'resnet', 'mobilenet', 'mobilenetv3', 'bert', 'third-party'].flatMap((folder) =>
      readdirSync(at(folder))
        .filter((name) => name.endsWith('.onnx'))
        .map((name) => at(folder, name)),
    )
  : [];

const inspected = async (path: string, bind = {}) =>
  inspect(await readModel(path, silentTask), { bind }, silentTask);

test('every model is inspected as the protocol says, without errors', async (t) => {
  if (!shared) t.diagnostic('the shared models are absent');
  for (const path of trained) {
    const result = await inspected(path);
    assert.ok(Check(InspectionSchema, result), path);
    assert.deepEqual(
      result.diagnostics.filter(({ severity }) => severity === 'error'),
      [],
      path,
    );
    // The one with custom operators decodes a picture of a size that only the file knows.
    if (!path.includes('superresolution'))
      assert.ok(result.macs !== null && result.peakActivationBytes !== null, path);
  }
  t.diagnostic(`${trained.length} models`);
});

test('every value of the trained models has a shape', async () => {
  for (const path of trained.filter((each) => !each.includes('superresolution'))) {
    const { model } = await readModel(path, silentTask);
    assert.ok(model);
    const { types } = inferShapes({ ...model, graph: { ...model.graph, valueInfo: [] } });
    for (const { outputs, opType } of model.graph.nodes) {
      for (const name of outputs.filter((each) => each !== '')) {
        const type = types.get(name);
        assert.ok(type?.dims && !type.dims.includes(null), `${path}: ${opType} ${name}`);
        assert.notEqual(type.dtype, 'undefined');
      }
    }
  }
});

test('ResNet counted by hand', async () => {
  if (!shared) return;
  const { macs, parameters, weightBytes, assumed, ops } = await inspected(at('resnet', 'resnet.onnx'));
  // Stem 1→32 at 16×16 (stride 2), then three stages of two blocks: 32 at 16×16, 64 at 8×8, 128 at 4×4; the first
  // block of stages two and three halves the picture and has a 1×1 shortcut. Last a 128→62 layer.
  const conv = (size: number, from: number, to: number, kernel = 3) =>
    size * size * from * to * kernel * kernel;
  const stage = (size: number, from: number, to: number) =>
    conv(size, from, to) + 3 * conv(size, to, to) + (from === to ? 0 : conv(size, from, to, 1));
  const expected = conv(16, 1, 32) + stage(16, 32, 32) + stage(8, 32, 64) + stage(4, 64, 128) + 128 * 62;
  assert.equal(macs, expected);
  const layer = (from: number, to: number, kernel = 3) => from * to * kernel * kernel + to;
  const weights =
    layer(1, 32) +
    4 * layer(32, 32) +
    layer(32, 64) +
    3 * layer(64, 64) +
    layer(32, 64, 1) +
    layer(64, 128) +
    3 * layer(128, 128) +
    layer(64, 128, 1) +
    layer(128, 62, 1);
  assert.equal(parameters, weights);
  assert.equal(weightBytes, 4 * weights);
  assert.deepEqual(assumed, { batch: 1 });
  assert.equal(ops['Conv'], 15);
  const eight = await inspected(at('resnet', 'resnet.onnx'), { batch: 8 });
  assert.equal(eight.macs, 8 * expected);
});

test('three exports of one model cost the same', async () => {
  if (!shared) return;
  for (const name of ['digits', 'resnet', 'mobilenet', 'mobilenetv3']) {
    const counts = await Promise.all(
      ['', '_bn', '_dynamo'].map(async (suffix) => (await inspected(at(name, `${name}${suffix}.onnx`))).macs),
    );
    assert.equal(new Set(counts).size, 1, `${name}: ${counts.join(', ')}`);
  }
});
