// Models of opset 7 to 12 give the same outputs in opset 13, by ONNX Runtime's own implementation of both.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SlipwayError } from '../../../../daemon/base/errors';
import { silentTask } from '../../../../daemon/base/task';
import { floatTensor, int64Tensor, node, type AttributeValue } from '../../../../daemon/ir/builder';
import type { Node } from '../../../../daemon/ir/model';
import type { Tensor } from '../../../../daemon/ir/tensor';
import { runPass } from '../../../../daemon/passes/pass';
import { standardOpset } from '../../../../daemon/passes/rewrite';
import { upgradeOpset } from '../../../../daemon/passes/simplify/upgradeOpset';
import { difference, feedsFor, frozen, graphText, oneToOne, read, run, type Dims } from '../modelHarness';

const upgrade = upgradeOpset(read, { minimum: 13, purpose: 'Static int8' });

interface Case {
  readonly op: string;
  readonly opset: number;
  readonly dims?: Dims;
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
  readonly inputs?: readonly string[];
  readonly outputs?: readonly string[];
  readonly constants?: readonly Tensor[];
  readonly nodes?: readonly Node[];
}

const cases: readonly Case[] = [
  { op: 'Clip', opset: 7, attributes: { min: -0.5, max: 1 } },
  { op: 'Clip', opset: 9, attributes: { max: 1 } },
  { op: 'Clip', opset: 10 },
  { op: 'Softmax', opset: 11, attributes: { axis: 1n } },
  { op: 'Softmax', opset: 9 },
  { op: 'Softmax', opset: 9, attributes: { axis: 3n } },
  { op: 'LogSoftmax', opset: 12, attributes: { axis: 2n } },
  { op: 'Slice', opset: 9, attributes: { starts: [1n, 0n], ends: [3n, -1n], axes: [1n, 3n] } },
  { op: 'Slice', opset: 7, attributes: { starts: [0n, 1n], ends: [1n, 2n] } },
  { op: 'Pad', opset: 8, attributes: { pads: [0n, 0n, 1n, 1n, 0n, 0n, 2n, 0n], value: 0.5 } },
  { op: 'Pad', opset: 10, attributes: { pads: [0n, 0n, 1n, 1n, 0n, 0n, 1n, 1n], mode: 'reflect' } },
  { op: 'Unsqueeze', opset: 11, attributes: { axes: [1n, 3n] } },
  { op: 'Squeeze', opset: 9, attributes: { axes: [1n] }, dims: ['n', 1, 5] },
  { op: 'Squeeze', opset: 9, dims: [2, 1, 5] },
  { op: 'ReduceSum', opset: 11, attributes: { axes: [2n, 3n], keepdims: 0n } },
  { op: 'ReduceSum', opset: 8 },
  { op: 'ReduceMean', opset: 9, attributes: { axes: [2n, 3n] } },
  { op: 'Split', opset: 9, attributes: { axis: 1n, split: [1n, 2n] }, outputs: ['y', 'z'] },
  { op: 'Split', opset: 11, attributes: { axis: 2n }, outputs: ['y', 'z'] },
  { op: 'Dropout', opset: 10, attributes: { ratio: 0.3 } },
  { op: 'Upsample', opset: 8, attributes: { scales: [1, 1, 2, 3], mode: 'nearest' } },
  { op: 'Upsample', opset: 8, attributes: { scales: [1, 1, 2, 2], mode: 'linear' } },
  { op: 'Upsample', opset: 9, inputs: ['x', 's'], constants: [floatTensor('s', [4], [1, 1, 2, 2])] },
  { op: 'Resize', opset: 10, inputs: ['x', 's'], constants: [floatTensor('s', [4], [1, 1, 0.5, 1.5])] },
  { op: 'TopK', opset: 9, attributes: { k: 2n, axis: 1n }, outputs: ['y', 'z'] },
  {
    op: 'Scatter',
    opset: 9,
    inputs: ['x', 'i', 'u'],
    dims: [3, 3],
    constants: [int64Tensor('i', [1, 2], [0, 2]), floatTensor('u', [1, 2], [7, 8])],
  },
  { op: 'MaxPool', opset: 8, attributes: { kernel_shape: [2n, 2n], strides: [2n, 2n] } },
  { op: 'AveragePool', opset: 7, attributes: { kernel_shape: [2n, 2n], pads: [1n, 1n, 0n, 0n] } },
];

for (const {
  op,
  opset,
  dims = ['n', 3, 4, 4],
  attributes = {},
  inputs = ['x'],
  outputs = ['y'],
  constants = [],
} of cases) {
  const told = Object.entries(attributes).map(
    ([name, value]) =>
      `${name}=${JSON.stringify(value, (_, item: unknown) => (typeof item === 'bigint' ? Number(item) : item))}`,
  );
  test(`${op} of opset ${opset} ${told.join(' ')}`, async () => {
    // TopK's second output holds int64.
    const floats = op === 'TopK' ? ['y'] : outputs;
    const before = frozen(
      oneToOne([node(op, inputs, outputs, { name: 'it', attributes })], [...constants], dims, {
        opset,
        irVersion: 6,
        outputs: floats,
      }),
    );
    const { model: after } = await runPass(before, upgrade, silentTask);
    assert.equal(standardOpset(after), 13);
    const feeds = feedsFor(dims);
    assert.ok(difference(await run(before, feeds), await run(after, feeds)) < 1e-6, graphText(after));
  });
}

test('an operator without a form in opset 13 is refused by name', async () => {
  const made = oneToOne([node('Crop', ['x'], ['y'], { name: 'crop1' })], [], [1, 1, 4, 4], { opset: 7 });
  await assert.rejects(
    async () => runPass(frozen(made), upgrade, silentTask),
    (error) =>
      error instanceof SlipwayError &&
      error.kind === 'unsupported' &&
      /needs operator set 13, and this model uses 7.*Crop \(node "crop1"\)/.test(error.message),
  );
  const old = oneToOne([node('Add', ['x', 'x'], ['y'])], [], [1], { opset: 6 });
  await assert.rejects(async () => runPass(frozen(old), upgrade, silentTask), /uses 6\. Export/);
  const spatial = oneToOne(
    [node('BatchNormalization', ['x', 'a', 'b', 'c', 'd'], ['y'], { attributes: { spatial: 0n } })],
    [],
    [1, 2],
    { opset: 7 },
  );
  await assert.rejects(async () => runPass(frozen(spatial), upgrade, silentTask), /spatial = 0/);
});

test('a newer model and other domains are left alone', async () => {
  const made = frozen(oneToOne([node('Crop', ['x'], ['y'], { domain: 'com.acme' })], [], [1], { opset: 11 }));
  const { model: after } = await runPass(made, upgrade, silentTask);
  assert.deepEqual(after.graph.nodes, made.graph.nodes);
  const newer = frozen(oneToOne([node('Relu', ['x'], ['y'])], [], [1], { opset: 17 }));
  assert.equal((await runPass(newer, upgrade, silentTask)).modified, false);
});
