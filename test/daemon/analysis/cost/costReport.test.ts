// MACs, parameters and activation peak of ResNet-, MobileNet- and BERT-shaped models against a count by hand, with
// numbers and with names for batch and sequence; then the same by node, operator and scope.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { modelCost, symbolicCost } from '../../../../daemon/analysis/cost/cost';
import { costOverlays } from '../../../../daemon/analysis/cost/costOverlay';
import { costReport } from '../../../../daemon/analysis/cost/costReport';
import { summarize } from '../../../../daemon/analysis/summary';
import { floatTensor, graph, int64Tensor, model, node, valueInfo } from '../../../../daemon/ir/builder';
import { DataType } from '../../../../daemon/ir/dataType';
import type { Model } from '../../../../daemon/ir/model';
import type { Tensor } from '../../../../daemon/ir/tensor';
import { csvOf } from '../../../../daemon/analysis/cost/costCsv';
import { evaluated } from '../../../support/shapeTruth';

const { FLOAT } = DataType;
const weight = (name: string, ...dims: number[]): Tensor =>
  floatTensor(name, dims, new Float32Array(dims.reduce((a, b) => a * b, 1)));
const pads = [1n, 1n, 1n, 1n];
const named = (
  name: string,
  op: string,
  inputs: string[],
  output: string,
  attributes: NonNullable<Parameters<typeof node>[3]>['attributes'] = {},
) => node(op, inputs, [output], { name, attributes });
const parametersOf = (built: Model) => summarize(built).parameters;

function resNet(): Model {
  const norm = (name: string, channels: number) =>
    ['s', 'b', 'm', 'v'].map((part) => weight(`${name}.${part}`, channels));
  const normInputs = (x: string, name: string) => [
    x,
    ...['s', 'b', 'm', 'v'].map((part) => `${name}.${part}`),
  ];
  return model(
    graph({
      nodes: [
        named('/stem/conv', 'Conv', ['x', 'w0'], 'c0', { pads }),
        named('/stem/bn', 'BatchNormalization', normInputs('c0', 'n0'), 'b0'),
        named('/stem/relu', 'Relu', ['b0'], 'r0'),
        named('/layer1/conv1', 'Conv', ['r0', 'w1'], 'c1', { pads }),
        named('/layer1/bn1', 'BatchNormalization', normInputs('c1', 'n1'), 'b1'),
        named('/layer1/relu', 'Relu', ['b1'], 'r1'),
        named('/layer1/conv2', 'Conv', ['r1', 'w2'], 'c2', { pads }),
        named('/layer1/bn2', 'BatchNormalization', normInputs('c2', 'n2'), 'b2'),
        named('/layer1/add', 'Add', ['b2', 'r0'], 'a1'),
        named('/layer1/out', 'Relu', ['a1'], 'r2'),
        named('/layer2/conv', 'Conv', ['r2', 'w3'], 'c3', { pads, strides: [2n, 2n] }),
        named('/layer2/shortcut/conv', 'Conv', ['r2', 'w4'], 'c4', { strides: [2n, 2n] }),
        named('/layer2/add', 'Add', ['c3', 'c4'], 'a2'),
        named('/head/pool', 'GlobalAveragePool', ['a2'], 'p'),
        named('/head/flat', 'Flatten', ['p'], 'f'),
        named('/head/fc', 'Gemm', ['f', 'w5', 'bias'], 'y'),
      ],
      inputs: [valueInfo('x', FLOAT, ['batch', 3, 8, 8])],
      outputs: [valueInfo('y', FLOAT)],
      initializers: [
        weight('w0', 4, 3, 3, 3),
        weight('w1', 4, 4, 3, 3),
        weight('w2', 4, 4, 3, 3),
        weight('w3', 8, 4, 3, 3),
        weight('w4', 8, 4, 1, 1),
        weight('w5', 8, 10),
        weight('bias', 10),
        ...norm('n0', 4),
        ...norm('n1', 4),
        ...norm('n2', 4),
      ],
    }),
  );
}

test('a ResNet', () => {
  const built = resNet();
  const stem = 8 * 8 * 4 * 27;
  const layer1 = 2 * (8 * 8 * 4 * 36);
  const layer2 = 4 * 4 * 8 * 36 + 4 * 4 * 8 * 4;
  const head = 8 * 10;
  // In the residual block: the input of the block, and two tensors of 4 channels of 8×8 floats.
  const peak = 3 * (4 * 64 * 4);
  const macs = stem + layer1 + layer2 + head;
  assert.equal(macs, 30_544);
  const one = modelCost(built);
  assert.deepEqual([one.macs, one.peakActivationBytes], [macs, peak]);
  const eight = modelCost(built, { bind: { batch: 8 } });
  assert.deepEqual([eight.macs, eight.peakActivationBytes], [8 * macs, 8 * peak]);
  // Three normalizations (4 for each element) and three activations and the sums (1), all of 4 × 8 × 8 but the last
  // sum of 8 × 4 × 4, which the pool reads; and the bias of the last product.
  const flops = 2 * macs + 3 * 4 * 256 + 3 * 256 + 256 + 128 + 128 + 10;
  assert.equal(one.flops, flops);
  assert.deepEqual(symbolicCost(built), {
    macs: '30544*batch',
    flops: `${flops}*batch`,
    peakActivationBytes: `${peak}*batch`,
  });
  const parameters = 108 + 144 + 144 + 288 + 32 + 80 + 10 + 3 * 16;
  assert.equal(parametersOf(built), parameters);

  const { scopes, ops, nodes } = costReport(built);
  assert.deepEqual(
    scopes.map((row) => [row.name, row.nodes, row.macs, row.parameters]),
    [
      ['', 16, macs, parameters],
      ['head', 3, head, 90],
      ['layer1', 7, layer1, 144 + 144 + 32],
      ['layer2', 3, layer2, 288 + 32],
      ['layer2/shortcut', 1, 512, 32],
      ['stem', 3, stem, 108 + 16],
    ],
  );
  assert.deepEqual(
    ops.slice(0, 2).map((row) => [row.name, row.nodes, row.macs]),
    [
      ['Conv', 5, macs - head],
      ['Gemm', 1, head],
    ],
  );
  // The first convolution reads 768 bytes and 432 of weights, and writes 1024: 2 · 6912 operations for 2224 bytes.
  assert.equal(nodes[0]?.intensity, (2 * stem) / (768 + 432 + 1024));
  assert.deepEqual([nodes[0].liveBytes, nodes[4]?.liveBytes], [768 + 1024, peak]);
});

test('a MobileNet: inverted residual with a depthwise convolution', () => {
  const built = model(
    graph({
      nodes: [
        named('expand', 'Conv', ['x', 'w0'], 'e'),
        named('clip1', 'Clip', ['e', 'low', 'high'], 'e6'),
        named('depthwise', 'Conv', ['e6', 'w1'], 'd', { pads, group: 24n }),
        named('clip2', 'Clip', ['d', 'low', 'high'], 'd6'),
        named('project', 'Conv', ['d6', 'w2'], 'p'),
        named('add', 'Add', ['p', 'x'], 'y'),
      ],
      inputs: [valueInfo('x', FLOAT, ['batch', 4, 8, 8])],
      outputs: [valueInfo('y', FLOAT)],
      initializers: [
        weight('w0', 24, 4, 1, 1),
        weight('w1', 24, 1, 3, 3),
        weight('w2', 4, 24, 1, 1),
        weight('low'),
        weight('high'),
      ],
    }),
  );
  const macs = 64 * 24 * 4 + 64 * 24 * 9 + 64 * 4 * 24;
  // The input stays for the addition; beside it two tensors of 24 channels.
  const peak = 4 * 64 * 4 + 2 * (24 * 64 * 4);
  assert.deepEqual(modelCost(built, { bind: { batch: 3 } }).macs, 3 * macs);
  // Two clips with both bounds, and the sum.
  const flops = 2 * macs + 2 * 2 * (24 * 64) + 4 * 64;
  assert.deepEqual(symbolicCost(built), {
    macs: `${macs}*batch`,
    flops: `${flops}*batch`,
    peakActivationBytes: `${peak}*batch`,
  });
  assert.equal(modelCost(built).peakActivationBytes, peak);
  assert.equal(parametersOf(built), 96 + 216 + 96 + 2);
});

/** One layer, 8 wide, 2 heads of 4, 16 inside. */
function bert(batch: string, seq: string): Model {
  const heads = { perm: [0n, 2n, 1n, 3n] };
  return model(
    graph({
      nodes: [
        named('q', 'MatMul', ['x', 'wq'], 'q'),
        named('k', 'MatMul', ['x', 'wk'], 'k'),
        named('v', 'MatMul', ['x', 'wv'], 'v'),
        named('qr', 'Reshape', ['q', 'split'], 'qr'),
        named('kr', 'Reshape', ['k', 'split'], 'kr'),
        named('vr', 'Reshape', ['v', 'split'], 'vr'),
        named('qt', 'Transpose', ['qr'], 'qt', heads),
        named('kt', 'Transpose', ['kr'], 'kt', { perm: [0n, 2n, 3n, 1n] }),
        named('vt', 'Transpose', ['vr'], 'vt', heads),
        named('scores', 'MatMul', ['qt', 'kt'], 's'),
        named('softmax', 'Softmax', ['s'], 'p'),
        named('context', 'MatMul', ['p', 'vt'], 'c'),
        named('ct', 'Transpose', ['c'], 'ct', heads),
        named('cr', 'Reshape', ['ct', 'join'], 'cr'),
        named('out', 'MatMul', ['cr', 'wo'], 'o'),
        named('add1', 'Add', ['o', 'x'], 'a'),
        named('norm1', 'LayerNormalization', ['a', 'g1', 'b1'], 'n'),
        named('up', 'MatMul', ['n', 'w1'], 'u'),
        named('gelu', 'Gelu', ['u'], 'g'),
        named('down', 'MatMul', ['g', 'w2'], 'd'),
        named('add2', 'Add', ['d', 'n'], 'e'),
        named('norm2', 'LayerNormalization', ['e', 'g2', 'b2'], 'y'),
      ],
      inputs: [valueInfo('x', FLOAT, [batch, seq, 8])],
      outputs: [valueInfo('y', FLOAT)],
      initializers: [
        ...['wq', 'wk', 'wv', 'wo'].map((name) => weight(name, 8, 8)),
        weight('w1', 8, 16),
        weight('w2', 16, 8),
        ...['g1', 'b1', 'g2', 'b2'].map((name) => weight(name, 8)),
        int64Tensor('split', [4], [0, 0, 2, 4]),
        int64Tensor('join', [3], [0, 0, 8]),
      ],
    }),
    { opset: 20 },
  );
}

/** MACs: four projections and two of the inner layer, scores and their mixture over the whole sequence. */
const bertMacs = (b: number, s: number) => b * s * (4 * 64 + 2 * 128) + b * s * s * 8 * 2;

/** Beside them a softmax (5), two sums, two normalizations with bias (7), and a GELU (5) of the inner layer. */
const bertFlops = (b: number, s: number) =>
  2 * bertMacs(b, s) + 5 * 2 * b * s * s + b * s * (2 * 8 + 2 * 7 * 8 + 5 * 16);

/** At GELU; at the scores (the input, three heads' tensors, the scores); at the softmax (input, values, both). */
const bertPeak = (b: number, s: number) =>
  4 * b * Math.max(s * (8 + 16 + 16), s * 4 * 8 + 2 * s * s, s * 2 * 8 + 2 * 2 * s * s);

test('a BERT, with numbers and with names', () => {
  const built = bert('batch', 'seq');
  for (const [batch, seq] of [
    [1, 1],
    [2, 6],
    [3, 128],
  ] as const) {
    const cost = modelCost(built, { bind: { batch, seq } });
    assert.deepEqual(
      [cost.macs, cost.flops, cost.peakActivationBytes],
      [bertMacs(batch, seq), bertFlops(batch, seq), bertPeak(batch, seq)],
      `batch ${batch}, seq ${seq}`,
    );
  }
  assert.equal(symbolicCost(built).macs, '512*batch*seq + 16*batch*seq*seq');
  assert.equal(symbolicCost(built).flops, '1232*batch*seq + 42*batch*seq*seq');
  assert.equal(parametersOf(built), 4 * 64 + 2 * 128 + 4 * 8 + 7);
  // The peak is one of three, whichever is largest at the sizes: here the names tell theirs.
  for (const [b, s] of [
    [1, 1],
    [2, 6],
    [3, 128],
  ] as const) {
    const peak = symbolicCost(bert(`n${b}`, `n${s}x`)).peakActivationBytes;
    const text = String(peak).replaceAll(`n${s}x`, `n${s}`);
    assert.equal(evaluated(text), bertPeak(b, s), text);
  }
});

test('CSV, overlays, and a shared weight that counts once', () => {
  const built = model(
    graph({
      nodes: [named('=a,"b"', 'MatMul', ['x', 'w'], 'm'), named('/l/c', 'MatMul', ['m', 'w'], 'y')],
      inputs: [valueInfo('x', FLOAT, [1, 4])],
      outputs: [valueInfo('y', FLOAT)],
      initializers: [weight('w', 4, 4)],
    }),
  );
  const report = costReport(built);
  assert.deepEqual(csvOf(report.nodes).split('\n'), [
    'name,op,nodes,macs,flops,parameters,weightBytes,outputBytes,liveBytes,intensity',
    `"'=a,""b""",MatMul,1,16,32,16,64,16,32,${32 / 96}`,
    `/l/c,MatMul,1,16,32,0,0,16,32,${32 / 96}`,
  ]);
  const macs = costOverlays(report).find(({ name }) => name === 'cost.macs');
  assert.deepEqual(macs?.entries, [
    { node: '=a,"b"', value: 16 },
    { node: '/l/c', value: 16 },
  ]);
});
