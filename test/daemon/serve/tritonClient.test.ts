// Third-party proof: NVIDIA's own HTTP client talks to our server. Installed by pip into a throw-away
// environment; where that cannot be, one line says what is missing.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { DataType } from '../../../daemon/ir/dataType';
import { repository, temporaryFolder } from '../../support/paths';
import { digitsModel, echoModel, startServer } from './testServer';

const folder = temporaryFolder();
const environment = join(repository, '.cache', 'tritonclient');
const python = join(environment, 'bin', 'python');

function run(program: string, args: readonly string[]): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (text: Buffer) => (output += text.toString()));
    child.stderr.on('data', (text: Buffer) => (output += text.toString()));
    child.once('error', (error) => resolve({ code: 127, output: error.message }));
    child.once('close', (code) => resolve({ code: code ?? 1, output }));
  });
}

/** Makes the environment unless it is there; a sentence when it cannot be had. */
async function install(): Promise<string | undefined> {
  const importable = () => run(python, ['-c', 'import tritonclient.http, numpy']);
  if (existsSync(python) && (await importable()).code === 0) return undefined;
  const made = await run('python3', ['-m', 'venv', '--clear', environment]);
  if (made.code !== 0) return 'python3 with its venv module is missing (apt install python3-venv)';
  const pip = await run(python, ['-m', 'pip', 'install', '--quiet', 'tritonclient[http]', 'numpy']);
  if (pip.code !== 0 || (await importable()).code !== 0) return "pip could not install 'tritonclient[http]'";
  return undefined;
}

test("NVIDIA's tritonclient: health, metadata, inference in JSON and binary, async, errors", async (t) => {
  const missing = await install();
  if (missing !== undefined) {
    t.diagnostic(`Not checked with tritonclient: ${missing}.`);
    return;
  }
  const server = await startServer([
    `digits=${await digitsModel(folder)}`,
    `words=${await echoModel(folder, 'words', DataType.STRING, ['n'])}`,
    `half=${await echoModel(folder, 'half', DataType.FLOAT16, ['n'])}`,
    `long=${await echoModel(folder, 'long', DataType.INT64, ['n'])}`,
  ]);
  const script = join(repository, 'test', 'daemon', 'serve', 'tritonClient.py');
  const { code, output } = await run(python, [script, server.url.replace('http://', '')]);
  assert.equal(code, 0, output);
  t.diagnostic(
    `${output.split('\n').filter((line) => line.startsWith('ok ')).length} checks by tritonclient hold.`,
  );
  assert.equal((await server.stop()).code, 0);
});
