// Cancelled at random moments, no measuring job leaves a process, a port or a temporary file behind.

import assert from 'node:assert/strict';
import { mkdirSync, readdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Task } from '../../../../daemon/base/task';
import { setScriptFolder } from '../../../../daemon/host/scripts';
import { evaluateModel } from '../../../../daemon/evaluate/evaluate';
import { compress } from '../../../../daemon/recipes/compress';
import { benchmarkSweep } from '../../../../daemon/runtime/benchmark/benchmarkSweep';
import { listDevices } from '../../../../daemon/runtime/devices';
import { runLoad } from '../../../../daemon/runtime/load/load';
import { profile } from '../../../../daemon/runtime/profile/profile';
import { seededRandom } from '../../../../daemon/runtime/random';
import { childProcesses, listeningPorts, ownTemporaryFolder } from '../../../support/childProcesses';
import { writeDenseModel } from '../../../support/denseModel';
import { f4, writeNpz } from '../../../support/npzWriter';
import { distFolder, temporaryFolder } from '../../../support/paths';

setScriptFolder(distFolder);
const folder = temporaryFolder();
const leftBehind = ownTemporaryFolder();

const seconds = 5;

test('a port that is listened on is seen', { skip: process.platform !== 'linux' }, async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  assert.deepEqual(listeningPorts(), [port]);
  await new Promise((resolve) => server.close(resolve));
  assert.deepEqual(listeningPorts(), []);
});

test('eighteen random moments of six kinds of jobs', async (context) => {
  const path = await writeDenseModel(join(folder, 'dense.onnx'), 4, 64);
  const made = join(folder, 'made');
  mkdirSync(made);
  const data = join(folder, 'data.npz');
  writeNpz(data, {
    x: f4(
      [2000, 64],
      Array.from({ length: 128_000 }, (_, i) => Math.sin(i)),
    ),
  });
  const jobs: readonly (readonly [string, (task: Task) => Promise<unknown>])[] = [
    [
      'sweep',
      (task) =>
        benchmarkSweep(
          [{ path }, { path }],
          { batchSweep: [1, 2], concurrency: [2], maxSeconds: seconds, minSamples: 1e9 },
          task,
        ),
    ],
    ['profile', (task) => profile(path, path, { maxSeconds: seconds }, task)],
    [
      'load',
      (task) => runLoad(path, { pattern: 'server', boundMs: 5, workers: 2, maxSeconds: seconds }, task),
    ],
    ['devices', (task) => listDevices(task)],
    [
      'evaluation',
      (task) =>
        evaluateModel({ path, data, metric: 'agreement', reference: path, against: path, batch: 1 }, task),
    ],
    [
      'compress',
      (task) =>
        compress(
          path,
          { outputFolder: made, calibration: data, validation: data, maxSeconds: seconds },
          task,
        ),
    ],
  ];
  const random = seededRandom(112);
  for (let moment = 0; moment < 18; moment++) {
    const [name, job] = jobs[moment % jobs.length]!;
    const stop = new AbortController();
    const task = { signal: stop.signal, report: () => undefined };
    const afterMs = Math.round(random() ** 2 * 1500);
    const running = job(task).then(
      () => 'finished',
      (error: unknown) => (error as { kind?: string }).kind,
    );
    setTimeout(() => stop.abort(), afterMs);
    const ended = await running;
    context.diagnostic(`${name} after ${afterMs} ms: ${ended ?? 'unknown'}`);
    // A short job may be done before it is cancelled.
    assert.ok(ended === 'cancelled' || ended === 'finished', `${name} after ${afterMs} ms: ${ended ?? ''}`);
    assert.deepEqual(
      [childProcesses(), listeningPorts(), leftBehind()],
      [[], [], []],
      `${name} after ${afterMs} ms`,
    );
    // Finished versions are kept; parts of one are hidden siblings.
    assert.ok(
      readdirSync(made).every((file) => /^dense\.int8(-dynamic)?( \d+)?.*\.onnx$/.test(file)),
      `${name} after ${afterMs} ms: ${readdirSync(made).join(', ')}`,
    );
  }
});
