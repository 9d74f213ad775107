// Hostile callers: web pages, rebound names, slow connections, and requests that would fill the memory.

import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { describe, test } from 'node:test';
import { isLoopback } from '../../../daemon/serve/guard';
import { temporaryFolder } from '../../support/paths';
import { call, infer, pairModel, startServer, until } from './testServer';

const folder = temporaryFolder();
const value = (name: string) => ({ name, datatype: 'FP32', shape: [1, 4], data: [1, 2, 3, 4] });
const body = JSON.stringify({ inputs: [value('a'), value('b')] });

describe('guard', () => {
  test('a Host that is not loopback is refused on every route', async () => {
    const server = await startServer([await pairModel(folder)]);
    const port = new URL(server.url).port;
    for (const host of [
      `localhost:${port}`,
      `127.0.0.1:${port}`,
      '127.0.0.2',
      '[::1]',
      `LOCALHOST:${port}`,
    ]) {
      assert.equal((await call(`${server.url}/v2`, { headers: { Host: host } })).status, 200, host);
    }
    const hostile = ['example.com', `evil.example:${port}`, 'localhost.evil.example', '127.0.0.1.evil.example', '127.evil.example', '0.0.0.0', '192.168.0.1', 'a@localhost']; // prettier-ignore
    for (const host of hostile) {
      for (const path of ['/v2', '/v2/health/live', '/metrics', '/v2/models/pair']) {
        const reply = await call(`${server.url}${path}`, { headers: { Host: host } });
        assert.equal(reply.status, 403, `${host} ${path}`);
        assert.match(reply.json().error, /answers only to localhost/);
      }
      const posted = await infer(server, 'pair', body, { headers: { Host: host } });
      assert.equal(posted.status, 403);
    }
    assert.equal((await server.stop()).code, 0);
  });

  test('web pages are refused unless their origin is allowed', async () => {
    const server = await startServer([await pairModel(folder), '--allow-origin=https://good.example']);
    for (const origin of ['https://evil.example', 'null', 'http://localhost:3000', server.url]) {
      const reply = await infer(server, 'pair', body, {
        headers: { Origin: origin, 'Content-Type': 'text/plain' },
      });
      assert.equal(reply.status, 403, origin);
      assert.match(reply.json().error, /Requests of web pages are refused/);
      assert.equal(reply.headers['access-control-allow-origin'], undefined);
      const preflight = await call(`${server.url}/v2/models/pair/infer`, {
        method: 'OPTIONS',
        headers: { Origin: origin, 'Access-Control-Request-Method': 'POST' },
      });
      assert.equal(preflight.status, 403);
    }
    const headers = { Origin: 'https://good.example' };
    const preflight = await call(`${server.url}/v2/models/pair/infer`, {
      method: 'OPTIONS',
      headers: { ...headers, 'Access-Control-Request-Method': 'POST' },
    });
    assert.equal(preflight.status, 204);
    assert.match(
      String(preflight.headers['access-control-allow-headers']),
      /Inference-Header-Content-Length/,
    );
    const allowed = await infer(server, 'pair', body, { headers });
    assert.equal(allowed.status, 200);
    assert.equal(allowed.headers['access-control-allow-origin'], 'https://good.example');
    assert.equal((await server.stop()).code, 0);
  });

  test('a server bound to all addresses takes any Host', async () => {
    const server = await startServer([await pairModel(folder), '--host=0.0.0.0']);
    const url = server.url.replace('0.0.0.0', '127.0.0.1');
    assert.equal((await call(`${url}/v2`, { headers: { Host: 'models.example' } })).status, 200);
    assert.equal((await call(`${url}/v2`, { headers: { Origin: 'https://evil.example' } })).status, 403);
    assert.equal((await server.stop()).code, 0);
  });

  test('connections that are slow with their headers or their body are closed, others are served meanwhile', async () => {
    const server = await startServer([await pairModel(folder), '--header-seconds=0.5', '--body-seconds=0.8']);
    const port = Number(new URL(server.url).port);
    const heads = [
      'GET /v2 HT',
      'POST /v2/models/pair/infer HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500\r\n\r\n{',
    ];
    const slow = Array.from({ length: 40 }, (_, i) => {
      const socket = connect(port, '127.0.0.1');
      const state = { closed: false, text: '', socket };
      socket.write(heads[i % 2]!);
      socket.on('data', (chunk: Buffer) => (state.text += chunk.toString()));
      socket.on('error', () => undefined);
      socket.on('close', () => (state.closed = true));
      // A byte now and then does not buy more time.
      const drip = setInterval(() => socket.write('x'), 50);
      socket.on('close', () => clearInterval(drip));
      return state;
    });
    assert.equal((await infer(server, 'pair', body)).status, 200);
    await until(() => slow.every((state) => state.closed), 'slow connections to be closed');
    assert.ok(slow.some((state) => state.text.startsWith('HTTP/1.1 408')));
    assert.equal((await infer(server, 'pair', body)).status, 200);
    assert.equal((await server.stop()).code, 0);
  });

  test('bodies held at once are bounded together', async () => {
    const server = await startServer([
      await pairModel(folder),
      '--max-body-bytes=100000',
      '--max-inflight-bytes=150000',
    ]);
    const port = Number(new URL(server.url).port);
    const socket = connect(port, '127.0.0.1');
    const held = `${' '.repeat(90_000)}${body}`;
    socket.write(
      `POST /v2/models/pair/infer HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${held.length}\r\n\r\n${held.slice(0, 90_000)}`,
    );
    let answer = '';
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
    const large = `${' '.repeat(90_000)}${body}`;
    await until(
      async () => (await infer(server, 'pair', large)).status === 503,
      'the second body to be refused',
    );
    socket.write(held.slice(90_000));
    await until(() => answer !== '', 'the first to be answered');
    assert.match(answer, /^HTTP\/1.1 200/);
    assert.equal((await infer(server, 'pair', large)).status, 200);
    socket.destroy();
    assert.equal((await server.stop()).code, 0);
  });

  test('a client that waits for leave to send its body is told at once', async () => {
    const server = await startServer([await pairModel(folder), '--max-body-bytes=1000']);
    const port = Number(new URL(server.url).port);
    const ask = (head: string, rest: string) =>
      new Promise<string>((resolve) => {
        const socket = connect(port, '127.0.0.1');
        let text = '';
        socket.on('data', (chunk: Buffer) => {
          text += chunk.toString();
          if (text.includes('100 Continue') && rest !== '') socket.write(rest);
          if (/HTTP\/1.1 (200|413)/.test(text)) socket.destroy();
        });
        socket.on('close', () => resolve(text));
        socket.write(
          `POST /v2/models/pair/infer HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n${head}\r\n\r\n`,
        );
      });
    assert.match(await ask('Content-Length: 5000', ''), /HTTP\/1.1 413/);
    assert.match(
      await ask(`Content-Length: ${body.length}`, body),
      /^HTTP\/1.1 100 Continue[^]*HTTP\/1.1 200/,
    );
    assert.equal((await server.stop()).code, 0);
  });
});

test('which addresses are loopback', () => {
  for (const host of ['localhost', '127.0.0.1', '127.8.9.1', '::1', '[::1]'])
    assert.ok(isLoopback(host), host);
  for (const host of ['', '0.0.0.0', '::', '10.0.0.1', '127.evil', '127.0.0.1.evil', 'example']) {
    assert.ok(!isLoopback(host), host);
  }
});
