// Conversion to half on small graphs: where the Casts are, what stays float32 and why, constants, bodies, and the
// same outputs in ONNX Runtime.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentTask } from '../../../../daemon/base/task';
import { floatTensor, graph, int64Tensor, model, node, valueInfo } from '../../../../daemon/ir/builder';
import { DataType } from '../../../../daemon/ir/dataType';
import type { Model } from '../../../../daemon/ir/model';
import { halvesToFloats } from '../../../../daemon/onnx/float16';
import { runPass } from '../../../../daemon/passes/pass';
import { convertToHalf, type HalfOptions } from '../../../../daemon/passes/precision/convert';
import { bfloat16, float16 } from '../../../../daemon/passes/precision/format';
import { storeAsHalf } from '../../../../daemon/passes/precision/storage';
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

/** Converts a frozen model, compares the graph's text, and the outputs with the original's. */
async function check(made: Model, dims: Dims, expected: string, options: Partial<HalfOptions> = {}) {
  const outcome = await runPass(
    frozen(made),
    convertToHalf(read, { format: float16, ...options }),
    silentTask,
  );
  const tidy = (text: string) =>
    text
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '')
      .join('\n');
  assert.equal(graphText(outcome.model), tidy(expected));
  const feeds = feedsFor(dims);
  const error = difference(await run(made, feeds), await run(outcome.model, feeds));
  assert.ok(error < 3e-3, `outputs moved by ${error}`);
  return outcome;
}

const values = async (made: Model, name: string) => {
  const tensor = made.graph.initializers.find((each) => each.name === name)!;
  assert.equal(tensor.dataType, DataType.FLOAT16);
  const bytes = new Uint8Array(await read(tensor));
  return [...halvesToFloats(new Uint16Array(bytes.buffer))];
};

test('casts stand at the frontier only, inputs and outputs keep float32', async () => {
  const made = oneToOne(
    [
      node('Gemm', ['x', 'w'], ['h'], { name: 'first' }),
      node('Relu', ['h'], ['r'], { name: 'relu' }),
      node('Gemm', ['r', 'v'], ['y'], { name: 'second' }),
    ],
    [weight('w', [4, 8]), weight('v', [8, 3], 2)],
    [2, 4],
  );
  const { model: half, converted } = await check(
    made,
    [2, 4],
    `x_float16 = Cast(x)
     h = Gemm(x_float16, w)
     r = Relu(h)
     y_float16 = Gemm(r, v)
     y = Cast(y_float16)`,
  );
  assert.deepEqual(converted, ['first', 'relu', 'second']);
  assert.deepEqual(
    half.graph.initializers.map(({ dataType }) => dataType),
    [DataType.FLOAT16, DataType.FLOAT16],
  );
});

test('half inputs and outputs where they are asked for', async () => {
  const made = oneToOne([node('MatMul', ['x', 'w'], ['y'])], [weight('w', [4, 4])], [2, 4]);
  const outcome = await runPass(made, convertToHalf(read, { format: float16, halfIo: true }), silentTask);
  assert.equal(graphText(outcome.model), 'y = MatMul(x, w)');
  const { inputs, outputs } = outcome.model.graph;
  for (const info of [...inputs, ...outputs])
    assert.ok(info.type?.kind === 'tensor' && info.type.elemType === DataType.FLOAT16);
});

test('a blocked node gets one cast for each value, and shares a constant in both types', async () => {
  const made = oneToOne(
    [
      node('MatMul', ['x', 'w'], ['a'], { name: 'first' }),
      node('Softmax', ['a'], ['b'], { name: 'blocks/3/softmax' }),
      node('MatMul', ['b', 'w'], ['c'], { name: 'blocks/3/second' }),
      node('Add', ['b', 'c'], ['y'], { name: 'sum' }),
    ],
    [weight('w', [4, 4])],
    [2, 4],
  );
  const { model: half, left } = await check(
    made,
    [2, 4],
    `x_float16 = Cast(x)
     a = MatMul(x_float16, w_float16)
     a_float32 = Cast(a)
     b = Softmax(a_float32)
     b_float16 = Cast(b)
     c = MatMul(b, w)
     c_float16 = Cast(c)
     y_float16 = Add(b_float16, c_float16)
     y = Cast(y_float16)`,
    { keep: ['Softmax', 'blocks/*/second'] },
  );
  assert.equal(half.graph.initializers.length, 2);
  assert.deepEqual(
    left.map(({ node: name }) => name),
    ['blocks/3/softmax', 'blocks/3/second'],
  );
});

test("the model's own casts are changed, and size arithmetic stays float32", async () => {
  const made = oneToOne(
    [
      node('Shape', ['x'], ['shape']),
      node('Cast', ['shape'], ['shapeFloat'], { attributes: { to: 1n } }),
      node('Mul', ['shapeFloat', 'factors'], ['scaled']),
      node('Cast', ['scaled'], ['sizes'], { attributes: { to: 7n } }),
      node('Expand', ['x', 'sizes'], ['big']),
      node('Greater', ['big', 'zero'], ['positive']),
      node('Cast', ['positive'], ['mask'], { attributes: { to: 1n } }),
      node('Mul', ['big', 'mask'], ['y']),
    ],
    [floatTensor('factors', [2], [1, 4]), floatTensor('zero', [], [0])],
    [2, 1],
  );
  const { left } = await check(
    made,
    [2, 1],
    `x_float16 = Cast(x)
     shape = Shape(x)
     shapeFloat = Cast(shape)
     scaled = Mul(shapeFloat, factors)
     sizes = Cast(scaled)
     big = Expand(x_float16, sizes)
     positive = Greater(big, zero)
     mask = Cast(positive)
     y_float16 = Mul(big, mask)
     y = Cast(y_float16)`,
  );
  assert.match(left.map(({ why }) => why).join(' '), /counts/u);
});

test('masks are clamped with a note, epsilons survive, and too large a weight keeps its node float32', async () => {
  const made = oneToOne(
    [
      node('Add', ['x', 'mask'], ['a']),
      node('Softmax', ['a'], ['b']),
      node('Add', ['b', 'epsilon'], ['c']),
      node('Mul', ['c', 'large'], ['d'], { name: 'tooLarge' }),
      node('Div', ['d', 'large'], ['y']),
    ],
    [
      floatTensor('mask', [4], [0, -3.4028234663852886e38, -Infinity, -1e9]),
      floatTensor('epsilon', [], [1e-12]),
      floatTensor('large', [], [1e6]),
    ],
    [2, 4],
  );
  const outcome = await runPass(made, convertToHalf(read, { format: float16 }), silentTask);
  assert.deepEqual(await values(outcome.model, 'mask'), [0, -32768, -32768, -32768]);
  assert.deepEqual(await values(outcome.model, 'epsilon'), [2 ** -24]);
  assert.deepEqual(
    outcome.notes?.map(({ id }) => id),
    ['precision/clamped', 'precision/raised'],
  );
  assert.match(outcome.left.find(({ node: name }) => name === 'tooLarge')!.why, /reaches 1\.00e\+6/u);
  const feeds = feedsFor([2, 4]);
  assert.ok(difference(await run(made, feeds), await run(outcome.model, feeds)) < 3e-3);
});

test('measured ranges keep nodes float32', async () => {
  const made = oneToOne(
    [
      node('Mul', ['x', 'hundred'], ['a'], { name: 'up' }),
      node('Mul', ['a', 'a'], ['b'], { name: 'square' }),
      node('Sqrt', ['b'], ['y'], { name: 'root' }),
    ],
    [floatTensor('hundred', [], [100])],
    [2, 4],
  );
  const { converted, left } = await check(
    made,
    [2, 4],
    `x_float16 = Cast(x)
     a = Mul(x_float16, hundred)
     a_float32 = Cast(a)
     b = Mul(a_float32, a_float32)
     y = Sqrt(b)`,
    { ranges: new Map([['b', { min: 0, max: 40000 }]]) },
  );
  assert.deepEqual(converted, ['up']);
  assert.match(left[0]!.why, /"b" reaches 4\.00e\+4/u);
});

const branch = (name: string, op: string) =>
  graph({
    name,
    nodes: [node(op, ['h', 'inner'], [`${name}_out`], { name: `${name}_op` })],
    initializers: [weight('inner', [4])],
    outputs: [valueInfo(`${name}_out`, DataType.FLOAT)],
  });

test('bodies are converted and capture half values', async () => {
  const made = oneToOne(
    [
      node('MatMul', ['x', 'w'], ['h']),
      node('ReduceSum', ['x'], ['sum'], { attributes: { keepdims: 0n } }),
      node('Greater', ['sum', 'zero'], ['condition']),
      node('If', ['condition'], ['i'], {
        attributes: { then_branch: branch('then', 'Add'), else_branch: branch('else', 'Mul') },
      }),
      node('Relu', ['i'], ['y']),
    ],
    [weight('w', [4, 4]), floatTensor('zero', [], [0])],
    [2, 4],
  );
  const { converted, model: half } = await check(
    made,
    [2, 4],
    `x_float16 = Cast(x)
     h = MatMul(x_float16, w)
     sum = ReduceSum(x_float16)
     condition = Greater(sum, zero)
     i = If(condition)
     y_float16 = Relu(i)
     y = Cast(y_float16)`,
  );
  assert.ok(converted.includes('then_op') && converted.includes('else_op'));
  const body = half.graph.nodes.find(({ opType }) => opType === 'If')!.attributes[0]!;
  assert.ok(body.type === 'GRAPH' && body.value.initializers[0]!.dataType === DataType.FLOAT16);
  await check(
    made,
    [2, 4],
    `x_float16 = Cast(x)
     h = MatMul(x_float16, w)
     sum = ReduceSum(x_float16)
     condition = Greater(sum, zero)
     i = If(condition)
     i_float16 = Cast(i)
     y_float16 = Relu(i_float16)
     y = Cast(y_float16)`,
    { keep: ['If'] },
  );
});

test('a loop carries half values', async () => {
  const body = graph({
    name: 'body',
    nodes: [
      node('Identity', ['going'], ['on']),
      node('Mul', ['carried', 'rate'], ['next']),
      node('Identity', ['next'], ['seen']),
    ],
    initializers: [floatTensor('rate', [], [0.5])],
    inputs: [
      valueInfo('turn', DataType.INT64, []),
      valueInfo('going', DataType.BOOL, []),
      valueInfo('carried', DataType.FLOAT, [2, 4]),
    ],
    outputs: [
      valueInfo('on', DataType.BOOL, []),
      valueInfo('next', DataType.FLOAT, [2, 4]),
      valueInfo('seen', DataType.FLOAT, [2, 4]),
    ],
  });
  const made = model(
    graph({
      nodes: [node('Loop', ['turns', '', 'x'], ['y', 'all'], { attributes: { body } })],
      initializers: [int64Tensor('turns', [], [3])],
      inputs: [valueInfo('x', DataType.FLOAT, [2, 4])],
      outputs: [valueInfo('y', DataType.FLOAT, [2, 4]), valueInfo('all', DataType.FLOAT, [3, 2, 4])],
    }),
  );
  await check(
    made,
    [2, 4],
    `x_float16 = Cast(x)
     y_float16, all_float16 = Loop(turns, , x_float16)
     y = Cast(y_float16)
     all = Cast(all_float16)`,
  );
});

test('bfloat16 leaves operators that take it only later', async () => {
  const made = oneToOne(
    [node('Conv', ['x', 'w'], ['c'], { name: 'conv' }), node('Relu', ['c'], ['y'], { name: 'relu' })],
    [weight('w', [2, 3, 1, 1])],
    [1, 3, 4, 4],
  );
  const { converted, left } = await runPass(made, convertToHalf(read, { format: bfloat16 }), silentTask);
  assert.deepEqual(converted, ['relu']);
  assert.match(left[0]!.why, /later operator set/u);
});

test('a search set restricts the nodes; nothing to convert leaves the model as it is', async () => {
  const made = oneToOne(
    [node('Relu', ['x'], ['a'], { name: 'one' }), node('Neg', ['a'], ['y'], { name: 'two' })],
    [],
    [2, 4],
  );
  const only = await runPass(
    made,
    convertToHalf(read, { format: float16, only: new Set(['two']) }),
    silentTask,
  );
  assert.deepEqual(only.converted, ['two']);
  const none = await runPass(made, convertToHalf(read, { format: float16, keep: ['*'] }), silentTask);
  assert.equal(none.modified, false);
});

test('storage: one cast for each large weight, the graph computes in float32', async () => {
  const made = oneToOne(
    [node('MatMul', ['x', 'w'], ['a'], { name: 'mm' }), node('Add', ['a', 'bias'], ['y'])],
    [weight('w', [16, 16]), weight('bias', [16])],
    [2, 16],
  );
  const outcome = await runPass(frozen(made), storeAsHalf(read, { format: float16 }), silentTask);
  assert.equal(graphText(outcome.model), 'w = Cast(w_float16)\na = MatMul(x, w)\ny = Add(a, bias)');
  assert.deepEqual(outcome.converted, ['w']);
  const feeds = feedsFor([2, 16]);
  assert.ok(difference(await run(made, feeds), await run(outcome.model, feeds)) < 2e-3);
  const kept = await runPass(made, storeAsHalf(read, { format: float16, keep: ['mm'] }), silentTask);
  assert.equal(kept.modified, false);
  assert.match(kept.left[0]!.why, /mm, which was told/u);
});

test('storage leaves weights that half floats cannot hold', async () => {
  const big = weight('w', [16, 16], 1, 1e6);
  const made = oneToOne([node('MatMul', ['x', 'w'], ['y'])], [big], [2, 16]);
  const outcome = await runPass(made, storeAsHalf(read, { format: float16 }), silentTask);
  assert.equal(outcome.modified, false);
  const wide = await runPass(made, storeAsHalf(read, { format: bfloat16 }), silentTask);
  assert.deepEqual(wide.converted, ['w']);
});
