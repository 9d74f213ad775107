// Inferred shapes and types of trained models against what ONNX Runtime computes for every value of them. All the
// models, at two sizes, are in the benchmark `understand`.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { setScriptFolder } from '../../../daemon/host/scripts';
import { measuredShapes } from '../../support/measuredShapes';
import { distFolder, repository, sharedFolder, temporaryFolder } from '../../support/paths';

setScriptFolder(distFolder);
const folder = temporaryFolder();
const shared = sharedFolder();

const models = shared
  ? ['digits/digits_dynamo', 'mobilenetv3/mobilenetv3', 'bert/bert', 'third-party/mnist-8'].map((name) =>
      join(shared, 'models', `${name}.onnx`),
    )
  : [join(repository, 'examples', 'resnet.onnx')];

test('every value has the shape and type that ONNX Runtime gives it', async (t) => {
  for (const file of models) {
    const { values, whole, wrong } = await measuredShapes(file, [3], folder);
    assert.deepEqual(wrong, []);
    assert.ok(values > 10 && whole === values, `${file}: ${whole} of ${values} known`);
    t.diagnostic(`${file}: ${values} values measured`);
  }
});
