import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { ErrorCode } from '../../../daemon/protocol/errors';
import { protocolVersion, subprotocol } from '../../../daemon/protocol/handshake';
import { connect, dial, startDaemon, type RunningDaemon } from '../../support/daemonProcess';
import { temporaryFolder } from '../../support/paths';

let daemon: RunningDaemon;
const folder = temporaryFolder();

before(async () => {
  daemon = await startDaemon(folder);
});
after(async () => {
  await daemon.stop();
});

const handshake = (changes: object = {}) => ({
  jsonrpc: '2.0',
  id: 1,
  method: 'slipway/handshake',
  params: { protocolVersion, token: daemon.file.token, client: 'test', ...changes },
});

/** Sends one message after hello; the error it is answered with, once the connection is closed. */
async function turnedAway(first: object | string | Uint8Array) {
  const client = await dial(daemon.file.port);
  if (first instanceof Uint8Array) client.socket.send(first);
  else client.send(first);
  assert.equal(await client.closed, 1008);
  const answer = client.received.at(-1);
  assert.ok(answer?.error, 'an error came before the end');
  return answer.error;
}

test('the daemon says hello first, and works after the handshake', async () => {
  const client = await dial(daemon.file.port);
  assert.deepEqual(client.received[0], {
    jsonrpc: '2.0',
    method: 'slipway/hello',
    params: { protocolVersion, daemonVersion: daemon.file.daemonVersion },
  });
  client.send(handshake());
  assert.deepEqual((await client.answer(1)).result, {
    daemonVersion: daemon.file.daemonVersion,
    processId: daemon.child.pid,
  });
  const { result } = await client.ask('slipway/ping');
  assert.ok((result as { rssBytes: number; peakRssBytes: number }).rssBytes > 1e6);
  assert.ok((result as { peakRssBytes: number }).peakRssBytes > 1e6);
  client.close();
});

test('what is sent right behind the handshake is answered too', async () => {
  const client = await dial(daemon.file.port);
  client.send(handshake());
  client.send({ jsonrpc: '2.0', id: 2, method: 'slipway/deployments', params: {} });
  // Larger than a stranger's first message may be.
  client.send({ jsonrpc: '2.0', id: 3, method: 'slipway/ping', params: { filler: 'x'.repeat(100_000) } });
  assert.deepEqual((await client.answer(2)).result, []);
  assert.ok((await client.answer(3)).result);
  assert.deepEqual(
    client.received.map(({ id, method }) => id ?? method),
    ['slipway/hello', 1, 2, 3],
  );
  client.close();
});

test('strangers are turned away with a reason', async () => {
  const wrongToken = await turnedAway(handshake({ token: 'guess' }));
  assert.equal(wrongToken.code, ErrorCode.wrongToken);
  assert.match(wrongToken.message, /token is wrong/);

  const noHandshake = await turnedAway({ jsonrpc: '2.0', id: 1, method: 'slipway/ping', params: {} });
  assert.equal(noHandshake.code, ErrorCode.notAuthenticated);
  assert.equal(
    (await turnedAway({ jsonrpc: '2.0', method: 'initialized' })).code,
    ErrorCode.notAuthenticated,
  );
  assert.equal((await turnedAway(Uint8Array.of(1, 2, 3))).code, ErrorCode.notAuthenticated);

  const wrongVersion = await turnedAway(handshake({ protocolVersion: 2 }));
  assert.equal(wrongVersion.code, ErrorCode.versionMismatch);
  assert.match(wrongVersion.message, /version 2, the daemon .* version 1/);

  assert.equal((await turnedAway('this is no JSON')).code, ErrorCode.parseError);
  assert.equal((await turnedAway('[]')).code, ErrorCode.invalidRequest);
  assert.equal((await turnedAway(handshake({ token: 7 }))).code, ErrorCode.invalidParams);
});

test('a large message from a stranger is refused before it is complete', async () => {
  const small = await turnedAway(handshake({ client: 'x'.repeat(4500) }));
  assert.equal(small.code, ErrorCode.notAuthenticated);
  const large = await dial(daemon.file.port);
  large.socket.send('x'.repeat(8 << 20), { fin: false });
  const { error } = await large.wait(({ error: said }) => said !== undefined);
  assert.equal(error?.code, ErrorCode.notAuthenticated);
  await large.closed;
});

test('a stranger who says nothing is let go', async () => {
  const client = await dial(daemon.file.port);
  assert.equal(await client.closed, 1008);
  assert.match(client.received.at(-1)?.error?.message ?? '', /No handshake/);
});

test('pages in a browser, other host names and other protocols are refused', async () => {
  const { port } = daemon.file;
  await assert.rejects(dial(port, { headers: { Origin: `http://127.0.0.1:${port}` } }), /403/);
  await assert.rejects(dial(port, { headers: { Origin: 'null' } }), /403/);
  await assert.rejects(dial(port, { headers: { Host: `evil.example:${port}` } }), /403/);
  await assert.rejects(dial(port, { headers: { Host: '127.0.0.1' } }), /403/);
  await assert.rejects(dial(port, {}, []), /400/);
  await assert.rejects(dial(port, {}, ['other.v9']), /400/);
  const byName = await dial(port, { headers: { Host: `localhost:${port}` } });
  byName.close();
  const several = await dial(port, {}, ['slipway.v9', subprotocol]);
  assert.equal(several.socket.protocol, subprotocol);
  several.close();
});

test('plain HTTP, garbage and a cut connection do not disturb it', async () => {
  const { port } = daemon.file;
  assert.equal((await fetch(`http://127.0.0.1:${port}/`)).status, 426);
  const raw = connectTcp(port, '127.0.0.1');
  raw.on('error', () => undefined).resume();
  raw.write(Buffer.from([0, 1, 2, 3, 255, 13, 10, 13, 10]));
  await once(raw, 'close');
  const cut = await dial(port);
  cut.socket.terminate();
  const broken = await connect(daemon);
  // A text frame that promises more than it holds, then nothing.
  (broken.socket as unknown as { _socket: { write(b: Buffer): void; destroy(): void } })._socket.write(
    Buffer.from([0xc1, 0xff]),
  );
  await broken.closed;
  const client = await connect(daemon);
  assert.ok((await client.ask('slipway/ping')).result);
  client.close();
});

test('what is not JSON after the handshake is answered with parseError', async () => {
  const client = await connect(daemon);
  client.send('{"jsonrpc":');
  assert.equal((await client.wait(({ error }) => error !== undefined)).error?.code, ErrorCode.parseError);
  client.socket.send(Uint8Array.of(1, 2));
  await client.wait(({ error }) => error?.code === ErrorCode.invalidRequest);
  assert.ok((await client.ask('slipway/ping')).result);
  client.close();
});

/** The daemon frees a place a moment after the client has seen the end of a connection. */
async function patiently<T>(open: () => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await open();
    } catch (error) {
      if (attempt === 50 || !String(error).includes('503')) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

test('the sixty-fifth connection has to wait', async () => {
  const clients = await Promise.all(
    Array.from({ length: 64 }, () => patiently(() => dial(daemon.file.port))),
  );
  await assert.rejects(dial(daemon.file.port), /503/);
  await Promise.all(
    clients.map((client) => {
      client.close();
      return client.closed;
    }),
  );
});

test('several clients share one daemon; a second start finds the first', async () => {
  const [one, two] = await Promise.all([patiently(() => connect(daemon)), patiently(() => connect(daemon))]);
  const pings = await Promise.all([one.ask('slipway/ping'), two.ask('slipway/ping')]);
  assert.ok(pings.every(({ result }) => result));
  one.close();
  await one.closed;
  assert.ok((await two.ask('slipway/ping')).result);
  const second = await startDaemon(folder);
  assert.deepEqual(second.said, { ...daemon.said, existing: true });
  if (second.child.exitCode === null) await once(second.child, 'close');
  assert.equal(second.child.exitCode, 0);
  two.close();
});

test('the daemon file and its folder belong to their owner alone, and the log holds no token', () => {
  const file = join(folder, 'daemon.json');
  if (process.platform !== 'win32') assert.equal(statSync(file).mode & 0o777, 0o600);
  const { protocolVersion: version, port, processId, token } = daemon.file;
  assert.equal(version, protocolVersion);
  assert.equal(processId, daemon.child.pid);
  assert.ok(token.length >= 40);
  assert.equal(daemon.said.listening, `ws://127.0.0.1:${port}`);
  const log = readFileSync(join(folder, 'daemon.log'), 'utf8');
  assert.match(log, /listens on 127\.0\.0\.1/);
  assert.ok(!log.includes(token));
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.endsWith('.tmp') || name.endsWith('.stale')),
    [],
  );
});

test('a stale or senseless daemon file is replaced, and removed at the end', async () => {
  const state = join(temporaryFolder(), 'new', 'state');
  mkdirSync(state, { recursive: true });
  for (const content of [
    '{not json',
    '{"protocolVersion":1,"daemonVersion":"0.1.0","port":9,"token":"x","processId":1}',
  ]) {
    writeFileSync(join(state, 'daemon.json'), content);
    const fresh = await startDaemon(state);
    assert.equal(fresh.said.existing, false);
    const client = await connect(fresh);
    assert.equal(await fresh.stop(), 0);
    assert.equal(await client.closed, 1001);
    assert.ok(!readdirSync(state).includes('daemon.json'));
  }
});

test('of several starts at one moment one daemon remains', async () => {
  const state = temporaryFolder();
  const started = await Promise.all([1, 2, 3].map(() => startDaemon(state)));
  const ports = new Set(started.map(({ said }) => said.listening));
  assert.equal(ports.size, 1);
  assert.equal(started.filter(({ said }) => !said.existing).length, 1);
  await Promise.all(started.map((one) => (one.said.existing ? Promise.resolve(0) : one.stop())));
});

test('after SIGKILL the next start takes over', async () => {
  const state = temporaryFolder();
  const first = await startDaemon(state);
  await first.stop('SIGKILL');
  const second = await startDaemon(state);
  assert.equal(second.said.existing, false);
  assert.notEqual(second.file.token, first.file.token);
  await second.stop();
});

test('it ends when idle, not while somebody is connected', async () => {
  const state = temporaryFolder();
  const short = await startDaemon(state, ['--idle-minutes', '0.01']);
  const client = await connect(short);
  const ended = once(short.child, 'close');
  await sleep(1500);
  assert.ok((await client.ask('slipway/ping')).result);
  client.close();
  await ended;
  assert.equal(short.child.exitCode, 0);
});

test('it lives on when the one who started it closes its output', async () => {
  const state = temporaryFolder();
  const started = await startDaemon(state);
  started.child.stdout?.destroy();
  started.child.stderr?.destroy();
  const client = await connect(started);
  const socket = new WebSocket(`ws://127.0.0.1:${started.file.port}`, subprotocol, {
    headers: { Origin: 'x' },
  });
  await once(socket, 'error');
  assert.ok((await client.ask('slipway/ping')).result);
  client.close();
  started.child.kill();
  await once(started.child, 'exit');
});
