import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { silentTask } from '../../../../daemon/base/task';
import { setScriptFolder } from '../../../../daemon/host/scripts';
import { reachedBy, rooflineOf } from '../../../../daemon/runtime/profile/profileRoofline';
import { measureRoofs, raiseRoofs } from '../../../../daemon/runtime/profile/profileRoofs';
import { childProcesses } from '../../../support/childProcesses';
import { distFolder, temporaryFolder } from '../../../support/paths';

setScriptFolder(distFolder);
const folder = temporaryFolder();

const roofs = {
  compute: [
    { name: 'float' as const, gops: 100 },
    { name: 'integer' as const, gops: 400 },
  ],
  bandwidth: [
    { name: 'cache' as const, gbPerS: 50 },
    { name: 'memory' as const, gbPerS: 20 },
  ],
};

test('each node below the lower of its roofs', () => {
  const node = (
    operations: number,
    bytes: number,
    meanUs: number,
    arithmetic: 'float' | 'integer' = 'float',
  ) => ({
    meanUs,
    calls: 1,
    bytes,
    work: { operations, arithmetic },
  });
  const { points } = rooflineOf(
    [
      // 10 operations a byte, 80 Gop/s of 100.
      node(800_000, 80_000, 10),
      // 0.5 a byte: the bandwidth allows 25 Gop/s.
      node(100_000, 200_000, 10),
      // Integers have a higher roof.
      node(2_000_000, 200_000, 10, 'integer'),
      // Too short, no work known, nothing done.
      node(800, 80, 0.4),
      { ...node(1, 1, 10), work: null },
      node(0, 80, 10),
    ],
    roofs,
  );
  assert.deepEqual(
    points.map(({ node: index, gops, attainableGops, bound }) => [index, gops, attainableGops, bound]),
    [
      [0, 80, 100, 'compute'],
      [1, 10, 25, 'bandwidth'],
      [2, 200, 400, 'compute'],
    ],
  );
});

test('what the nodes reached: calls that are long enough, by arithmetic', () => {
  const node = (operations: number, meanUs: number, calls: number, arithmetic: 'float' | 'integer') => ({
    meanUs,
    calls,
    bytes: 100,
    work: { operations, arithmetic },
  });
  const nodes = [
    node(3_000_000, 20, 1, 'float'),
    node(2_000_000, 20, 1, 'float'),
    // Two calls of five microseconds each.
    node(9_000_000, 10, 2, 'integer'),
    { ...node(1, 50, 1, 'integer'), work: null },
  ];
  assert.deepEqual(reachedBy(nodes), { float: 150, integer: 0 });
});

test('the roofs of this machine are measured once', async () => {
  const measured = await measureRoofs(1, join(folder), silentTask);
  for (const { gops } of measured.compute) assert.ok(gops > 0.1 && gops < 100_000, String(gops));
  for (const { gbPerS } of measured.bandwidth) assert.ok(gbPerS > 0.1 && gbPerS < 10_000, String(gbPerS));
  assert.equal(await measureRoofs(1, join(folder), silentTask), measured);
  // A node went through a roof: it was measured too low.
  const [, integer] = measured.compute;
  const raised = raiseRoofs(1, measured, { float: 1e6, integer: 1e-6 });
  assert.deepEqual(raised.compute, [{ name: 'float', gops: 1e6 }, integer]);
  assert.equal(await measureRoofs(1, join(folder), silentTask), raised);
  assert.deepEqual(childProcesses(), []);
});
