// The comparison as overlays: what differs is painted by kind, on the side that has it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { diffOverlays } from '../../../daemon/analysis/diff/diffOverlay';
import { silentTask } from '../../../daemon/base/task';
import { floatTensor, graph, model, node, valueInfo } from '../../../daemon/ir/builder';
import { DataType } from '../../../daemon/ir/dataType';
import { diff } from '../../../daemon/recipes/diff';

const made = (weight: number, clip: boolean) =>
  model(
    graph({
      nodes: [
        node('MatMul', ['x', 'w'], ['m'], { name: 'product' }),
        node('Softmax', ['m'], ['s'], { name: 'soft', attributes: { axis: clip ? 1n : -1n } }),
        node(clip ? 'Tanh' : 'Relu', ['s'], ['y'], { name: clip ? 'tanh' : 'relu' }),
      ],
      inputs: [valueInfo('x', DataType.FLOAT, [1, 2])],
      outputs: [valueInfo('y', DataType.FLOAT, [1, 2])],
      initializers: [floatTensor('w', [2, 2], [1, 2, 3, weight])],
    }),
  );

test('each node that differs, by the kind of its difference', async () => {
  const { a, b } = diffOverlays(await diff(made(4, false), made(5, true), silentTask));
  const say = (overlays: typeof a) =>
    overlays.flatMap(({ name, entries }) => entries.map((each) => `${name}: ${each.node} ${each.category}`));
  assert.deepEqual(say(a).sort(), [
    'diff: product other weights',
    'diff: relu replaced',
    'diff: soft changed',
  ]);
  assert.deepEqual(say(b).sort(), [
    'diff: product other weights',
    'diff: soft changed',
    'diff: tanh replaced',
  ]);
  const same = diffOverlays(await diff(made(4, false), made(4, false), silentTask));
  assert.deepEqual(same, { a: [], b: [] });
});
