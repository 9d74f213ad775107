// The load generator against queueing theory, in virtual time: a service of known length makes the answer known,
// and nothing here depends on how fast the machine is.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentTask } from '../../../../daemon/base/task';
import {
  expectedWaitMs,
  offline,
  poisson,
  singleStream,
  unitGaps,
  type LoadClock,
  type LoadSystem,
} from '../../../../daemon/runtime/load/loadGenerator';
import { highestRate } from '../../../../daemon/runtime/load/loadSearch';
import { seededRandom } from '../../../../daemon/runtime/random';

/** Time that jumps to the next sleeper's when everybody waits. */
function virtualClock(): LoadClock & { sleep(ms: number): Promise<void> } {
  let now = 0;
  let pumping = false;
  const sleepers: { time: number; wake: () => void }[] = [];
  // After two rounds of the loop: a slot may take one of them to let others run (breathe) before it sleeps.
  const later = () => setImmediate(() => setImmediate(pump));
  const pump = () => {
    sleepers.sort((a, b) => a.time - b.time);
    const first = sleepers.shift();
    if (first) {
      now = Math.max(now, first.time);
      first.wake();
      later();
    } else pumping = false;
  };
  const until = (time: number) =>
    time <= now
      ? Promise.resolve()
      : new Promise<void>((wake) => {
          sleepers.push({ time, wake });
          if (!pumping) later();
          pumping = true;
        });
  return { now: () => now, until, sleep: (ms) => until(now + ms) };
}

/** A system whose services take the times that `next` gives. */
function systemOf(slots: number, next: () => number) {
  const clock = virtualClock();
  const system: LoadSystem = { slots, serve: () => clock.sleep(next()) };
  return { clock, system };
}

const near = (found: number, expected: number, within: number, what: string) => {
  const off = Math.abs(found / expected - 1);
  assert.ok(off <= within, `${what}: ${found}, expected ${expected}, ${(off * 100).toFixed(1)} % off`);
};

for (const load of [0.3, 0.6, 0.8]) {
  test(`M/D/1 at ${load} busy: waiting time, utilisation and throughput`, async (context) => {
    const serviceMs = 10;
    const rate = (load * 1000) / serviceMs;
    const { clock, system } = systemOf(1, () => serviceMs);
    const run = await poisson(system, { rate, queries: 40_000, seed: 7 }, clock, silentTask);
    const expected = (load * serviceMs) / (2 * (1 - load));
    context.diagnostic(`mean wait ${run.waitMs.mean.toFixed(3)} ms, M/D/1 says ${expected.toFixed(3)} ms`);
    near(run.waitMs.mean, expected, 0.05, 'mean wait');
    near(run.latencyMs.mean, expected + serviceMs, 0.05, 'mean latency');
    near(run.utilisation, load, 0.02, 'utilisation');
    near(run.queriesPerSecond, rate, 0.02, 'throughput');
    near(expectedWaitMs(rate, run.serviceMs), expected, 1e-9, 'our own formula');
    near(run.latencyMs.min, serviceMs, 1e-9, 'shortest latency');
    assert.equal(run.queries, 40_000);
  });
}

test('M/M/2: two slots share one queue, as Erlang C says', async () => {
  const mean = 10;
  const rate = 140;
  const random = seededRandom(3);
  const { clock, system } = systemOf(2, () => -Math.log(1 - random()) * mean);
  const run = await poisson(system, { rate, queries: 40_000, seed: 5 }, clock, silentTask);
  const offered = (rate / 1000) * mean;
  const busy = offered / 2;
  const tail = offered ** 2 / 2 / (1 - busy);
  const waits = tail / (1 + offered + tail);
  near(run.waitMs.mean, (waits * mean) / (2 * (1 - busy)), 0.06, 'mean wait');
});

test('arrivals are Poisson, repeatable, and the same at every rate but for their scale', () => {
  const gaps = unitGaps(50_000, 1);
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
  const square = gaps.reduce((sum, gap) => sum + gap * gap, 0) / gaps.length;
  near(mean, 1, 0.02, 'mean gap');
  near(square, 2, 0.03, 'mean square of a gap');
  assert.deepEqual(unitGaps(5, 1), gaps.slice(0, 5));
  assert.notDeepEqual(unitGaps(5, 2), gaps.slice(0, 5));
});

test('single stream and offline keep their slots busy', async () => {
  const one = systemOf(3, () => 4);
  const stream = await singleStream(one.system, { queries: 100, maxMs: 1e9 }, one.clock, silentTask);
  assert.deepEqual([stream.queries, stream.latencyMs.p90, stream.queriesPerSecond], [100, 4, 250]);
  const all = systemOf(3, () => 4);
  const batch = await offline(all.system, { queries: 300, maxMs: 1e9 }, all.clock, silentTask);
  assert.deepEqual([batch.queries, batch.queriesPerSecond, batch.utilisation], [300, 750, 1]);
  const short = systemOf(1, () => 4);
  const stopped = await offline(short.system, { queries: 300, maxMs: 40 }, short.clock, silentTask);
  assert.equal(stopped.queries, 10);
});

test('a system that falls behind cannot hide it: latency counts from the planned arrival', async () => {
  const { clock, system } = systemOf(1, () => 10);
  const run = await poisson(system, { rate: 200, queries: 1000, seed: 1 }, clock, silentTask);
  // Twice as many queries as can be served: the last waits as long as half of all services take.
  near(run.latencyMs.p99, 5000, 0.15, 'p99');
  assert.equal(expectedWaitMs(200, { mean: 10, stddev: 0 }), Number.POSITIVE_INFINITY);
  const bounded = await poisson(
    system,
    { rate: 200, queries: 1000, seed: 1, boundMs: 50 },
    clock,
    silentTask,
  );
  assert.ok(bounded.abandoned > 500, `${bounded.abandoned} given up`);
});

test('the highest rate that holds the bound is found', async () => {
  const { clock, system } = systemOf(1, () => 10);
  const options = { boundMs: 40, capacity: 100, queries: () => 20_000, seed: 1 };
  const found = await highestRate(system, options, clock, silentTask);
  assert.ok(found.confirmed && found.confirmed.latencyMs.p99 <= 40);
  const above = { rate: found.rate * 1.12, queries: 20_000, seed: 9 };
  const over = await poisson(system, above, clock, silentTask);
  assert.ok(over.latencyMs.p99 > 40, `p99 ${over.latencyMs.p99} at ${above.rate}`);
  assert.ok(found.trials.length >= 5 && found.trials.some(({ holds }) => !holds));
  const impossible = await highestRate(system, { ...options, boundMs: 5 }, clock, silentTask);
  assert.deepEqual([impossible.rate, impossible.confirmed], [0, null]);
});

test('cancelling ends it', async () => {
  const stop = new AbortController();
  const { clock, system } = systemOf(1, () => 10);
  let served = 0;
  const counted = {
    slots: 1,
    serve: async (slot: number) => {
      if (++served === 20) stop.abort();
      await system.serve(slot);
    },
  };
  const task = { signal: stop.signal, report: () => undefined };
  await assert.rejects(poisson(counted, { rate: 10, queries: 1e5, seed: 1 }, clock, task), {
    kind: 'cancelled',
  });
  assert.equal(served, 20);
});
