import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { startScriptFile } from '../../../daemon/host/processes';
import { distFolder, temporaryFolder } from '../../support/paths';
import { endlessModel, writeSmall } from '../../support/smallModels';
import { isAlive, waitUntil } from '../../support/waiting';

const folder = temporaryFolder();

function script(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

test('a script gets arguments and environment, and its end and last words are told', async () => {
  const path = script(
    'speaks.js',
    'console.log(process.argv[2], process.env.COLOUR); console.error("bye"); process.exitCode = 3;',
  );
  let output = '';
  const running = startScriptFile(path, {
    args: ['hello'],
    env: { COLOUR: 'green' },
    onOutput: (text) => (output += text),
  });
  assert.deepEqual(await running.exited, { code: 3, signal: null });
  assert.equal(output.trim(), 'hello green');
  assert.equal(running.errorTail().trim(), 'bye');
});

test('ONNX Runtime is told in every process of ours to report nothing', async () => {
  let output = '';
  const path = script('env.js', 'console.log(process.env.ORT_DISABLE_TELEMETRY);');
  await startScriptFile(path, { onOutput: (text) => (output += text), env: { ORT_DISABLE_TELEMETRY: '0' } })
    .exited;
  assert.equal(output.trim(), '1');
});

test('only the last 64 KB of standard error are kept', async () => {
  const path = script('chatty.js', 'process.stderr.write("a".repeat(100000) + "end");');
  const running = startScriptFile(path);
  await running.exited;
  assert.equal(running.errorTail().length, 64 * 1024);
  assert.ok(running.errorTail().endsWith('end'));
});

test('messages keep typed arrays and bigints', async () => {
  const path = script(
    'echo.js',
    'process.on("message", (m) => process.send(m)); process.on("disconnect", () => process.exit(0));',
  );
  const running = startScriptFile(path, { messages: true });
  const message = { big: 2n ** 60n, longs: BigInt64Array.of(-1n, 5n), floats: Float32Array.of(0.5) };
  running.child.send(message);
  const reply = await new Promise((resolve) => running.child.once('message', resolve));
  assert.deepEqual(reply, message);
  await running.stop();
});

test('a process that ignores SIGTERM is forced', async () => {
  const path = script(
    'stubborn.js',
    'process.on("SIGTERM", () => {}); setInterval(() => {}, 1000); console.log("ready");',
  );
  let ready = false;
  const running = startScriptFile(path, { onOutput: () => (ready = true) });
  await waitUntil('the script is ready', () => ready);
  assert.deepEqual(await running.stop(100), { code: null, signal: 'SIGKILL' });
  assert.equal(isAlive(running.processId), false);
});

test('a runner ends when its parent is killed, even inside a native call that never returns', async () => {
  const model = await writeSmall(folder, 'endless.onnx', endlessModel());
  const parent = script(
    'parent.js',
    `const { spawn } = require('node:child_process');
    const child = spawn(process.execPath, [${JSON.stringify(join(distFolder, 'runner.js'))}], {
      stdio: ['pipe', 'inherit', 'inherit', 'ipc'], serialization: 'advanced' });
    const tensor = { type: 'float32', dims: [4], data: new Float32Array(4) };
    child.on('message', (reply) => {
      if (reply.error) { console.log(JSON.stringify(reply.error)); return; }
      child.send({ id: 2, call: 'run', params: { session: reply.result.session, feeds: { x: tensor } } });
      setTimeout(() => console.log(child.pid), 300);
    });
    child.send({ id: 1, call: 'load', params: { path: ${JSON.stringify(model)}, options: {} } });`,
  );
  const child = spawn(process.execPath, [parent], { stdio: ['ignore', 'pipe', 'inherit'] });
  const said = await new Promise<string>((resolve) =>
    child.stdout.once('data', (data) => resolve(String(data))),
  );
  const runner = Number(said);
  assert.ok(isAlive(runner), `the runner runs: ${said}`);
  child.kill('SIGKILL');
  await waitUntil('the orphan is gone', () => !isAlive(runner), 5000);
});
