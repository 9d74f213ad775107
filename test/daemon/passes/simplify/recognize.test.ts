// Activations and norms that exporters write out: recognised in the operator sets that have them, left elsewhere.

import { test } from 'node:test';
import { floatTensor, node } from '../../../../daemon/ir/builder';
import type { Node } from '../../../../daemon/ir/model';
import type { Tensor } from '../../../../daemon/ir/tensor';
import { recognizeGelu } from '../../../../daemon/passes/simplify/recognizeGelu';
import { recognizeLayerNorm } from '../../../../daemon/passes/simplify/recognizeLayerNorm';
import { recognizeSwish } from '../../../../daemon/passes/simplify/recognizeSwish';
import { oneToOne, read, weight, type Dims } from '../modelHarness';
import { check, int64s, stays } from './rewriteCheck';

const scalar = (name: string, value: number) => floatTensor(name, [], [value]);
const dims: Dims = ['n', 3, 8];
const constants = [
  scalar('root2', Math.SQRT2),
  scalar('invRoot2', Math.SQRT1_2),
  scalar('one', 1),
  scalar('half', 0.5),
  scalar('two', 2),
  scalar('three', 3),
  scalar('six', 6),
  scalar('zero', 0),
  scalar('k', 0.044715),
  scalar('rootPi', Math.sqrt(2 / Math.PI)),
];

const erf = [node('Div', ['x', 'root2'], ['a']), node('Erf', ['a'], ['b']), node('Add', ['b', 'one'], ['c'])];
const gelus: readonly [string, Node[]][] = [
  ['x·(1+erf) · 0.5', [...erf, node('Mul', ['x', 'c'], ['d']), node('Mul', ['d', 'half'], ['y'])]],
  ['0.5·x · (1+erf)', [node('Mul', ['half', 'x'], ['d']), ...erf, node('Mul', ['d', 'c'], ['y'])]],
  ['x · (0.5·(1+erf))', [...erf, node('Mul', ['c', 'half'], ['d']), node('Mul', ['x', 'd'], ['y'])]],
];
for (const [name, nodes] of gelus) {
  test(`GELU as ${name}`, async () => {
    const made = oneToOne(nodes, constants, dims, { opset: 20 });
    await check(recognizeGelu(read), made, dims, 'y = Gelu(x)', 1e-5);
    await stays(recognizeGelu(read), oneToOne(nodes, constants, dims, { opset: 19 }), dims);
  });
}

test('GELU with x · 1/√2, and the one with tanh', async () => {
  const scaled = [node('Mul', ['invRoot2', 'x'], ['a']), ...erf.slice(1), ...gelus[0]![1].slice(3)];
  await check(
    recognizeGelu(read),
    oneToOne(scaled, constants, dims, { opset: 20 }),
    dims,
    'y = Gelu(x)',
    1e-5,
  );
  for (const cube of [
    [node('Pow', ['x', 'three'], ['p'])],
    [node('Mul', ['x', 'x'], ['s']), node('Mul', ['s', 'x'], ['p'])],
  ]) {
    const made = oneToOne(
      [
        ...cube,
        node('Mul', ['p', 'k'], ['a']),
        node('Add', ['x', 'a'], ['b']),
        node('Mul', ['b', 'rootPi'], ['c']),
        node('Tanh', ['c'], ['d']),
        node('Add', ['one', 'd'], ['e']),
        node('Mul', ['x', 'e'], ['f']),
        node('Mul', ['half', 'f'], ['y']),
      ],
      constants,
      dims,
      { opset: 20 },
    );
    await check(recognizeGelu(read), made, dims, 'y = Gelu(x)', 1e-5);
  }
});

test('what is almost GELU stays', async () => {
  const opset = { opset: 20 };
  const other = [...erf, node('Mul', ['b', 'c'], ['d']), node('Mul', ['d', 'half'], ['y'])];
  await stays(recognizeGelu(read), oneToOne(other, constants, dims, opset), dims);
  const twice = [...erf, node('Mul', ['x', 'c'], ['d']), node('Mul', ['d', 'two'], ['y'])];
  await stays(recognizeGelu(read), oneToOne(twice, constants, dims, opset), dims);
  const shared = oneToOne(gelus[0]![1], constants, dims, { ...opset, outputs: ['y', 'c'] });
  await stays(recognizeGelu(read), shared, dims);
  const wide = constants.map((each) =>
    each.name === 'half' ? floatTensor('half', [1, 1, 1, 1], [0.5]) : each,
  );
  await stays(recognizeGelu(read), oneToOne(gelus[0]![1], wide, dims, opset), dims);
});

const six = [node('Add', ['x', 'three'], ['a']), node('Clip', ['a', 'zero', 'six'], ['b'])];
const hardSwishes: readonly [string, Node[]][] = [
  ['x · (clip/6)', [...six, node('Div', ['b', 'six'], ['c']), node('Mul', ['x', 'c'], ['y'])]],
  ['(x · clip)/6', [...six, node('Mul', ['b', 'x'], ['c']), node('Div', ['c', 'six'], ['y'])]],
  [
    'x · HardSigmoid',
    [node('HardSigmoid', ['x'], ['a'], { attributes: { alpha: 1 / 6 } }), node('Mul', ['x', 'a'], ['y'])],
  ],
];
for (const [name, nodes] of hardSwishes) {
  test(`HardSwish as ${name}`, async () => {
    await check(recognizeSwish(read), oneToOne(nodes, constants, dims), dims, 'y = HardSwish(x)');
    await stays(recognizeSwish(read), oneToOne(nodes, constants, dims, { opset: 13 }), dims);
  });
}

test('a HardSigmoid of another slope, or of another value, stays', async () => {
  const slope = [node('HardSigmoid', ['x'], ['a']), node('Mul', ['x', 'a'], ['y'])];
  await stays(recognizeSwish(read), oneToOne(slope, constants, dims), dims);
  const other = [
    node('Neg', ['x'], ['m']),
    node('HardSigmoid', ['x'], ['a'], { attributes: { alpha: 1 / 6 } }),
    node('Mul', ['m', 'a'], ['y']),
  ];
  await stays(recognizeSwish(read), oneToOne(other, constants, dims), dims);
});

test('x · sigmoid(x) is Swish from opset 24 on', async () => {
  const plain = [node('Sigmoid', ['x'], ['a']), node('Mul', ['x', 'a'], ['y'])];
  const scaled = [
    node('Mul', ['x', 'two'], ['s']),
    node('Sigmoid', ['s'], ['a']),
    node('Mul', ['a', 'x'], ['y']),
  ];
  const newest = { opset: 24, irVersion: 10 };
  await check(recognizeSwish(read), oneToOne(plain, constants, dims, newest), dims, 'y = Swish(x)');
  await check(recognizeSwish(read), oneToOne(scaled, constants, dims, newest), dims, 'y = Swish(x)');
  await stays(recognizeSwish(read), oneToOne(plain, constants, dims), dims);
});

const normNodes = (square: Node, product: Node[]) => [
  node('ReduceMean', ['x'], ['mean'], { attributes: { axes: [-1n] } }),
  node('Sub', ['x', 'mean'], ['d']),
  square,
  node('ReduceMean', ['q'], ['v'], { attributes: { axes: [2n] } }),
  node('Add', ['v', 'eps'], ['e']),
  node('Sqrt', ['e'], ['s']),
  node('Div', ['d', 's'], ['r']),
  ...product,
];
const pow = node('Pow', ['d', 'two'], ['q']);
const whole = [node('Mul', ['gamma', 'r'], ['g']), node('Add', ['g', 'beta'], ['y'])];
const parameters = (scale: Tensor = weight('gamma', [8], 3), bias: Tensor = weight('beta', [8], 4)) => [
  ...constants,
  scalar('eps', 1e-5),
  scale,
  bias,
];

test('layer normalisation is recognised, with and without a bias', async () => {
  const pass = recognizeLayerNorm(read);
  const made = oneToOne(normNodes(pow, whole), parameters(), dims);
  await check(pass, made, dims, 'y = LayerNormalization(x, gamma, beta)', 1e-5);
  const square = node('Mul', ['d', 'd'], ['q']);
  const noBias = oneToOne(normNodes(square, [node('Mul', ['r', 'gamma'], ['y'])]), parameters(), dims);
  await check(pass, noBias, dims, 'y = LayerNormalization(x, gamma)', 1e-5);
  await stays(pass, oneToOne(normNodes(pow, whole), parameters(), dims, { opset: 13 }), dims);
});

test('other norms stay', async () => {
  const pass = recognizeLayerNorm(read);
  const row = oneToOne(normNodes(pow, whole), parameters(weight('gamma', [3, 8], 3)), dims);
  await stays(pass, row, dims);
  const one = oneToOne(normNodes(pow, whole), parameters(scalar('gamma', 2)), dims);
  await stays(pass, one, dims);
  const otherAxis = normNodes(pow, whole).map((each) =>
    each.outputs[0] === 'mean' ? node('ReduceMean', ['x'], ['mean'], { attributes: { axes: [1n] } }) : each,
  );
  await stays(pass, oneToOne(otherAxis, parameters(), dims), dims);
  await stays(pass, oneToOne(normNodes(pow, whole), parameters(), dims, { outputs: ['y', 'd'] }), dims);
  const wideBias = oneToOne(normNodes(pow, whole), parameters(undefined, weight('beta', [1, 8], 4)), dims);
  await check(
    pass,
    wideBias,
    dims,
    `g = LayerNormalization(x, gamma)
     y = Add(g, beta)`,
    1e-5,
  );
});

test('from opset 18 on the axes of the mean are an input', async () => {
  const nodes = normNodes(pow, whole).map((each) =>
    each.opType === 'ReduceMean' ? node('ReduceMean', [each.inputs[0]!, 'axes'], each.outputs) : each,
  );
  const made = oneToOne(nodes, [...parameters(), int64s('axes', -1)], dims, { opset: 18 });
  await check(recognizeLayerNorm(read), made, dims, 'y = LayerNormalization(x, gamma, beta)', 1e-5);
});
