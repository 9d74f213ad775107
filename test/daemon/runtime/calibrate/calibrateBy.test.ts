// Calibrators on a model whose values are known: what each makes of an outlier, in parts by a budget of bytes.

import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { SlipwayError } from '../../../../daemon/base/errors';
import { silentTask } from '../../../../daemon/base/task';
import { setScriptFolder } from '../../../../daemon/host/scripts';
import { node } from '../../../../daemon/ir/builder';
import { calibrateBy, type Calibrator } from '../../../../daemon/runtime/calibrate/calibrateBy';
import { collectHistograms } from '../../../../daemon/runtime/calibrate/calibrateHistograms';
import type { Feeds } from '../../../../daemon/runtime/runner/session';
import { distFolder } from '../../../support/paths';
import { numbers, oneToOne } from '../../passes/modelHarness';

setScriptFolder(distFolder);
// Others use the common folder at the same time.
const own = mkdtempSync(join(tmpdir(), 'slipway-test-calibrate-'));
process.env['TMPDIR'] = own;
after(() => rmSync(own, { recursive: true, force: true }));
const chain = oneToOne(
  [node('Relu', ['x'], ['r'], { name: 'relu' }), node('Neg', ['r'], ['y'], { name: 'neg' })],
  [],
  ['n', 100],
);
/** Forty batches of numbers in ±1, one of them with a 50 in it. */
async function* batches(): AsyncGenerator<Feeds> {
  for (let i = 0; i < 40; i += 1) {
    await Promise.resolve();
    const data = numbers(1000, i + 1);
    if (i === 20) data[5] = 50;
    yield { x: { type: 'float32', dims: [10, 100], data } };
  }
}
const ranges = async (calibrator: Calibrator, more: { percentile?: number; momentum?: number } = {}) =>
  (await calibrateBy(chain, ['x', 'r', 'y'], batches, { calibrator, ...more }, silentTask)).ranges;

test('minmax keeps an outlier, the others give it up, and a ReLU stays one-sided', async () => {
  assert.deepEqual((await ranges('minmax')).get('r'), { min: 0, max: 50 });
  const average = (await ranges('moving-average', { momentum: 0.05 })).get('r')!;
  assert.ok(average.min === 0 && average.max > 1 && average.max < 4, `${average.max}`);
  for (const calibrator of ['percentile', 'entropy', 'mse'] as const) {
    const found = await ranges(calibrator, calibrator === 'percentile' ? { percentile: 99.9 } : {});
    assert.equal(found.get('r')!.min, 0);
    // One value of 50 among 20,000 costs more squared error to cut than to keep: mse keeps it.
    const most = calibrator === 'mse' ? 50 : 40;
    assert.ok(
      found.get('r')!.max <= most && found.get('r')!.max >= 0.9,
      `${calibrator} ${found.get('r')!.max}`,
    );
    assert.ok(found.get('x')!.min <= -0.9 && found.get('y')!.max === 0, calibrator);
  }
});

test('histograms are the same whatever the budget, and nothing is left behind', async () => {
  const count = (budgetBytes: number) =>
    collectHistograms(chain, ['x', 'r', 'y'], batches, { budgetBytes }, silentTask);
  const [together, apart] = [await count(1e9), await count(1)];
  assert.deepEqual(together, apart);
  const total = (name: string) => {
    const { counts, zeros } = together.histograms.get(name)!;
    return counts.reduce((sum, each) => sum + each, zeros);
  };
  assert.deepEqual(['x', 'r', 'y'].map(total), [40_000, 40_000, 40_000]);
  assert.deepEqual([together.ranges.get('r'), together.batches], [{ min: 0, max: 50 }, 40]);
  assert.deepEqual(
    readdirSync(tmpdir()).filter((name) => name.startsWith('slipway-calibrate-')),
    [],
  );
});

test('outputs of the first samples are kept by every calibrator, in one pass or in several', async () => {
  const sized = { of: batches, largest: 10, fixed: 10 };
  const kept = async (calibrator: Calibrator, budgetBytes?: number) => {
    const options = { calibrator, keepOutputs: 15, ...(budgetBytes === undefined ? {} : { budgetBytes }) };
    return (await calibrateBy(chain, ['x', 'r'], sized, options, silentTask)).kept;
  };
  const byRange = await kept('minmax');
  assert.deepEqual([byRange?.batchSize, byRange?.batches.length], [10, 2]);
  assert.deepEqual(Object.keys(byRange!.batches[0]!), ['y']);
  assert.deepEqual(await kept('percentile'), byRange);
  assert.deepEqual(await kept('mse', 1), byRange);
});

test('values that are not finite are named; no data is told', async () => {
  async function* broken(): AsyncGenerator<Feeds> {
    await Promise.resolve();
    yield { x: { type: 'float32', dims: [1, 100], data: new Float32Array(100).fill(Infinity) } };
  }
  const by = { calibrator: 'mse' } as const;
  const found = await calibrateBy(chain, ['x', 'r'], broken, by, silentTask);
  assert.deepEqual([...found.ranges.keys()], []);
  assert.deepEqual(
    found.diagnostics.map(({ where }) => where?.value),
    ['x', 'r'],
  );
  async function* nothing(): AsyncGenerator<Feeds> {}
  await assert.rejects(calibrateBy(chain, ['x'], nothing, by, silentTask), /calibration set is empty/);
});

test('settings out of their limits are told', async () => {
  const refuses = (settings: { percentile?: number; momentum?: number }, pattern: RegExp) =>
    assert.rejects(
      ranges('percentile', settings),
      (error) => error instanceof SlipwayError && error.kind === 'badRequest' && pattern.test(error.message),
    );
  await refuses({ percentile: 20 }, /percentile.*20/u);
  await refuses({ momentum: 0 }, /newest batch.*0/u);
});
