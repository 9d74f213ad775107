// What results say of single nodes.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Check } from 'typebox/value';
import { OverlaySchema } from '../../../daemon/protocol/overlay';
import { resultOverlays } from '../../../daemon/recipes/resultOverlays';
import { pruneCosts, pruned, quantized, sensitivity } from '../../support/jobPages';

const summary = (method: string, result: unknown) =>
  resultOverlays(method, result).map((overlay) => {
    assert.ok(Check(OverlaySchema, overlay), JSON.stringify(overlay));
    const first = overlay.entries[0]!;
    return `${overlay.name}: ${overlay.entries.length}, ${first.node} ${first.value ?? first.category}`;
  });

test('sensitivity, widths and fusion become overlays; what says nothing becomes none', () => {
  assert.deepEqual(summary('slipway/sensitivity', sensitivity.value), [
    'sensitivity.alone: 4, /stem/Conv 6.31',
    'sensitivity.together: 3, /stem/Conv 7.94',
  ]);
  assert.deepEqual(summary('slipway/pruneSensitivity', pruneCosts.value), [
    'prune.sensitivity: 6, /stem/Conv 63.1',
    'prune.locked: 1, /head/Gemm stays whole',
  ]);
  assert.deepEqual(summary('slipway/prune', pruned.value), [
    'prune.width: 5, /layer1/0/conv1/Conv 62.5',
    'prune.locked: 1, /head/Gemm stays whole',
  ]);
  assert.deepEqual(summary('slipway/quantize', quantized.value), ['quantize.fusion: 2, /head/Gemm in float']);
  assert.deepEqual(summary('slipway/pruneWeights', { layers: [{ name: 'a', elements: 8, zeros: 4 }] }), [
    'prune.zeros: 1, a 50',
  ]);
  assert.deepEqual(
    summary('slipway/lowRank', { layers: [{ name: 'a', from: 64, to: 16, energy: 0.99, measured: true }] }),
    ['lowRank.rank: 1, a 25'],
  );
  assert.deepEqual(summary('slipway/optimize', { output: 'a.onnx' }), []);
  assert.throws(() => resultOverlays('slipway/prune', null), /an object/);
});

test('integer nodes are painted with what does their work, weights with what rounding cost', () => {
  const fusion = {
    integer: 1,
    float: 1,
    ran: [{ node: 'c', op: 'Conv', as: 'QLinearConv' }],
    left: [{ node: 'g', op: 'Gemm', why: 'It gives the result.', mend: 'Leave it.' }],
  };
  const layer = {
    weight: 'w',
    k: 4,
    n: 4,
    bits: 4,
    algorithm: 'rtn',
    error: { relative: 0.125, of: 'output' },
  };
  const found = resultOverlays('slipway/quantizeWeights', {
    fusion,
    weightOnly: { layers: [{ ...layer, nodes: ['m', 'n'] }] },
  });
  assert.deepEqual(
    found.map(({ name, entries }) => [name, ...entries.map(({ node, value, category, text }) => [node, value ?? category, text])]),
    [
      ['weights.error', ['m', 12.5, '12.50 % of the output, 4 bits by rtn'], ['n', 12.5, '12.50 % of the output, 4 bits by rtn']],
      ['quantize.fusion', ['c', 'in integers', 'runs as QLinearConv'], ['g', 'in float', 'It gives the result. Leave it.']],
    ],
  ); // prettier-ignore
  for (const overlay of found) assert.ok(Check(OverlaySchema, overlay));
});

test('a layer of no error at all is painted at the end of the scale', () => {
  const exact = { sqnrDb: Infinity, cosine: 1, maxAbs: 0, samples: 1 };
  const [overlay] = resultOverlays('slipway/sensitivity', {
    layers: [{ node: 'a', op: 'Conv', alone: exact, together: null }],
  });
  assert.equal(overlay!.entries[0]!.value, 1e-8);
});

test('overlays that a result brings are taken as they are', () => {
  const own = [{ name: 'profile.time', title: 'Time', unit: 'µs', kind: 'sequential', entries: [] }];
  assert.deepEqual(resultOverlays('slipway/profile', { overlays: own }), own);
});
