// What changes nothing goes; what looks like it and is not, stays.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentTask } from '../../../../daemon/base/task';
import { floatTensor, graph, node, rawTensor, valueInfo } from '../../../../daemon/ir/builder';
import { DataType } from '../../../../daemon/ir/dataType';
import { bodiesOf } from '../../../../daemon/ir/graphIndex';
import type { Node } from '../../../../daemon/ir/model';
import type { Tensor } from '../../../../daemon/ir/tensor';
import { runPass } from '../../../../daemon/passes/pass';
import { removeNoOps } from '../../../../daemon/passes/simplify/removeNoOps';
import { oneToOne, read, weight, type Dims } from '../modelHarness';
import { check, int64s, sameOutputs, stays } from './rewriteCheck';

const image: Dims = ['n', 3, 4, 4];
const pads = int64s('pads', 0, 0, 0, 0, 0, 0, 0, 0);
const row = (...values: number[]) => floatTensor('c', [values.length], values);

const goes: readonly [string, Node, Tensor[]][] = [
  ['Identity', node('Identity', ['r'], ['m']), []],
  ['Dropout', node('Dropout', ['r'], ['m', 'mask']), []],
  ['Transpose', node('Transpose', ['r'], ['m'], { attributes: { perm: [0n, 1n, 2n, 3n] } }), []],
  ['Pad', node('Pad', ['r', 'pads'], ['m']), [pads]],
  ['Add of 0', node('Add', ['c', 'r'], ['m']), [floatTensor('c', [], [0])]],
  ['Sub of 0', node('Sub', ['r', 'c'], ['m']), [row(0)]],
  ['Mul by 1', node('Mul', ['r', 'c'], ['m']), [floatTensor('c', [1, 1, 1], [1])]],
  ['Div by 1', node('Div', ['r', 'c'], ['m']), [row(1)]],
  ['Pow 1', node('Pow', ['r', 'c'], ['m']), [row(1)]],
  ['Expand to ones', node('Expand', ['r', 's'], ['m']), [int64s('s', 1, 3, 1, 4)]],
  ['Tile once', node('Tile', ['r', 's'], ['m']), [int64s('s', 1, 1, 1, 1)]],
  ['Sum of one', node('Sum', ['r'], ['m']), []],
  ['Relu again', node('Relu', ['r'], ['m']), []],
  ['pool of 1×1', node('MaxPool', ['r'], ['m'], { attributes: { kernel_shape: [1n, 1n] } }), []],
];

for (const [name, middle, constants] of goes) {
  test(`${name} goes`, async () => {
    const made = oneToOne([node('Relu', ['x'], ['r']), middle, node('Neg', ['m'], ['y'])], constants, image);
    await check(removeNoOps(read), made, image, 'r = Relu(x)\ny = Neg(r)');
  });
}

const stay: readonly [string, Node, Tensor[]][] = [
  ['Add of 0 with more dimensions', node('Add', ['x', 'c'], ['y']), [floatTensor('c', [1, 1, 1, 1, 1], [0])]],
  ['Mul by a row of ones', node('Mul', ['x', 'c'], ['y']), [row(1, 1, 1, 1)]],
  ['Sub from 0', node('Sub', ['c', 'x'], ['y']), [row(0)]],
  ['Div of 1', node('Div', ['c', 'x'], ['y']), [row(1)]],
  ['Mul by almost 1', node('Mul', ['x', 'c'], ['y']), [row(1.001)]],
  ['Expand that widens', node('Expand', ['x', 's'], ['y']), [int64s('s', 5, 1, 1, 1, 1)]],
  ['Dropout whose mask is read', node('Dropout', ['x'], ['m', 'y']), []],
  [
    'pool with steps of 2',
    node('MaxPool', ['x'], ['y'], { attributes: { kernel_shape: [1n, 1n], strides: [2n, 2n] } }),
    [],
  ],
  ['ReduceMean over real axes', node('ReduceMean', ['x'], ['y'], { attributes: { axes: [2n, 3n] } }), []],
];

for (const [name, only, constants] of stay) {
  test(`${name} stays`, async () => {
    const outputs = name.startsWith('Dropout') ? { extra: { outputs: [valueInfo('y', DataType.BOOL)] } } : {};
    await stays(removeNoOps(read), oneToOne([only], constants, image, outputs), image);
  });
}

test('reductions over axes of length 1 go when the axes stay', async () => {
  const reduce = (from: string, to: string, keepdims: bigint) =>
    node('ReduceMean', [from], [to], { attributes: { axes: [2n, -1n], keepdims } });
  const made = oneToOne(
    [reduce('x', 'a', 1n), node('GlobalAveragePool', ['a'], ['b']), reduce('b', 'y', 0n)],
    [],
    ['n', 3, 1, 1],
  );
  await check(removeNoOps(read), made, ['n', 3, 1, 1], 'y = ReduceMean(x)');
});

test('inside a branch too, without giving a value of the graph around it directly', async () => {
  const branch = (name: string, nodes: Node[]) =>
    graph({ name, nodes, outputs: [valueInfo(`${name}_out`, DataType.FLOAT)] });
  const made = oneToOne(
    [
      node('ReduceMax', ['x'], ['most'], { attributes: { keepdims: 0n } }),
      node('Greater', ['most', 'limit'], ['large']),
      node('If', ['large'], ['y'], {
        attributes: {
          then_branch: branch('then', [node('Identity', ['x'], ['a']), node('Neg', ['a'], ['then_out'])]),
          else_branch: branch('else', [node('Identity', ['x'], ['else_out'])]),
        },
      }),
    ],
    [
      floatTensor('limit', [], [2.9]),
      rawTensor('unused', DataType.BOOL, [], Uint8Array.of(1)),
      weight('w', [3]),
    ],
    image,
  );
  const after = (await runPass(made, removeNoOps(read), silentTask)).model;
  const texts = bodiesOf(after.graph.nodes[2]!).map((body) => body.nodes.map(({ opType }) => opType).join());
  assert.deepEqual(texts, ['Neg', 'Identity']);
  await sameOutputs(made, after, image);
});
