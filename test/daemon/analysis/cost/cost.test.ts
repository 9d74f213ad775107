import assert from 'node:assert/strict';
import { test } from 'node:test';
import { modelCost, symbolicCost } from '../../../../daemon/analysis/cost/cost';
import {
  floatTensor,
  graph,
  int64Tensor,
  model,
  node,
  uint8Tensor,
  valueInfo,
} from '../../../../daemon/ir/builder';
import { DataType } from '../../../../daemon/ir/dataType';

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

test('operations beside products, by hand', () => {
  const flopsOf = (one: ReturnType<typeof node>, inputs: ReturnType<typeof valueInfo>[]) => {
    const built = model(
      graph({
        nodes: [one],
        inputs,
        outputs: [valueInfo('y', FLOAT)],
        initializers: [
          weights('w', 8, 4, 3, 3),
          weights('b', 8),
          weights('g', 6, 5),
          weights('c', 5),
          // Two directions of three hidden units that read two features.
          weights('W4', 2, 12, 2),
          weights('R4', 2, 12, 3),
          weights('B4', 2, 24),
          weights('P', 2, 9),
          weights('W3', 2, 9, 2),
          weights('R3', 2, 9, 3),
          weights('W1', 2, 3, 2),
          weights('R1', 2, 3, 3),
          weights('B1', 2, 6),
          weights('projection', 8, 24),
          weights('bias', 24),
        ],
      }),
      { opset: 23 },
    );
    built.opsetImports.push({ domain: 'com.microsoft', version: 1 });
    const { flops, macs } = modelCost(built);
    assert.notEqual(flops, null, one.opType);
    return flops! - 2 * macs!;
  };
  const x = valueInfo('x', FLOAT, [1, 4, 6, 6]);
  assert.equal(flopsOf(node('Conv', ['x', 'w'], ['y']), [x]), 0);
  assert.equal(flopsOf(node('Conv', ['x', 'w', 'b'], ['y']), [x]), 8 * 4 * 4);
  const rows = valueInfo('x', FLOAT, [7, 6]);
  assert.equal(flopsOf(node('Gemm', ['x', 'g'], ['y']), [rows]), 0);
  assert.equal(flopsOf(node('Gemm', ['x', 'g', 'c'], ['y']), [rows]), 7 * 5);
  // 5 steps, batch 2, 2 directions, 3 hidden units.
  const sequence = valueInfo('x', FLOAT, [5, 2, 2]);
  const units = 5 * 2 * 2 * 3;
  const both = { direction: 'bidirectional', hidden_size: 3n };
  const recurrent = (op: string, ...inputs: string[]) =>
    flopsOf(node(op, ['x', ...inputs], ['y'], { attributes: both }), [sequence]);
  assert.equal(recurrent('LSTM', 'W4', 'R4'), units * 22);
  assert.equal(recurrent('LSTM', 'W4', 'R4', 'B4'), units * 30);
  assert.equal(recurrent('LSTM', 'W4', 'R4', 'B4', '', '', '', 'P'), units * 36);
  assert.equal(recurrent('GRU', 'W3', 'R3'), units * 17);
  assert.equal(recurrent('RNN', 'W1', 'R1', 'B1'), units * 4);
  // 2 heads, 3 queries, 5 keys.
  const split = [
    valueInfo('q', FLOAT, [1, 2, 3, 4]),
    valueInfo('k', FLOAT, [1, 2, 5, 4]),
    valueInfo('v', FLOAT, [1, 2, 5, 4]),
    valueInfo('m', FLOAT, [3, 5]),
  ];
  assert.equal(flopsOf(node('Attention', ['q', 'k', 'v'], ['y']), split), 2 * 3 * 5 * 6);
  assert.equal(flopsOf(node('Attention', ['q', 'k', 'v', 'm'], ['y']), split), 2 * 3 * 5 * 7);
  const packed = valueInfo('x', FLOAT, [1, 3, 8]);
  assert.equal(
    flopsOf(
      node('Attention', ['x', 'projection', 'bias'], ['y'], {
        domain: 'com.microsoft',
        attributes: { num_heads: 2n },
      }),
      [packed],
    ),
    3 * 24 + 2 * 3 * 3 * 6,
  );
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
