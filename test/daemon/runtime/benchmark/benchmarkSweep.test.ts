import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { silentTask, type Progress, type Task } from '../../../../daemon/base/task';
import { setScriptFolder } from '../../../../daemon/host/scripts';
import { graph, model, node, rawTensor, valueInfo } from '../../../../daemon/ir/builder';
import { DataType } from '../../../../daemon/ir/dataType';
import { inputsFrom } from '../../../../daemon/recipes/benchmarkData';
import { benchmark, type Measurement } from '../../../../daemon/runtime/benchmark/benchmark';
import { benchmarkConcurrency } from '../../../../daemon/runtime/benchmark/benchmarkConcurrency';
import { benchmarkSweep, threadsWithin } from '../../../../daemon/runtime/benchmark/benchmarkSweep';
import { runLoad } from '../../../../daemon/runtime/load/load';
import { profile } from '../../../../daemon/runtime/profile/profile';
import { childProcesses, ownTemporaryFolder } from '../../../support/childProcesses';
import { writeDenseModel } from '../../../support/denseModel';
import { f4, writeNpz } from '../../../support/npzWriter';
import { distFolder, temporaryFolder } from '../../../support/paths';
import { squareModel, writeSmall } from '../../../support/smallModels';

setScriptFolder(distFolder);
const folder = temporaryFolder();
const leftBehind = ownTemporaryFolder();
const bytesOf = (values: BigInt64Array) => new Uint8Array(values.buffer);
const nothingLeft = () => assert.deepEqual([childProcesses(), leftBehind()], [[], []]);

test('batches and threads, throughput over concurrency', async () => {
  const one = await writeSmall(folder, 'square.onnx', squareModel());
  const two = await writeDenseModel(join(folder, 'dense.onnx'));
  const found = await benchmarkSweep(
    [{ path: one }, { path: two }],
    { batchSweep: [1, 4], threadSweep: [1, 2], concurrency: [1, 2], maxSeconds: 0.3, minSamples: 5 },
    silentTask,
  );
  assert.deepEqual(
    found.results.map(({ model: path, threads, batch }) => [path, threads, batch]),
    [1, 2].flatMap((threads) => [1, 4].flatMap((batch) => [one, two].map((path) => [path, threads, batch]))),
  );
  assert.deepEqual(
    found.ratios.map(({ model: path, threads, batch }) => [path, threads, batch]),
    [1, 2].flatMap((threads) => [1, 4].map((batch) => [two, threads, batch])),
  );
  assert.deepEqual(
    found.concurrency.map((row) => [row.model, row.concurrency]),
    [one, two].flatMap((path) => [1, 2].map((level) => [path, level])),
  );
  for (const row of found.concurrency) assert.ok(row.throughput > 0 && row.samples > 0);
  for (const { start } of found.results) assert.ok(start.coldMs > 0 && start.firstRunMs > 0);
  assert.deepEqual(found.failures, []);
  nothingLeft();
});

test('threads within what the machine allows, and where energy is said to come from', async () => {
  assert.deepEqual(
    [1, 2, 3, 8, 12].map((cores) => threadsWithin(cores)),
    [[1], [1, 2], [1, 2, 3], [1, 2, 4, 8], [1, 2, 4, 8, 12]],
  );
  const path = await writeSmall(folder, 'square.onnx', squareModel());
  const found = await benchmarkSweep(
    [{ path }],
    { sweepThreads: true, maxSeconds: 0.3, minSamples: 5 },
    silentTask,
  );
  assert.deepEqual(
    found.results.map(({ threads }) => threads),
    threadsWithin(found.machine.cores),
  );
  assert.match(found.environment.energy, /^Energy (?:is that of the processor packages|was not measured: )/);
  assert.ok(
    found.results.every(({ energy }) => (energy === null) === found.environment.energy.includes('not')),
  );
  nothingLeft();
});

/** x · xᵀ, whose output is as large as the square of the batch. */
const squaringModel = () =>
  model(
    graph({
      nodes: [
        node('Transpose', ['x'], ['t'], { name: 'transpose' }),
        node('MatMul', ['x', 't'], ['y'], { name: 'outer' }),
      ],
      inputs: [valueInfo('x', DataType.FLOAT, ['batch', 1])],
      outputs: [valueInfo('y', DataType.FLOAT, ['batch', 'batch'])],
    }),
  );

test('a batch that memory has no room for: said plainly, and the others are kept', async (context) => {
  const path = await writeSmall(folder, 'outer.onnx', squaringModel());
  // 4 · 4,000,000² bytes: no machine has them.
  const found = await benchmarkSweep(
    [{ path }],
    { batchSweep: [1, 4_000_000], maxSeconds: 0.3, minSamples: 5 },
    silentTask,
  );
  assert.deepEqual(
    found.results.map(({ batch }) => batch),
    [1],
  );
  const [failure] = found.failures;
  context.diagnostic(failure?.message ?? '');
  assert.equal(failure?.batch, 4_000_000);
  assert.match(failure.message, /outer\.onnx.*Memory ran out: use a smaller batch/);
  nothingLeft();
});

test('a runner that the system kills: what was measured is kept', async () => {
  const path = await writeSmall(folder, 'square.onnx', squareModel());
  let rows = 0;
  const task: Task<Measurement> = {
    signal: new AbortController().signal,
    report: (progress: Progress<Measurement>) => {
      if (progress.row && ++rows === 2) for (const pid of childProcesses()) process.kill(pid, 'SIGKILL');
    },
  };
  const found = await benchmark([{ path }], { maxSeconds: 8, minSamples: 1e6 }, task);
  assert.ok((found.results[0]?.samples ?? 0) > 0);
  assert.equal(found.failures[0]?.kind, 'runnerDied');
  assert.match(
    found.failures[0].message,
    /square\.onnx was ended by signal SIGKILL\. The system may have ended it because memory ran out.*What was measured before is kept\./,
  );
  nothingLeft();
});

test('a setting that cannot be is told; when nothing can be, the call fails', async () => {
  const path = await writeSmall(folder, 'square.onnx', squareModel());
  const options = { maxSeconds: 0.3, minSamples: 5 };
  const found = await benchmarkSweep([{ path }], { ...options, devices: ['openvino', 'cpu'] }, silentTask);
  assert.deepEqual([found.results.length, found.failures.length], [1, 1]);
  assert.deepEqual([found.failures[0]?.device, found.failures[0]?.kind], ['openvino', 'unsupported']);
  await assert.rejects(benchmarkSweep([{ path }], { ...options, devices: ['openvino'] }, silentTask), {
    kind: 'unsupported',
  });
});

test('free dimensions that had to be guessed are offered values', async () => {
  const made = model(
    graph({
      nodes: [node('Mul', ['x', 'x'], ['y'], { name: 'square' })],
      inputs: [valueInfo('x', DataType.FLOAT, ['batch', 'seq', 8])],
      outputs: [valueInfo('y', DataType.FLOAT, ['batch', 'seq', 8])],
    }),
  );
  const path = await writeSmall(folder, 'tokens.onnx', made);
  const options = { maxSeconds: 0.3, minSamples: 5 };
  const guessed = await benchmark([{ path }], options, silentTask);
  assert.deepEqual(guessed.results[0]?.assumed, { batch: 1, seq: 1 });
  assert.match(guessed.warnings[0] ?? '', /"seq" of tokens\.onnx is free.*Give a value: --bind seq=128\./);
  const bound = await benchmark([{ path }], { ...options, bind: { seq: 16 } }, silentTask);
  assert.deepEqual(bound.results[0]?.assumed, { batch: 1 });
  assert.ok(!bound.warnings.some((warning) => warning.includes('seq')));
});

test('dimensions of 1 that a model cannot run with: the error offers values', async () => {
  const made = model(
    graph({
      nodes: [node('Reshape', ['x', 'four'], ['y'], { name: 'windows' })],
      inputs: [valueInfo('x', DataType.FLOAT, ['batch', 'seq', 8])],
      outputs: [valueInfo('y', DataType.FLOAT, ['windows', 4, 8])],
      initializers: [rawTensor('four', DataType.INT64, [3], bytesOf(BigInt64Array.of(-1n, 4n, 8n)))],
    }),
  );
  const path = await writeSmall(folder, 'windows.onnx', made);
  const options = { maxSeconds: 0.3, minSamples: 5 };
  const offer = {
    kind: 'runnerFailed',
    message: /windows.*"seq" of windows\.onnx is free.*--bind seq=128\./s,
  };
  await assert.rejects(benchmark([{ path }], options, silentTask), offer);
  await assert.rejects(profile(path, undefined, options, silentTask), offer);
  await assert.rejects(benchmarkConcurrency(path, { levels: [1], ...options }, silentTask), offer);
  const load = { pattern: 'single-stream', maxSeconds: 0.3 } as const;
  await assert.rejects(runLoad(path, load, silentTask), offer);
  const bound = await benchmark([{ path }], { ...options, bind: { seq: 8 } }, silentTask);
  assert.ok((bound.results[0]?.samples ?? 0) > 0);
  nothingLeft();
});

test('requests at once: a process that is killed costs the levels that need it, not the others', async () => {
  const path = await writeSmall(folder, 'square.onnx', squareModel());
  for (const [wanted, from, which] of [
    ['Loading square.onnx for 3 requests at once', 2, 1],
    ['3 requests at once', 1, 2],
  ] as const) {
    let killed = false;
    const task: Task = {
      signal: new AbortController().signal,
      report: ({ stage, done = 0 }) => {
        if (killed || stage !== wanted || done < from) return;
        killed = true;
        process.kill(childProcesses()[which]!, 'SIGKILL');
      },
    };
    const found = await benchmarkConcurrency(path, { levels: [1, 3], maxSeconds: 0.4 }, task);
    assert.deepEqual(
      found.measured.map(({ concurrency }) => concurrency),
      [1],
    );
    assert.ok(found.measured[0]!.samples > 0 && found.measured[0]!.peakRssBytes > 10e6);
    assert.deepEqual(
      found.failures.map(({ level, error }) => [level, error.kind]),
      [[3, 'runnerDied']],
    );
  }
  nothingLeft();
});

test('real data as inputs', async () => {
  const path = await writeSmall(folder, 'square.onnx', squareModel());
  const data = join(folder, 'data.npz');
  writeNpz(data, {
    x: f4(
      [3, 4],
      Array.from({ length: 12 }, (_, i) => i),
    ),
  });
  const options = { maxSeconds: 0.3, minSamples: 5 };
  const found = await benchmark([{ path }], { ...options, batch: 3, inputs: inputsFrom(data) }, silentTask);
  assert.equal(found.results[0]?.batch, 3);
  await assert.rejects(
    benchmark([{ path }], { ...options, batch: 4, inputs: inputsFrom(data) }, silentTask),
    {
      kind: 'badRequest',
      message: /holds 3 samples, and a batch of 4 was asked for/,
    },
  );
  nothingLeft();
});

test('a worker that dies under load costs what would have followed, not the trials before', async () => {
  const path = await writeDenseModel(join(folder, 'dying.onnx'), 4, 512);
  for (const [load, isBegun] of [
    [
      { pattern: 'server', boundMs: 1000 },
      ({ stage, done = 0 }: Progress) => stage.startsWith('Trying') && done >= 2,
    ],
    [{ pattern: 'server', rate: 100, workers: 2 }, ({ stage }: Progress) => stage.includes('by pattern')],
  ] as const) {
    let killed = false;
    const task: Task<Measurement> = {
      signal: new AbortController().signal,
      report(progress) {
        if (killed || !isBegun(progress)) return;
        killed = true;
        process.kill(childProcesses()[0]!, 'SIGKILL');
      },
    };
    const found = await benchmarkSweep([{ path }], { load, maxSeconds: 1, minSamples: 5 }, task);
    const [one] = found.load;
    assert.ok(one && one.queries > 0 && one.latencyMs.p50 > 0);
    assert.equal(one.failure?.kind, 'runnerDied');
    assert.equal(one.trials.length, 'boundMs' in load ? 2 : 0);
    assert.deepEqual(
      found.failures.map(({ kind }) => kind),
      ['runnerDied'],
    );
    assert.match(found.failures[0]!.message, /dying\.onnx.*what was measured before is kept\.$/);
    assert.ok(found.results.length === 1);
  }
  nothingLeft();
});

test('load patterns on a real session', async (context) => {
  const path = await writeDenseModel(join(folder, 'wide.onnx'), 4, 512);
  const stream = await runLoad(path, { pattern: 'single-stream', maxSeconds: 0.5 }, silentTask);
  assert.ok(stream.queries > 10 && stream.latencyMs.p90 >= stream.latencyMs.p50);
  const offline = await runLoad(path, { pattern: 'offline', workers: 2, maxSeconds: 0.5 }, silentTask);
  assert.equal(offline.workers, 2);
  const rate = 0.5 * stream.queriesPerSecond;
  const server = await runLoad(path, { pattern: 'server', rate, maxSeconds: 1.5 }, silentTask);
  context.diagnostic(
    `at ${rate.toFixed(0)}/s: mean wait ${server.waitMs.mean.toFixed(3)} ms, theory ${server.expectedWaitMs?.toFixed(3) ?? '–'} ms, ${(server.utilisation * 100).toFixed(0)} % busy`,
  );
  assert.ok(server.latencyMs.min >= 0 && server.queries >= 200 && server.abandoned === 0);
  const bound = { pattern: 'server', boundMs: 1000, maxSeconds: 2 } as const;
  const found = await runLoad(path, bound, silentTask);
  assert.ok(found.trials.length > 0 && found.rate !== null);
  await assert.rejects(runLoad(path, { pattern: 'server' }, silentTask), { kind: 'badRequest' });
  nothingLeft();
});
