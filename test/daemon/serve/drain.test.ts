// How the server ends: every accepted request answered, in order, or at once when it is told twice.

import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { connect } from 'node:net';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { temporaryFolder } from '../../support/paths';
import {
  call,
  childrenOf,
  infer,
  metric,
  pairModel,
  startServer,
  until,
  type TestServer,
} from './testServer';

const folder = temporaryFolder();
const value = (name: string) => ({ name, datatype: 'FP32', shape: [1, 4], data: [1, 2, 3, 4] });
const body = { inputs: [value('a'), value('b')] };
const inflight = async (server: TestServer) =>
  metric((await call(`${server.url}/metrics`)).text, 'slipway_inflight_requests{model="pair",version="1"}');

/** Freezes the worker with `count` requests in the server. */
async function hold(server: TestServer, count: number) {
  const [worker = 0] = childrenOf(server.pid);
  process.kill(worker, 'SIGSTOP');
  const replies = Array.from({ length: count }, () => infer(server, 'pair', body));
  await until(async () => (await inflight(server)) === count, `${count} requests in flight`);
  return { replies, letGo: () => process.kill(worker, 'SIGCONT') };
}

const refused = async (server: TestServer): Promise<boolean> => {
  try {
    await call(`${server.url}/v2/health/live`);
    return false;
  } catch {
    return true;
  }
};

describe('drain', () => {
  test('SIGTERM: no new connections, every accepted request answered with Connection: close, exit 0', async () => {
    const server = await startServer([await pairModel(folder)]);
    const { replies, letGo } = await hold(server, 12);
    server.child.kill('SIGTERM');
    await until(() => refused(server), 'new connections to be refused');
    letGo();
    for (const reply of await Promise.all(replies)) {
      assert.equal(reply.status, 200, reply.text);
      assert.equal(reply.headers.connection, 'close');
    }
    const ended = await server.ended;
    assert.equal(ended.code, 0, ended.stderr);
    assert.match(ended.stderr, /every accepted request was answered/);
    assert.deepEqual(childrenOf(server.pid), []);
  });

  test('under load of eight clients nothing that was accepted is lost', async () => {
    const server = await startServer(['--workers=2', '--threads=1', await pairModel(folder)]);
    const agent = new Agent({ keepAlive: true, maxSockets: 8 });
    let answered = 0;
    const lost: string[] = [];
    let ending = false;
    const client = async () => {
      for (;;) {
        try {
          const reply = await infer(server, 'pair', body, { agent });
          // Sent away with a sentence: the request was not accepted.
          if (ending && reply.status === 503) return;
          assert.equal(reply.status, 200, reply.text);
          answered++;
        } catch (error) {
          const { code = '' } = error as { code?: string };
          // A refused connection carried no request.
          if (code === 'ECONNREFUSED' && ending) return;
          lost.push(code === '' ? String(error) : code);
          return;
        }
      }
    };
    const clients = Array.from({ length: 8 }, client);
    await until(() => answered > 100, 'a hundred answers');
    ending = true;
    const ended = await server.stop();
    await Promise.all(clients);
    agent.destroy();
    assert.deepEqual(lost, []);
    assert.equal(ended.code, 0, ended.stderr);
  });

  test('a request whose body is still on its way is answered', async () => {
    const server = await startServer([await pairModel(folder)]);
    const text = JSON.stringify(body);
    const port = Number(new URL(server.url).port);
    const socket = connect(port, '127.0.0.1');
    socket.write(
      `POST /v2/models/pair/infer HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${text.length}\r\n\r\n${text.slice(0, 20)}`,
    );
    await until(async () => (await inflight(server)) === 1, 'the request to be in flight');
    server.child.kill('SIGTERM');
    await until(() => refused(server), 'new connections to be refused');
    let answer = '';
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
    socket.write(text.slice(20));
    assert.equal((await server.ended).code, 0);
    assert.match(answer, /^HTTP\/1.1 200 OK/);
  });

  test('with --prestop-seconds it goes on serving, not ready, before it refuses', async () => {
    const server = await startServer(['--prestop-seconds=1', await pairModel(folder)]);
    server.child.kill('SIGTERM');
    await until(
      async () => (await call(`${server.url}/v2/health/ready`)).status === 503,
      'readiness to fail',
    );
    const reply = await infer(server, 'pair', body);
    assert.equal(reply.status, 200);
    assert.equal(reply.headers.connection, 'close');
    assert.equal((await call(`${server.url}/v2/health/live`)).status, 200);
    assert.equal((await server.ended).code, 0);
  });

  test('what is not done within --drain-seconds gets a 503, and the exit code says so', async () => {
    const server = await startServer(['--drain-seconds=0.3', await pairModel(folder)]);
    const { replies } = await hold(server, 3);
    server.child.kill('SIGTERM');
    for (const reply of await Promise.all(replies)) {
      assert.equal(reply.status, 503);
      assert.match(reply.json().error, /shutting down/);
    }
    assert.equal((await server.ended).code, 1);
    assert.deepEqual(childrenOf(server.pid), []);
  });

  test('Ctrl-C reaches the workers too, and still nothing is lost', async () => {
    const server = await startServer([await pairModel(folder)], { group: true });
    const { replies, letGo } = await hold(server, 3);
    process.kill(-server.pid, 'SIGINT');
    await until(() => refused(server), 'new connections to be refused');
    letGo();
    for (const reply of await Promise.all(replies)) assert.equal(reply.status, 200, reply.text);
    assert.equal((await server.ended).code, 0);
  });

  test('a second signal ends it at once with exit 1, and its workers', async () => {
    const server = await startServer([await pairModel(folder)]);
    const workers = childrenOf(server.pid);
    const { replies } = await hold(server, 1);
    const lost = replies.map((reply) => reply.catch((error: unknown) => error));
    server.child.kill('SIGTERM');
    await until(() => refused(server), 'new connections to be refused');
    server.child.kill('SIGTERM');
    assert.equal((await server.ended).code, 1);
    await Promise.all(lost);
    // A stopped process cannot notice that its parent has gone.
    for (const worker of workers) process.kill(worker, 'SIGCONT');
    await until(() => workers.every((pid) => !isAlive(pid)), 'the workers to end');
  });

  test('--watch-parent ends it when standard input closes, without it does not', async () => {
    const watching = await startServer(['--watch-parent', await pairModel(folder)]);
    const { replies, letGo } = await hold(watching, 2);
    watching.child.stdin?.end();
    await until(() => refused(watching), 'new connections to be refused');
    letGo();
    for (const reply of await Promise.all(replies)) assert.equal(reply.status, 200);
    assert.equal((await watching.ended).code, 0);

    const alone = await startServer([await pairModel(folder)]);
    alone.child.stdin?.end();
    await delay(300);
    assert.equal((await call(`${alone.url}/v2/health/ready`)).status, 200);
    assert.equal((await alone.stop()).code, 0);
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
