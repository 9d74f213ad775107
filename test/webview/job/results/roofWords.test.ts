// The roofline in words: which part of the time is bound by what, and what would help.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ProfileResult } from '../../../../daemon/protocol/profile';
import { roofGroups } from '../../../../webview/job/results/roofWords';
import { profiled } from '../../../support/jobPages';

const profile = profiled.value as ProfileResult;

/** Nodes of the same time: arithmetic, memory, memory, neither. */
function points(arithmetic: 'float' | 'integer') {
  const point = (node: number, gops: number, bound: 'compute' | 'bandwidth') => ({
    node,
    intensity: 1,
    gops,
    attainableGops: 100,
    bound,
    arithmetic,
  });
  return [
    point(0, 90, 'compute'),
    point(1, 60, 'bandwidth'),
    point(2, 50, 'bandwidth'),
    point(3, 5, 'compute'),
  ];
}
const groups = (arithmetic: 'float' | 'integer', threads = 1) =>
  roofGroups({
    threads,
    nodes: profile.nodes.map((node, i) => ({ ...node, share: i < 4 ? 0.25 : 0 })),
    roofline: { ...profile.roofline!, points: points(arithmetic) },
  });

test('the time is told by what bounds it, the largest part first', () => {
  assert.deepEqual(
    groups('float').map(({ bound, share, nodes }) => [bound, share, ...nodes.map(({ node }) => node)]),
    [
      ['memory', 0.5, 1, 2],
      ['arithmetic', 0.25, 0],
      ['neither', 0.25, 3],
    ],
  );
});

test('what would help depends on the numbers, the machine and the threads', () => {
  const arithmetic = (...given: Parameters<typeof groups>) =>
    groups(...given)
      .find(({ bound }) => bound === 'arithmetic')!
      .advice.join(' ');
  assert.match(arithmetic('float'), /integers reach 3\.37 times .* More threads/);
  assert.doesNotMatch(arithmetic('integer'), /Quantize/);
  assert.doesNotMatch(arithmetic('float', 2), /More threads/);
});

test('without a roofline there are no words', () => {
  assert.deepEqual(roofGroups({ roofline: null, nodes: profile.nodes, threads: 1 }), []);
});
