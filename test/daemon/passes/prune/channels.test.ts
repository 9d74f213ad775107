// The dependency graph against ONNX Runtime: what is cut must equal the original with the readers' weights for the
// removed channels set to zero. Each small model is one operator family.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentTask } from '../../../../daemon/base/task';
import { floatTensor, int64Tensor, node } from '../../../../daemon/ir/builder';
import type { Model, Node } from '../../../../daemon/ir/model';
import type { Tensor } from '../../../../daemon/ir/tensor';
import { analyseChannels, type Component } from '../../../../daemon/passes/prune/channels/analyse';
import { cutModel } from '../../../../daemon/passes/prune/channels/cut';
import { inputAxis } from '../../../../daemon/passes/prune/channels/layerRows';
import { floatsOf } from '../../../../daemon/passes/tensorReader';
import { difference, feedsFor, frozen, oneToOne, read, run, weight, type Dims } from '../modelHarness';

/** The original with zeros wherever a layer reads a removed channel. */
async function masked(model: Model, removed: readonly Component[]): Promise<Model> {
  const structure = await analyseChannels(model, new Map(), silentTask);
  const readers = new Map<string, number>();
  for (const each of model.graph.nodes) {
    const isLayer = ['Conv', 'ConvTranspose', 'Gemm', 'MatMul'].includes(each.opType);
    if (isLayer) readers.set(each.inputs[1]!, each.opType === 'ConvTranspose' ? 0 : inputAxis(each));
  }
  const initializers = await Promise.all(
    model.graph.initializers.map(async (tensor): Promise<Tensor> => {
      const axis = readers.get(tensor.name);
      if (axis === undefined) return tensor;
      const values = Float32Array.from(await floatsOf(read, tensor));
      const inner = tensor.dims.slice(axis + 1).reduce((all, dim) => all * dim, 1);
      for (const element of removed.flatMap(({ members }) => members)) {
        const found = structure.elements.axisOf(element);
        if (found.value !== tensor.name || found.axis !== axis) continue;
        for (let i = 0; i < values.length; i += 1)
          if (Math.floor(i / inner) % found.length === element - found.base) values[i] = 0;
      }
      return floatTensor(tensor.name, tensor.dims, values);
    }),
  );
  return { ...model, graph: { ...model.graph, initializers } };
}

/** Cuts every second component of every unit; gives "layer 8→4" lines. */
async function check(model: Model, dims: Dims, expected: string): Promise<void> {
  const structure = await analyseChannels(frozen(model), new Map(), silentTask);
  const removed = structure.units.flatMap(({ components }) => components.filter((_, i) => i % 2 === 1));
  const text = structure.units.map(({ name, components, outputs }) => {
    const from = components.length * outputs;
    return `${name} ${from}→${Math.ceil(components.length / 2) * outputs}`;
  });
  assert.equal(text.join(', '), expected);
  const { model: cut } = await cutModel(structure, removed, read, silentTask);
  const feeds = feedsFor(dims);
  const after = await run(cut, feeds);
  const before = await run(await masked(model, removed), feeds);
  assert.ok(difference(before, after) < 1e-5, `differs by ${difference(before, after)}`);
}

const conv = (x: string, w: string, y: string, more: Record<string, bigint | readonly bigint[]> = {}): Node =>
  node('Conv', [x, w], [y], { name: y, attributes: more });
const relu = (x: string, y: string) => node('Relu', [x], [y], { name: y });
const image: Dims = ['batch', 3, 6, 6];

test('a chain of Conv with bias, BatchNormalization and PRelu', async () => {
  await check(
    oneToOne(
      [
        node('Conv', ['x', 'w1', 'b1'], ['a'], { name: 'first', attributes: { pads: [1n, 1n, 1n, 1n] } }),
        node('BatchNormalization', ['a', 's', 'o', 'm', 'v'], ['n'], { name: 'norm' }),
        node('PRelu', ['n', 'slope'], ['r'], { name: 'prelu' }),
        conv('r', 'w2', 'y'),
      ],
      [
        weight('w1', [8, 3, 3, 3], 1),
        weight('b1', [8], 2),
        ...['s', 'o', 'm'].map((name, i) => weight(name, [8], 3 + i)),
        floatTensor('v', [8], new Float32Array(8).fill(1)),
        weight('slope', [8, 1, 1], 8),
        weight('w2', [5, 8, 1, 1], 9),
      ],
      image,
    ),
    image,
    'first 8→4',
  );
});

test('residual additions tie; depthwise follows and its group changes', async () => {
  await check(
    oneToOne(
      [
        conv('x', 'w1', 'a'),
        conv('a', 'wd', 'd', { group: 8n, pads: [1n, 1n, 1n, 1n] }),
        conv('d', 'w2', 'b'),
        node('Add', ['a', 'b'], ['s'], { name: 'sum' }),
        relu('s', 'r'),
        conv('r', 'w3', 'y'),
      ],
      [
        weight('w1', [8, 3, 1, 1], 1),
        weight('wd', [8, 1, 3, 3], 2),
        weight('w2', [8, 8, 1, 1], 3),
        weight('w3', [4, 8, 1, 1], 4),
      ],
      image,
    ),
    image,
    'a 8→4',
  );
});

test('depthwise with a multiplier', async () => {
  await check(
    oneToOne(
      [conv('x', 'w1', 'a'), conv('a', 'wd', 'd', { group: 4n }), conv('d', 'w2', 'y')],
      [weight('w1', [4, 3, 1, 1], 1), weight('wd', [8, 1, 3, 3], 2), weight('w2', [3, 8, 1, 1], 3)],
      image,
    ),
    image,
    'a 4→2',
  );
});

test('grouped Conv and a channel shuffle keep their groups equal', async () => {
  await check(
    oneToOne(
      [
        conv('x', 'w1', 'a'),
        conv('a', 'wg', 'g', { group: 2n }),
        node('Reshape', ['g', 'split'], ['s'], { name: 'split' }),
        node('Transpose', ['s'], ['t'], { name: 'turn', attributes: { perm: [0n, 2n, 1n, 3n, 4n] } }),
        node('Reshape', ['t', 'merge'], ['m'], { name: 'merge' }),
        conv('m', 'w2', 'y', { group: 2n }),
      ],
      [
        weight('w1', [8, 3, 1, 1], 1),
        weight('wg', [12, 4, 1, 1], 2),
        weight('w2', [4, 6, 1, 1], 3),
        int64Tensor('split', [5], [0, 2, 6, 6, 6]),
        int64Tensor('merge', [4], [-1, 12, 6, 6]),
      ],
      image,
    ),
    image,
    // The shuffle puts channels j and j + 3 of a group side by side in the next one: three sets of four.
    'a 8→4, g 12→8',
  );
});

test('ConvTranspose, Concat, Split, Slice and a constant Gather', async () => {
  await check(
    oneToOne(
      [
        conv('x', 'w1', 'a'),
        node('ConvTranspose', ['a', 'wt', 'bt'], ['u'], { name: 'up', attributes: { strides: [2n, 2n] } }),
        conv('u', 'w2', 'c'),
        node('Concat', ['u', 'c'], ['j'], { name: 'join', attributes: { axis: 1n } }),
        node('Split', ['j', 'sizes'], ['p', 'q'], { name: 'cut', attributes: { axis: 1n } }),
        node('Slice', ['q', 'start', 'end', 'axes'], ['h'], { name: 'slice' }),
        node('Gather', ['p', 'picked'], ['g'], { name: 'pick', attributes: { axis: 1n } }),
        conv('h', 'w3', 'hy'),
        conv('g', 'w4', 'gy'),
        node('Add', ['hy', 'gy'], ['y'], { name: 'y' }),
      ],
      [
        weight('w1', [8, 3, 1, 1], 1),
        weight('wt', [8, 6, 2, 2], 2),
        weight('bt', [6], 3),
        weight('w2', [10, 6, 1, 1], 4),
        int64Tensor('sizes', [2], [6, 10]),
        int64Tensor('start', [1], [2]),
        int64Tensor('end', [1], [8]),
        int64Tensor('axes', [1], [1]),
        int64Tensor('picked', [4], [5, 0, 3, -4]),
        weight('w3', [2, 6, 1, 1], 5),
        weight('w4', [2, 4, 1, 1], 6),
      ],
      image,
    ),
    image,
    'a 8→4, up 4→2, up 2→1, c 4→2, c 6→3',
  );
});

test('C·H·W flattened into Gemm, with Resize and Pad before', async () => {
  await check(
    oneToOne(
      [
        conv('x', 'w1', 'a'),
        node('Resize', ['a', '', 'scales'], ['u'], { name: 'grow' }),
        node('Pad', ['u', 'pads'], ['p'], { name: 'pad' }),
        node('MaxPool', ['p'], ['m'], {
          name: 'pool',
          attributes: { kernel_shape: [2n, 2n], strides: [2n, 2n] },
        }),
        node('Flatten', ['m'], ['f'], { name: 'flat' }),
        node('Gemm', ['f', 'w2', 'b2'], ['g'], { name: 'hidden', attributes: { transB: 1n } }),
        relu('g', 'r'),
        node('Gemm', ['r', 'w3'], ['y'], { name: 'last' }),
      ],
      [
        weight('w1', [4, 3, 1, 1], 1),
        floatTensor('scales', [4], [1, 1, 2, 2]),
        int64Tensor('pads', [8], [0, 0, 1, 1, 0, 0, 1, 1]),
        weight('w2', [10, 196], 2),
        weight('b2', [10], 3),
        weight('w3', [10, 3], 4),
      ],
      image,
    ),
    image,
    'a 4→2, hidden 10→5',
  );
});

test('attention heads, hidden widths and gated units', async () => {
  const dims: Dims = ['batch', 5, 16];
  const heads = (name: string) => [
    node('MatMul', ['x', `w${name}`], [`m${name}`], { name: `m${name}` }),
    node('Reshape', [`m${name}`, 'split'], [`r${name}`], { name: `r${name}` }),
    node('Transpose', [`r${name}`], [name], {
      name,
      attributes: { perm: name === 'k' ? [0n, 2n, 3n, 1n] : [0n, 2n, 1n, 3n] },
    }),
  ];
  await check(
    oneToOne(
      [
        ...heads('q'),
        ...heads('k'),
        ...heads('v'),
        node('MatMul', ['q', 'k'], ['scores'], { name: 'scores' }),
        node('Softmax', ['scores'], ['soft'], { name: 'soft' }),
        node('MatMul', ['soft', 'v'], ['mixed'], { name: 'mixed' }),
        node('Transpose', ['mixed'], ['back'], { name: 'back', attributes: { perm: [0n, 2n, 1n, 3n] } }),
        node('Reshape', ['back', 'merge'], ['all'], { name: 'all' }),
        node('MatMul', ['all', 'wo'], ['o'], { name: 'o' }),
        node('Add', ['o', 'x'], ['sum'], { name: 'sum' }),
        node('LayerNormalization', ['sum', 'scale'], ['n'], { name: 'n' }),
        node('MatMul', ['n', 'wg'], ['gate'], { name: 'gate' }),
        node('Split', ['gate'], ['left', 'right'], { name: 'halves', attributes: { axis: 2n } }),
        node('Sigmoid', ['right'], ['open'], { name: 'open' }),
        node('Mul', ['left', 'open'], ['glu'], { name: 'glu' }),
        node('MatMul', ['glu', 'wd'], ['y'], { name: 'y' }),
      ],
      [
        ...['wq', 'wk', 'wv', 'wo'].map((name, i) => weight(name, [16, 16], i + 1)),
        weight('scale', [16], 6),
        weight('wg', [16, 24], 7),
        weight('wd', [12, 16], 8),
        int64Tensor('split', [4], [0, 0, 4, 4]),
        int64Tensor('merge', [3], [0, 0, -1]),
      ],
      dims,
    ),
    dims,
    'mq 16→8, gate 24→12',
  );
});

test('an unknown operator, an output and shared weights that disagree lock, with the reason', async () => {
  const made = oneToOne(
    [
      conv('x', 'w1', 'a'),
      node('LRN', ['a'], ['n'], { name: 'lrn', attributes: { size: 3n } }),
      conv('n', 'w2', 'b'),
      node('Mystery', ['b'], ['u'], { name: 'odd', domain: 'com.acme' }),
      conv('u', 'w2', 'y'),
    ],
    [weight('w1', [4, 3, 1, 1], 1), weight('w2', [4, 4, 1, 1], 2)],
    image,
  );
  const { units, locked } = await analyseChannels(made, new Map(), silentTask);
  assert.equal(units.length, 0);
  assert.deepEqual(
    locked.map(({ name, reason }) => `${name}: ${reason}`),
    [
      'a: "lrn" (LRN) needs this axis whole',
      'b: there is no rule for the operator of "odd" (Mystery)',
      'y: there is no rule for the operator of "odd" (Mystery)',
    ],
  );
});
