// What static quantization does with unusual weights, ranges and graphs, and what it refuses.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SlipwayError } from '../../../../daemon/base/errors';
import { silentTask } from '../../../../daemon/base/task';
import { floatTensor, graph, node, rawTensor, valueInfo } from '../../../../daemon/ir/builder';
import { DataType } from '../../../../daemon/ir/dataType';
import type { Model, Node } from '../../../../daemon/ir/model';
import { runPass } from '../../../../daemon/passes/pass';
import type { Range } from '../../../../daemon/passes/quantize/params';
import { quantizeStatic, type StaticOptions } from '../../../../daemon/passes/quantize/static';
import { floatsOf } from '../../../../daemon/passes/tensorReader';
import {
  difference,
  feedsFor,
  frozen,
  oneToOne,
  optimisedOps,
  read,
  run,
  weight,
  type Dims,
} from '../modelHarness';

const image: Dims = ['n', 4, 8, 8];
const conv = (from: string, to: string, w = 'w', b = 'b'): Node =>
  node('Conv', [from, w, ...(b === '' ? [] : [b])], [to], {
    name: `${to}_conv`,
    attributes: { pads: [1n, 1n, 1n, 1n] },
  });
const w = weight('w', [4, 4, 3, 3], 1, 0.3);
const b = weight('b', [4], 2);
const wide: Range = { min: -8, max: 8 };
const everywhere = (...names: string[]) => new Map(names.map((name) => [name, wide]));

const quantize = (made: Model, ranges: ReadonlyMap<string, Range>, options: Partial<StaticOptions> = {}) =>
  runPass(frozen(made), quantizeStatic(read, { ranges, ...options }), silentTask);

const refuses = async (made: Model, pattern: RegExp, ranges = everywhere('x', 'y')) =>
  assert.rejects(
    async () => quantize(made, ranges),
    (error) => error instanceof SlipwayError && error.kind === 'unsupported' && pattern.test(error.message),
  );

test('the model says what was done to it, and names stay', async () => {
  const made = oneToOne([conv('x', 'y')], [w, b], image);
  made.producerName = 'pytorch';
  made.producerVersion = '2.5';
  const { model, quantizedNodes } = await quantize(made, everywhere('x', 'y'));
  assert.deepEqual(quantizedNodes, ['y_conv']);
  assert.equal(model.producerName, 'slipway');
  assert.deepEqual(model.metadataProps, [
    { key: 'slipway.source_producer', value: 'pytorch 2.5' },
    { key: 'slipway.quantized', value: 'quantized by slipway: static int8, U8S8, per channel' },
  ]);
  assert.deepEqual(model.graph.outputs, made.graph.outputs);
  assert.ok(!model.graph.initializers.some(({ name }) => name === 'w' || name === 'b'));
});

test('a weight is quantized once, a bias for each layer', async () => {
  const made = oneToOne([conv('x', 'a'), conv('a', 'c'), node('Add', ['a', 'c'], ['y'])], [w, b], image);
  const ranges = new Map([
    ['x', wide],
    ['a', { min: -3, max: 3 }],
    ['c', wide],
  ]);
  const { model } = await quantize(made, ranges);
  const named = (start: string) => model.graph.initializers.filter(({ name }) => name.startsWith(start));
  assert.equal(named('w_quantized').length, 1);
  assert.equal(named('b_quantized').length, 2);
  assert.equal(await optimisedOps(model), 'Add, 2 DequantizeLinear, 2 QLinearConv, QuantizeLinear');
});

test('a constant that floats read too is kept beside its integers', async () => {
  const made = oneToOne(
    [conv('x', 'a', 'w', ''), node('ReduceMean', ['w'], ['m']), node('Div', ['a', 'm'], ['y'])],
    [w],
    image,
  );
  const { model } = await quantize(made, everywhere('x', 'a'));
  assert.ok(model.graph.initializers.some(({ name }) => name === 'w'));
  const feeds = feedsFor(image);
  assert.ok(difference(await run(made, feeds), await run(model, feeds)) < 0.05);
});

test('a value without a range leaves its layer in float, with a note', async () => {
  const made = oneToOne([conv('x', 'a'), conv('a', 'y')], [w, b], image);
  const { notes, left, quantizedNodes } = await quantize(made, everywhere('x', 'a'));
  assert.deepEqual(quantizedNodes, ['a_conv']);
  assert.deepEqual(left, [
    {
      node: 'y_conv',
      op: 'Conv',
      why: 'No finite range was measured for its value "y"; look for infinity or NaN in the data or in the weights before it.',
    },
  ]);
  assert.deepEqual(
    notes?.map(({ id, where }) => [id, where?.node]),
    [['quantize/no-range', 'y_conv']],
  );
  await refuses(
    made,
    /None of the model's layers could be quantized\. Conv ".*": No finite range/,
    new Map(),
  );
});

test('values that never change, and channels of zeros, have scales', async () => {
  const zeroChannel = floatTensor(
    'w',
    [4, 4, 3, 3],
    (await floatsOf(read, w)).map((value, i) => (i < 36 ? 0 : value)),
  );
  const made = oneToOne([conv('x', 'a'), conv('a', 'y')], [zeroChannel, b], image);
  const ranges = new Map([
    ['x', { min: 0, max: 0 }],
    ['a', { min: 1, max: 1 }],
    ['y', wide],
  ]);
  const { model } = await quantize(made, ranges);
  for (const tensor of model.graph.initializers.filter(({ name }) => name.endsWith('_scale'))) {
    assert.ok(
      (await floatsOf(read, tensor)).every((scale) => scale > 0 && Number.isFinite(scale)),
      tensor.name,
    );
  }
  const [result] = Object.values(await run(model, feedsFor(image)));
  assert.ok((result!.data as Float32Array).every(Number.isFinite));
  assert.equal(await optimisedOps(model), 'DequantizeLinear, 2 QLinearConv, QuantizeLinear');
});

test('a bias that would overflow int32 raises the scale of its weight', async () => {
  const tiny = weight('w', [4, 4, 3, 3], 1, 1e-9);
  const made = oneToOne([conv('x', 'y')], [tiny, floatTensor('b', [4], [900, -900, 0, 1])], image);
  const ranges = new Map([
    ['x', { min: 0, max: 1e-3 }],
    ['y', { min: -1000, max: 1000 }],
  ]);
  const { model } = await quantize(made, ranges);
  assert.equal(await optimisedOps(model), 'DequantizeLinear, QLinearConv, QuantizeLinear');
  const feeds = feedsFor(image, 1e-3);
  assert.ok(difference(await run(made, feeds), await run(model, feeds)) < 0.01);
});

test('weights that are no numbers, empty, of another type or computed leave their layer in float', async () => {
  const cases: [RegExp, Model][] = [
    [
      /NaN or infinity/,
      oneToOne(
        [conv('x', 'y')],
        [floatTensor('w', [4, 4, 3, 3], [NaN, ...(await floatsOf(read, w)).subarray(1)]), b],
        image,
      ),
    ],
    [/bias holds NaN/, oneToOne([conv('x', 'y')], [w, floatTensor('b', [4], [1, 2, 3, Infinity])], image)],
    [/is empty/, oneToOne([node('MatMul', ['x', 'm'], ['y'])], [floatTensor('m', [8, 0], [])], ['n', 8])],
    [
      /not float32/,
      oneToOne(
        [node('MatMul', ['x', 'm'], ['y'])],
        [rawTensor('m', DataType.DOUBLE, [1, 1], new Uint8Array(8))],
        ['n', 1],
      ),
    ],
    [/a vector/, oneToOne([node('MatMul', ['x', 'm'], ['y'])], [weight('m', [8])], ['n', 8])],
    [/while the model runs/, oneToOne([node('Relu', ['w'], ['v']), conv('x', 'y', 'v')], [w, b], image)],
    [
      /one constant for each column/,
      oneToOne([node('Gemm', ['x', 'm', 'c'], ['y'])], [weight('m', [8, 6]), weight('c', [2, 6])], [2, 8]),
    ],
  ];
  for (const [pattern, made] of cases) await refuses(made, pattern);
});

test('a told node stays in float', async () => {
  const made = oneToOne([conv('x', 'a'), conv('a', 'y')], [w, b], image);
  const { left } = await quantize(made, everywhere('x', 'a', 'y'), { exclude: new Set(['a_conv']) });
  assert.deepEqual(left, [{ node: 'a_conv', op: 'Conv', why: 'It was told to stay in float.' }]);
});

test('bodies stay in float and read dequantized values', async () => {
  const branch = (name: string, op: string) =>
    graph({
      name,
      nodes: [node(op, ['a'], [`${name}_out`])],
      outputs: [valueInfo(`${name}_out`, DataType.FLOAT)],
    });
  const made = oneToOne(
    [
      conv('x', 'a'),
      node('If', ['yes'], ['i'], {
        name: 'if',
        attributes: { then_branch: branch('then', 'Relu'), else_branch: branch('else', 'Neg') },
      }),
      conv('a', 'c'),
      node('Add', ['i', 'c'], ['y']),
    ],
    [w, b, rawTensor('yes', DataType.BOOL, [], Uint8Array.of(1))],
    image,
  );
  const { model, notes } = await quantize(made, everywhere('x', 'a', 'c'));
  assert.deepEqual(
    notes?.map(({ id, where }) => [id, where?.node]),
    [['quantize/body', 'if']],
  );
  const feeds = feedsFor(image);
  assert.ok(difference(await run(made, feeds), await run(model, feeds)) < 0.05);
});

test('what cannot be quantized is refused in a sentence', async () => {
  const made = oneToOne([conv('x', 'y')], [w, b], image);
  const { model: once } = await quantize(made, everywhere('x', 'y'));
  await refuses(once, /quantized already: it holds QuantizeLinear/);
  await refuses(
    oneToOne([node('Relu', ['x'], ['y'])], [], [1]),
    /nothing to quantize.*no Conv, Gemm or MatMul/,
  );
  await refuses(
    oneToOne([conv('x', 'y')], [w, b], image, { opset: 12 }),
    /needs operator set 13, and this model uses 12/,
  );
});

test('cancelling stops it', async () => {
  const made = frozen(oneToOne([conv('x', 'y')], [w, b], image));
  const task = { ...silentTask, signal: AbortSignal.abort() };
  const pass = quantizeStatic(read, { ranges: everywhere('x', 'y') });
  await assert.rejects(async () => runPass(made, pass, task), /Cancelled/);
});
