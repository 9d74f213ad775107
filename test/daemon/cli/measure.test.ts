// slipway devices, profile, and the parts of benchmark beyond one setting: their JSON is a contract.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { graph, model, node, valueInfo } from '../../../daemon/ir/builder';
import { DataType } from '../../../daemon/ir/dataType';
import { writeDenseModel } from '../../support/denseModel';
import { f4, i8, writeNpz } from '../../support/npzWriter';
import { temporaryFolder } from '../../support/paths';
import { cliScript, collect, runCli } from '../../support/runCli';
import { squareModel, writeSmall } from '../../support/smallModels';

const folder = temporaryFolder();
const modelPath = writeDenseModel(join(folder, 'dense.onnx'), 3, 32);

async function json<T>(...args: readonly string[]): Promise<T> {
  const { code, stdout, stderr } = await runCli(...args, '--json');
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout) as T;
}

const keys = (value: object) => Object.keys(value).sort();

test('devices', async () => {
  const { devices } = await json<{ devices: { name: string; available: boolean }[] }>('devices');
  assert.deepEqual(keys(devices[0]!), [
    'available',
    'detail',
    'install',
    'name',
    'offered',
    'provider',
    'title',
  ]);
  assert.equal(devices.find(({ name }) => name === 'cpu')?.available, true);
  const { code, stdout } = await runCli('devices');
  assert.equal(code, 0);
  assert.match(stdout, /^cpu +CPU +ready$/m);
});

test('profile, alone and against another', async () => {
  const path = await modelPath;
  const found = await json<{ nodes: object[]; against?: object; runUs: number }>(
    'profile',
    path,
    '--max-seconds=0.5',
    '--batch=4',
  );
  assert.deepEqual(keys(found.nodes[0]!), [
    'bytes',
    'calls',
    'inputs',
    'meanUs',
    'name',
    'op',
    'provider',
    'scope',
    'share',
    'source',
    'totalUs',
    'work',
  ]);
  assert.deepEqual(keys(found), [
    'assumed',
    'batch',
    'betweenUs',
    'byOp',
    'byProvider',
    'byScope',
    'callUs',
    'device',
    'fallback',
    'flame',
    'model',
    'nodes',
    'overhead',
    'overlays',
    'recordUs',
    'roofline',
    'runUs',
    'runs',
    'slowdown',
    'sumUs',
    'threads',
    'warnings',
  ]);
  const other = await writeDenseModel(join(folder, 'other.onnx'), 2, 32);
  const trace = join(folder, 'trace.json');
  const { code, stdout, stderr } = await runCli(
    ...['profile', path, '--against', other, '--max-seconds=0.5', '--trace', trace],
  );
  assert.equal(code, 0, stderr);
  assert.match(stdout, /Against other\.onnx/);
  assert.match(stdout, /^MatMul /m);
  assert.match(stdout, /^Roofs: [\d.]+ Gop\/s \(float\), [\d.]+ Gop\/s \(integer\)/m);
  const { traceEvents } = JSON.parse(readFileSync(trace, 'utf8')) as { traceEvents: { name: string }[] };
  assert.ok(traceEvents[0]?.name === 'run' && traceEvents.some(({ name }) => name.includes('MatMul')));
});

test('benchmark over batches, threads, concurrency and a load', async () => {
  const path = await modelPath;
  interface Document {
    results: { batch: number; threads: number; start: object; energy: unknown }[];
    concurrency: { concurrency: number }[];
    load: { pattern: string; rate: number; queries: number }[];
    warnings: string[];
    failures: unknown[];
    environment: object;
  }
  const found = await json<Document>(
    ...['benchmark', path, '--batch=1,2', '--threads=1', '--concurrency=1,2', '--max-seconds=0.3'],
    ...['--load=server', '--rate=200', '--min-samples=5'],
  );
  assert.deepEqual(
    found.results.map(({ batch }) => batch),
    [1, 2],
  );
  assert.deepEqual(
    found.concurrency.map(({ concurrency }) => concurrency),
    [1, 2],
  );
  assert.deepEqual([found.load[0]?.pattern, found.load[0]?.rate], ['server', 200]);
  assert.deepEqual(found.failures, []);
  assert.deepEqual(keys(found.environment), [
    'affinity',
    'at',
    'cpuQuota',
    'energy',
    'governor',
    'kernel',
    'loadAverage',
    'variables',
  ]);
});

test('benchmark with real inputs', async () => {
  const path = await modelPath;
  const data = join(folder, 'data.npz');
  writeNpz(data, { x: f4([2, 32], new Array<number>(64).fill(0.5)) });
  const found = await json<{ results: { batch: number }[] }>(
    ...['benchmark', path, '--data', data, '--batch=2', '--max-seconds=0.3'],
  );
  assert.equal(found.results[0]?.batch, 2);
});

test('a part that fails gives exit code 1 and keeps the rest', async () => {
  const path = await modelPath;
  const { code, stdout, stderr } = await runCli(
    ...['benchmark', path, '--device=cpu,openvino', '--max-seconds=0.3', '--json'],
  );
  const found = JSON.parse(stdout) as { results: unknown[]; failures: { device: string }[] };
  assert.deepEqual([code, found.results.length, found.failures[0]?.device], [1, 1, 'openvino']);
  assert.match(stderr, /has no Intel devices with OpenVINO/);
});

test('evaluation by class: figures of each, and which was taken for which', async () => {
  const path = await writeSmall(folder, 'classes.onnx', squareModel());
  const data = writeNpz(join(folder, 'classes.npz'), {
    x: f4([4, 4], [9, 0, 0, 0, 0, 9, 0, 0, 0, 0, 9, 0, 0, 9, 0, 0]),
    label: i8([4], [0, 1, 2, 3]),
  });
  const { code, stdout, stderr } = await runCli('evaluate', path, '--data', data, '--metric', 'f1');
  assert.equal(code, 0, stderr);
  const table = stdout.slice(stdout.indexOf('True')).trim().split('\n');
  assert.deepEqual(
    table.map((line) => line.split(/ {2,}/)),
    [
      ['True \\ named', '0', '1', '2', '3'],
      ['────────────', '─', '─', '─', '─'],
      ['0', '1', '·', '·', '·'],
      ['1', '·', '1', '·', '·'],
      ['2', '·', '·', '1', '·'],
      ['3', '·', '1', '·', '·'],
    ],
  );
});

test('wrong options', async () => {
  const path = await modelPath;
  const wrong = async (expected: RegExp, ...args: readonly string[]) => {
    const { code, stderr } = await runCli(...args);
    assert.equal(code, 2, args.join(' '));
    assert.match(stderr, expected);
  };
  await wrong(/Did you mean cuda\?/, 'benchmark', path, '--device', 'cudda');
  await wrong(/--batch takes whole numbers from 1/, 'benchmark', path, '--batch', '1,x');
  await wrong(/--load server needs --rate R, or --p99 MS/, 'benchmark', path, '--load', 'server');
  await wrong(/belong to a load/, 'benchmark', path, '--p99', '5');
  await wrong(/--device is one of/, 'profile', path, '--device', 'tpu');
});

test('memory that is limited from outside: said plainly, what was measured is printed', async (context) => {
  if (process.platform !== 'linux') {
    context.diagnostic('only Linux limits the memory of a process with ulimit');
    return;
  }
  const outer = model(
    graph({
      nodes: [
        node('Transpose', ['x'], ['t'], { name: 'transpose' }),
        node('MatMul', ['x', 't'], ['y'], { name: 'outer' }),
      ],
      inputs: [valueInfo('x', DataType.FLOAT, ['batch', 1])],
      outputs: [valueInfo('y', DataType.FLOAT, ['batch', 'batch'])],
    }),
  );
  const path = await writeSmall(folder, 'outer.onnx', outer);
  // Node itself takes about a gigabyte of addresses; the second batch would take 3.6 GB more.
  const script = 'ulimit -v 3500000; exec "$0" "$1" benchmark "$2" --batch 1,30000 --max-seconds 0.3 --json';
  const child = spawn('sh', ['-c', script, process.execPath, cliScript(), path], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const { code, stdout, stderr } = await collect(child);
  const found = JSON.parse(stdout) as {
    results: { batch: number }[];
    failures: { batch: number; message: string }[];
  };
  assert.equal(code, 1, stderr);
  assert.deepEqual(
    found.results.map(({ batch }) => batch),
    [1],
  );
  assert.equal(found.failures[0]?.batch, 30000);
  assert.match(found.failures[0].message, /outer\.onnx.*Memory ran out: use a smaller batch/);
});
