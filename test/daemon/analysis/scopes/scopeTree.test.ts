import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scopeTree } from '../../../../daemon/analysis/scopes/scopeTree';
import { inOneGo } from '../../../../daemon/base/task';
import { node } from '../../../../daemon/ir/builder';

/** What each group holds, as "name: first–last (count)". */
function groups(constants: number, operators: number): string[] {
  const nodes = [
    ...Array.from({ length: constants }, (_, i) => node('Constant', [], [`c${i}`])),
    ...Array.from({ length: operators }, (_, i) =>
      node(`Op${i}`, [`v${i}`, `c${i % Math.max(1, constants)}`], [`v${i + 1}`]),
    ),
  ];
  const source: number[] = [];
  const target: number[] = [];
  for (let i = 0; i < operators; i++) {
    if (constants > 0) source.push(i % constants);
    if (constants > 0) target.push(constants + i);
    if (i > 0) source.push(constants + i - 1);
    if (i > 0) target.push(constants + i);
  }
  const unnamed = new Array<string>(nodes.length).fill('');
  const tree = inOneGo(scopeTree(nodes, unnamed, () => false, source, target));
  return Array.from(tree.name, (name, g) => {
    const own = nodes.flatMap(({ opType }, n) => (tree.of[n] === g && opType !== 'Constant' ? [n] : []));
    const folded = nodes.filter(({ opType }, n) => tree.of[n] === g && opType === 'Constant').length;
    return `${name}: ${own[0]! - constants}–${own.at(-1)! - constants}, ${folded} constants`;
  });
}

test('a graph without names is cut into parts of what is drawn, and constants go with their readers', () => {
  assert.deepEqual(groups(0, 600), [
    'part 1: 0–199, 0 constants',
    'part 2: 200–399, 0 constants',
    'part 3: 400–599, 0 constants',
  ]);
  assert.deepEqual(groups(500, 600), [
    'part 1: 0–199, 200 constants',
    'part 2: 200–399, 200 constants',
    'part 3: 400–599, 100 constants',
  ]);
  assert.deepEqual(groups(900, 200), [], 'constants alone are not too many to look at');
});
