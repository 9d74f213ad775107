// Runs of the command line in the history that the editor shows.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Value } from 'typebox/value';
import { Benchmark } from '../../../daemon/protocol/benchmark';
import { Evaluate } from '../../../daemon/protocol/evaluate';
import { Profile } from '../../../daemon/protocol/profile';
import { RunStore } from '../../../daemon/workspace/runs';
import { writeDenseModel } from '../../support/denseModel';
import { f4, i8, writeNpz } from '../../support/npzWriter';
import { temporaryFolder } from '../../support/paths';
import { cliScript, collect } from '../../support/runCli';

const folder = temporaryFolder();
const state = join(folder, 'state');
const runs = new RunStore({
  folder: join(state, 'runs'),
  client: 'daemon',
  warn: (sentence) => assert.ok(false, sentence),
});

/** In the folder of the model, so that it can be named as people do. */
const run = (stateFolder: string, ...args: string[]) =>
  collect(
    spawn(process.execPath, [cliScript(), ...args], {
      cwd: folder,
      env: { ...process.env, SLIPWAY_STATE: stateFolder },
      stdio: ['ignore', 'pipe', 'pipe'],
    }),
  );

test('what was measured by a command is in the history, as the daemon would keep it', async () => {
  const path = await writeDenseModel(join(folder, 'dense.onnx'), 2, 8);
  writeNpz(join(folder, 'data.npz'), {
    x: f4(
      [4, 8],
      Array.from({ length: 32 }, (_, i) => i / 32),
    ),
    label: i8([4], [0, 1, 2, 3]),
  });
  const quick = ['--max-seconds=0.3', '--json'];
  for (const [args, { params, method }, figure] of [
    [['benchmark', 'dense.onnx', 'dense.onnx', '--min-samples=5', ...quick], Benchmark, 'speed-up'],
    [['profile', 'dense.onnx', '--batch=2', ...quick], Profile, 'run'],
    [['evaluate', 'dense.onnx', '--data=data.npz', '--max-samples=3', '--json'], Evaluate, 'top1'],
  ] as const) {
    const { code, stderr, stdout } = await run(state, ...args);
    assert.equal(code, 0, stderr);
    const [newest] = await runs.list();
    assert.deepEqual(
      [newest?.method, newest?.state, newest?.client, newest?.models[0]?.path],
      [method, 'done', 'cli', path],
    );
    assert.match(newest!.models[0]!.digest ?? '', /^sha256:/);
    assert.ok(
      newest!.figures.some(({ name }) => name === figure),
      JSON.stringify(newest!.figures),
    );
    const record = await runs.get(newest!.id);
    assert.deepEqual([...Value.Errors(params, record.params)], []);
    // The command prints the path as it was given, the history keeps it in full.
    assert.ok(
      !JSON.stringify(record).includes('"dense.onnx"') &&
        (method === Evaluate.method || stdout.includes('"dense.onnx"')),
    );
  }
  if (process.platform !== 'win32') assert.equal(statSync(join(state, 'runs')).mode & 0o77, 0);
});

test('a command that fails is kept with its reason; one that is not to be kept is not', async () => {
  const before = (await runs.list()).length;
  const failing = await run(state, 'evaluate', 'dense.onnx', '--data=absent.npz');
  assert.equal(failing.code, 1);
  const [newest] = await runs.list();
  assert.equal(newest?.state, 'failed');
  assert.ok(failing.stderr.includes(newest.error ?? 'nothing'), newest.error ?? '');
  await run(state, 'evaluate', 'dense.onnx', '--data=data.npz', '--no-history');
  assert.equal((await runs.list()).length, before + 1);
});

test('a history that cannot be written is told once, and the work is done', async () => {
  const args = ['evaluate', 'dense.onnx', '--data=data.npz', '--json'];
  const { code, stderr, stdout } = await run(join(folder, 'data.npz'), ...args);
  assert.equal(code, 0, stderr);
  assert.equal(stderr.match(/The history of jobs could not be written/g)?.length, 1, stderr);
  assert.equal((JSON.parse(stdout) as { samples: number }).samples, 4);
});
