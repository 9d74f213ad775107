// slipway inspect --by: the rows as JSON and CSV, and what goes with what.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { temporaryFolder } from '../../support/paths';
import { runCli } from '../../support/runCli';
import { trainedModel } from '../../support/trainedModel';

const { path: model } = trainedModel(temporaryFolder());

test('rows by node, operator and scope add up to the model', async () => {
  const whole = JSON.parse((await runCli('inspect', model, '--json')).stdout) as {
    macs: number;
    nodes: number;
  };
  for (const by of ['node', 'op', 'scope']) {
    const { code, stdout } = await runCli('inspect', model, '--by', by, '--json');
    assert.equal(code, 0);
    const { rows, symbolic } = JSON.parse(stdout) as {
      rows: { name: string; nodes: number; macs: number }[];
      symbolic: { macs: string | number };
    };
    const counted = by === 'scope' ? rows.filter(({ name }) => name === '') : rows;
    assert.equal(
      counted.reduce((sum, row) => sum + row.macs, 0),
      whole.macs,
    );
    assert.equal(
      counted.reduce((sum, row) => sum + row.nodes, 0),
      whole.nodes,
    );
    assert.ok(String(symbolic.macs).startsWith(String(whole.macs)), String(symbolic.macs));
  }
});

test('CSV has a heading and one line for each row', async () => {
  const { code, stdout } = await runCli('inspect', model, '--by', 'scope', '--csv');
  assert.equal(code, 0);
  const [heading, first] = stdout.split('\n');
  assert.equal(heading, 'name,op,nodes,macs,flops,parameters,weightBytes,outputBytes,liveBytes,intensity');
  assert.match(first ?? '', /^,,\d+,\d+,\d+,\d+,\d+,\d+,\d+,/);
  const alone = await runCli('inspect', model, '--csv');
  assert.equal(alone.code, 2);
  assert.match(alone.stderr, /--csv needs a table/);
});
