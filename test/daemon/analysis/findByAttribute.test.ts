// Nodes by their attributes: names, values, elements of lists, defaults.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findByAttribute } from '../../../daemon/analysis/findByAttribute';
import { graph, model, node } from '../../../daemon/ir/builder';

const built = model(
  graph({
    nodes: [
      node('Conv', ['x', 'w'], ['a'], { attributes: { kernel_shape: [3n, 3n], group: 1n } }),
      node('Conv', ['a', 'w'], ['b'], { attributes: { kernel_shape: [1n, 3n], auto_pad: 'SAME_UPPER' } }),
      node('LeakyRelu', ['b'], ['c'], { attributes: { alpha: 0.1 } }),
      node('Relu', ['c'], ['d']),
      node('Custom', ['d'], ['e'], { domain: 'com.acme', attributes: { Mode: 'a=b' } }),
    ],
  }),
);
const rows = (wanted: string) => findByAttribute(built, undefined, wanted);

test('by name, in any case', async () => {
  assert.deepEqual(await rows('kernel_shape'), [0, 1]);
  assert.deepEqual(await rows('MODE'), [4]);
  assert.deepEqual(await rows('group'), [0]);
  assert.deepEqual(await rows('nothing'), []);
});

test('by value: of a number, an element, a whole list, a text', async () => {
  assert.deepEqual(await rows('kernel_shape=3'), [0, 1]);
  assert.deepEqual(await rows('kernel_shape=3,3'), [0]);
  assert.deepEqual(await rows('kernel_shape=1×3'), [1]);
  assert.deepEqual(await rows('alpha=0.1'), [2]);
  assert.deepEqual(await rows('alpha=1e-1'), [2]);
  assert.deepEqual(await rows('mode=a=b'), [4]);
  assert.deepEqual(await rows('auto_pad=same_upper'), [1]);
  assert.deepEqual(await rows('=3'), [0, 1]);
  assert.deepEqual(await rows('='), []);
});

test('a default of the operator counts where a value is asked for', async () => {
  assert.deepEqual(await rows('group=1'), [0, 1]);
  assert.deepEqual(await rows('auto_pad=NOTSET'), [0]);
  assert.deepEqual(await rows('alpha=0.01'), []);
});

test('a scope that is not there is a bad request', async () => {
  await assert.rejects(findByAttribute(built, 'nowhere', 'group'), /no graph "nowhere"/);
});
