// Depthwise convolutions widened by zeros: the same outputs, and no half-widened graph.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentTask } from '../../../../daemon/base/task';
import { floatTensor, node } from '../../../../daemon/ir/builder';
import type { Model, Node } from '../../../../daemon/ir/model';
import type { Tensor } from '../../../../daemon/ir/tensor';
import { runPass } from '../../../../daemon/passes/pass';
import { evenChannels } from '../../../../daemon/passes/quantize/evenChannels';
import { difference, feedsFor, frozen, oneToOne, read, run, weight, type Dims } from '../modelHarness';

const image: Dims = ['n', 4, 8, 8];
const conv = (x: string, w: string, y: string) => node('Conv', [x, w, `${w}_b`], [y], { name: y });
const depthwise = (x: string, y: string) =>
  node('Conv', [x, 'd', 'd_b'], [y], { name: y, attributes: { group: 12n, pads: [1n, 1n, 1n, 1n] } });
const layer = (name: string, out: number, into: number, size = 1): Tensor[] => [
  weight(name, [out, into, size, size], out, 0.5),
  weight(`${name}_b`, [out], into),
];
const weights = [...layer('u', 12, 4), ...layer('d', 12, 1, 3), ...layer('p', 4, 12)];
const widened = (made: Model) => runPass(frozen(made), evenChannels(read, 16), silentTask);
const dimsOf = ({ graph }: Model, name: string) =>
  graph.initializers.find((each) => each.name === name)?.dims;

/** Expand, depthwise, squeeze and excite, project: a block of MobileNetV3. */
const block = (): Node[] => [
  conv('x', 'u', 'a'),
  node('HardSwish', ['a'], ['b']),
  depthwise('b', 'c'),
  node('GlobalAveragePool', ['c'], ['q']),
  conv('q', 's', 'r'),
  node('Relu', ['r'], ['t']),
  conv('t', 'e', 'g'),
  node('HardSigmoid', ['g'], ['h']),
  node('Mul', ['c', 'h'], ['m']),
  conv('m', 'p', 'y'),
];
const blockWeights = [...weights, ...layer('s', 3, 12), ...layer('e', 12, 3)];

test('a block is widened as a whole, and its outputs stay', async () => {
  const made = oneToOne(block(), blockWeights, image);
  const { model, notes } = await widened(made);
  assert.deepEqual(
    ['u', 'd', 'd_b', 'p', 's', 'e'].map((name) => dimsOf(model, name)),
    [[16, 4, 1, 1], [16, 1, 3, 3], [16], [4, 16, 1, 1], [3, 16, 1, 1], [16, 3, 1, 1]],
  );
  assert.match(notes?.[0]?.message ?? '', /12 to 16/u);
  const feeds = feedsFor(image);
  assert.ok(difference(await run(made, feeds), await run(model, feeds)) < 1e-6);
});

test('nothing is widened where something cannot follow', async () => {
  const plain = [conv('x', 'u', 'a'), depthwise('a', 'c'), conv('c', 'p', 'y')];
  assert.notEqual((await widened(oneToOne(plain, weights, image))).modified, false);
  const others: readonly (readonly [string, Model])[] = [
    ['a graph output', oneToOne(plain, weights, image, { outputs: ['y', 'c'] })],
    ['a graph input', oneToOne([depthwise('x', 'c'), conv('c', 'p', 'y')], weights, ['n', 12, 8, 8])],
    [
      'a node that mixes channels',
      oneToOne(
        [conv('x', 'u', 'a'), depthwise('a', 'c'), node('Softmax', ['c'], ['s']), conv('s', 'p', 'y')],
        weights,
        image,
      ),
    ],
    [
      'a shared weight',
      oneToOne([...plain.slice(0, 2), conv('c', 'p', 'o'), node('Add', ['o', 'p'], ['y'])], weights, image),
    ],
    [
      'a constant for each channel',
      oneToOne(
        [conv('x', 'u', 'a'), node('Mul', ['a', 'k'], ['e']), depthwise('e', 'c'), conv('c', 'p', 'y')],
        [...weights, weight('k', [12, 1, 1])],
        image,
      ),
    ],
    [
      'too much to add',
      oneToOne(
        [
          conv('x', 'u', 'a'),
          node('Conv', ['a', 'd'], ['c'], { attributes: { group: 9n } }),
          conv('c', 'p', 'y'),
        ],
        [...layer('u', 9, 4), weight('d', [9, 1, 3, 3]), ...layer('p', 4, 9)],
        image,
      ),
    ],
  ];
  for (const [what, made] of others) assert.equal((await widened(made)).modified, false, what);
});

test('a scalar may be added or multiplied on the way', async () => {
  const made = oneToOne(
    [conv('x', 'u', 'a'), node('Mul', ['a', 'k'], ['e']), depthwise('e', 'c'), conv('c', 'p', 'y')],
    [...weights, floatTensor('k', [], [0.5])],
    image,
  );
  const { model } = await widened(made);
  const feeds = feedsFor(image);
  assert.deepEqual(dimsOf(model, 'd'), [16, 1, 3, 3]);
  assert.ok(difference(await run(made, feeds), await run(model, feeds)) < 1e-6);
});
