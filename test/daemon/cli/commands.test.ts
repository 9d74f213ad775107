// Every command as a process of its own on a trained model: the JSON's field names are a contract.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createInterface } from 'node:readline';
import { temporaryFolder } from '../../support/paths';
import { collect, runCli, startCli } from '../../support/runCli';
import { trainedModel } from '../../support/trainedModel';

const folder = temporaryFolder();
const model = trainedModel(folder);
const output = join(folder, 'made', 'small.int8.onnx');
mkdirSync(join(folder, 'made'));

/** The kinds of an object's fields, "number" or "array" or "null". */
const kinds = (value: unknown) =>
  Object.fromEntries(
    Object.entries(value as Record<string, unknown>).map(([name, field]) => [
      name,
      Array.isArray(field) ? 'array' : field === null ? 'null' : typeof field,
    ]),
  );

/** Runs with --json and checks that standard output is one document with at least these fields. */
async function document<T>(fields: Record<string, string>, ...args: readonly string[]): Promise<T> {
  const { code, stdout, stderr } = await runCli(...args, '--json');
  assert.equal(code, 0, stderr);
  assert.equal(stderr, '');
  const parsed = JSON.parse(stdout) as T;
  const found = kinds(parsed);
  for (const [name, kind] of Object.entries(fields)) assert.equal(found[name], kind, `${args[0]!}: ${name}`);
  return parsed;
}

const latency = {
  p50: 'number',
  p90: 'number',
  p99: 'number',
  mean: 'number',
  min: 'number',
  stddev: 'number',
};

test('inspect', async () => {
  const inspected = await document<{
    inputs: unknown[];
    opsets: unknown;
    ops: Record<string, number>;
    macs: number;
    assumed: unknown;
  }>(
    {
      file: 'string',
      fileBytes: 'number',
      irVersion: 'number',
      producer: 'string',
      opsets: 'object',
      inputs: 'array',
      outputs: 'array',
      nodes: 'number',
      initializers: 'number',
      parameters: 'number',
      weightBytes: 'number',
      macs: 'number',
      peakActivationBytes: 'number',
      ops: 'object',
      diagnostics: 'array',
    },
    'inspect',
    model.path,
  );
  assert.deepEqual(inspected.inputs, [
    { name: 'image', dtype: 'float', shape: ['batch', 1, model.side, model.side] },
  ]);
  assert.deepEqual(inspected.opsets, { 'ai.onnx': 17 });
  assert.ok(inspected.ops['Conv']! > 3);
  assert.deepEqual(inspected.assumed, { batch: 1 });
  const bound = await document<{ macs: number }>({}, 'inspect', model.path, '--bind', 'batch=3');
  assert.equal(bound.macs, 3 * inspected.macs);
});

test('quantize, benchmark, evaluate: the way of a model', async () => {
  const files = [model.path, model.calibration, model.validation];
  const before = files.map((file) => readFileSync(file));
  const quantized = await document<{
    output: string;
    before: unknown;
    after: { fileBytes: number };
    fusion: { integer: number; ran: unknown[]; left: unknown[] };
    error: unknown;
  }>(
    {
      output: 'string',
      before: 'object',
      after: 'object',
      quantizedNodes: 'number',
      fusion: 'object',
      error: 'object',
      diagnostics: 'array',
    },
    ...['quantize', model.path, '-o', output, '--method', 'static', '--calibration', model.calibration],
    ...['--calibration-cache', `${output}.ranges`],
  );
  assert.equal(quantized.output, output);
  assert.match(readFileSync(`${output}.ranges`, 'utf8'), /"ranges"/u);
  assert.deepEqual(kinds(quantized.before), { fileBytes: 'number' });
  assert.deepEqual(kinds(quantized.after), { fileBytes: 'number' });
  assert.deepEqual(kinds(quantized.fusion), {
    integer: 'number',
    float: 'number',
    ran: 'array',
    left: 'array',
  });
  assert.deepEqual(kinds(quantized.error), {
    cosine: 'number',
    sqnrDb: 'number',
    maxAbs: 'number',
    samples: 'number',
  });
  assert.ok(quantized.fusion.integer > 3);
  assert.equal(quantized.fusion.ran.length, quantized.fusion.integer);
  assert.ok(existsSync(output));

  const measured = await document<{
    results: { latencyMs: unknown; model: string }[];
    ratios: unknown[];
    machine: unknown;
  }>(
    { machine: 'object', results: 'array', ratios: 'array' },
    ...['benchmark', model.path, output, '--max-seconds', '1', '--min-samples', '20', '--batch', '2'],
  );
  assert.equal(measured.results.length, 2);
  for (const row of measured.results) {
    assert.deepEqual(kinds(row.latencyMs), latency);
    const fields = kinds(row);
    for (const name of ['threads', 'batch', 'samples', 'throughput', 'loadMs', 'peakRssBytes'])
      assert.equal(fields[name], 'number', name);
  }
  assert.deepEqual(measured.ratios.map(kinds), [
    {
      model: 'string',
      against: 'string',
      p50Ratio: 'number',
      low: 'number',
      high: 'number',
      device: 'string',
      threads: 'number',
      batch: 'number',
    },
  ]);

  const scored = await document<{ value: number; samples: number; metric: string }>(
    { metric: 'string', value: 'number', low: 'number', high: 'number', samples: 'number' },
    ...['evaluate', output, '--data', model.validation, '--metric', 'top1'],
  );
  assert.deepEqual([scored.metric, scored.samples], ['top1', model.samples]);
  assert.ok(scored.value > 0.85);
  const agreed = await document<{ metric: string; samples: number }>(
    {},
    ...['evaluate', output, '--data', model.validation, '--metric', 'agreement', '--reference', model.path],
    ...['--max-samples', '100'],
  );
  assert.deepEqual([agreed.metric, agreed.samples], ['agreement', 100]);
  assert.deepEqual(
    files.map((file) => readFileSync(file)),
    before,
  );
});

test('compress', async () => {
  const result = await document<{
    baseline: unknown;
    candidates: { recipe: string; file: string; onPareto: boolean; metric: unknown; latencyMs: unknown }[];
    chosen: string;
  }>(
    {
      baseline: 'object',
      candidates: 'array',
      chosen: 'string',
      machine: 'object',
      calibration: 'string',
      validation: 'string',
    },
    ...['compress', model.path, '-o', join(folder, 'made'), '--max-seconds', '1'],
  );
  assert.deepEqual(
    result.candidates.map(({ recipe }) => recipe),
    ['int8 static', 'int8 dynamic'],
  );
  for (const one of [result.baseline, ...result.candidates] as typeof result.candidates) {
    assert.deepEqual(kinds(one.latencyMs), latency);
    assert.deepEqual(kinds(one.metric), {
      metric: 'string',
      value: 'number',
      low: 'number',
      high: 'number',
      samples: 'number',
    });
    assert.equal(typeof one.onPareto, 'boolean');
  }
});

test('people get tables', async () => {
  const inspected = await runCli('inspect', model.path);
  assert.equal(inspected.code, 0, inspected.stderr);
  assert.match(inspected.stdout, /Parameters {2,}[\d,]+ in \d+ initializers, [\d.]+ [kM]B/);
  const measured = await runCli('benchmark', model.path, '--max-seconds', '0.5', '--min-samples', '5');
  assert.match(measured.stdout, /Model +p50 +p90 +p99 .*Throughput/);
  assert.equal(measured.stderr, '');
});

test('a gate that does not hold ends with 1 and says so, the result all the same', async () => {
  const gate = ['--min-ratio', '1000', '--max-seconds', '0.3', '--json'];
  const missed = await runCli('benchmark', model.path, model.path, ...gate);
  assert.equal(missed.code, 1);
  assert.match(missed.stderr, /at least 1000 was asked for/);
  assert.equal((JSON.parse(missed.stdout) as { results: unknown[] }).results.length, 2);
  const held = await runCli('evaluate', model.path, '--data', model.validation, '--min', '0.9', '--json');
  assert.equal(held.code, 0, held.stderr);
});

test('serve answers over HTTP and ends on SIGTERM', async () => {
  const child = startCli('serve', '--model', `m=${model.path}`, '--port', '0', '--threads', '1', '--json');
  const ended = collect(child);
  const line = await new Promise<string>((resolve) =>
    createInterface({ input: child.stdout! }).once('line', resolve),
  );
  const { url } = JSON.parse(line) as { url: string };
  const response = await fetch(`${url.replace(/\/$/, '')}/v2/models/m`, { headers: { connection: 'close' } });
  assert.equal(response.status, 200);
  assert.equal(((await response.json()) as { name: string }).name, 'm');
  const busy = await runCli('serve', model.path, '--port', new URL(url).port);
  assert.equal(busy.code, 1);
  assert.match(busy.stderr, /in use/);
  child.kill('SIGTERM');
  assert.equal((await ended).code, 0);
  await assert.rejects(fetch(url));
});

test('daemon says where it listens and ends on SIGTERM', async () => {
  const state = join(folder, 'state');
  const child = startCli('daemon', '--state-folder', state, '--idle-minutes', '1');
  const ended = collect(child);
  const line = await new Promise<string>((resolve) =>
    createInterface({ input: child.stdout! }).once('line', resolve),
  );
  const said = JSON.parse(line) as { listening: string; file: string; existing: boolean };
  assert.match(said.listening, /^ws:\/\/127\.0\.0\.1:\d+$/);
  assert.ok(existsSync(said.file));
  child.kill('SIGTERM');
  assert.equal((await ended).code, 0);
  assert.equal(existsSync(said.file), false);
});

test('help, version, and nothing at all', async () => {
  const help = await runCli('help');
  assert.equal(help.code, 0);
  const commands = ['inspect', 'quantize', 'benchmark', 'evaluate', 'compress', 'serve', 'daemon'];
  for (const name of commands) {
    assert.ok(help.stdout.includes(`  ${name} `), name);
    const own = await runCli(name, '--help');
    assert.equal(own.code, 0);
    assert.match(own.stdout, new RegExp(`Usage: slipway ${name}`));
    assert.match(own.stdout, new RegExp(`Examples?:\\n {2}slipway ${name}`));
  }
  assert.match((await runCli('--version')).stdout, /^\d+\.\d+\.\d+\n$/);
  const nothing = await runCli();
  assert.deepEqual([nothing.code, nothing.stdout], [2, '']);
});

test('Ctrl-C ends the work with one word', async () => {
  const child = startCli(
    'benchmark',
    model.path,
    '--max-seconds',
    '60',
    '--min-samples',
    '100000000',
    '--json',
  );
  const ended = collect(child);
  await new Promise((resolve) => setTimeout(resolve, 1500));
  child.kill('SIGINT');
  const { code, stdout, stderr } = await ended;
  assert.deepEqual([code, stderr], [1, 'Cancelled.\n']);
  assert.deepEqual(JSON.parse(stdout), { error: { kind: 'cancelled', message: 'Cancelled.' } });
});

test('a reader that has enough is no error', async () => {
  const child = startCli('inspect', model.path, '--json');
  child.stdout!.destroy();
  const { stderr } = await collect(child);
  assert.equal(stderr, '');
});
