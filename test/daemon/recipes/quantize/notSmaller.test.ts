// Why a quantized file is no smaller: what is said of a table that is read in float, and when nothing is.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { floatTensor, graph, model, node } from '../../../../daemon/ir/builder';
import { notSmaller } from '../../../../daemon/recipes/quantize/notSmaller';

const made = model(
  graph({
    nodes: [
      node('Gather', ['table', 'ids'], ['e'], { name: 'lookup' }),
      node('Add', ['e', 'shift'], ['y'], { name: 'sum' }),
    ],
    inputs: [],
    outputs: [],
    initializers: [
      floatTensor('shift', [64], new Float32Array(64)),
      floatTensor('table', [512, 64], new Float32Array(512 * 64)),
    ],
  }),
);

test('the largest weight that stays in float is named with its reader', () => {
  const [note] = notSmaller(made, { before: 148_000, after: 172_000 });
  assert.match(
    note!.message,
    /"table" \(0\.13 MB\) stays in float, as Gather "lookup" reads it\. Weight-only/u,
  );
  assert.deepEqual(note!.where, { node: 'lookup', value: 'table' });
});

test('a smaller file, a tiny one, and one whose floats are few get no note', () => {
  assert.deepEqual(notSmaller(made, { before: 172_000, after: 148_000 }), []);
  assert.deepEqual(notSmaller(made, { before: 1000, after: 1200 }), []);
  assert.deepEqual(notSmaller(made, { before: 2_000_000, after: 2_100_000 }), []);
});
