// Words in charts never lie on one another, and a long tail does not squeeze the axis.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { besideMedians, besidePoints } from '../../webview/charts/chartLabels';
import { beyondEdge, clippedEnd } from '../../webview/charts/histogram';
import { int8Static } from '../support/jobs';

test('labels of close medians stand one above the other', () => {
  const [a, b] = besideMedians(
    [
      { at: 100, text: 'p50 1.20 ms' },
      { at: 120, text: 'p50 1.31 ms' },
    ],
    400,
    32,
  );
  assert.notEqual(a!.y, b!.y);
  const far = besideMedians(
    [
      { at: 100, text: 'p50 1 ms' },
      { at: 300, text: 'p50 2 ms' },
    ],
    400,
    32,
  );
  assert.equal(far[0]!.y, far[1]!.y);
});

test('names of points in one spot are spread', () => {
  const points = Array.from({ length: 6 }, (_, i) => ({ x: 200 + i, y: 100, text: `int8 variant ${i}` }));
  const places = besidePoints(points, { left: 0, top: 0, right: 500, bottom: 240 });
  for (const [i, a] of places.entries()) {
    for (const b of places.slice(i + 1)) {
      assert.ok(Math.abs(a.y - b.y) >= 16 || Math.abs(a.x - b.x) >= 14 * 7, JSON.stringify(places));
    }
  }
});

test('a long tail is cut off and counted', () => {
  const base = int8Static.measurement!;
  const measurement = {
    ...base,
    latencyMs: { ...base.latencyMs, p50: 1, p90: 1.2, p99: 9 },
    histogram: { fromMs: 0.8, toMs: 10.8, counts: [80, 10, 0, 2, 3, 0, 0, 0, 0, 5], beyond: 4 },
  };
  assert.equal(clippedEnd(measurement), 3);
  assert.equal(beyondEdge(measurement, 3), 2 + 3 + 1 + 4);
  assert.equal(beyondEdge(measurement, 10.8), 4);
});
