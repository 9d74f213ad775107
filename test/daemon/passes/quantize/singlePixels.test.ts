// The way from the last convolution to the classifier: pools over a pixel go, and channels stay last.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentTask } from '../../../../daemon/base/task';
import { int64Tensor, node } from '../../../../daemon/ir/builder';
import type { Node } from '../../../../daemon/ir/model';
import { runPass } from '../../../../daemon/passes/pass';
import { singlePixels } from '../../../../daemon/passes/quantize/singlePixels';
import {
  difference,
  feedsFor,
  frozen,
  graphText,
  oneToOne,
  read,
  run,
  weight,
  type Dims,
} from '../modelHarness';

const image: Dims = ['n', 4, 6, 6];
const initializers = [
  ...[weight('w', [8, 4, 3, 3]), weight('v', [8, 4, 6, 6]), weight('f', [8, 5])],
  int64Tensor('flat', [2], [0, -1]),
];
const gemm = node('Gemm', ['f_in', 'f'], ['y']);
const change = async (nodes: Node[], outputs = ['y']) => {
  const made = oneToOne(nodes, initializers, image, { outputs });
  const { model } = await runPass(frozen(made), singlePixels(read), silentTask);
  const feeds = feedsFor(image);
  assert.ok(difference(await run(made, feeds), await run(model, feeds)) < 1e-6);
  return graphText(model).split('\n').slice(1).join('; ');
};

test('a Flatten or Reshape of single pixels keeps channels last', async () => {
  const pool = [node('Conv', ['x', 'w'], ['c']), node('GlobalAveragePool', ['c'], ['p'])];
  const turned = 'p = GlobalAveragePool(c); p_channels_last = Transpose(p); ';
  assert.equal(
    await change([...pool, node('Flatten', ['p'], ['f_in']), gemm]),
    `${turned}f_in = Flatten(p_channels_last); y = Gemm(f_in, f)`,
  );
  assert.equal(
    await change([...pool, node('Reshape', ['p', 'flat'], ['f_in']), gemm]),
    `${turned}f_in = Reshape(p_channels_last, flat); y = Gemm(f_in, f)`,
  );
});

test('a global pool over one pixel goes, unless its value is an output', async () => {
  const nodes = [
    node('Conv', ['x', 'v'], ['c']),
    node('GlobalAveragePool', ['c'], ['p']),
    node('Flatten', ['p'], ['f_in']),
    gemm,
  ];
  assert.match(await change(nodes), /^c_channels_last = Transpose\(c\); f_in/u);
  assert.match(await change(nodes, ['y', 'p']), /^p = GlobalAveragePool\(c\)/u);
});

test('what is no single pixel, or feeds no layer, stays', async () => {
  const wide = [node('Conv', ['x', 'w'], ['c']), node('Flatten', ['c'], ['y'])];
  assert.equal(await change(wide), 'y = Flatten(c)');
  const alone = [
    node('Conv', ['x', 'w'], ['c']),
    node('GlobalAveragePool', ['c'], ['p']),
    node('Flatten', ['p'], ['y']),
  ];
  assert.equal(await change(alone), 'p = GlobalAveragePool(c); y = Flatten(p)');
});
