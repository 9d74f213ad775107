// Models of opset 13 and newer in 20, 21 and 25: the same outputs, by ONNX Runtime's own implementation of both.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentTask } from '../../../../daemon/base/task';
import { graph, node, valueInfo, type AttributeValue } from '../../../../daemon/ir/builder';
import { DataType } from '../../../../daemon/ir/dataType';
import type { Model } from '../../../../daemon/ir/model';
import { runPass } from '../../../../daemon/passes/pass';
import { standardOpset } from '../../../../daemon/passes/rewrite';
import { foldBatchNorm } from '../../../../daemon/passes/simplify/foldBatchNorm';
import { raiseOpset, type RaiseOptions } from '../../../../daemon/passes/simplify/raiseOpset';
import { floatTensor, int64Tensor, rawTensor } from '../../../../daemon/ir/builder';
import type { Tensor } from '../../../../daemon/ir/tensor';
import { frozen, oneToOne, read, weight, type Dims } from '../modelHarness';
import { check, sameOutputs, stays } from './rewriteCheck';

const upgrade: RaiseOptions = { target: 20, purpose: 'The upgrade', otherwise: 'Do without it.' };
const image: Dims = ['n', 3, 4, 4];

interface Case {
  readonly op: string;
  readonly opset: number;
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
  readonly inputs?: readonly string[];
  readonly outputs?: readonly string[];
  readonly constants?: readonly Tensor[];
}

const cases: readonly Case[] = [
  { op: 'ReduceMean', opset: 13, attributes: { axes: [2n, -1n], keepdims: 0n } },
  { op: 'ReduceMax', opset: 17, attributes: { axes: [1n] } },
  { op: 'ReduceL2', opset: 13 },
  { op: 'ReduceMean', opset: 18, inputs: ['x', 'axes'], constants: [int64Tensor('axes', [1], [2])] },
  { op: 'Split', opset: 13, attributes: { axis: 2n }, outputs: ['y', 'z'] },
  {
    op: 'RoiAlign',
    opset: 13,
    attributes: { output_height: 2n, output_width: 2n },
    inputs: ['x', 'rois', 'batch'],
    constants: [floatTensor('rois', [1, 4], [0, 0.5, 2, 3]), int64Tensor('batch', [1], [0])],
  },
  {
    op: 'GridSample',
    opset: 16,
    attributes: { mode: 'bicubic' },
    inputs: ['x', 'grid'],
    constants: [weight('grid', [2, 2, 2, 2], 4)],
  },
  { op: 'HardSigmoid', opset: 15 },
];

for (const { op, opset, attributes = {}, inputs = ['x'], outputs = ['y'], constants = [] } of cases) {
  test(`${op} of opset ${opset}`, async () => {
    const dims: Dims = op === 'GridSample' ? [2, 3, 4, 4] : image;
    const made = oneToOne([node(op, inputs, outputs, { attributes })], [...constants], dims, {
      opset,
      outputs,
    });
    for (const [target, irVersion] of [
      [20, 9],
      [21, 10],
      [25, 12],
    ] as const) {
      // ONNX Runtime 1.30 has no RoiAlign of opset 22.
      if (op === 'RoiAlign' && target > 21) continue;
      const { model: after } = await runPass(
        frozen(made),
        raiseOpset(read, { ...upgrade, target }),
        silentTask,
      );
      assert.equal(standardOpset(after), target);
      assert.ok(after.irVersion >= irVersion);
      await sameOutputs(made, after, dims);
    }
  });
}

test('inside a branch too', async () => {
  const branch = (name: string, axis: bigint) =>
    graph({
      name,
      nodes: [node('ReduceMean', ['x'], [`${name}_out`], { attributes: { axes: [axis] } })],
      outputs: [valueInfo(`${name}_out`, DataType.FLOAT)],
    });
  const made = oneToOne(
    [
      node('If', ['yes'], ['y'], {
        attributes: { then_branch: branch('then', 1n), else_branch: branch('else', 2n) },
      }),
    ],
    [rawTensor('yes', DataType.BOOL, [], Uint8Array.of(1))],
    image,
    { opset: 14 },
  );
  await check(raiseOpset(read, upgrade), made, image, 'y = If(yes)');
});

test('what has no form in opset 20 is refused by name', async () => {
  const refuse = (made: Model, sentence: RegExp) =>
    assert.rejects(async () => runPass(frozen(made), raiseOpset(read, upgrade), silentTask), sentence);
  const norm = node('BatchNormalization', ['x', 'a', 'b', 'c', 'd'], ['y', 'm', 'v'], { name: 'norm1' });
  await refuse(
    oneToOne([norm], [], image, { opset: 13 }),
    /BatchNormalization \(node "norm1"\): it gives statistics/,
  );
  await refuse(
    oneToOne([node('Crop', ['x'], ['y'])], [], image, { opset: 17 }),
    /Crop \(node "y"\).*does not define/,
  );
  const group = node('GroupNormalization', ['x', 'a', 'b'], ['y'], { attributes: { num_groups: 1n } });
  await assert.rejects(
    runPass(
      frozen(oneToOne([group], [], image, { opset: 18 })),
      raiseOpset(read, { ...upgrade, target: 21 }),
      silentTask,
    ),
    /The upgrade needs operator set 21, and this model uses 18.*GroupNormalization.*each channel. Do without it/,
  );
  const withFunction = oneToOne([node('Relu', ['x'], ['y'])], [], image);
  withFunction.functions = [
    {
      ...{ name: 'F', domain: 'com.acme', overload: '', inputs: ['a'], outputs: ['b'], attributes: [] },
      ...{
        attributeDefaults: [],
        nodes: [],
        docString: '',
        opsetImports: [],
        valueInfo: [],
        metadataProps: [],
      },
    },
  ];
  await refuse(withFunction, /functions of its own/);
});

test('older and newer models are left alone', async () => {
  for (const opset of [12, 20, 21])
    await stays(raiseOpset(read, upgrade), oneToOne([node('Relu', ['x'], ['y'])], [], image, { opset }));
});

test('BatchNormalization inside a branch folds into the layer beside it', async () => {
  const statistics = ['gamma', 'beta', 'mean'].map((name, i) => weight(name, [4], 11 + i));
  const variance = floatTensor('variance', [4], [0.3, 0.5, 0.7, 0.9]);
  const branch = (name: string) =>
    graph({
      name,
      nodes: [
        node('Conv', ['x', 'w'], [`${name}_conv`]),
        node('BatchNormalization', [`${name}_conv`, 'gamma', 'beta', 'mean', 'variance'], [`${name}_out`]),
      ],
      outputs: [valueInfo(`${name}_out`, DataType.FLOAT)],
    });
  const made = oneToOne(
    [
      node('ReduceMax', ['x'], ['most'], { attributes: { keepdims: 0n } }),
      node('Greater', ['most', 'limit'], ['large']),
      node('If', ['large'], ['y'], {
        attributes: { then_branch: branch('then'), else_branch: branch('else') },
      }),
    ],
    [...statistics, variance, weight('w', [4, 3, 3, 3]), floatTensor('limit', [], [2.9])],
    image,
  );
  const after = await check(
    foldBatchNorm(read),
    made,
    image,
    'most = ReduceMax(x)\nlarge = Greater(most, limit)\ny = If(large)',
  );
  const bodies = after.graph.nodes[2]!.attributes.flatMap((each) =>
    each.type === 'GRAPH' ? [each.value] : [],
  );
  assert.deepEqual(
    bodies.map((body) => body.nodes.map(({ opType }) => opType).join()),
    ['Conv', 'Conv'],
  );
});
