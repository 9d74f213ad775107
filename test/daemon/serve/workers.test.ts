// Many clients at once, and workers that die: right answers for everybody else, a sentence for the one whose
// request was lost, and a server that comes back.

import assert from 'node:assert/strict';
import { utimesSync } from 'node:fs';
import { Agent } from 'node:http';
import { describe, test } from 'node:test';
import { temporaryFolder } from '../../support/paths';
import {
  call,
  childrenOf,
  infer,
  metric,
  pairModel,
  startServer,
  until,
  type Reply,
  type TestServer,
  type WireResponse,
} from './testServer';

const folder = temporaryFolder();

const ask = (server: TestServer, n: number, agent?: Agent): Promise<Reply> => {
  const value = (name: string, data: number[]) => ({ name, datatype: 'FP32', shape: [1, 4], data });
  const inputs = [value('a', [n, n + 1, n + 2, n + 3]), value('b', [1, 1, 1, 1])];
  return infer(server, 'pair', { id: String(n), inputs }, agent ? { agent } : {});
};
const rightAnswer = (reply: Reply, n: number) => {
  assert.equal(reply.status, 200, reply.text);
  const response = reply.json<WireResponse>();
  assert.equal(response.id, String(n));
  assert.deepEqual(response.outputs[0]?.data, [n + 1, n + 2, n + 3, n + 4]);
};
const metricsText = async (server: TestServer) => (await call(`${server.url}/metrics`)).text;
const labels = '{model="pair",version="1"}';

/** Sends a request that a frozen worker holds, and waits until it runs. */
async function freeze(server: TestServer, pid: number, n: number): Promise<{ reply: Promise<Reply> }> {
  process.kill(pid, 'SIGSTOP');
  const before = metric(await metricsText(server), `slipway_inflight_requests${labels}`) ?? 0;
  const reply = ask(server, n);
  await until(
    async () => (metric(await metricsText(server), `slipway_inflight_requests${labels}`) ?? 0) > before,
    'the request to be in flight',
  );
  return { reply };
}

describe('workers', () => {
  test('eight clients at once each get their own answers', async () => {
    const server = await startServer(['--workers=2', '--threads=1', await pairModel(folder)]);
    assert.equal(childrenOf(server.pid).length, 2);
    const agent = new Agent({ keepAlive: true, maxSockets: 8 });
    await Promise.all(
      Array.from({ length: 8 }, async (_, client) => {
        for (let i = 0; i < 40; i++)
          rightAnswer(await ask(server, client * 1000 + i, agent), client * 1000 + i);
      }),
    );
    agent.destroy();
    const text = await metricsText(server);
    assert.equal(
      metric(text, `slipway_requests_total{model="pair",version="1",protocol="http",code="200"}`),
      320,
    );
    assert.equal(metric(text, `slipway_inflight_requests${labels}`), 0);
    assert.equal((await server.stop()).code, 0);
    assert.deepEqual(childrenOf(server.pid), []);
  });

  test('a worker killed in the middle of a request costs that request only, and is replaced', async () => {
    const server = await startServer(['--workers=2', '--threads=1', await pairModel(folder)]);
    const [victim = 0, other = 0] = childrenOf(server.pid);
    // With the other frozen too, both hold one request each and the rest waits.
    const { reply: first } = await freeze(server, victim, 1);
    process.kill(other, 'SIGSTOP');
    const rest = Array.from({ length: 10 }, (_, i) => ask(server, 100 + i));
    await until(
      async () => metric(await metricsText(server), `slipway_queue_depth${labels}`) === 9,
      'nine requests to wait',
    );
    process.kill(victim, 'SIGKILL');
    process.kill(other, 'SIGCONT');
    const replies = await Promise.all([first, ...rest]);
    const lost = replies.filter((reply) => reply.status !== 200);
    assert.equal(lost.length, 1);
    assert.equal(lost[0]?.status, 503);
    assert.match(lost[0].json().error, /Model 'pair' lost this request: .* was ended by signal SIGKILL/);
    assert.equal(lost[0].headers['retry-after'], '1');
    replies.forEach((reply, i) => {
      if (reply.status === 200) rightAnswer(reply, i === 0 ? 1 : 99 + i);
    });
    await until(() => childrenOf(server.pid).length === 2, 'the worker to be replaced');
    assert.ok(!childrenOf(server.pid).includes(victim));
    rightAnswer(await ask(server, 7), 7);
    assert.equal(metric(await metricsText(server), `slipway_workers_replaced_total${labels}`), 1);
    assert.equal((await server.stop()).code, 0);
  });

  test('the only worker dies idle: not ready, alive, then back, and no request is lost', async () => {
    const server = await startServer([await pairModel(folder)]);
    process.kill(childrenOf(server.pid)[0]!, 'SIGKILL');
    await until(
      async () => (await call(`${server.url}/v2/health/ready`)).status === 503,
      'readiness to fail',
    );
    assert.equal((await call(`${server.url}/v2/health/live`)).status, 200);
    assert.equal((await call(`${server.url}/v2/models/pair/ready`)).status, 503);
    // Waits for the new worker instead of failing.
    rightAnswer(await ask(server, 5), 5);
    assert.equal((await call(`${server.url}/v2/health/ready`)).status, 200);
    assert.equal((await server.stop()).code, 0);
  });

  test('a full queue is 503 with a sentence', async () => {
    const server = await startServer(['--max-queue=2', await pairModel(folder)]);
    const [worker = 0] = childrenOf(server.pid);
    const { reply: running } = await freeze(server, worker, 1);
    const waiting = [ask(server, 2), ask(server, 3)];
    await until(
      async () => metric(await metricsText(server), `slipway_queue_depth${labels}`) === 2,
      'two requests to wait',
    );
    const refused = await ask(server, 4);
    assert.equal(refused.status, 503);
    assert.match(refused.json().error, /has 2 requests waiting, which is its limit/);
    process.kill(worker, 'SIGCONT');
    (await Promise.all([running, ...waiting])).forEach((reply, i) => rightAnswer(reply, i + 1));
    assert.equal((await server.stop()).code, 0);
  });

  test('a client that goes away leaves the queue', async () => {
    const server = await startServer([await pairModel(folder)]);
    const [worker = 0] = childrenOf(server.pid);
    const { reply: running } = await freeze(server, worker, 1);
    const agent = new Agent();
    const leaving = ask(server, 2, agent).catch(() => 'gone');
    const depth = (n: number) =>
      until(
        async () => metric(await metricsText(server), `slipway_queue_depth${labels}`) === n,
        `depth ${n}`,
      );
    await depth(1);
    agent.destroy();
    await depth(0);
    assert.equal(await leaving, 'gone');
    process.kill(worker, 'SIGCONT');
    rightAnswer(await running, 1);
    const text = await metricsText(server);
    assert.equal(
      metric(text, 'slipway_requests_total{model="pair",version="1",protocol="http",code="499"}'),
      1,
    );
    assert.equal((await server.stop()).code, 0);
  });

  test('a run that hangs is stopped after its time and answered with 504', async () => {
    const server = await startServer(['--run-seconds=0.5', await pairModel(folder)]);
    const [worker = 0] = childrenOf(server.pid);
    const { reply } = await freeze(server, worker, 1);
    const { status, json } = await reply;
    assert.equal(status, 504);
    assert.match(json().error, /no answer within 0.5 s and was stopped/);
    rightAnswer(await ask(server, 2), 2);
    assert.ok(!childrenOf(server.pid).includes(worker));
    assert.equal((await server.stop()).code, 0);
  });

  test('a changed file is not loaded into a new worker', async () => {
    const path = await pairModel(folder);
    const server = await startServer([path]);
    utimesSync(path, new Date(0), new Date(0));
    process.kill(childrenOf(server.pid)[0]!, 'SIGKILL');
    await until(
      async () => (await call(`${server.url}/v2/health/ready`)).status === 503,
      'readiness to fail',
    );
    const reply = await ask(server, 1);
    assert.equal(reply.status, 503);
    assert.match(reply.json().error, /cannot be loaded again: .* has changed since it was loaded; restart/);
    assert.equal((await call(`${server.url}/v2/health/live`)).status, 200);
    assert.equal((await server.stop()).code, 0);
  });

  test('workers do not outlive a server that is killed', async () => {
    const server = await startServer(['--workers=2', await pairModel(folder)]);
    const workers = childrenOf(server.pid);
    server.child.kill('SIGKILL');
    await server.ended;
    const alive = (pid: number) => {
      try {
        process.kill(pid, 0);
        return true;
      } catch {
        return false;
      }
    };
    await until(() => !workers.some(alive), 'the workers to end');
  });
});
