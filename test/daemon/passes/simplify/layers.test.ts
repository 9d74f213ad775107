// What goes into the weights, the bias or the pads of a layer, and what cannot.

import { test } from 'node:test';
import { floatTensor, node } from '../../../../daemon/ir/builder';
import type { Node } from '../../../../daemon/ir/model';
import type { Tensor } from '../../../../daemon/ir/tensor';
import { addIntoBias } from '../../../../daemon/passes/simplify/addIntoBias';
import { padIntoConv } from '../../../../daemon/passes/simplify/padIntoConv';
import { scaleIntoWeights } from '../../../../daemon/passes/simplify/scaleIntoWeights';
import { oneToOne, read, weight, type Dims } from '../modelHarness';
import { check, int64s, stays } from './rewriteCheck';

const image: Dims = ['n', 3, 6, 6];

test('zero padding goes into Conv, on top of its own', async () => {
  const made = oneToOne(
    [
      node('Pad', ['x', 'pads', 'zero'], ['a']),
      node('Conv', ['a', 'w'], ['b'], { attributes: { pads: [0n, 1n, 0n, 1n] } }),
      node('Pad', ['b', 'some', '', 'axes'], ['c']),
      node('Conv', ['c', 'w2'], ['y'], { attributes: { auto_pad: 'VALID', strides: [2n, 2n] } }),
    ],
    [
      int64s('pads', 0, 0, 1, 2, 0, 0, 3, 0),
      floatTensor('zero', [], [0]),
      int64s('some', 1, 0, 2, 1),
      int64s('axes', -1, 2),
      weight('w', [4, 3, 3, 3]),
      weight('w2', [2, 4, 2, 2], 5),
    ],
    image,
    { opset: 18 },
  );
  await check(padIntoConv(read), made, image, 'b = Conv(x, w)\ny = Conv(b, w2)');
});

const padded: readonly [string, Node, Tensor[], Record<string, string | bigint[]>][] = [
  [
    'with another value',
    node('Pad', ['x', 'p', 'one'], ['a']),
    [int64s('p', 0, 0, 1, 1, 0, 0, 1, 1), floatTensor('one', [], [1])],
    {},
  ],
  [
    'of another mode',
    node('Pad', ['x', 'p'], ['a'], { attributes: { mode: 'edge' } }),
    [int64s('p', 0, 0, 1, 1, 0, 0, 1, 1)],
    {},
  ],
  ['that cuts', node('Pad', ['x', 'p'], ['a']), [int64s('p', 0, 0, -1, 1, 0, 0, 1, 1)], {}],
  ['of channels', node('Pad', ['x', 'p'], ['a']), [int64s('p', 0, 1, 1, 1, 0, -1, 1, 1)], {}],
  [
    'before SAME',
    node('Pad', ['x', 'p'], ['a']),
    [int64s('p', 0, 0, 1, 1, 0, 0, 1, 1)],
    { auto_pad: 'SAME_UPPER' },
  ],
];
for (const [name, pad, constants, attributes] of padded) {
  test(`padding ${name} stays`, async () => {
    const conv = node('Conv', ['a', 'w'], ['y'], { attributes });
    await stays(
      padIntoConv(read),
      oneToOne([pad, conv], [...constants, weight('w', [4, 3, 3, 3])], image),
      image,
    );
  });
}

test('padding that others read stays', async () => {
  const made = oneToOne(
    [node('Pad', ['x', 'p'], ['a']), node('Conv', ['a', 'w'], ['y']), node('Neg', ['a'], ['z'])],
    [int64s('p', 0, 0, 1, 1, 0, 0, 1, 1), weight('w', [4, 3, 3, 3])],
    image,
    { outputs: ['y', 'z'] },
  );
  await stays(padIntoConv(read), made, image);
});

test('factors go into the weights of every kind of layer', async () => {
  const conv = oneToOne(
    [
      node('Conv', ['x', 'w', 'b'], ['a']),
      node('Mul', ['a', 'c'], ['s']),
      node('ConvTranspose', ['s', 't'], ['u'], { attributes: { group: 2n } }),
      node('Div', ['u', 'd'], ['y']),
    ],
    [
      weight('w', [4, 3, 3, 3]),
      weight('b', [4], 3),
      weight('c', [1, 4, 1, 1], 4),
      weight('t', [4, 2, 2, 2], 6),
      floatTensor('d', [4, 1, 1], [2, -3, 0.5, 7]),
    ],
    image,
  );
  await check(scaleIntoWeights(read), conv, image, 's = Conv(x, w, b)\ny = ConvTranspose(s, t)');
  for (const transB of [0n, 1n]) {
    const gemm = oneToOne(
      [
        node('Gemm', ['x', 'w', 'b'], ['a'], { attributes: { transB, alpha: 0.5, beta: 3 } }),
        node('Mul', ['c', 'a'], ['y']),
      ],
      [weight('w', transB ? [5, 8] : [8, 5]), weight('b', [1, 5], 3), weight('c', [5], 4)],
      ['n', 8],
    );
    await check(scaleIntoWeights(read), gemm, ['n', 8], 'y = Gemm(x, w, b)');
  }
  const matMul = oneToOne(
    [node('MatMul', ['x', 'w'], ['a']), node('Mul', ['a', 'c'], ['y'])],
    [weight('w', [8, 5]), weight('c', [1, 1, 5], 4)],
    ['n', 3, 8],
  );
  await check(scaleIntoWeights(read), matMul, ['n', 3, 8], 'y = MatMul(x, w)');
});

test('a weight that two layers share is scaled in a copy', async () => {
  const made = oneToOne(
    [
      node('Conv', ['x', 'w'], ['a']),
      node('Mul', ['a', 'c'], ['b']),
      node('Conv', ['x', 'w'], ['d']),
      node('Add', ['b', 'd'], ['y']),
    ],
    [weight('w', [4, 3, 3, 3]), floatTensor('c', [], [3])],
    image,
  );
  await check(scaleIntoWeights(read), made, image, 'b = Conv(x, w_2)\nd = Conv(x, w)\ny = Add(b, d)');
});

const factors: readonly [string, Node, Tensor[]][] = [
  ['along a row', node('Mul', ['a', 'c'], ['y']), [weight('c', [4], 4)]],
  ['that adds dimensions', node('Mul', ['a', 'c'], ['y']), [weight('c', [1, 1, 4, 1, 1], 4)]],
  ['with a batch', node('Mul', ['a', 'c'], ['y']), [weight('c', [2, 4, 1, 1], 4)]],
  ['divided by the layer', node('Div', ['c', 'a'], ['y']), [floatTensor('c', [], [3])]],
  ['divided by zero', node('Div', ['a', 'c'], ['y']), [floatTensor('c', [], [0])]],
  ['beyond float32', node('Mul', ['a', 'c'], ['y']), [floatTensor('c', [], [3e38])]],
  ['of the layer itself', node('Mul', ['a', 'a'], ['y']), []],
];
for (const [name, op, constants] of factors) {
  test(`a factor ${name} stays`, async () => {
    const made = oneToOne(
      [node('Conv', ['x', 'w'], ['a']), op],
      [weight('w', [4, 3, 3, 3], 1, 50), ...constants],
      image,
    );
    await stays(scaleIntoWeights(read), made, image);
  });
}

test('a factor stays when others read the layer, or the layer is an output', async () => {
  const made = oneToOne(
    [node('Conv', ['x', 'w'], ['a']), node('Mul', ['a', 'c'], ['y'])],
    [weight('w', [4, 3, 3, 3]), floatTensor('c', [], [3])],
    image,
    { outputs: ['a', 'y'] },
  );
  await stays(scaleIntoWeights(read), made, image);
});

test('addends go into the bias of ConvTranspose and Gemm, and Sub with its sign', async () => {
  const made = oneToOne(
    [
      node('ConvTranspose', ['x', 'w'], ['a'], { attributes: { group: 3n } }),
      node('Sub', ['a', 'c'], ['b']),
      node('Flatten', ['b'], ['f']),
      node('Gemm', ['f', 'g'], ['h'], { attributes: { beta: 4 } }),
      node('Add', ['k', 'h'], ['i']),
      node('Add', ['i', 'five'], ['y']),
    ],
    [
      weight('w', [3, 2, 2, 2]),
      weight('c', [1, 6, 1, 1], 2),
      weight('g', [294, 5], 3, 0.1),
      weight('k', [5], 4),
      floatTensor('five', [1], [5]),
    ],
    image,
  );
  const once = await check(
    addIntoBias(read),
    made,
    image,
    `b = ConvTranspose(x, w, c_bias)
     f = Flatten(b)
     i = Gemm(f, g, k_bias)
     y = Add(i, five)`,
  );
  await check(
    addIntoBias(read),
    once,
    image,
    `b = ConvTranspose(x, w, c_bias)
     f = Flatten(b)
     y = Gemm(f, g, five_bias)`,
  );
});

const addends: readonly [string, Node, Tensor[], Record<string, number>][] = [
  ['a minuend', node('Sub', ['c', 'a'], ['y']), [weight('c', [5])], {}],
  ['one for each row', node('Add', ['a', 'c'], ['y']), [weight('c', [2, 1])], {}],
  ['a batch of its own', node('Add', ['a', 'c'], ['y']), [weight('c', [3, 1, 5])], {}],
  ['beside a factor beta', node('Add', ['a', 'c'], ['y']), [weight('c', [5])], { beta: 2 }],
];
for (const [name, op, constants, attributes] of addends) {
  test(`an addend stays that is ${name}`, async () => {
    const made = oneToOne(
      [node('Gemm', ['x', 'w', 'b'], ['a'], { attributes }), op],
      [weight('w', [8, 5]), weight('b', [5], 3), ...constants],
      ['n', 8],
    );
    await stays(addIntoBias(read), made, ['n', 8]);
  });
}
