// Named parts of real models cut out: each is a model that is right by itself and has the types that it had inside.

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { checkModel } from '../../../../daemon/analysis/checks';
import { findScope, partModel, scopePaths } from '../../../../daemon/analysis/scopes/scopeText';
import { inferShapes, typeIn } from '../../../../daemon/analysis/shapes';
import { inOneGo, silentTask } from '../../../../daemon/base/task';
import { readModel } from '../../../../daemon/onnx/readModel';
import { repository, sharedFolder } from '../../../support/paths';

const shared = sharedFolder();
const folders = shared ? ['resnet', 'mobilenetv3', 'bert'].map((name) => join(shared, 'models', name)) : [];
const models = [join(repository, 'examples'), ...folders].flatMap((folder) =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.onnx'))
    .map((name) => join(folder, name)),
);

test('every named part of real models is a right model with the same types', async () => {
  let parts = 0;
  for (const path of models) {
    const { model } = await readModel(path, silentTask);
    const whole = inferShapes(model!);
    for (const scope of inOneGo(scopePaths(model!)).parts) {
      const found = inOneGo(findScope(model!, scope))!;
      const part = inOneGo(partModel(model!, found, whole));
      const where = `${path} ${scope}`;
      const shapes = inferShapes(part);
      const wrong = checkModel(part, { shapes }).filter(({ severity }) => severity === 'error');
      assert.deepEqual([...wrong, ...shapes.diagnostics], [], where);
      assert.ok(part.graph.outputs.length > 0, where);
      for (const node of part.graph.nodes)
        for (const output of node.outputs)
          assert.deepEqual(typeIn(shapes, output)?.dtype, typeIn(whole, output)?.dtype, `${where} ${output}`);
      parts += 1;
    }
  }
  assert.ok(parts >= 5, `${parts} parts`);
});
