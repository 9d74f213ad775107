// Pruning one group at a time: every group is there, worst first, and the original stays as it is.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { silentTask } from '../../../../daemon/base/task';
import { setScriptFolder } from '../../../../daemon/host/scripts';
import type { GroupSensitivity } from '../../../../daemon/recipes/prune/pruneSensitivity';
import { pruneSensitivity } from '../../../../daemon/recipes/prune/pruneSensitivity';
import { f4, writeNpz } from '../../../support/npzWriter';
import { distFolder, temporaryFolder } from '../../../support/paths';
import { hashes, trainedModel } from '../../../support/trainedModel';

setScriptFolder(distFolder);
const folder = temporaryFolder('slipway-prune-sensitivity-');
const trained = trainedModel(folder);

test('each group alone, the most sensitive first, with rows on the way', async () => {
  const before = hashes(folder);
  const rows: GroupSensitivity[] = [];
  const { calibration, validation } = trained;
  const result = await pruneSensitivity(
    trained.path,
    { ratio: 0.5, calibration, validation, samples: 16 },
    {
      ...silentTask,
      report: ({ row }) => {
        if (row) rows.push(row);
      },
    },
  );
  assert.equal(rows.length, result.units.length);
  assert.ok(result.units.length >= 2 && result.locked.length > 0 && result.samples === 16);
  for (const { from, to, alone, top1 } of result.units) {
    assert.ok(to >= Math.floor(from / 2) && to < from && alone.sqnrDb < 60);
    assert.ok(top1 !== null && top1 <= 1);
  }
  const scores = result.units.map(({ top1 }) => top1!);
  assert.deepEqual(
    scores,
    [...scores].sort((a, b) => a - b),
  );
  assert.ok(result.top1! >= scores[0]! && result.top1! > 0.8);
  assert.deepEqual(hashes(folder), before);
});

test('a smaller share costs less', async () => {
  const worst = async (ratio: number) => {
    const { units } = await pruneSensitivity(trained.path, { ratio, samples: 8 }, silentTask);
    return units[0]!.alone.sqnrDb;
  };
  assert.ok((await worst(0.15)) > (await worst(0.7)));
});

test('a share that is none gets a sentence', async () => {
  for (const ratio of [0, 1, 2])
    await assert.rejects(
      pruneSensitivity(trained.path, { ratio }, silentTask),
      new RegExp(`above 0 and below 1; ${ratio} was given`),
    );
  const { side } = trained;
  const shape = [2, side === 8 ? 1 : 3, side, side];
  const image = f4(shape, new Float32Array(shape.reduce((all, dim) => all * dim)));
  const validation = writeNpz(join(folder, 'unlabelled.npz'), { image });
  await assert.rejects(
    pruneSensitivity(trained.path, { validation }, silentTask),
    /has no labels, so top-1 cannot be measured/,
  );
  await assert.rejects(
    pruneSensitivity(trained.path, { importance: 'energy' }, silentTask),
    /"energy" is measured on data/,
  );
});
