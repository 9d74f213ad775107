// The optimize command as a process of its own: the JSON's field names are a contract.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../../support/paths';
import { runCli } from '../../support/runCli';
import { squareModel, unknownOperatorModel, writeSmall } from '../../support/smallModels';

const folder = temporaryFolder();
const at = (name: string) => join(folder, name);

test('optimize prints one JSON document with the fields that were promised', async () => {
  const path = await writeSmall(folder, 'square.onnx', squareModel());
  const output = at('square.opt.onnx');
  const { code, stdout, stderr } = await runCli(
    'optimize',
    path,
    '-o',
    output,
    '--bind',
    'batch=3',
    '--json',
  );
  assert.equal(code, 0, stderr);
  assert.equal(stderr, '');
  const result = JSON.parse(stdout) as Record<string, unknown> & {
    passes: { name: string; changed: boolean }[];
  };
  assert.deepEqual(Object.keys(result), [
    'output',
    'before',
    'after',
    'passes',
    'maxAbsError',
    'checked',
    'diagnostics',
  ]);
  assert.equal(result['output'], output);
  assert.deepEqual(Object.keys(result['before'] as object), ['nodes', 'fileBytes']);
  assert.deepEqual(Object.keys(result['after'] as object), ['nodes', 'fileBytes']);
  assert.equal(result['maxAbsError'], 0);
  assert.deepEqual(result.passes[0], { name: 'fix dimensions', changed: true });
  assert.ok(existsSync(output));
});

test('optimize says in words what it did', async () => {
  const path = await writeSmall(folder, 'words.onnx', squareModel());
  const { code, stdout } = await runCli('optimize', path, '-o', at('words.opt.onnx'));
  assert.equal(code, 0);
  assert.match(stdout, /Nodes\s+1 of 1/);
  assert.match(stdout, /Rewrites\s+none: there was nothing to do/);
  assert.match(stdout, /Output error\s+at the most 0 over 5 runs/);
});

test('optimize refuses with a sentence', async () => {
  const path = await writeSmall(folder, 'refuse.onnx', squareModel());
  const cases: readonly (readonly [string[], number, RegExp])[] = [
    [['optimize', path], 2, /Name the file to write: -o OUT/],
    [['optimize', path, '-o', at('a.onnx'), '--bind', 'batch'], 2, /--bind takes NAME=NUMBER/],
    [
      ['optimize', path, '-o', at('a.onnx'), '--bind', 'batsh=2'],
      1,
      /no free dimension "batsh"\. It has batch\./,
    ],
    [['optimize', path, '-o', at('a.onnx'), '--bind', 'batch=0'], 1, /must be at least 1/],
    [['optimize', path, '-o', path, '--overwrite'], 1, /is the model itself/],
    [['optimize', at('absent.onnx'), '-o', at('a.onnx')], 1, /absent\.onnx/],
  ];
  for (const [args, expected, sentence] of cases) {
    const { code, stderr } = await runCli(...args);
    assert.equal(code, expected, args.join(' '));
    assert.match(stderr, sentence);
  }
  const custom = await writeSmall(folder, 'custom.onnx', unknownOperatorModel());
  const { code, stdout } = await runCli('optimize', custom, '-o', at('custom.opt.onnx'), '--json');
  assert.equal(code, 1);
  const { error } = JSON.parse(stdout) as { error: { kind: string; message: string } };
  assert.equal(error.kind, 'unsupported');
  assert.match(error.message, /nothing was written/);
  assert.equal(existsSync(at('custom.opt.onnx')), false);
});
