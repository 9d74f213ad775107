// The ways to say how much pruning removes: bytes, measured time, and the most that groups may lose.

import assert from 'node:assert/strict';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { SlipwayError } from '../../../../daemon/base/errors';
import { silentTask } from '../../../../daemon/base/task';
import { setScriptFolder } from '../../../../daemon/host/scripts';
import { pruneChannels, type PruneOptions } from '../../../../daemon/recipes/prune/prune';
import { distFolder, repository, temporaryFolder } from '../../../support/paths';

setScriptFolder(distFolder);
const folder = temporaryFolder('slipway-budgets-');
const model = join(repository, 'examples', 'resnet.onnx');

let files = 0;
const prune = (options: Omit<PruneOptions, 'output'>) =>
  pruneChannels(model, { output: join(folder, `out${(files += 1)}.onnx`), ...options }, silentTask);
const isMissed = ({ diagnostics }: Awaited<ReturnType<typeof prune>>) =>
  diagnostics.some(({ id }) => id === 'prune/target-missed');

test('a share of the file, and bytes', async () => {
  for (const targetSize of [0.5, 1_000_000]) {
    const result = await prune({ targetSize, align: 8 });
    const wanted = targetSize < 1 ? targetSize * statSync(model).size : targetSize;
    const { size } = statSync(result.output);
    assert.ok(size <= wanted && size > 0.9 * wanted, `${size} of ${wanted}`);
    assert.ok(!isMissed(result));
  }
});

test('a size that cannot be reached is said', async () => {
  const result = await prune({ targetSize: 20_000, align: 8 });
  assert.ok(isMissed(result));
  assert.ok(result.after.fileBytes > 20_000);
});

test('a size that the file has already removes nothing', async () => {
  const result = await prune({ targetSize: 1e9 });
  assert.deepEqual(
    result.diagnostics.map(({ id }) => id),
    ['prune/already-there'],
  );
  assert.ok(result.groups.every(({ from, to }) => from === to));
});

test('a latency is reached on this machine, or the result says that it was not', async () => {
  const result = await prune({ targetLatency: 0.6 });
  const { latency } = result;
  assert.ok(latency);
  console.log(
    `${latency.beforeMs.toFixed(3)} → ${latency.afterMs.toFixed(3)} ms: ${(1 / latency.ratio).toFixed(3)} of the time, ` +
      `${result.after.macs} of ${result.before.macs} MACs${isMissed(result) ? ', said to be missed' : ''}`,
  );
  // Other tests run beside this one: the figure is wide, but it is never claimed wrongly.
  assert.ok(1 / latency.high <= 0.6 || isMissed(result));
  assert.ok(1 / latency.ratio < 0.9 && result.after.macs! < 0.8 * result.before.macs!);
});

test('a time that the model has already removes nothing', async () => {
  const result = await prune({ targetMs: 10_000 });
  assert.ok(result.groups.every(({ from, to }) => from === to));
  assert.ok(result.diagnostics.some(({ id }) => id === 'prune/already-there'));
});

test('groups lose no more than they may', async () => {
  const free = await prune({ targetMacs: 0.4, align: 4 });
  const [first] = free.groups.filter(({ from, to }) => to < 0.7 * from);
  assert.ok(first);
  const [layer] = first.layers;
  const capped = await prune({ targetMacs: 0.4, align: 4, most: 0.7, caps: { [layer!]: 0.25 } });
  for (const { name, from, to } of capped.groups)
    assert.ok(to >= (name === first.name ? 0.75 : 0.3) * from - 1e-9, `${name}: ${from} → ${to}`);
  const whole = await prune({ ratio: 0.5, caps: { [first.name]: 0 } });
  assert.equal(whole.groups.find(({ name }) => name === first.name)?.to, first.from);
});

const wrong: readonly (readonly [string, Omit<PruneOptions, 'output'>, RegExp])[] = [
  ['two goals', { targetSize: 0.5, targetMs: 1 }, /Give one of these: the ratio/],
  ['no goal', {}, /Give one of these/],
  ['a size of none', { targetSize: 0 }, /above 0 and below 1, or its bytes; 0 was given/],
  ['a latency above one', { targetLatency: 1.5 }, /the time of a run to keep, above 0 and below 1; 1\.5 was/],
  ['a negative time', { targetMs: -1 }, /milliseconds, above 0; -1 was given/],
  ['a largest share of 2', { ratio: 0.3, most: 2 }, /at most 1; 2 was given/],
  ['a cap of 2', { ratio: 0.3, caps: { a: 2 } }, /The cap of "a" is a share, from 0 to 1; 2 was given/],
  ['a cap of nobody', { ratio: 0.3, caps: { nobody: 0.2 } }, /No group of channels is named "nobody"/],
];
for (const [what, options, message] of wrong) {
  test(`${what} gets a sentence`, async () => {
    await assert.rejects(prune(options), (error: unknown) => {
      assert.ok(error instanceof SlipwayError && error.kind === 'badRequest');
      assert.match(error.message, message);
      return !existsSync(join(folder, `out${files}.onnx`));
    });
  });
}
