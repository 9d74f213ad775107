// The integers of static models: every combination runs and stays close; targets choose what suits them; nodes
// are chosen by name, pattern and operator; heads of detectors stay in float.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentTask } from '../../../../daemon/base/task';
import { graph, model, node, valueInfo } from '../../../../daemon/ir/builder';
import { DataType } from '../../../../daemon/ir/dataType';
import { runPass } from '../../../../daemon/passes/pass';
import type { Range } from '../../../../daemon/passes/quantize/params';
import {
  defaultScheme,
  schemeFor,
  schemeText,
  targetOf,
  type Scheme,
} from '../../../../daemon/passes/quantize/scheme';
import { globPattern, selectNodes } from '../../../../daemon/passes/quantize/selection';
import { quantizeStatic } from '../../../../daemon/passes/quantize/static';
import { readTensorBytes } from '../../../../daemon/onnx/tensorData';
import { difference, feedsFor, oneToOne, optimisedOps, read, run, weight, type Dims } from '../modelHarness';

const image: Dims = ['n', 4, 8, 8];
const net = () =>
  oneToOne(
    [
      node('Conv', ['x', 'w', 'b'], ['a'], { name: 'first' }),
      node('Relu', ['a'], ['r'], { name: 'relu' }),
      node('Conv', ['r', 'v', 'b'], ['y'], { name: 'second' }),
    ],
    [weight('w', [4, 4, 1, 1], 1, 0.5), weight('v', [4, 4, 1, 1], 2, 0.5), weight('b', [4], 3)],
    image,
  );
const ranges = new Map<string, Range>([
  ['x', { min: -2, max: 2 }],
  ['r', { min: 0, max: 4 }],
  ['y', { min: -5, max: 5 }],
]);
const made = async (scheme: Partial<Scheme>) =>
  (
    await runPass(
      net(),
      quantizeStatic(read, { ranges, scheme: { ...defaultScheme, ...scheme } }),
      silentTask,
    )
  ).model;

test('every scheme stays close to float, and 8-bit ones keep the Relu fused', async () => {
  const feeds = feedsFor(image);
  const float = await run(net(), feeds);
  const schemes: Partial<Scheme>[] = [
    {},
    { perChannel: false },
    { weights: 'uint8' },
    { weights: 'uint8', perChannel: false },
    { activations: 'int8' },
    { reducedRange: true },
    { symmetric: true },
    { activations: 'uint16' },
    { activations: 'int16', symmetric: true },
  ];
  for (const scheme of schemes) {
    const text = schemeText({ ...defaultScheme, ...scheme });
    const integer = await made(scheme);
    assert.ok(difference(float, await run(integer, feeds)) < 0.03, text);
    if (scheme.activations === undefined)
      assert.equal(await optimisedOps(integer), 'DequantizeLinear, 2 QLinearConv, QuantizeLinear', text);
  }
});

test('7-bit weights stay within ±64, and unsigned ones are the signed ones shifted', async () => {
  const weightsOf = async (scheme: Partial<Scheme>) => {
    const tensor = (await made(scheme)).graph.initializers.find(({ name }) => name === 'w_quantized');
    assert.ok(tensor);
    const bytes = await readTensorBytes(tensor);
    return tensor.dataType === DataType.INT8 ? [...new Int8Array(bytes)] : [...bytes];
  };
  const seven = await weightsOf({ reducedRange: true });
  assert.equal(Math.max(...seven.map(Math.abs)), 64);
  const signed = await weightsOf({});
  assert.deepEqual(
    await weightsOf({ weights: 'uint8' }),
    signed.map((q) => q + 128),
  );
});

test('a target takes the integers that its processor sums without loss', () => {
  assert.equal(targetOf(['avx2', 'avx512f', 'avx512_vnni', 'amx_int8']), 'amx');
  assert.equal(targetOf(['avx2', 'avx_vnni']), 'vnni');
  assert.equal(targetOf(['avx2']), 'avx2');
  assert.equal(targetOf(['neon']), 'neon');
  assert.equal(schemeText(schemeFor('avx2')), 'U8S8, per channel, 7-bit weights');
  assert.equal(schemeText(schemeFor('vnni')), 'U8S8, per channel');
  assert.equal(schemeText(schemeFor('dotprod')), 'S8S8, per channel');
});

test('nodes are chosen by name, pattern, output and operator', () => {
  const { graph: main } = net();
  const left = (selection: Parameters<typeof selectNodes>[1]) => [...selectNodes(main, selection).exclude];
  assert.deepEqual(left({ exclude: ['f*'] }), ['first']);
  assert.deepEqual(left({ exclude: ['y'] }), ['second']);
  assert.deepEqual(left({ include: ['?irst', 'relu'] }), ['second']);
  assert.deepEqual(left({ excludeOps: ['Conv'] }), ['first', 'second']);
  assert.deepEqual(left({ include: ['second'] }), ['first', 'relu']);
  // The Relu is part of the kernel of the layer before it, unless it is named itself.
  assert.deepEqual(left({ includeOps: ['Conv'], exclude: ['second'] }), ['second']);
  assert.deepEqual(left({ includeOps: ['Conv'], exclude: ['relu'] }), ['relu']);
  assert.deepEqual(left({ includeOps: ['Conv'], exclude: ['first'] }), ['first', 'relu']);
  assert.deepEqual(selectNodes(main, { exclude: ['nowhere*', 'first'] }).unmatched, ['nowhere*']);
  assert.ok(globPattern('/a.b/*').test('/a.b/c') && !globPattern('/a.b/*').test('/axb/c'));
});

test('a Concat of boxes and scores of very different ranges stays in float, and with like ranges does not', async () => {
  const head = (scale: number) => ({
    made: model(
      graph({
        nodes: [
          node('Conv', ['x', 'w'], ['boxes'], { name: 'boxes' }),
          node('Conv', ['x', 'v'], ['scores'], { name: 'scores' }),
          node('Concat', ['boxes', 'scores'], ['both'], { name: 'join', attributes: { axis: 1n } }),
          node('Conv', ['both', 'u'], ['y'], { name: 'last' }),
        ],
        initializers: [
          weight('w', [4, 4, 1, 1], 1),
          weight('v', [4, 4, 1, 1], 2),
          weight('u', [4, 8, 1, 1], 3),
        ],
        inputs: [valueInfo('x', DataType.FLOAT, image)],
        outputs: [valueInfo('y', DataType.FLOAT)],
      }),
    ),
    ranges: new Map<string, Range>([
      ['x', { min: -2, max: 2 }],
      ['boxes', { min: 0, max: scale }],
      ['scores', { min: 0, max: 1 }],
      ['both', { min: 0, max: scale }],
      ['y', { min: -2, max: 2 }],
    ]),
  });
  for (const [scale, integer] of [
    [320, false],
    [2, true],
  ] as const) {
    const { made: detector, ranges: own } = head(scale);
    const { quantizedNodes } = await runPass(detector, quantizeStatic(read, { ranges: own }), silentTask);
    assert.equal(quantizedNodes.includes('join'), integer);
  }
});
