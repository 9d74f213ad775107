import assert from 'node:assert/strict';
import { test } from 'node:test';
import { modelCost, symbolicCost } from '../../../daemon/analysis/cost';
import {
  floatTensor,
  graph,
  int64Tensor,
  model,
  node,
  uint8Tensor,
  valueInfo,
} from '../../../daemon/ir/builder';
import { DataType } from '../../../daemon/ir/dataType';

const { FLOAT } = DataType;
const weights = (name: string, ...dims: number[]) =>
  floatTensor(name, dims, new Float32Array(dims.reduce((a, b) => a * b, 1)));

test('Conv, depthwise Conv, ConvTranspose, Gemm and MatMul counted by hand', () => {
  const built = model(
    graph({
      nodes: [
        node('Conv', ['x', 'w1'], ['a'], { attributes: { pads: [1n, 1n, 1n, 1n] } }),
        node('Conv', ['a', 'w2'], ['b'], { attributes: { group: 4n, strides: [2n, 2n] } }),
        node('ConvTranspose', ['b', 'w3'], ['c'], { attributes: { strides: [2n, 2n] } }),
        node('Flatten', ['c'], ['f']),
        node('Gemm', ['f', 'w4', 'bias'], ['g']),
        node('MatMul', ['g', 'w5'], ['y']),
      ],
      inputs: [valueInfo('x', FLOAT, ['batch', 3, 8, 8])],
      outputs: [valueInfo('y', FLOAT)],
      initializers: [
        weights('w1', 4, 3, 3, 3),
        weights('w2', 4, 1, 2, 2),
        weights('w3', 4, 2, 2, 2),
        weights('w4', 128, 10),
        weights('bias', 10),
        weights('w5', 10, 5),
      ],
    }),
  );
  const one = modelCost(built);
  assert.deepEqual(one.nodeMacs, [
    4 * 8 * 8 * 27, // 6912
    4 * 4 * 4 * 4, // 256
    4 * 4 * 4 * (2 * 2 * 2), // every input element times two channels of 2×2
    0,
    128 * 10,
    10 * 5,
  ]);
  assert.equal(one.macs, 6912 + 256 + 512 + 1280 + 50);
  assert.deepEqual(one.assumed, { batch: 1 });
  const two = modelCost(built, { bind: { batch: 2 } });
  assert.equal(two.macs, 2 * one.macs);
  assert.deepEqual(two.assumed, {});
  // The largest step is the first Conv: 3 and 4 channels of 8×8 floats.
  assert.equal(one.peakActivationBytes, (3 + 4) * 64 * 4);
});

test('a residual keeps its input alive; weights and constants are no activations', () => {
  const built = model(
    graph({
      nodes: [
        node('Relu', ['x'], ['a']),
        node('Relu', ['a'], ['b']),
        node('Constant', [], ['one'], {
          attributes: { value: floatTensor('', [100], new Float32Array(100)) },
        }),
        node('Identity', ['w'], ['w2']),
        node('Add', ['b', 'x'], ['c']),
        node('Add', ['c', 'one'], ['d']),
        node('Add', ['d', 'w2'], ['y']),
      ],
      inputs: [valueInfo('x', FLOAT, [undefined, 100])],
      outputs: [valueInfo('y', FLOAT)],
      initializers: [weights('w', 100)],
    }),
  );
  const cost = modelCost(built);
  assert.equal(cost.peakActivationBytes, 3 * 400);
  assert.deepEqual(cost.assumed, { 'x[0]': 1 });
  assert.equal(cost.macs, 0);
});

test('what cannot be known is null', () => {
  const built = model(
    graph({
      nodes: [
        node('NonZero', ['x'], ['a']),
        node('Cast', ['a'], ['b'], { attributes: { to: 1n } }),
        node('MatMul', ['w', 'b'], ['y']),
      ],
      inputs: [valueInfo('x', FLOAT, [2, 2])],
      outputs: [valueInfo('y', FLOAT)],
      initializers: [weights('w', 3, 2)],
    }),
  );
  assert.deepEqual(modelCost(built), {
    macs: null,
    flops: null,
    nodeMacs: [0, 0, null],
    peakActivationBytes: null,
    assumed: {},
  });
});

test('a Loop costs its body times its trips, an If its dearer branch', () => {
  const product = (name: string) =>
    graph({ nodes: [node('MatMul', ['x', name], ['out'])], outputs: [valueInfo('out', FLOAT)] });
  const body = graph({
    nodes: [node('Identity', ['go'], ['on']), node('MatMul', ['state', 'square'], ['next'])],
    inputs: [
      valueInfo('i', DataType.INT64, []),
      valueInfo('go', DataType.BOOL, []),
      valueInfo('state', FLOAT),
    ],
    outputs: [valueInfo('on', DataType.BOOL), valueInfo('next', FLOAT)],
  });
  const built = model(
    graph({
      nodes: [
        node('If', ['c'], ['a'], {
          attributes: { then_branch: product('square'), else_branch: product('wide') },
        }),
        node('Loop', ['trips', '', 'x'], ['y'], { attributes: { body } }),
      ],
      inputs: [valueInfo('x', FLOAT, [1, 4]), valueInfo('c', DataType.BOOL, [])],
      outputs: [valueInfo('y', FLOAT), valueInfo('a', FLOAT)],
      initializers: [weights('square', 4, 4), weights('wide', 4, 8), int64Tensor('trips', [], [10])],
    }),
  );
  assert.deepEqual(modelCost(built).nodeMacs, [32, 160]);
});

test('operations of what multiplies no matrices, by hand', () => {
  const x = ['N', 4, 6, 6];
  const elements = 4 * 36;
  const channels = ['s', 'b', 'm', 'v'];
  // [node, operations for a sample, what its output is made of]
  const cases: [ReturnType<typeof node>, number][] = [
    [node('Relu', ['x'], ['y']), elements],
    [node('Add', ['x', 'x'], ['y']), elements],
    [node('Sum', ['x', 'x', 'x'], ['y']), 2 * elements],
    [node('Mean', ['x', 'x', 'x'], ['y']), 3 * elements],
    [node('Clip', ['x', '', 'one'], ['y']), elements],
    [node('Sigmoid', ['x'], ['y']), 4 * elements],
    [node('Gelu', ['x'], ['y']), 5 * elements],
    [node('Gelu', ['x'], ['y'], { attributes: { approximate: 'tanh' } }), 9 * elements],
    [node('Softmax', ['x'], ['y']), 5 * elements],
    [node('LayerNormalization', ['x', 'six'], ['y']), 6 * elements],
    [node('LayerNormalization', ['x', 'six', 'six'], ['y']), 7 * elements],
    [node('BatchNormalization', ['x', ...channels], ['y']), 4 * elements],
    [node('ReduceSum', ['x', 'axes'], ['y']), elements],
    [node('ReduceL2', ['x'], ['y']), 2 * elements],
    [node('GlobalAveragePool', ['x'], ['y']), elements],
    // 3 × 3 windows at a stride of 2 without padding: 2 × 2 places in each of 4 channels.
    [node('MaxPool', ['x'], ['y'], { attributes: { kernel_shape: [3n, 3n], strides: [2n, 2n] } }), 16 * 9],
    [node('QuantizeLinear', ['x', 'one', 'zero'], ['y']), 4 * elements],
    // What moves or selects computes nothing.
    [node('Transpose', ['x'], ['y']), 0],
    [node('Cast', ['x'], ['y'], { attributes: { to: 10n } }), 0],
    [node('Concat', ['x', 'x'], ['y'], { attributes: { axis: 1n } }), 0],
    // A product counts two for each MAC.
    [node('Conv', ['x', 'w'], ['y']), 2 * (16 * 8) * (4 * 9)],
  ];
  for (const [one, expected] of cases) {
    const built = model(
      graph({
        nodes: [one],
        inputs: [valueInfo('x', FLOAT, x)],
        outputs: [valueInfo('y', FLOAT)],
        initializers: [
          ...channels.map((name) => weights(name, 4)),
          weights('six', 6),
          weights('one'),
          weights('w', 8, 4, 3, 3),
          uint8Tensor('zero', [], [0]),
          int64Tensor('axes', [1], [1]),
        ],
      }),
      { opset: 20 },
    );
    const label = `${one.opType} ${one.inputs.join(' ')}`;
    assert.equal(modelCost(built, { bind: { N: 3 } }).flops, 3 * expected, label);
    const symbolic = expected === 0 ? 0 : expected === 1 ? 'N' : `${expected}*N`;
    assert.equal(symbolicCost(built).flops, symbolic, label);
  }
});

test('LSTM', () => {
  const built = model(
    graph({
      nodes: [node('LSTM', ['x', 'w', 'r'], ['y'], { attributes: { hidden_size: 8n } })],
      inputs: [valueInfo('x', FLOAT, ['seq', 'batch', 4])],
      outputs: [valueInfo('y', FLOAT)],
      initializers: [weights('w', 1, 32, 4), weights('r', 1, 32, 8)],
    }),
  );
  assert.equal(modelCost(built, { bind: { seq: 5, batch: 2 } }).macs, 5 * 2 * 4 * 8 * (4 + 8));
});
