// The demo as it is run from a fresh checkout, on the scripts under test.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { test } from 'node:test';
import { distFolder, repository, temporaryFolder } from './support/paths';
import { collect } from './support/runCli';

test('npm run demo prints one table, gets an answer over HTTP, and leaves nothing behind', async () => {
  const temporary = temporaryFolder();
  const child = spawn(
    process.execPath,
    [join(repository, 'scripts', 'demo.mjs'), '--dist', relative(repository, distFolder)],
    { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, TMPDIR: temporary, TEMP: temporary } },
  );
  const { code, stdout, stderr } = await collect(child);
  assert.equal(code, 0, stderr);
  assert.equal(stderr, '');
  assert.match(stdout, /Model +Size +p50 +p90 +p99 +Throughput +Top-1 +p50 ratio/);
  assert.match(
    stdout,
    /resnet\.onnx +2\.81 MB +[\d.]+ ms +[\d.]+ ms +[\d.]+ ms +\d+\/s +9\d\.\d % \(9\d\.\d–9\d\.\d\) +1\n/,
  );
  assert.match(stdout, /resnet\.int8\.onnx .*× \([\d.]+–[\d.]+\)\n/);
  assert.match(stdout, /Answer: output logits, FP32 1 × 62/);
  assert.match(stdout, /It reads "V" .*; the label says "V"\./);
  assert.deepEqual(readdirSync(temporary), []);
});
