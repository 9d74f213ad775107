// What results say of single nodes.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Check } from 'typebox/value';
import { OverlaySchema } from '../../../daemon/protocol/overlay';
import { resultOverlays } from '../../../daemon/recipes/resultOverlays';
import { pruned, quantized, sensitivity } from '../../support/jobPages';

const summary = (method: string, result: unknown) =>
  resultOverlays(method, result).map((overlay) => {
    assert.ok(Check(OverlaySchema, overlay), JSON.stringify(overlay));
    const first = overlay.entries[0]!;
    return `${overlay.name}: ${overlay.entries.length}, ${first.node} ${first.value ?? first.category}`;
  });

test('sensitivity, widths and fusion become overlays; what says nothing becomes none', () => {
  assert.deepEqual(summary('slipway/sensitivity', sensitivity.value), [
    'sensitivity.alone: 4, /stem/Conv 24',
    'sensitivity.together: 3, /stem/Conv 22',
  ]);
  assert.deepEqual(summary('slipway/prune', pruned.value), [
    'prune.width: 5, /layer1/0/conv1/Conv 62.5',
    'prune.locked: 1, /head/Gemm stays whole',
  ]);
  assert.deepEqual(summary('slipway/quantize', quantized.value), ['quantize.fusion: 2, /head/Gemm in float']);
  assert.deepEqual(summary('slipway/pruneWeights', { layers: [{ name: 'a', elements: 8, zeros: 4 }] }), [
    'prune.zeros: 1, a 50',
  ]);
  assert.deepEqual(summary('slipway/optimize', { output: 'a.onnx' }), []);
  assert.throws(() => resultOverlays('slipway/prune', null), /an object/);
});

test('a layer of no error at all is painted at the top of the scale', () => {
  const exact = { sqnrDb: Infinity, cosine: 1, maxAbs: 0, samples: 1 };
  const [overlay] = resultOverlays('slipway/sensitivity', {
    layers: [{ node: 'a', op: 'Conv', alone: exact, together: null }],
  });
  assert.equal(overlay!.entries[0]!.value, 200);
});

test('overlays that a result brings are taken as they are', () => {
  const own = [{ name: 'profile.time', title: 'Time', unit: 'µs', kind: 'sequential', entries: [] }];
  assert.deepEqual(resultOverlays('slipway/profile', { overlays: own }), own);
});
