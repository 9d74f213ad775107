// A run of the history finds the panel that shows it, with the values that it was run with.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RunRecord } from '../../../daemon/protocol/runs';
import { methodForm } from '../../../extension/jobs/form';
import { paramsOf } from '../../../extension/jobs/params';
import { jobTitle, restore } from '../../../extension/jobs/restore';
import { jobs } from '../../../extension/jobs/table';
import { situation } from '../../support/jobPages';
import { historyRun } from '../../support/runHistory';

const model = situation.model;
const uriOf = (path: string) => `file://${path}`;
const pathOf = (uri: string) => uri.slice('file://'.length);
const record = (method: string, params: object, changes: Partial<RunRecord> = {}): RunRecord => ({
  ...historyRun(1, 'x'),
  method,
  params,
  result: {},
  rows: [],
  ...changes,
});

test('every form that is run comes back as itself', () => {
  for (const job of jobs) {
    for (const method of job.methods) {
      const { values, fields } = methodForm(method, situation);
      const filled = { ...values };
      for (const { name, required } of fields)
        if (required && !(name in filled))
          filled[name] = name === 'calibration' ? 'data.npz' : '/models/other.onnx';
      const params = paramsOf(method, filled, model, uriOf);
      const found = restore(record(method.request.method, params), model, pathOf);
      assert.ok(found, method.request.method);
      assert.equal(
        found.method.id,
        method.id,
        `${job.id}/${method.id} became ${found.job.id}/${found.method.id}`,
      );
      const expected = { ...('uris' in params ? { uris: [] } : {}), ...filled };
      assert.deepEqual(found.run.values, expected, `${job.id}/${method.id}`);
      assert.equal(found.run.state, 'done');
    }
  }
});

test('what did not come to its end says why, and keeps what it had', () => {
  const rows = [{ model }];
  const told = (changes: Partial<RunRecord>) => {
    const { run } = restore(record('slipway/benchmark', { uris: [uriOf(model)] }, { rows, result: null, ...changes }), model, pathOf)!; // prettier-ignore
    return [run.state, run.error?.message ?? '', run.rows.length];
  };
  assert.deepEqual(told({ state: 'failed', error: 'It has no input.' }), ['failed', 'It has no input.', 1]);
  assert.deepEqual(told({ state: 'cancelled' }), ['cancelled', '', 1]);
  assert.match(String(told({ state: 'interrupted' })[1]), /ended in the middle/);
});

test('a request that no panel shows has none', () => {
  assert.equal(restore(record('slipway/ping', {}), model, pathOf), undefined);
  assert.equal(jobTitle('slipway/ping'), undefined);
  assert.equal(jobTitle('slipway/compress'), 'Compress and Benchmark');
  assert.equal(jobTitle('slipway/quantizeWeights'), 'Quantize');
});
