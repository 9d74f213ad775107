// A client in another language, written only from docs/protocol.md (test/support/second_client.py).

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import { ErrorCode } from '../../../daemon/protocol/errors';
import { graphColumns } from '../../../daemon/protocol/graph';
import { startDaemon } from '../../support/daemonProcess';
import { writeDenseModel } from '../../support/denseModel';
import { distFolder, repository, temporaryFolder } from '../../support/paths';
import { pythonWithWebSockets } from '../../support/pythonClient';

interface Seen {
  hello: { protocolVersion: number };
  welcome: { processId: number };
  processId: number;
  ops: Record<string, number>;
  parameters: number;
  columns: string[];
  operators: string[];
  flow: string[][];
  weights: number[];
  tensor: { dtype: string; shape: number[]; values: number[] };
  benchmark: { samples: number; latencyMs: { p50: number; p90: number } }[];
  rows: number;
  stages: string[];
  cancelled: { code: number; name: string; seconds: number } | null;
  errors: { code: number; name: string; message: string }[];
}

test('a client in Python opens a model, draws it, benchmarks it, and cancels', async (t) => {
  const found = pythonWithWebSockets();
  if ('missing' in found) {
    t.diagnostic(`The second client did not run. ${found.missing}`);
    return;
  }
  const folder = temporaryFolder();
  const model = await writeDenseModel(join(folder, 'größer #1.onnx'));
  const state = join(folder, 'state');
  const daemon = await startDaemon(state);
  const command = JSON.stringify([process.execPath, join(distFolder, 'slipway.js'), 'daemon']);
  const child = spawn(
    found.python,
    [join(repository, 'test', 'support', 'second_client.py'), command, model],
    {
      env: { ...process.env, SLIPWAY_STATE: state, NODE_OPTIONS: '' },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let said = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
  await once(child, 'close');
  await daemon.stop();
  assert.equal(child.exitCode, 0, errors);
  const seen = JSON.parse(said) as Seen;

  assert.equal(seen.hello.protocolVersion, 1);
  assert.equal(seen.welcome.processId, daemon.child.pid, 'it found the daemon that was running');
  assert.deepEqual(seen.ops, { MatMul: 2, Relu: 2 });
  assert.equal(seen.parameters, 512);
  assert.deepEqual(seen.columns, [...graphColumns].sort());
  assert.deepEqual(seen.operators, ['MatMul', 'Relu', 'MatMul', 'Relu']);
  assert.deepEqual(seen.flow[1], ['MatMul_0', 'product0', 'Relu_0', 'batch×16 float']);
  assert.deepEqual(seen.weights.slice(0, 2), [1024, 0]);
  assert.deepEqual([seen.tensor.dtype, seen.tensor.shape, seen.tensor.values.length], ['float', [16, 16], 3]);
  assert.ok(seen.tensor.values.every((value) => Math.abs(value) <= 0.5));
  const [measured] = seen.benchmark;
  assert.ok(
    measured &&
      measured.samples > 0 &&
      measured.latencyMs.p50 > 0 &&
      measured.latencyMs.p90 >= measured.latencyMs.p50,
  );
  assert.ok(seen.rows > 0 && seen.stages.length > 0);
  assert.deepEqual(
    [seen.cancelled?.code, seen.cancelled?.name],
    [ErrorCode.requestCancelled, 'requestCancelled'],
  );
  assert.deepEqual(
    seen.errors.map(({ name }) => name),
    ['notFound', 'invalidParams', 'methodNotFound'],
  );
  t.diagnostic(
    `cancelled after ${seen.cancelled?.seconds.toFixed(2) ?? '?'} s, ${seen.rows} rows of progress`,
  );
});
