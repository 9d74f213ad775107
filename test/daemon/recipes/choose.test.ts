import assert from 'node:assert/strict';
import { test } from 'node:test';
import { onPareto } from '../../../daemon/cli/compress';
import { choose } from '../../../daemon/recipes/choose';
import type { Variant } from '../../../daemon/recipes/compress';

const evaluation = (metric: 'top1' | 'agreement', value: number) => ({
  metric,
  value,
  low: value,
  high: value,
  samples: 100,
});

interface Row {
  file: string;
  bytes?: number;
  p50?: number;
  top1?: number;
  agreement?: number;
  failed?: string;
}
const variant = ({ file, bytes = 100, p50, top1, agreement, failed }: Row): Variant => ({
  recipe: file,
  file,
  fileBytes: bytes,
  measurement:
    p50 === undefined
      ? null
      : {
          model: file,
          device: 'cpu',
          threads: 1,
          batch: 1,
          samples: 10,
          latencyMs: { p50, p90: p50, p99: p50, mean: p50, min: p50, stddev: 0 },
          undisturbed: { p50Ms: p50, share: 1 },
          histogram: { fromMs: 0, toMs: 1, counts: [10], beyond: 0 },
          throughput: 1000 / p50,
          loadMs: 1,
          peakRssBytes: 1,
          start: { coldMs: 1, warmMs: null, firstRunMs: 1 },
          energy: null,
          assumed: {},
          placement: null,
        },
  ratio: null,
  top1: top1 === undefined ? null : evaluation('top1', top1),
  agreement: agreement === undefined ? null : evaluation('agreement', agreement),
  fusion: null,
  error: null,
  ...(failed === undefined ? {} : { failed }),
});
const chosen = (rows: readonly Row[], objective: 'latency' | 'size' = 'latency') =>
  choose(rows.map(variant), { maxDrop: 0.01, objective }).file;

const original = { file: 'original', p50: 10, top1: 0.95 };

test('the fastest within the accepted loss, the loss itself included', () => {
  assert.equal(
    chosen([original, { file: 'a', p50: 5, top1: 0.94 }, { file: 'b', p50: 3, top1: 0.9399 }]),
    'a',
  );
});

test('the original when nothing is faster, good enough, or working', () => {
  assert.equal(chosen([original, { file: 'a', p50: 11, top1: 0.96 }]), 'original');
  assert.equal(chosen([original, { file: 'a', p50: 1, top1: 0.5 }]), 'original');
  assert.equal(chosen([original, { file: 'a', p50: 1, top1: 0.95, failed: 'It crashed.' }]), 'original');
  assert.equal(chosen([original, { file: 'a', top1: 0.95 }]), 'original');
});

test('without labels, agreement decides; without data nothing is accepted', () => {
  const plain = { file: 'original', p50: 10 };
  assert.equal(
    chosen([plain, { file: 'a', p50: 2, agreement: 0.989 }, { file: 'b', p50: 5, agreement: 0.99 }]),
    'b',
  );
  assert.equal(chosen([plain, { file: 'a', p50: 2 }]), 'original');
});

test('by size', () => {
  const rows = [
    original,
    { file: 'a', p50: 11, bytes: 30, top1: 0.95 },
    { file: 'b', p50: 1, bytes: 40, top1: 0.95 },
  ];
  assert.equal(chosen(rows, 'size'), 'a');
});

test('the Pareto front leaves out what another version beats everywhere', () => {
  const rows = [
    original,
    { file: 'fast', p50: 2, bytes: 50, top1: 0.94 },
    { file: 'beaten', p50: 3, bytes: 50, top1: 0.93 },
    { file: 'small', p50: 4, bytes: 10, top1: 0.9 },
    { file: 'broken', p50: 1, bytes: 1, top1: 1, failed: 'No.' },
  ].map(variant);
  assert.deepEqual(
    rows.filter((row) => onPareto(row, rows)).map(({ file }) => file),
    ['original', 'fast', 'small'],
  );
});
