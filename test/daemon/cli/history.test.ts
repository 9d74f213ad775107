// Runs of the command line in the history that the editor shows.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { statSync, writeFileSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { test } from 'node:test';
import { Value } from 'typebox/value';
import { silentTask } from '../../../daemon/base/task';
import { parseCommand } from '../../../daemon/cli/args';
import { clusterCommand } from '../../../daemon/cli/cluster';
import type { Command } from '../../../daemon/cli/command';
import { lowRankCommand } from '../../../daemon/cli/lowRank';
import { optimizeCommand } from '../../../daemon/cli/optimize';
import { pruneCommand } from '../../../daemon/cli/prune';
import { quantizeCommand } from '../../../daemon/cli/quantize';
import { runCommand } from '../../../daemon/cli/run';
import { sensitivityCommand } from '../../../daemon/cli/sensitivity';
import { startLocalRunner } from '../../../daemon/runtime/runner/localRunner';
import { setJobRunner, startRunner } from '../../../daemon/runtime/runner/runnerProcess';
import { Benchmark } from '../../../daemon/protocol/benchmark';
import { Cluster } from '../../../daemon/protocol/cluster';
import { Evaluate } from '../../../daemon/protocol/evaluate';
import { LowRank } from '../../../daemon/protocol/lowRank';
import { Optimize } from '../../../daemon/protocol/optimize';
import { ConvertPrecision } from '../../../daemon/protocol/precision';
import { Profile } from '../../../daemon/protocol/profile';
import { Prune } from '../../../daemon/protocol/prune';
import { PruneSensitivity } from '../../../daemon/protocol/pruneSensitivity';
import { PruneWeights } from '../../../daemon/protocol/pruneWeights';
import { Quantize } from '../../../daemon/protocol/quantize';
import { RunRecipe } from '../../../daemon/protocol/runRecipe';
import type { RunSummary } from '../../../daemon/protocol/runs';
import { Sensitivity } from '../../../daemon/protocol/sensitivity';
import { QuantizeWeights } from '../../../daemon/protocol/weightOnly';
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

const commands: Readonly<Record<string, Command>> = Object.fromEntries(
  [
    quantizeCommand,
    pruneCommand,
    lowRankCommand,
    clusterCommand,
    optimizeCommand,
    sensitivityCommand,
    runCommand,
  ].map((command) => [command.spec.name, command]),
);

/** The same in this process and in the folder of the model, without the start of a process for each. */
async function inProcess([name = '', ...args]: readonly string[]): Promise<void> {
  const command = commands[name]!;
  const before = [process.cwd(), process.env['SLIPWAY_STATE']] as const;
  setJobRunner(() => startLocalRunner());
  process.chdir(folder);
  process.env['SLIPWAY_STATE'] = state;
  try {
    const note = (message: string) => assert.fail(message);
    await command.run(parseCommand(command.spec, args), { task: silentTask, json: true, note });
  } finally {
    setJobRunner(startRunner);
    process.chdir(before[0]);
    if (before[1] === undefined) delete process.env['SLIPWAY_STATE'];
    else process.env['SLIPWAY_STATE'] = before[1];
  }
}

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

test('a command that writes a model is kept with the params that its request would have', async () => {
  await writeDenseModel(join(folder, 'wide.onnx'), 2, 64);
  const x = Array.from({ length: 256 }, (_, i) => (i % 17) / 17);
  writeNpz(join(folder, 'wide.npz'), { x: f4([4, 64], x) });
  writeFileSync(join(folder, 'small.yaml'), 'model: wide.onnx\noutput: r.onnx\nsteps:\n  - cluster: {}\n');
  const data = '--calibration=wide.npz';
  for (const [command, request] of [
    ['quantize wide.onnx -o d.onnx --method=dynamic', Quantize],
    [`quantize wide.onnx -o s.onnx --per-tensor ${data}`, Quantize],
    ['quantize wide.onnx -o h.onnx --method=fp16', ConvertPrecision],
    ['quantize wide.onnx -o w.onnx --method=weight-only --block-size=16', QuantizeWeights],
    [`prune wide.onnx -o p.onnx --ratio=0.2 --cap MatMul_0=0.1 ${data}`, Prune],
    ['prune wide.onnx -o z.onnx --ratio=0.5 --method=magnitude', PruneWeights],
    ['prune wide.onnx -o nm.onnx --method=n:m --pattern=1:2', PruneWeights],
    ['low-rank wide.onnx -o l.onnx --energy=0.9', LowRank],
    ['cluster wide.onnx -o c.onnx --clusters=4', Cluster],
    ['optimize wide.onnx -o o.onnx --bind batch=1 --check-seconds=0.1', Optimize],
    [`sensitivity wide.onnx --samples=2 ${data}`, Sensitivity],
    [`sensitivity wide.onnx --prune=0.5 --samples=2 ${data}`, PruneSensitivity],
    ['run small.yaml', RunRecipe],
  ] as const) {
    await inProcess(command.split(' '));
    const [newest] = await runs.list();
    assert.equal(newest?.method, request.method, command);
    const record = await runs.get(newest.id);
    assert.deepEqual([...Value.Errors(request.params, record.params)], [], command);
    assert.deepEqual([record.state, record.error], ['done', null], command);
    assert.deepEqual([...Value.Errors(request.result, record.result)], [], command);
    const { output } = record.result as { output?: string };
    assert.ok(output === undefined || isAbsolute(output), output);
  }
});

test('slipway history lists, shows, compares and removes', async () => {
  const listed = await run(state, 'history', '--json');
  assert.equal(listed.code, 0, listed.stderr);
  const { runs: all } = JSON.parse(listed.stdout) as { runs: RunSummary[] };
  assert.deepEqual(all, await runs.list({ limit: 20 }));
  const text = (await run(state, 'history', 'dense.onnx', '--job=benchmark')).stdout;
  assert.match(text, /Benchmark of dense\.onnx, dense\.onnx +done +p50 [\d.]+ ms, .* command/);
  assert.doesNotMatch(text, /Evaluation/);
  assert.match((await run(state, 'history', 'other.onnx')).stdout, /Nothing was run on other\.onnx yet/);

  const [scored] = all.filter(({ method }) => method === Evaluate.method);
  const shown = await run(state, 'history', '--show', scored!.id.slice(-6));
  assert.match(shown.stdout, /^Evaluation of dense\.onnx\n[^]*State +done[^]*maxSamples 3[^]*top1 +\d/);
  const whole = await run(state, 'history', '--show', scored!.id, '--json');
  assert.deepEqual(JSON.parse(whole.stdout), JSON.parse(JSON.stringify(await runs.get(scored!.id))));

  await run(state, 'evaluate', 'dense.onnx', '--data=data.npz');
  const [newest] = await runs.list();
  const compared = await run(
    state,
    'history',
    '--compare',
    `${newest!.id.slice(-6)},${scored!.id.slice(-6)}`,
  );
  assert.match(
    compared.stdout,
    /Before +Evaluation[^]*After +Evaluation[^]*top1 +[\d.]+ %.*no difference +dense\.onnx/,
  );

  const gone = await run(state, 'history', '--remove', newest!.id.slice(-6), '--json');
  assert.deepEqual(JSON.parse(gone.stdout), { removed: [newest!.id] });
  for (const [args, said] of [
    [['--show=nothing'], /There is no run "nothing"/],
    [['--show=2'], /\d+ runs have "2" in their ids/],
    [['--compare=2'], /--compare takes two ids/],
    [['--job=sing'], /--job is one of benchmark/],
    [['--show=1', '--remove=2'], /three different things/],
  ] as const) {
    const wrong = await run(state, 'history', ...args);
    assert.notEqual(wrong.code, 0);
    assert.match(wrong.stderr, said);
  }
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
