// Accuracy recovery: equalization and smoothing leave the float model's outputs as they are, and every pass brings
// the quantized model nearer to the float one.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentTask } from '../../../../daemon/base/task';
import { floatTensor, node } from '../../../../daemon/ir/builder';
import type { Model } from '../../../../daemon/ir/model';
import { runPass } from '../../../../daemon/passes/pass';
import { quantizeStatic, valuesToCalibrate } from '../../../../daemon/passes/quantize/static';
import { crossLayerEqualize } from '../../../../daemon/passes/recover/crossLayerEqualize';
import { layersOf } from '../../../../daemon/passes/recover/layers';
import { biasCorrect, roundByData, shiftBiases } from '../../../../daemon/passes/recover/rounding';
import { smoothQuant, valuesToSmooth } from '../../../../daemon/passes/recover/smoothQuant';
import { nameOf } from '../../../../daemon/passes/quantize/outcome';
import { defaultScheme } from '../../../../daemon/passes/quantize/scheme';
import { collectRanges } from '../../../../daemon/runtime/calibrate/calibrate';
import { collectChannels } from '../../../../daemon/runtime/calibrate/channelStatistics';
import { collectGrams } from '../../../../daemon/runtime/calibrate/gram';
import type { Feeds } from '../../../../daemon/runtime/runner/session';
import { difference, frozen, numbers, oneToOne, read, run, weight, type Dims } from '../modelHarness';

function* batches(dims: Dims, count = 4, shift = 0): Generator<Feeds> {
  const fixed = dims.map((dim) => (typeof dim === 'number' ? dim : 16));
  for (let seed = 1; seed <= count; seed += 1) {
    const data = numbers(
      fixed.reduce((all, dim) => all * dim, 1),
      seed * 77,
      1,
    ).map((value) => value + shift);
    yield { x: { type: 'float32', dims: fixed, data } };
  }
}
async function* asyncBatches(dims: Dims, shift = 0): AsyncGenerator<Feeds> {
  for (const feeds of batches(dims, 4, shift)) yield await Promise.resolve(feeds);
}

/** Mean square error of the quantized model's output, ranges measured on the float model that is quantized. */
async function int8Error(
  original: Model,
  changed: Model,
  dims: Dims,
  { perChannel = true, shift = 0 } = {},
): Promise<number> {
  const values = await valuesToCalibrate(changed, read);
  const { ranges } = await collectRanges(changed, values, asyncBatches(dims, shift), {}, silentTask);
  const scheme = { ...defaultScheme, perChannel };
  const { model: quantized } = await runPass(changed, quantizeStatic(read, { ranges, scheme }), silentTask);
  let sum = 0;
  let count = 0;
  for (const feeds of batches(dims, 4, shift)) {
    const exact = (await run(original, feeds))['y']!.data as Float32Array;
    const rounded = (await run(quantized, feeds, { graphOptimization: 'disabled' }))['y']!
      .data as Float32Array;
    exact.forEach((value, i) => (sum += (value - rounded[i]!) ** 2));
    count += exact.length;
  }
  return sum / count;
}

/** Largest change of the float outputs. */
async function moved(a: Model, b: Model, dims: Dims): Promise<number> {
  const [feeds] = [...batches(dims, 1)];
  const exact = { graphOptimization: 'disabled' } as const;
  return difference(await run(a, feeds!, exact), await run(b, feeds!, exact));
}

/** A weight whose channels differ thirtyfold; `sign` −1 turns the order round. */
const uneven = (name: string, dims: readonly number[], seed: number, along: number, sign = 1) => {
  const made = numbers(
    dims.reduce((all, dim) => all * dim, 1),
    seed,
    0.3,
  );
  const inner = dims.slice(along + 1).reduce((all, dim) => all * dim, 1);
  return floatTensor(
    name,
    dims,
    made.map((value, i) => value * 10 ** (sign * (((Math.floor(i / inner) % dims[along]!) % 4) / 2 - 1))),
  );
};

const image: Dims = [2, 3, 8, 8];
const convs = () =>
  oneToOne(
    [
      node('Conv', ['x', 'w1', 'b1'], ['a'], { name: 'first', attributes: { pads: [1n, 1n, 1n, 1n] } }),
      node('Relu', ['a'], ['ar']),
      node('Conv', ['ar', 'w2', 'b2'], ['b'], {
        name: 'depthwise',
        attributes: { group: 8n, pads: [1n, 1n, 1n, 1n] },
      }),
      node('Relu', ['b'], ['br']),
      node('MaxPool', ['br'], ['bp'], { attributes: { kernel_shape: [2n, 2n], strides: [2n, 2n] } }),
      node('Conv', ['bp', 'w3'], ['y'], { name: 'last' }),
    ],
    [
      uneven('w1', [8, 3, 3, 3], 1, 0),
      weight('b1', [8], 2, 0.1),
      weight('w2', [8, 1, 3, 3], 3, 0.5),
      weight('b2', [8], 4, 0.1),
      uneven('w3', [4, 8, 1, 1], 5, 1, -1),
    ],
    image,
  );

test('cross-layer equalization keeps the function and helps one scale per weight', async () => {
  const model = convs();
  const { model: even } = await runPass(frozen(model), crossLayerEqualize(read), silentTask);
  assert.ok((await moved(model, even, image)) < 1e-5);
  const [before, after] = [
    await int8Error(model, model, image, { perChannel: false }),
    await int8Error(model, even, image, { perChannel: false }),
  ];
  console.log(
    `equalization, one scale per weight: mean square error ${before.toExponential(2)} → ${after.toExponential(2)}`,
  );
  assert.ok(after < before * 0.5);
});

test('equalization leaves what others read, and Sigmoid, alone', async () => {
  const shared = oneToOne(
    [
      node('Conv', ['x', 'w'], ['a'], { name: 'first' }),
      node('Conv', ['a', 'v'], ['b'], { name: 'second' }),
      node('Add', ['a', 'b'], ['y']),
    ],
    [uneven('w', [4, 3, 1, 1], 1, 0), weight('v', [4, 4, 1, 1])],
    image,
  );
  assert.equal((await runPass(shared, crossLayerEqualize(read), silentTask)).modified, false);
  const curved = oneToOne(
    [node('Conv', ['x', 'w'], ['a']), node('Sigmoid', ['a'], ['s']), node('Conv', ['s', 'v'], ['y'])],
    [uneven('w', [4, 3, 1, 1], 1, 0), weight('v', [4, 4, 1, 1])],
    image,
  );
  assert.equal((await runPass(curved, crossLayerEqualize(read), silentTask)).modified, false);
});

const rows: Dims = ['n', 5, 16];
const attention = () =>
  oneToOne(
    [
      node('LayerNormalization', ['x', 'gamma', 'beta'], ['h'], { name: 'norm' }),
      node('MatMul', ['h', 'q'], ['hq'], { name: 'query' }),
      node('MatMul', ['h', 'k'], ['hk'], { name: 'key' }),
      node('Add', ['hq', 'hk'], ['sum']),
      node('MatMul', ['sum', 'o'], ['y'], { name: 'out' }),
    ],
    [
      // Two channels are fifty times larger than the rest, as in large language models.
      floatTensor(
        'gamma',
        [16],
        Float32Array.from({ length: 16 }, (_, i) => (i % 8 === 3 ? 50 : 1)),
      ),
      weight('beta', [16], 2, 0.1),
      weight('q', [16, 16], 3, 0.3),
      weight('k', [16, 16], 4, 0.3),
      weight('o', [16, 8], 5, 0.3),
    ],
    rows,
  );

test('smoothing keeps the function and lowers the error of outlying channels', async () => {
  const model = attention();
  assert.deepEqual(valuesToSmooth(model), ['h', 'sum']);
  const values = [{ name: 'h', channels: 16, axis: 'last' }] as const;
  const statistics = await collectChannels(model, values, asyncBatches(rows), {}, silentTask);
  const { model: smooth, smoothed } = await runPass(
    frozen(model),
    smoothQuant(read, { statistics }),
    silentTask,
  );
  assert.deepEqual(smoothed[0]!.nodes, ['query', 'key']);
  assert.ok((await moved(model, smooth, rows)) < 1e-5);
  const [before, after] = [await int8Error(model, model, rows), await int8Error(model, smooth, rows)];
  console.log(
    `smoothing (α ${smoothed[0]!.alpha.toFixed(2)}): mean square error ${before.toExponential(2)} → ${after.toExponential(2)}`,
  );
  assert.ok(after < before);
  const fixed = await runPass(model, smoothQuant(read, { statistics, alphaOf: () => 0.5 }), silentTask);
  assert.ok((await moved(model, fixed.model, rows)) < 1e-5);
});

test('a value that a residual reads too is smoothed by a Mul before the layer', async () => {
  const made = attention();
  made.graph.nodes[3]!.inputs[1] = 'h';
  made.graph.nodes.splice(2, 1);
  const values = [{ name: 'h', channels: 16, axis: 'last' }] as const;
  const statistics = await collectChannels(made, values, asyncBatches(rows), {}, silentTask);
  const { model: smooth, smoothed } = await runPass(
    frozen(made),
    smoothQuant(read, { statistics }),
    silentTask,
  );
  assert.deepEqual(
    smoothed.map(({ value, inserted }) => [value, inserted]),
    [['h', true]],
  );
  assert.deepEqual(
    smooth.graph.nodes.map(({ opType }) => opType),
    ['LayerNormalization', 'Mul', 'MatMul', 'Add', 'MatMul'],
  );
  assert.ok((await moved(made, smooth, rows)) < 1e-4);
  assert.ok((await int8Error(made, smooth, rows)) < (await int8Error(made, made, rows)));
  // What would gain little is left, unless it is wished.
  const even = attention();
  even.graph.nodes[3]!.inputs[1] = 'h';
  even.graph.initializers[0] = weight('gamma', [16], 9, 0.1);
  const figures = await collectChannels(even, values, asyncBatches(rows), {}, silentTask);
  const left = await runPass(even, smoothQuant(read, { statistics: figures }), silentTask);
  assert.equal(left.modified, false);
  const alphaOf = (nodes: readonly string[]) => (nodes.includes('query') ? 0.5 : undefined);
  const wished = await runPass(even, smoothQuant(read, { statistics: figures, alphaOf }), silentTask);
  assert.deepEqual(
    wished.smoothed.map(({ alpha }) => alpha),
    [0.5],
  );
});

test('rounding by data and bias correction lower the error of the quantized model', async () => {
  const model = convs();
  const names = layersOf(model).map(({ node: each }) => nameOf(each));
  const shift = 0.5;
  const moments = await collectGrams(model, names, () => asyncBatches(image, shift), {}, silentTask);
  const plain = await int8Error(model, model, image, { perChannel: false, shift });
  const corrected = await runPass(frozen(model), biasCorrect(read, { moments, perTensor: true }), silentTask);
  assert.deepEqual(corrected.layers, names);
  const withBias = await int8Error(model, corrected.model, image, { perChannel: false, shift });
  const options = { moments, perTensor: true, correctBias: true };
  const rounded = await runPass(frozen(model), roundByData(read, options), silentTask);
  const withBoth = await int8Error(model, rounded.model, image, { perChannel: false, shift });
  console.log(
    `one scale per weight: mean square error ${plain.toExponential(2)}, with bias correction ${withBias.toExponential(2)}, with rounding by data ${withBoth.toExponential(2)}`,
  );
  assert.ok(withBias < plain);
  assert.ok(withBoth < withBias);
});

test('rounding by data lowers the layer loss of every channel, and the grid is the one that quantizing takes', async () => {
  const model = oneToOne(
    [node('MatMul', ['x', 'w'], ['y'], { name: 'mm' })],
    [weight('w', [16, 8], 3)],
    rows,
  );
  const moments = await collectGrams(model, ['mm'], () => asyncBatches(rows), {}, silentTask);
  const rounded = await runPass(frozen(model), roundByData(read, { moments }), silentTask);
  const again = await runPass(rounded.model, roundByData(read, { moments }), silentTask);
  const values = async (made: Model) =>
    new Float32Array(new Uint8Array(await read(made.graph.initializers[0]!)).buffer);
  const [first, second] = [await values(rounded.model), await values(again.model)];
  // Weights on the grid are kept: the scale is found again.
  first.forEach((value, i) => assert.ok(Math.abs(value - second[i]!) < 1e-6));
  const [before, after] = [await int8Error(model, model, rows), await int8Error(model, rounded.model, rows)];
  assert.ok(after < before, `${before} → ${after}`);
});

test('biases can be shifted where there is none, and behind a MatMul', async () => {
  const model = oneToOne(
    [
      node('Gemm', ['x', 'w'], ['a'], { name: 'gemm' }),
      node('MatMul', ['a', 'v'], ['b'], { name: 'mm' }),
      node('Add', ['b', 'c'], ['y']),
    ],
    [weight('w', [4, 4]), weight('v', [4, 2], 2), floatTensor('c', [2], [1, 2])],
    [2, 4],
  );
  const shifts = new Map([
    ['gemm', Float64Array.from([0, 0, 0, 0])],
    ['mm', Float64Array.from([1, -1])],
  ]);
  const shifted = await runPass(frozen(model), shiftBiases(read, shifts), silentTask);
  assert.deepEqual(shifted.layers, ['gemm', 'mm']);
  const [feeds] = [...batches([2, 4], 1)];
  const [a, b] = [(await run(model, feeds!))['y']!.data, (await run(shifted.model, feeds!))['y']!.data];
  [1, -1, 1, -1].forEach((by, i) => assert.ok(Math.abs(Number(b[i]) - Number(a[i]) - by) < 1e-5));
});
