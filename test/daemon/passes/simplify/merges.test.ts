// Operators in a row: what merges into one, and what must not.

import { test } from 'node:test';
import { node } from '../../../../daemon/ir/builder';
import { mergeCasts } from '../../../../daemon/passes/simplify/mergeCasts';
import { mergeConcats } from '../../../../daemon/passes/simplify/mergeConcats';
import { mergeSlices } from '../../../../daemon/passes/simplify/mergeSlices';
import { mergeTransposes } from '../../../../daemon/passes/simplify/mergeTransposes';
import { mergeViews } from '../../../../daemon/passes/simplify/mergeViews';
import { oneToOne, read, weight } from '../modelHarness';
import { check, int64s, stays } from './rewriteCheck';

const transpose = (from: string, to: string, ...perm: number[]) =>
  node('Transpose', [from], [to], perm.length > 0 ? { attributes: { perm: perm.map(BigInt) } } : {});

test('Transposes in a row become one, or none', async () => {
  const made = oneToOne(
    [
      transpose('x', 'a', 1, 2, 0),
      transpose('a', 'b', 2, 1, 0),
      node('Relu', ['b'], ['c']),
      transpose('c', 'd'),
      transpose('d', 'e'),
      node('Neg', ['e'], ['y']),
    ],
    [],
    ['n', 3, 4],
  );
  await check(
    mergeTransposes(read),
    made,
    ['n', 3, 4],
    `b = Transpose(x)
     c = Relu(b)
     y = Neg(c)`,
  );
});

test('a Transpose that others read stays, and so does the name of an output', async () => {
  const made = oneToOne(
    [transpose('x', 'a', 1, 0), transpose('a', 'y', 1, 0), node('Neg', ['a'], ['z'])],
    [],
    ['n', 3],
    { outputs: ['y', 'z'] },
  );
  await check(
    mergeTransposes(read),
    made,
    ['n', 3],
    `a = Transpose(x)
     y = Identity(x)
     z = Neg(a)`,
  );
});

test('Gemm takes Transposes in on both sides', async () => {
  const made = oneToOne(
    [
      transpose('x', 'a', 1, 0),
      transpose('w', 't', 1, 0),
      node('Gemm', ['a', 't'], ['y'], { attributes: { transB: 1n } }),
    ],
    [weight('w', [3, 5])],
    [3, 'n'],
  );
  await check(mergeTransposes(read), made, [3, 'n'], 'y = Gemm(x, w)');
});

test('a Transpose of unknown rank without an order stays beside one with an order', async () => {
  const made = oneToOne([transpose('x', 'a', 0, 2, 1), transpose('a', 'y', 1, 0, 2)], [], ['n', 3, 4]);
  await check(mergeTransposes(read), made, ['n', 3, 4], 'y = Transpose(x)');
  await stays(mergeTransposes(read), oneToOne([transpose('x', 'y', 1, 0)], [], ['n', 3]), ['n', 3]);
});

test('views in a row become one Reshape', async () => {
  const made = oneToOne(
    [
      node('Reshape', ['x', 's'], ['a']),
      node('Flatten', ['a'], ['b']),
      node('Unsqueeze', ['b', 'axes'], ['c']),
      node('Relu', ['c'], ['y']),
    ],
    [int64s('s', 0, 2, 6), int64s('axes', 1)],
    ['n', 3, 4],
  );
  await check(
    mergeViews(read),
    made,
    ['n', 3, 4],
    `c = Reshape(x, c_shape)
     y = Relu(c)`,
  );
});

test('Squeeze and Unsqueeze over the same axes go, whatever the shape', async () => {
  const made = oneToOne(
    [
      node('Unsqueeze', ['x', 'axes'], ['a']),
      node('Squeeze', ['a', 'axes'], ['b']),
      node('Relu', ['b'], ['y']),
    ],
    [int64s('axes', 1)],
    ['n', 'm', 'k'],
  );
  await check(mergeViews(read), made, ['n', 'm', 'k'], 'y = Relu(x)');
});

test('a Reshape to the shape that is there goes', async () => {
  const made = oneToOne(
    [node('Reshape', ['x', 's'], ['a']), node('Relu', ['a'], ['y'])],
    [int64s('s', 0, -1)],
    ['n', 12],
  );
  await check(mergeViews(read), made, ['n', 12], 'y = Relu(x)');
});

test('views stay when two dimensions are open, or others read what lies between', async () => {
  const open = oneToOne(
    [node('Unsqueeze', ['x', 'zero'], ['a']), node('Unsqueeze', ['a', 'two'], ['y'])],
    [int64s('zero', 0), int64s('two', 2)],
    ['n', 'm'],
  );
  await stays(mergeViews(read), open, ['n', 'm']);
  const read2 = oneToOne(
    [node('Reshape', ['x', 's'], ['a']), node('Reshape', ['a', 't'], ['y']), node('Relu', ['a'], ['z'])],
    [int64s('s', -1, 6), int64s('t', -1, 4)],
    ['n', 12],
    { outputs: ['y', 'z'] },
  );
  await check(
    mergeViews(read),
    read2,
    ['n', 12],
    `a = Reshape(x, s)
     y = Reshape(x, t)
     z = Relu(a)`,
  );
});

test('Casts merge where the detour loses nothing, and only there', async () => {
  const cast = (from: string, to: string, type: number) =>
    node('Cast', [from], [to], { attributes: { to: BigInt(type) } });
  const there = oneToOne([cast('x', 'a', 11), cast('a', 'b', 1), node('Relu', ['b'], ['y'])], [], ['n']);
  await check(mergeCasts(read), there, ['n'], 'y = Relu(x)');
  const wider = oneToOne([cast('x', 'a', 11), cast('a', 'b', 7), cast('b', 'y', 1)], [], ['n']);
  await check(
    mergeCasts(read),
    wider,
    ['n'],
    `b = Cast(x)
     y = Cast(b)`,
  );
  const rounding = oneToOne([cast('x', 'a', 7), cast('a', 'y', 1)], [], ['n']);
  await stays(mergeCasts(read), rounding, ['n']);
  const half = oneToOne([cast('x', 'a', 10), cast('a', 'y', 1)], [], ['n']);
  await stays(mergeCasts(read), half, ['n']);
});

test('Slices merge over different axes and add up over the same', async () => {
  const made = oneToOne(
    [
      node('Slice', ['x', 'one', 'five', 'one'], ['a']),
      node('Slice', ['a', 'one', 'three', 'one'], ['b']),
      node('Slice', ['b', 'minusTwo', 'far', 'two'], ['c']),
      node('Relu', ['c'], ['y']),
    ],
    [
      int64s('one', 1),
      int64s('two', 2),
      int64s('three', 3),
      int64s('five', 5),
      int64s('minusTwo', -2),
      int64s('far', 2 ** 62),
    ],
    ['n', 6, 6],
  );
  await check(
    mergeSlices(read),
    made,
    ['n', 6, 6],
    `c = Slice(x, c_starts, c_ends, c_axes, c_steps)
     y = Relu(c)`,
  );
});

test('Slices stay where bounds count from the end, steps differ, or others read between', async () => {
  const constants = [
    int64s('zero', 0),
    int64s('one', 1),
    int64s('minusOne', -1),
    int64s('two', 2),
    int64s('four', 4),
  ];
  const fromEnd = oneToOne(
    [
      node('Slice', ['x', 'one', 'minusOne', 'one'], ['a']),
      node('Slice', ['a', 'one', 'minusOne', 'one'], ['y']),
    ],
    constants,
    ['n', 6],
  );
  await stays(mergeSlices(read), fromEnd, ['n', 6]);
  const steps = oneToOne(
    [
      node('Slice', ['x', 'zero', 'four', 'one', 'two'], ['a']),
      node('Slice', ['a', 'one', 'two', 'one'], ['y']),
    ],
    constants,
    ['n', 6],
  );
  await stays(mergeSlices(read), steps, ['n', 6]);
  const shared = oneToOne(
    [
      node('Slice', ['x', 'one', 'four', 'one'], ['a']),
      node('Slice', ['a', 'one', 'two', 'one'], ['y']),
      node('Neg', ['a'], ['z']),
    ],
    constants,
    ['n', 6],
    { outputs: ['y', 'z'] },
  );
  await stays(mergeSlices(read), shared, ['n', 6]);
});

test('a Slice that takes everything goes; of a free dimension only without an end', async () => {
  const made = oneToOne(
    [
      node('Slice', ['x', 'zero', 'six', 'one'], ['a']),
      node('Relu', ['a'], ['b']),
      node('Slice', ['b', 'zero', 'six', 'zero'], ['y']),
    ],
    [int64s('zero', 0), int64s('one', 1), int64s('six', 6)],
    ['n', 6],
  );
  await check(
    mergeSlices(read),
    made,
    ['n', 6],
    `b = Relu(x)
     y = Slice(b, zero, six, zero)`,
  );
});

test('Concats nest along the same axis only; what was split and joined again goes', async () => {
  const concat = (inputs: string[], to: string, axis: bigint) =>
    node('Concat', inputs, [to], { attributes: { axis } });
  const nested = oneToOne(
    [
      node('Relu', ['x'], ['r']),
      concat(['x', 'r'], 'a', 1n),
      concat(['a', 'x'], 'b', -1n),
      concat(['b', 'b'], 'c', 0n),
      concat(['c'], 'y', 0n),
    ],
    [],
    ['n', 3],
  );
  await check(
    mergeConcats(read),
    nested,
    ['n', 3],
    `r = Relu(x)
     b = Concat(x, r, x)
     y = Concat(b, b)`,
  );
  const split = (order: string[]) =>
    oneToOne(
      [
        node('Split', ['x', 'sizes'], ['a', 'b'], { attributes: { axis: 1n } }),
        concat(order, 'c', 1n),
        node('Relu', ['c'], ['y']),
      ],
      [int64s('sizes', 2, 2)],
      ['n', 4],
    );
  await check(mergeConcats(read), split(['a', 'b']), ['n', 4], 'y = Relu(x)');
  await stays(mergeConcats(read), split(['b', 'a']), ['n', 4]);
});
