// The metrics: right after known requests, well formed, and without series that a client can make up.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { temporaryFolder } from '../../support/paths';
import { call, infer, metric, pairModel, startServer } from './testServer';

const folder = temporaryFolder();
const value = (name: string) => ({ name, datatype: 'FP32', shape: [1, 4], data: [1, 2, 3, 4] });

test('metrics are right after known requests', async (t) => {
  const server = await startServer([await pairModel(folder)]);
  for (let i = 0; i < 7; i++) {
    assert.equal((await infer(server, 'pair', { inputs: [value('a'), value('b')] })).status, 200);
  }
  for (let i = 0; i < 3; i++) assert.equal((await infer(server, 'pair', {})).status, 400);
  for (const name of ['x1', 'x2']) assert.equal((await infer(server, name, {})).status, 404);

  const reply = await call(`${server.url}/metrics`);
  assert.equal(reply.status, 200);
  assert.match(String(reply.headers['content-type']), /^text\/plain; version=0\.0\.4/);
  const { text } = reply;
  const requests = (model: string, code: number) =>
    metric(
      text,
      `slipway_requests_total{model="${model}",version="${model === '' ? '' : '1'}",protocol="http",code="${code}"}`,
    );
  assert.equal(requests('pair', 200), 7);
  assert.equal(requests('pair', 400), 3);
  assert.equal(requests('', 404), 2);
  const labels = '{model="pair",version="1"}';
  assert.equal(metric(text, `slipway_request_duration_seconds_count${labels}`), 10);
  assert.equal(metric(text, `slipway_queue_duration_seconds_count${labels}`), 7);
  assert.equal(metric(text, `slipway_compute_duration_seconds_count${labels}`), 7);
  const compute = metric(text, `slipway_compute_duration_seconds_sum${labels}`) ?? 0;
  assert.ok(compute > 0 && compute <= (metric(text, `slipway_request_duration_seconds_sum${labels}`) ?? 0));
  assert.equal(metric(text, `slipway_inflight_requests${labels}`), 0);
  assert.equal(metric(text, `slipway_queue_depth${labels}`), 0);
  assert.equal(metric(text, `slipway_model_loaded${labels}`), 1);
  assert.ok((metric(text, `slipway_model_load_seconds${labels}`) ?? 0) > 0);
  assert.equal(
    metric(text, 'slipway_execution_provider_info{model="pair",version="1",provider="CPUExecutionProvider"}'),
    1,
  );
  for (const name of [
    'process_cpu_seconds_total',
    'process_resident_memory_bytes',
    'nodejs_eventloop_lag_seconds',
  ]) {
    assert.ok(metric(text, name) !== undefined, name);
  }
  assert.doesNotMatch(text, /x1|x2/);

  wellFormed(text);
  const promtool = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' });
  if (promtool.error) t.diagnostic('promtool is not installed; the text was only checked by this test.');
  else assert.doesNotMatch(promtool.stderr, /slipway_|error/, promtool.stderr);
  assert.equal((await server.stop()).code, 0);
});

/** Each family once, with help and type before its samples; buckets that grow up to the count. */
function wellFormed(text: string): void {
  const families = new Map<string, string>();
  let helped = '';
  let bucket = 0;
  for (const line of text.split('\n').filter((candidate) => candidate !== '')) {
    const help = /^# HELP (\S+) \S/.exec(line);
    const type = /^# TYPE (\S+) (counter|gauge|histogram|summary)$/.exec(line);
    if (help?.[1]) {
      assert.ok(!families.has(help[1]), `${help[1]} comes twice`);
      helped = help[1];
      continue;
    }
    if (type?.[1] && type[2]) {
      assert.equal(type[1], helped);
      families.set(helped, type[2]);
      continue;
    }
    const sample = /^([a-zA-Z_:][\w:]*)(\{(?:[a-zA-Z_]\w*="(?:[^"\\]|\\.)*",?)*\})? (\S+)$/.exec(line);
    assert.ok(sample?.[1], `not a sample: ${line}`);
    assert.ok(sample[1].startsWith(helped), `${sample[1]} stands below ${helped}`);
    assert.ok(!Number.isNaN(Number(sample[3])) || sample[3] === 'Nan', line);
    if (sample[1].endsWith('_bucket')) {
      const count = Number(sample[3]);
      assert.ok(line.includes('le="0.0005"') || count >= bucket, `buckets shrink: ${line}`);
      bucket = count;
    } else bucket = 0;
  }
  for (const [name, type] of families) {
    if (!name.startsWith('slipway_')) continue;
    assert.equal(type === 'counter', name.endsWith('_total'), name);
    assert.equal(type === 'histogram', name.endsWith('_duration_seconds'), name);
  }
}
