// Starting: what is said when it works, and the one sentence when it does not.

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { parseModelArgument } from '../../../daemon/serve/modelNames';
import { parseOptions } from '../../../daemon/serve/options';
import { temporaryFolder } from '../../support/paths';
import { call, childrenOf, pairModel, spawnServer, startServer, until } from './testServer';

const folder = temporaryFolder();
let pair: string;
before(async () => (pair = await pairModel(folder)));

describe('start', () => {
  test('one JSON line on standard output, everything else on standard error', async () => {
    const server = await startServer([`first=${pair}`, '--model', pair]);
    const ended = await server.stop();
    const lines = ended.stdout.trim().split('\n');
    assert.equal(lines.length, 1);
    const said = JSON.parse(lines[0]!) as { ready: boolean; url: string; models: string[] };
    assert.equal(said.ready, true);
    assert.match(said.url, /^http:\/\/127\.0\.0\.1:\d+$/);
    assert.deepEqual(said.models, ['pair', 'first']);
    assert.match(ended.stderr, /Model first is loaded/);
  });

  test('IPv6 loopback', async () => {
    const server = await startServer(['--host=::1', pair]);
    assert.match(server.url, /^http:\/\/\[::1\]:\d+$/);
    assert.equal((await call(`${server.url}/v2/health/ready`)).status, 200);
    assert.equal((await server.stop()).code, 0);
  });

  test('a port in use', async () => {
    const other = createServer();
    const port = await new Promise<number>((resolve) =>
      other.listen(0, '127.0.0.1', () => resolve((other.address() as AddressInfo).port)),
    );
    const { ended } = spawnServer([pair, `--port=${port}`]);
    const { code, stdout, stderr } = await ended;
    other.close();
    assert.equal(code, 1);
    assert.equal(stdout, '');
    assert.equal(
      stderr,
      `Port ${port} on 127.0.0.1 is in use. Stop the program that uses it, choose another with --port, or take any free one with --port 0.\n`,
    );
  });

  const truncated = join(folder, 'truncated.onnx');
  const empty = join(folder, 'empty.onnx');
  const text = join(folder, 'text.onnx');
  const refused: [string, string[], RegExp][] = [
    ['a missing file', [join(folder, 'none.onnx')], /none\.onnx: it does not exist\. Check the path\.$/],
    ['a folder', [join(folder, 'sub')], /sub: it is a folder/],
    ['a truncated model', [truncated], /truncated\.onnx cannot be served: ./],
    ['an empty file', [empty], /empty\.onnx cannot be served: The file is empty/],
    ['a text file', [text], /text\.onnx cannot be served: This is not an ONNX model/],
    ['no model', [], /^No model was named/],
    ['two models of one name', ['a=x.onnx', 'a=y.onnx'], /^Two models are named 'a'/],
    ['a bad name', ['a b=x.onnx'], /'a b' is no name to serve a model under/],
    ['a bad port', ['x.onnx', '--port=99999'], /^--port takes a number from 0 to 65535; '99999' was given\.$/],
    ['no number', ['x.onnx', '--workers=two'], /^--workers takes a number from 1 to 256; 'two' was given\.$/],
    ['an unknown option', ['x.onnx', '--prot=1'], /'--prot'.*--help lists the options\.$/],
    ['an address of another machine', ['x.onnx', '--host=203.0.113.1', '--port=0'], /203\.0\.113\.1 is no address of this machine/],
  ]; // prettier-ignore
  for (const [what, args, sentence] of refused) {
    test(`${what}: one sentence and exit 1`, async () => {
      mkdirSync(join(folder, 'sub'), { recursive: true });
      writeFileSync(truncated, readFileSync(pair).subarray(0, 60));
      writeFileSync(empty, '');
      writeFileSync(text, 'Just some words, and no model at all.');
      const { code, stdout, stderr } = await spawnServer(['--port=0', ...args]).ended;
      assert.equal(code, 1, stderr);
      assert.equal(stdout, '');
      assert.match(stderr.trim(), sentence);
      assert.equal(stderr.trim().split('\n').length, 1);
    });
  }

  test('a good model before a broken one leaves no process behind', async () => {
    writeFileSync(empty, '');
    const { child, ended, stderr } = spawnServer(['--port=0', pair, empty]);
    assert.equal((await ended).code, 1);
    assert.match(stderr(), /empty\.onnx cannot be served/);
    await until(() => childrenOf(child.pid ?? 0).length === 0, 'the workers to end');
  });

  test('SIGTERM while models load ends it with exit 0', async () => {
    const { child, ended } = spawnServer(['--port=0', '--workers=4', pair]);
    await until(() => child.pid !== undefined && childrenOf(child.pid).length > 0, 'a worker to start');
    child.kill('SIGTERM');
    assert.equal((await ended).code, 0);
  });

  test('--help lists the options', async () => {
    const { code, stdout } = await spawnServer(['--help']).ended;
    assert.equal(code, 0);
    for (const name of ['--model', '--port', '--drain-seconds', '--allow-origin'])
      assert.ok(stdout.includes(name));
  });
});

describe('options', () => {
  test('a model without a name takes its file’s', () => {
    assert.equal(parseModelArgument('/models/my net=2.ONNX').name, 'my_net_2');
    assert.deepEqual(parseModelArgument('/models/resnet.onnx'), {
      name: 'resnet',
      path: '/models/resnet.onnx',
    });
    assert.deepEqual(parseModelArgument('r=/models/a=b.onnx'), { name: 'r', path: '/models/a=b.onnx' });
  });

  test('threads are the cores divided by the workers, at least one', () => {
    const one = parseOptions(['x.onnx'])!;
    assert.equal(one.workers, 1);
    const many = parseOptions(['x.onnx', '--workers=256'])!;
    assert.equal(many.threads, 1);
    const two = parseOptions(['x.onnx', '--workers=2'])!;
    assert.equal(two.threads, Math.max(1, Math.floor(one.threads / 2)));
  });
});
