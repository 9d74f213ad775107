import assert from 'node:assert/strict';
import { test } from 'node:test';
import { floatTensor, graph, model, node, valueInfo } from '../../../../daemon/ir/builder';
import { DataType } from '../../../../daemon/ir/dataType';
import { measuredGraph } from '../../../../daemon/runtime/calibrate/calibrationGraph';
import type { Feeds } from '../../../../daemon/runtime/runner/session';

const chain = model(
  graph({
    nodes: [
      node('Conv', ['x', 'w'], ['c'], { name: 'conv' }),
      node('Clip', ['c', 'zero', 'six'], ['r'], { name: 'clip' }),
      node('MaxPool', ['r'], ['p'], { name: 'pool' }),
      node('Sub', ['p', 'six'], ['s'], { name: 'sub' }),
      node('Add', ['p', 's'], ['y'], { name: 'add' }),
    ],
    initializers: [
      floatTensor('w', [1, 1, 1, 1], [1]),
      floatTensor('zero', [], [0]),
      floatTensor('six', [], [6]),
    ],
    inputs: [valueInfo('x', DataType.FLOAT, ['n', 1, 2, 2])],
    outputs: [valueInfo('y', DataType.FLOAT, ['n', 1, 1, 1])],
  }),
);

const added = (lean: boolean, values: readonly string[]) =>
  measuredGraph(chain, values, { lean })
    .model.graph.nodes.slice(chain.graph.nodes.length)
    .map(({ opType, inputs }) => `${opType.replace('Reduce', '').toLowerCase()} ${inputs[0]}`);

test('everything of every value, what lies nearest to the input last', () => {
  assert.deepEqual(added(false, ['x', 'r']), ['max r', 'min r', 'sum r', 'max x', 'min x', 'sum x']);
});

test('lean: no minimum behind a ReLU and what keeps its sign, NaN looked for at the ends', () => {
  assert.deepEqual(added(true, ['x', 'c', 'r', 'p', 's']), [
    ...['sum y', 'max s', 'min s', 'max p', 'max r', 'max c', 'min c', 'max x', 'min x', 'sum x'],
  ]);
});

test('scalars are read by value; NaN at an output that was not asked for is told apart', () => {
  const { outputs, scalars, lostElsewhere } = measuredGraph(chain, ['r', 'c'], { lean: true });
  assert.deepEqual(outputs.length, 4); // sum y, max r, max c, min c
  const results = (...values: number[]): Feeds =>
    Object.fromEntries(
      outputs.map((name, i) => [name, { type: 'float32', dims: [], data: Float32Array.of(values[i]!) }]),
    );
  assert.deepEqual(scalars(results(0, 5, 3, -2), 0), { min: 0, max: 5, size: undefined, finite: true });
  assert.deepEqual(scalars(results(0, 5, 3, -2), 1), { min: -2, max: 3, size: undefined, finite: true });
  assert.equal(scalars(results(0, Infinity, 3, -2), 0).finite, false);
  assert.equal(scalars(results(0, -Infinity, 3, -2), 0).finite, true); // an empty value
  assert.deepEqual([lostElsewhere(results(0, 1, 1, 1)), lostElsewhere(results(NaN, 1, 1, 1))], [false, true]);
});
