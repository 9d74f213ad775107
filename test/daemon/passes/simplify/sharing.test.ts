// Equal constants and equal expressions are kept once; what only looks equal stays apart.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentTask } from '../../../../daemon/base/task';
import { floatTensor, graph, int32Tensor, node, rawTensor, valueInfo } from '../../../../daemon/ir/builder';
import { DataType } from '../../../../daemon/ir/dataType';
import type { Model } from '../../../../daemon/ir/model';
import { commonSubexpressions } from '../../../../daemon/passes/simplify/commonSubexpressions';
import { tieInitializers } from '../../../../daemon/passes/simplify/tieInitializers';
import { runToFixedPoint } from '../../../../daemon/passes/simplify/simplify';
import type { Pass } from '../../../../daemon/passes/pass';
import { tensorDigests } from '../../../../daemon/recipes/tensorDigest';
import { oneToOne, read, weight, type Dims } from '../modelHarness';
import { check, stays } from './rewriteCheck';

const dims: Dims = ['n', 4];
const tie = () => tieInitializers(read, tensorDigests(silentTask));
const names = (made: Model) => made.graph.initializers.map(({ name }) => name);

test('initializers with the same bytes become one', async () => {
  const made = oneToOne(
    [
      node('Add', ['x', 'a'], ['p']),
      node('Mul', ['p', 'b'], ['q']),
      node('Sub', ['q', 'c'], ['r']),
      node('Add', ['r', 'd'], ['y']),
    ],
    [weight('a', [4], 3), weight('b', [4], 3), weight('c', [1, 4], 3), weight('d', [4], 5)],
    dims,
  );
  const after = await check(
    tie(),
    made,
    dims,
    `p = Add(x, a)
     q = Mul(p, a)
     r = Sub(q, c)
     y = Add(r, d)`,
  );
  assert.deepEqual(names(after), ['a', 'c', 'd']);
});

test('a body reads the one that is kept', async () => {
  const branch = (name: string, constant: string) =>
    graph({
      name,
      nodes: [node('Add', ['x', constant], [`${name}_out`])],
      outputs: [valueInfo(`${name}_out`, DataType.FLOAT)],
    });
  const made = oneToOne(
    [
      node('If', ['yes'], ['y'], {
        attributes: { then_branch: branch('then', 'b'), else_branch: branch('else', 'a') },
      }),
    ],
    [weight('a', [4], 3), weight('b', [4], 3), rawTensor('yes', DataType.BOOL, [], Uint8Array.of(1))],
    dims,
  );
  assert.deepEqual(names(await check(tie(), made, dims, 'y = If(yes)')), ['a', 'yes']);
});

test('other types with the same bytes, inputs with defaults and outputs stay apart', async () => {
  const made = oneToOne(
    [
      node('Add', ['x', 'a'], ['p']),
      node('Cast', ['i'], ['f'], { attributes: { to: 1n } }),
      node('Mul', ['p', 'f'], ['y']),
    ],
    [floatTensor('a', [4], [0, 0, 0, 0]), int32Tensor('i', [4], [0, 0, 0, 0])],
    dims,
  );
  await stays(tie(), made, dims);
  const overridable = oneToOne(
    [node('Add', ['x', 'a'], ['p']), node('Mul', ['p', 'b'], ['y'])],
    [weight('a', [4]), weight('b', [4])],
    dims,
    {
      extra: { inputs: [valueInfo('x', DataType.FLOAT, dims), valueInfo('b', DataType.FLOAT, [4])] },
    },
  );
  await stays(tie(), overridable);
  const output = oneToOne([node('Add', ['x', 'a'], ['y'])], [weight('a', [4]), weight('b', [4])], dims, {
    outputs: ['y', 'b'],
  });
  await stays(tie(), output, dims);
});

test('equal expressions are computed once, in chains too', async () => {
  const made = oneToOne(
    [
      node('Relu', ['x'], ['a']),
      node('Relu', ['x'], ['b']),
      node('Softmax', ['a'], ['c'], { attributes: { axis: 1n } }),
      node('Softmax', ['b'], ['d'], { attributes: { axis: 1n } }),
      node('Add', ['c', 'd'], ['y']),
    ],
    [],
    dims,
  );
  await check(
    commonSubexpressions(read),
    made,
    dims,
    `a = Relu(x)
     c = Softmax(a)
     y = Add(c, c)`,
  );
});

test('other attributes, other order, random numbers and outputs stay apart', async () => {
  const pass = commonSubexpressions(read);
  const axes = oneToOne(
    [
      node('Softmax', ['x'], ['a'], { attributes: { axis: 0n } }),
      node('Softmax', ['x'], ['b'], { attributes: { axis: 1n } }),
      node('Sub', ['a', 'b'], ['c']),
      node('Sub', ['b', 'a'], ['d']),
      node('Mul', ['c', 'd'], ['y']),
    ],
    [],
    dims,
  );
  await stays(pass, axes, dims);
  const random = oneToOne(
    [
      node('RandomNormalLike', ['x'], ['a']),
      node('RandomNormalLike', ['x'], ['b']),
      node('Sub', ['a', 'b'], ['y']),
    ],
    [],
    dims,
  );
  await stays(pass, random, dims);
  const outputs = oneToOne([node('Relu', ['x'], ['y']), node('Relu', ['x'], ['z'])], [], dims, {
    outputs: ['y', 'z'],
  });
  await stays(pass, outputs, dims);
});

test('a second result that only the later one gives keeps it', async () => {
  const made = oneToOne(
    [
      node('MaxPool', ['x'], ['a'], { attributes: { kernel_shape: [2n] } }),
      node('MaxPool', ['x'], ['b', 'at'], { attributes: { kernel_shape: [2n] } }),
      node('Cast', ['at'], ['f'], { attributes: { to: 1n } }),
      node('Sum', ['a', 'b', 'f'], ['y']),
    ],
    [],
    ['n', 3, 4],
  );
  await stays(commonSubexpressions(read), made, ['n', 3, 4]);
});

test('the loop ends when nothing changes, and at a bound when a pass never settles', async () => {
  const made = oneToOne([node('Relu', ['x'], ['y'])], [], dims);
  let runs = 0;
  const calm: Pass = {
    name: 'calm',
    run: (model) => {
      runs += 1;
      return { model, modified: false };
    },
  };
  const settled = await runToFixedPoint(made, [calm, calm], silentTask);
  assert.deepEqual([settled.model === made, settled.rounds, runs], [true, 1, 1]);
  assert.deepEqual(settled.passes, [{ name: 'calm', changed: false }]);
  const restless: Pass = { name: 'restless', run: (model) => ({ model: { ...model }, modified: true }) };
  const bounded = await runToFixedPoint(made, [restless], silentTask);
  assert.deepEqual([bounded.rounds, bounded.modified], [20, true]);
});
