// Dynamic quantization: what it writes, that ONNX Runtime fuses it, and what it leaves alone.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SlipwayError } from '../../../../daemon/base/errors';
import { silentTask } from '../../../../daemon/base/task';
import { floatTensor, node, type AttributeValue } from '../../../../daemon/ir/builder';
import type { Model } from '../../../../daemon/ir/model';
import { runPass } from '../../../../daemon/passes/pass';
import { quantizeDynamic } from '../../../../daemon/passes/quantize/dynamic';
import {
  difference,
  feedsFor,
  frozen,
  graphText,
  oneToOne,
  optimisedOps,
  read,
  run,
  weight,
  type Dims,
} from '../modelHarness';

async function check(made: Model, dims: Dims, optimised: string) {
  const outcome = await runPass(frozen(made), quantizeDynamic(read), silentTask);
  assert.equal(await optimisedOps(outcome.model), optimised);
  const feeds = feedsFor(dims);
  const error = difference(await run(made, feeds), await run(outcome.model, feeds));
  assert.ok(error < 0.03, `outputs moved by ${error}`);
  return outcome;
}

test('MatMul becomes integers with one activation for all its readers', async () => {
  const made = oneToOne(
    [
      node('MatMul', ['x', 'q'], ['a'], { name: 'query' }),
      node('MatMul', ['x', 'k'], ['c'], { name: 'key' }),
      node('Add', ['a', 'bias'], ['d']),
      node('Mul', ['d', 'c'], ['y']),
    ],
    [weight('q', [8, 6]), weight('k', [8, 6], 2), weight('bias', [6], 3)],
    ['n', 3, 8],
  );
  const { model, quantizedNodes } = await check(
    made,
    ['n', 3, 8],
    'DynamicQuantizeLinear, 2 MatMulIntegerToFloat, Mul',
  );
  assert.deepEqual(quantizedNodes, ['query', 'key']);
  assert.equal(
    graphText(model),
    `x_quantized, x_scale, x_zero_point = DynamicQuantizeLinear(x)
a_integer = MatMulInteger(x_quantized, q_quantized, x_zero_point, q_zero_point)
a_cast = Cast(a_integer)
a_scale = Mul(x_scale, q_scale)
a = Mul(a_cast, a_scale)
c_integer = MatMulInteger(x_quantized, k_quantized, x_zero_point, k_zero_point)
c_cast = Cast(c_integer)
c_scale = Mul(x_scale, k_scale)
c = Mul(c_cast, c_scale)
d = Add(a, bias)
y = Mul(d, c)`,
  );
  assert.ok(model.graph.nodes.some(({ name, opType }) => name === 'query' && opType === 'MatMulInteger'));
  assert.deepEqual(model.metadataProps, [
    { key: 'slipway.quantized', value: 'quantized by slipway: dynamic int8' },
  ]);
});

const gemms: readonly Readonly<Record<string, AttributeValue>>[] = [
  {},
  { transB: 1n },
  { transB: 1n, alpha: 0.5, beta: 3 },
];
for (const attributes of gemms) {
  test(`Gemm ${Object.keys(attributes).join(' ')}`, async () => {
    const dims = attributes['transB'] === undefined ? [8, 6] : [6, 8];
    const made = oneToOne(
      [node('Gemm', ['x', 'w', 'c'], ['a'], { attributes }), node('Sigmoid', ['a'], ['y'])],
      [weight('w', dims), weight('c', [6], 3)],
      ['n', 8],
    );
    await check(made, ['n', 8], 'DynamicQuantizeMatMul, Sigmoid');
  });
}

test('Gemm with a bias of rows, a computed bias, and none', async () => {
  const made = oneToOne(
    [
      node('Gemm', ['x', 'w', 'rows'], ['a']),
      node('Gemm', ['x', 'w', 'a'], ['c']),
      node('Gemm', ['c', 'w2'], ['y']),
    ],
    [weight('w', [8, 6]), weight('rows', [2, 6], 3), weight('w2', [6, 5], 4)],
    [2, 8],
  );
  const outcome = await runPass(frozen(made), quantizeDynamic(read), silentTask);
  assert.equal(outcome.quantizedNodes.length, 3);
  assert.equal(
    outcome.model.graph.initializers.filter(({ name }) => name.startsWith('w_quantized')).length,
    1,
  );
  const feeds = feedsFor([2, 8]);
  assert.ok(difference(await run(made, feeds), await run(outcome.model, feeds)) < 0.03);
});

test('what has no integer form stays, with the reason', async () => {
  const made = oneToOne(
    [
      node('MatMul', ['x', 'w'], ['a'], { name: 'weighted' }),
      node('MatMul', ['a', 'x'], ['c'], { name: 'both computed' }),
      node('MatMul', ['c', 'bad'], ['d'], { name: 'not finite' }),
      node('Conv', ['d', 'k'], ['y'], { name: 'convolution' }),
    ],
    [
      weight('w', [8, 8]),
      floatTensor(
        'bad',
        [8, 8],
        Array.from({ length: 64 }, (_, i) => (i === 3 ? NaN : 1)),
      ),
      weight('k', [2, 8, 1], 4),
    ],
    [1, 8, 8],
  );
  const { left } = await runPass(frozen(made), quantizeDynamic(read), silentTask);
  assert.deepEqual(
    left.map(({ node: name, why }) => `${name}: ${why}`),
    [
      'both computed: Its weight "x" is an input of the model, not a constant.',
      'not finite: Its weight holds NaN or infinity.',
      'convolution: Dynamic int8 takes MatMul and Gemm only; use static int8 for Conv.',
    ],
  );
});

test('models without a matrix product, quantized ones and old ones are refused', async () => {
  const refuses = async (made: Model, pattern: RegExp) =>
    assert.rejects(
      async () => runPass(frozen(made), quantizeDynamic(read), silentTask),
      (error) => error instanceof SlipwayError && error.kind === 'unsupported' && pattern.test(error.message),
    );
  const matMul = oneToOne([node('MatMul', ['x', 'w'], ['y'])], [weight('w', [8, 8])], ['n', 8]);
  await refuses(
    oneToOne([node('Conv', ['x', 'w'], ['y'])], [weight('w', [1, 1, 1])], [1, 1, 1]),
    /no Gemm or MatMul/,
  );
  await refuses((await runPass(matMul, quantizeDynamic(read), silentTask)).model, /quantized already/);
  await refuses({ ...matMul, opsetImports: [{ domain: '', version: 9 }] }, /needs operator set 11/);
});
