// slipway diff: text, JSON, exit codes, and bad input.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { runCli } from '../../support/runCli';
import { temporaryFolder } from '../../support/paths';
import { identityModel, squareModel, writeSmall } from '../../support/smallModels';

const folder = temporaryFolder();

test('two models, as text and as JSON', async () => {
  const a = await writeSmall(folder, 'a.onnx', squareModel());
  const changed = squareModel();
  changed.graph.nodes.push({
    ...changed.graph.nodes[0]!,
    name: 'twice',
    opType: 'Relu',
    inputs: ['y'],
    outputs: ['z'],
  });
  changed.graph.outputs[0]!.name = 'z';
  const b = await writeSmall(folder, 'b.onnx', changed);
  const text = await runCli('diff', a, b);
  assert.equal(text.code, 0);
  assert.match(text.stdout, /^1 of 1 node live on: 1 node added, inputs or outputs changed\./);
  assert.match(text.stdout, /Relu twice/);
  const json = JSON.parse((await runCli('diff', a, b, '--json')).stdout) as {
    nodes: { added: { op: string }[]; removed: unknown[]; changed: unknown[] };
    initializers: object;
    io: { outputs: { what: string }[] };
  };
  assert.deepEqual(
    json.nodes.added.map(({ op }) => op),
    ['Relu'],
  );
  assert.deepEqual(
    json.io.outputs.map(({ what }) => what),
    ['renamed'],
  );
  assert.equal((await runCli('diff', a, b, '--check')).code, 1);
  assert.equal((await runCli('diff', a, a, '--check')).code, 0);
});

test('files that are no models, or share nothing, get a sentence', async () => {
  const a = await writeSmall(folder, 'square.onnx', squareModel());
  const other = await writeSmall(folder, 'other.onnx', identityModel(7));
  const unlike = await runCli('diff', a, other);
  assert.equal(unlike.code, 0);
  assert.match(unlike.stdout, /nothing in common/);
  const broken = join(folder, 'broken.onnx');
  writeFileSync(broken, 'not a model');
  const wrong = await runCli('diff', a, broken);
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /broken\.onnx cannot be read as a model/);
  const missing = await runCli('diff', a, join(folder, 'nowhere.onnx'));
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /does not exist/);
  assert.equal((await runCli('diff', a)).code, 2);
});
