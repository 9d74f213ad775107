// What is shown in the text of a recipe, and where.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RunRecipeResult } from '../../../daemon/protocol/runRecipe';
import { recipeLines, resultLines } from '../../../extension/language/recipeText';

test('the model and every step of a recipe are found by their lines', () => {
  const text = [
    '# Small and fast.',
    'model: "nets/resnet 1.onnx"  # beside this file',
    'output: small.onnx',
    'steps:',
    '  - prune:',
    '      ratio: 0.5',
    '      caps:',
    '        - a',
    '',
    '  # then',
    '  - quantize: { method: static }',
    'benchmark: true',
    '- none of them',
  ];
  const found = { model: 'nets/resnet 1.onnx', modelLine: 1, stepsLine: 3, steps: [4, 10] };
  assert.deepEqual(recipeLines(text.join('\n')), found);
  assert.deepEqual(recipeLines(text.join('\r\n')), found);
});

test('lists flush with their field are steps too; other YAML is no recipe', () => {
  assert.deepEqual(recipeLines("steps:\n- optimize: {}\n- quantize: {}\nmodel: 'a.onnx'")?.steps, [1, 2]);
  assert.equal(recipeLines('steps:\n  - run: npm test\n'), undefined);
  assert.equal(recipeLines('model: gpt\nsteps: []'), undefined);
  assert.equal(recipeLines(''), undefined);
});

test('a result is said for the whole and for every step', () => {
  const step = (fileBytes: number, top1: number | null) =>
    ({ step: 'prune', options: {}, fileBytes, top1, seconds: 1.234, result: {} }) as const;
  const result: RunRecipeResult = {
    recipe: '/a/small.yaml',
    model: '/a/resnet.onnx',
    output: '/a/small.onnx',
    before: { fileBytes: 2_000_000, top1: 0.946 },
    after: { fileBytes: 400_000, top1: 0.94 },
    steps: [step(1_000_000, 0.945), step(400_000, null)],
    speed: { p50Ratio: 3.124, low: 3, high: 3.2 },
    diagnostics: [],
  };
  assert.deepEqual(resultLines(result), {
    whole: '400 kB, 0.2 of the size, top-1 94.0 % (−0.6 points), 3.12× as fast',
    steps: ['1 MB, 0.5 of the size, top-1 94.5 % (−0.1 points), 1.2 s', '400 kB, 0.2 of the size, 1.2 s'],
  });
});
