// Every rewrite: the text of the graph it leaves, and the same outputs in ONNX Runtime as before.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentTask } from '../../../../daemon/base/task';
import {
  floatTensor,
  graph,
  int64Tensor,
  model,
  node,
  rawTensor,
  valueInfo,
} from '../../../../daemon/ir/builder';
import { DataType } from '../../../../daemon/ir/dataType';
import type { Model, Node } from '../../../../daemon/ir/model';
import type { Tensor } from '../../../../daemon/ir/tensor';
import { runPass, type Pass } from '../../../../daemon/passes/pass';
import { addIntoBias } from '../../../../daemon/passes/simplify/addIntoBias';
import { constantsToInitializers } from '../../../../daemon/passes/simplify/constantsToInitializers';
import { deadNodes } from '../../../../daemon/passes/simplify/deadNodes';
import { foldBatchNorm } from '../../../../daemon/passes/simplify/foldBatchNorm';
import { foldWeightViews } from '../../../../daemon/passes/simplify/foldWeightViews';
import { initializersOutOfInputs } from '../../../../daemon/passes/simplify/initializersOutOfInputs';
import { matMulAddToGemm } from '../../../../daemon/passes/simplify/matMulAddToGemm';
import { removeIdentity } from '../../../../daemon/passes/simplify/removeIdentity';
import { unusedInitializers } from '../../../../daemon/passes/simplify/unusedInitializers';
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

/** Runs the pass on a frozen model; compares the graph's text and, in ONNX Runtime, the outputs. */
async function check(pass: Pass, made: Model, dims: Dims, expected: string): Promise<Model> {
  const before = frozen(made);
  const after = await runPass(before, pass, silentTask);
  const tidy = (text: string) =>
    text
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '')
      .join('\n');
  assert.equal(graphText(after.model), tidy(expected));
  const feeds = feedsFor(dims);
  const exact = { graphOptimization: 'disabled' } as const;
  const error = difference(await run(before, feeds, exact), await run(after.model, feeds, exact));
  assert.ok(error < 2e-6, `outputs moved by ${error}`);
  return after.model;
}

const image: Dims = ['n', 3, 6, 6];
const statistics = (name: string, channels: number): Tensor[] => [
  weight(`${name}.gamma`, [channels], 11),
  weight(`${name}.beta`, [channels], 12),
  weight(`${name}.mean`, [channels], 13),
  floatTensor(
    `${name}.var`,
    [channels],
    Array.from({ length: channels }, (_, i) => 0.3 + i / 7),
  ),
];
const norm = (from: string, to: string, name = 'bn', attributes = {}): Node =>
  node('BatchNormalization', [from, `${name}.gamma`, `${name}.beta`, `${name}.mean`, `${name}.var`], [to], {
    name,
    attributes,
  });

test('Constant nodes become initializers', async () => {
  const made = oneToOne(
    [
      node('Constant', [], ['c'], { attributes: { value: weight('', [3, 1, 1], 5) } }),
      node('Constant', [], ['two'], { attributes: { value_float: 2 } }),
      node('Constant', [], ['shape'], { attributes: { value_ints: [0n, -1n] } }),
      node('Add', ['x', 'c'], ['a']),
      node('Mul', ['a', 'two'], ['b']),
      node('Reshape', ['b', 'shape'], ['y']),
    ],
    [],
    image,
  );
  const after = await check(
    constantsToInitializers,
    made,
    image,
    'a = Add(x, c)\nb = Mul(a, two)\ny = Reshape(b, shape)',
  );
  assert.deepEqual(
    after.graph.initializers.map(({ name }) => name),
    ['c', 'two', 'shape'],
  );
});

test('Identity and Dropout go, interface names stay', async () => {
  const made = oneToOne(
    [
      node('Identity', ['x'], ['a']),
      node('Relu', ['a'], ['b']),
      node('Dropout', ['b'], ['c', 'mask']),
      node('Identity', ['c'], ['y']),
      node('Neg', ['c'], ['z']),
      node('Identity', ['w'], ['shared']),
      node('Add', ['c', 'shared'], ['s']),
      node('Identity', ['x'], ['same']),
    ],
    [weight('w', [3, 1, 1])],
    image,
    { outputs: ['y', 'z', 's', 'same'] },
  );
  await check(removeIdentity, made, image, 'y = Relu(x)\nz = Neg(y)\ns = Add(y, w)\nsame = Identity(x)');
});

test('Identity around a body is renamed inside the body', async () => {
  const branch = (name: string, op: string) =>
    graph({
      name,
      nodes: [node(op, ['a'], [`${name}_out`])],
      outputs: [valueInfo(`${name}_out`, DataType.FLOAT)],
    });
  const made = oneToOne(
    [
      node('Identity', ['x'], ['a']),
      node('If', ['yes'], ['y'], {
        attributes: { then_branch: branch('then', 'Relu'), else_branch: branch('else', 'Neg') },
      }),
    ],
    [rawTensor('yes', DataType.BOOL, [], Uint8Array.of(1))],
    [4],
  );
  await check(removeIdentity, made, [4], 'y = If(yes)');
});

test('initializers leave the inputs', async () => {
  const made = oneToOne([node('Add', ['x', 'w'], ['y'])], [weight('w', [3, 1, 1])], image, {
    extra: { inputs: [valueInfo('x', DataType.FLOAT, image), valueInfo('w', DataType.FLOAT, [3, 1, 1])] },
  });
  const after = await check(initializersOutOfInputs, made, image, 'y = Add(x, w)');
  assert.deepEqual(
    after.graph.inputs.map(({ name }) => name),
    ['x'],
  );
});

test('dead nodes and unused initializers go', async () => {
  const made = oneToOne(
    [node('Neg', ['x'], ['dead']), node('Abs', ['dead'], ['deader']), node('Add', ['x', 'w'], ['y'])],
    [weight('w', [3, 1, 1]), weight('spare', [7])],
    image,
    { extra: { valueInfo: [valueInfo('dead', DataType.FLOAT)] } },
  );
  const alive = await check(deadNodes, made, image, 'y = Add(x, w)');
  assert.deepEqual(alive.graph.valueInfo, []);
  const after = await check(unusedInitializers, alive, image, 'y = Add(x, w)');
  assert.deepEqual(
    after.graph.initializers.map(({ name }) => name),
    ['w'],
  );
});

test('BatchNormalization folds into Conv, with and without a bias', async () => {
  const made = oneToOne(
    [
      node('Conv', ['x', 'w'], ['a'], { name: 'conv', attributes: { pads: [1n, 1n, 1n, 1n] } }),
      norm('a', 'b', 'bn', { epsilon: 0.01 }),
      node('Conv', ['b', 'w2', 'bias2'], ['c'], { attributes: { group: 2n } }),
      norm('c', 'y', 'bn2'),
    ],
    [
      weight('w', [4, 3, 3, 3]),
      ...statistics('bn', 4),
      weight('w2', [4, 2, 1, 1], 2),
      weight('bias2', [4], 3),
      ...statistics('bn2', 4),
    ],
    image,
  );
  const after = await check(
    foldBatchNorm(read),
    made,
    image,
    'b = Conv(x, w, w_bias)\ny = Conv(b, w2, bias2)',
  );
  assert.equal(after.graph.nodes[0]?.name, 'conv');
});

test('BatchNormalization folds into ConvTranspose with groups and into Gemm', async () => {
  const transposed = oneToOne(
    [
      node('ConvTranspose', ['x', 'w', 'c'], ['a'], { attributes: { group: 2n, strides: [2n, 2n] } }),
      norm('a', 'y'),
    ],
    [weight('w', [4, 3, 2, 2]), weight('c', [6], 4), ...statistics('bn', 6)],
    ['n', 4, 5, 5],
  );
  await check(foldBatchNorm(read), transposed, ['n', 4, 5, 5], 'y = ConvTranspose(x, w, c)');
  for (const transB of [0n, 1n]) {
    const gemm = oneToOne(
      [node('Gemm', ['x', 'w', 'c'], ['a'], { attributes: { transB, alpha: 0.5, beta: 2 } }), norm('a', 'y')],
      [weight('w', transB ? [6, 8] : [8, 6]), weight('c', [6], 4), ...statistics('bn', 6)],
      ['n', 8],
    );
    await check(foldBatchNorm(read), gemm, ['n', 8], 'y = Gemm(x, w, c)');
  }
});

test('a weight that two layers share is folded into copies', async () => {
  const made = oneToOne(
    [
      node('Conv', ['x', 'w'], ['a']),
      norm('a', 'b'),
      node('Conv', ['x', 'w'], ['c']),
      node('Add', ['b', 'c'], ['y']),
    ],
    [weight('w', [4, 3, 3, 3]), ...statistics('bn', 4)],
    image,
  );
  await check(foldBatchNorm(read), made, image, 'b = Conv(x, w_2, w_bias)\nc = Conv(x, w)\ny = Add(b, c)');
});

test('BatchNormalization stays where folding would change the result', async () => {
  const sideReader = oneToOne(
    [node('Conv', ['x', 'w'], ['a']), norm('a', 'b'), node('Add', ['a', 'b'], ['y'])],
    [weight('w', [4, 3, 3, 3]), ...statistics('bn', 4)],
    image,
  );
  assert.equal((await runPass(frozen(sideReader), foldBatchNorm(read), silentTask)).modified, false);
  const training = oneToOne(
    [
      node('Conv', ['x', 'w'], ['a']),
      { ...norm('a', 'y', 'bn', { training_mode: 1n }), outputs: ['y', 'm', 'v'] },
    ],
    [weight('w', [4, 3, 3, 3]), ...statistics('bn', 4)],
    image,
  );
  assert.equal((await runPass(frozen(training), foldBatchNorm(read), silentTask)).modified, false);
});

test('an addition per channel goes into the bias of Conv', async () => {
  const made = oneToOne(
    [
      node('Conv', ['x', 'w'], ['a']),
      node('Add', ['a', 'perChannel'], ['b']),
      node('Conv', ['b', 'w2', 'bias'], ['c']),
      node('Add', ['one', 'c'], ['d']),
      node('Conv', ['d', 'w2'], ['e']),
      node('Add', ['e', 'perColumn'], ['y']),
    ],
    [
      weight('w', [4, 3, 3, 3]),
      weight('perChannel', [4, 1, 1], 3),
      weight('w2', [4, 4, 1, 1], 2),
      weight('bias', [4], 5),
      weight('one', [], 6),
      weight('perColumn', [4], 7),
    ],
    image,
  );
  const expected = `b = Conv(x, w, perChannel_bias)
    d = Conv(b, w2, one_bias)
    e = Conv(d, w2)
    y = Add(e, perColumn)`;
  await check(addIntoBias(read), made, image, expected);
});

test('views of weights become weights', async () => {
  const made = oneToOne(
    [
      node('Reshape', ['w', 'shape'], ['r']),
      node('Transpose', ['r'], ['t'], { attributes: { perm: [1n, 0n] } }),
      node('MatMul', ['x', 't'], ['a']),
      node('Unsqueeze', ['b', 'axes'], ['u']),
      node('Add', ['a', 'u'], ['c']),
      node('Squeeze', ['u', 'axes'], ['s']),
      node('Add', ['c', 's'], ['d']),
      node('Transpose', ['cube'], ['turned'], { attributes: { perm: [2n, 0n, 1n] } }),
      node('Flatten', ['turned'], ['flat']),
      node('MatMul', ['d', 'flat'], ['y']),
    ],
    [
      weight('w', [2, 3, 8]),
      int64Tensor('shape', [2], [6, -1]),
      weight('b', [6], 3),
      int64Tensor('axes', [1], [0]),
      weight('cube', [2, 3, 6], 8),
    ],
    ['n', 8],
  );
  await check(
    foldWeightViews(read),
    made,
    ['n', 8],
    'a = MatMul(x, t)\nc = Add(a, u)\nd = Add(c, s)\ny = MatMul(d, flat)',
  );
});

test('MatMul and Add of matrices become Gemm; of more dimensions not', async () => {
  const made = (dims: Dims) =>
    oneToOne(
      [
        node('MatMul', ['x', 'w'], ['a'], { name: 'first' }),
        node('Add', ['b', 'a'], ['c']),
        node('MatMul', ['c', 'w2'], ['d']),
        node('Add', ['d', 'b2'], ['y']),
      ],
      [weight('w', [8, 6]), weight('b', [6], 2), weight('w2', [6, 5], 3), weight('b2', [1, 5], 4)],
      dims,
    );
  const gemm = await check(
    matMulAddToGemm(read),
    made(['n', 8]),
    ['n', 8],
    'c = Gemm(x, w, b)\ny = Gemm(c, w2, b2)',
  );
  assert.equal(gemm.graph.nodes[0]?.name, 'first');
  assert.equal((await runPass(frozen(made(['n', 3, 8])), matMulAddToGemm(read), silentTask)).modified, false);
});

test('a model without anything to do comes back as it is', async () => {
  const made = frozen(
    model(
      graph({
        nodes: [node('Relu', ['x'], ['y'])],
        inputs: [valueInfo('x', DataType.FLOAT, [1])],
        outputs: [valueInfo('y', DataType.FLOAT)],
      }),
    ),
  );
  for (const pass of [
    constantsToInitializers,
    removeIdentity,
    deadNodes,
    unusedInitializers,
    initializersOutOfInputs,
    foldBatchNorm(read),
    addIntoBias(read),
    foldWeightViews(read),
    matMulAddToGemm(read),
  ]) {
    const result = await runPass(made, pass, silentTask);
    assert.equal(result.model, made, pass.name);
  }
});
