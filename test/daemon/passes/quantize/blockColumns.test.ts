// First layers in blocks of columns: the same outputs, with the kernel that takes channels by the four.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentTask } from '../../../../daemon/base/task';
import { node, type AttributeValue } from '../../../../daemon/ir/builder';
import type { Model } from '../../../../daemon/ir/model';
import { runPass } from '../../../../daemon/passes/pass';
import { blockColumns, planColumns } from '../../../../daemon/passes/quantize/blockColumns';
import { defaultScheme } from '../../../../daemon/passes/quantize/scheme';
import { quantizeStatic } from '../../../../daemon/passes/quantize/static';
import { difference, feedsFor, frozen, oneToOne, optimisedOps, read, run, weight } from '../modelHarness';

const range = { min: -4, max: 4 };
const ranges = new Map(['x', 'a', 'r', 'y'].map((name) => [name, range]));

interface Layer {
  readonly channels: number;
  readonly kernel: number;
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
  readonly outputs?: number;
  readonly size?: number;
  readonly clip?: boolean;
  readonly perChannel?: boolean;
}

/** A first layer, and a pointwise one behind it, in integers. */
async function firstLayer(layer: Layer): Promise<{ made: Model; dims: (number | string)[] }> {
  const {
    channels,
    kernel,
    attributes = {},
    outputs = 8,
    size = 16,
    clip = false,
    perChannel = true,
  } = layer;
  const dims = ['n', channels, size, size];
  const conv = node('Conv', ['x', 'w', 'b'], ['a'], { name: 'first', attributes });
  const last = node('Conv', [clip ? 'r' : 'a', 'v'], ['y'], { name: 'last' });
  const nodes = clip ? [conv, node('Relu', ['a'], ['r']), last] : [conv, last];
  const weights = [
    weight('w', [outputs, channels, kernel, kernel], 1, 0.5),
    weight('b', [outputs], 2),
    weight('v', [8, outputs, 1, 1], 3, 0.5),
  ];
  const scheme = { ...defaultScheme, perChannel };
  const float = oneToOne(nodes, weights, dims);
  const { model } = await runPass(float, quantizeStatic(read, { ranges, scheme }), silentTask);
  return { made: model, dims };
}

const pads = (...all: number[]) => all.map(BigInt);

test('outputs stay, whatever the stride, the padding, the dilation and the clip', async () => {
  const layers: Layer[] = [
    { channels: 3, kernel: 3, attributes: { strides: [2n, 2n], pads: pads(1, 1, 1, 1) } },
    { channels: 3, kernel: 7, attributes: { strides: [2n, 2n], pads: pads(3, 3, 3, 3) }, clip: true },
    { channels: 1, kernel: 3, attributes: { pads: pads(1, 1, 1, 1) }, clip: true },
    { channels: 1, kernel: 5, attributes: { strides: [1n, 2n], pads: pads(2, 1, 2, 2) } },
    { channels: 6, kernel: 3, attributes: { pads: pads(0, 2, 0, 2), dilations: [1n, 2n] } },
    { channels: 3, kernel: 4, attributes: { strides: [4n, 4n] }, outputs: 16 },
    { channels: 3, kernel: 3, attributes: { pads: pads(1, 1, 1, 1) }, perChannel: false },
  ];
  for (const layer of layers) {
    const { made, dims } = await firstLayer(layer);
    const blocked = (await runPass(frozen(made), blockColumns(read), silentTask)).model;
    assert.notEqual(
      blocked,
      made,
      JSON.stringify(layer, (_, value: unknown) => String(value)),
    );
    const feeds = feedsFor(dims);
    const expected = await run(made, feeds);
    assert.ok(difference(expected, await run(blocked, feeds)) < 0.01);
    assert.ok(difference(expected, await run(blocked, feeds, { graphOptimization: 'disabled' })) < 0.01);
    // No value of another shape keeps the name that it has in the float model.
    const values = blocked.graph.nodes.flatMap(({ outputs }) => outputs);
    assert.ok(!values.includes('a') && !values.includes('r'));
    // Everything that moves is fused away but two views and what the output needs anyway.
    assert.match(await optimisedOps(blocked), /2 QLinearConv, QuantizeLinear, 2 Reshape/u);
  }
});

test('what has a direct kernel already, or would grow too much, stays', async () => {
  const layers: Layer[] = [
    { channels: 4, kernel: 3, attributes: { pads: pads(1, 1, 1, 1) } },
    { channels: 3, kernel: 1 },
    { channels: 3, kernel: 3 }, // 14 columns of outputs from 16
    { channels: 3, kernel: 3, attributes: { pads: pads(1, 1, 1, 1) }, size: 15 },
    { channels: 3, kernel: 3, attributes: { auto_pad: 'SAME_UPPER' } },
    { channels: 3, kernel: 3, attributes: { pads: pads(1, 1, 1, 1) }, outputs: 3 },
  ];
  for (const layer of layers) {
    const { made } = await firstLayer(layer);
    assert.equal((await runPass(frozen(made), blockColumns(read), silentTask)).model, made);
  }
});

test('the plan takes the fewest products', () => {
  const columns = { width: 224, outputWidth: 112, kernel: 7, stride: 2, dilation: 1, left: 3, channels: 3 };
  assert.deepEqual(planColumns(columns), { block: 4, outputs: 2, before: 1, after: 1 });
  assert.equal(planColumns({ ...columns, width: 230, outputWidth: 115 }), undefined);
});
