// slipway quantize --method weight-only as a process of its own: its JSON, its table, and wrong usage.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { node } from '../../../daemon/ir/builder';
import { temporaryFolder } from '../../support/paths';
import { runCli } from '../../support/runCli';
import { writeSmall } from '../../support/smallModels';
import { oneToOne, weight } from '../passes/modelHarness';

const folder = temporaryFolder();
const made = () =>
  oneToOne(
    [
      node('MatMul', ['x', 'w'], ['a'], { name: 'first' }),
      node('Relu', ['a'], ['r'], { name: 'relu' }),
      node('Gemm', ['r', 'v', 'c'], ['y'], { name: 'second' }),
    ],
    [weight('w', [64, 96], 1), weight('v', [96, 32], 2), weight('c', [32], 3)],
    ['batch', 64],
  );

test('JSON has the fields of quantize and those of its own', async () => {
  const path = await writeSmall(folder, 'json.onnx', made());
  const args = ['quantize', path, '-o', join(folder, 'json.int4.onnx'), '--method', 'weight-only'];
  const { code, stdout, stderr } = await runCli(...args, '--asymmetric', '--exclude', 'sec*', '--json');
  assert.equal(code, 0, stderr);
  const result = JSON.parse(stdout) as Record<string, unknown> & {
    quantizedNodes: number;
    fusion: unknown;
    weightOnly: { layers: { nodes: string[]; error: { of: string } }[]; tried: { level: number }[] };
  };
  for (const name of ['output', 'before', 'after', 'error', 'diagnostics']) assert.ok(name in result, name);
  assert.equal(result.quantizedNodes, 1);
  assert.deepEqual(result.fusion, {
    integer: 1,
    float: 1,
    left: [{ node: 'second', op: 'Gemm', why: 'It was told to stay in float.' }],
  });
  assert.deepEqual(
    result.weightOnly.layers.map(({ nodes, error }) => [nodes, error.of]),
    [[['first'], 'weight']],
  );
  assert.deepEqual(
    result.weightOnly.tried.map(({ level }) => level),
    [4, 1],
  );
});

test('the table, and wrong usage', async () => {
  const path = await writeSmall(folder, 'table.onnx', made());
  const args = ['quantize', path, '-o', join(folder, 'table.int8.onnx'), '--method', 'weight-only'];
  const { code, stdout, stderr } = await runCli(...args, '--bits', '8', '--accuracy-level', '4');
  assert.equal(code, 0, stderr);
  assert.match(stdout, /Quantized +2 nodes, 2 weights/);
  assert.match(stdout, /Accuracy level +4; 4: \d+\.\d % agree/);
  assert.match(stdout, /second +96 × 32 +8 +rtn +0\.\d+ % of the weight/);
  const bits = await runCli(...args, '--bits', '5');
  assert.deepEqual([bits.code, /--bits is one of 2, 4, 8/.test(bits.stderr)], [2, true]);
  const gptq = await runCli(...args, '--overwrite', '--algorithm', 'gptq');
  assert.equal(gptq.code !== 0 && /gptq needs calibration data/.test(gptq.stderr), true, gptq.stderr);
});
