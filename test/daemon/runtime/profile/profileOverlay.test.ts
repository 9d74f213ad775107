import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ModelProfile } from '../../../../daemon/runtime/profile/profile';
import { compareProfiles } from '../../../../daemon/runtime/profile/profileCompare';
import { profileOverlays } from '../../../../daemon/runtime/profile/profileOverlay';
import type { PlacementNode } from '../../../../daemon/runtime/profile/profileParts';

const node = (name: string, source: string | null, meanUs: number, share: number): PlacementNode => ({
  name,
  op: 'Conv',
  provider: 'CPUExecutionProvider',
  meanUs,
  totalUs: meanUs,
  calls: 1,
  bytes: 100,
  work: null,
  inputs: 2,
  share,
  source,
  scope: '',
});

const profileOf = (nodes: PlacementNode[], roofline: ModelProfile['roofline'] = null): ModelProfile => ({
  model: '/m.onnx',
  device: 'cpu',
  threads: 1,
  batch: 1,
  nodes,
  byOp: [],
  byProvider: [],
  byScope: [],
  fallback: null,
  runs: 4,
  runUs: 40,
  sumUs: 40,
  betweenUs: 0,
  overhead: 0,
  slowdown: 1,
  recordUs: 0,
  callUs: 5,
  flame: [],
  roofline,
  assumed: {},
  warnings: [],
});

test('time, provider and share of the roof by the nodes of the file', () => {
  const roofline = {
    compute: [],
    bandwidth: [],
    points: [
      { node: 0, intensity: 1, gops: 40, attainableGops: 50, bound: 'compute', arithmetic: 'float' } as const,
      {
        node: 1,
        intensity: 1,
        gops: 5,
        attainableGops: 50,
        bound: 'bandwidth',
        arithmetic: 'float',
      } as const,
    ],
  };
  // Two nodes of the run stand for "a"; the third was made by ONNX Runtime and stands for none.
  const nodes = [node('a', 'a', 20, 0.5), node('a_nchwc', 'a', 10, 0.25), node('reorder', null, 10, 0.25)];
  const overlays = profileOverlays(profileOf(nodes, roofline));
  assert.deepEqual(
    overlays.map(({ name, unit, kind, higherIs, entries }) => [name, unit, kind, higherIs, entries]),
    [
      [
        'profile.time',
        'µs',
        'sequential',
        'worse',
        [{ node: 'a', value: 30, text: '30 µs, 75 % of the run, ran as Conv' }],
      ],
      ['profile.provider', '', 'category', undefined, [{ node: 'a', category: 'CPU' }]],
      [
        'profile.efficiency',
        '%',
        'sequential',
        'better',
        [{ node: 'a', value: 10, text: '5.0 of 50.0 Gop/s, bound by bandwidth' }],
      ],
    ],
  );
});

test('the difference to a second profile, around 0', () => {
  const one = profileOf([node('a', 'a', 30, 1)]);
  const other = profileOf([node('a', 'a', 12, 0.6), node('b', 'b', 8, 0.4)]);
  const overlay = profileOverlays(one, compareProfiles(one, other)).at(-1);
  assert.deepEqual(
    [overlay?.name, overlay?.kind, overlay?.entries],
    [
      'profile.difference',
      'diverging',
      [
        { node: 'a', value: 18, text: '30 µs against 12 µs' },
        { node: 'b', value: -8, text: '0.0 µs against 8.0 µs' },
      ],
    ],
  );
});
