// Recipe files: prune, repair and quantize in one go on a trained model, and the sentence for everything that cannot
// be meant, before any step runs.

import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { SlipwayError } from '../../../../daemon/base/errors';
import { silentTask } from '../../../../daemon/base/task';
import { setScriptFolder } from '../../../../daemon/host/scripts';
import { recipeFrom } from '../../../../daemon/recipes/recipe/recipeFile';
import { runRecipe } from '../../../../daemon/recipes/recipe/runRecipe';
import { distFolder, temporaryFolder } from '../../../support/paths';
import { hashes, trainedModel } from '../../../support/trainedModel';

setScriptFolder(distFolder);
const folder = temporaryFolder('slipway-recipe-');
const trained = trainedModel(folder);

function write(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

test('prune, repair and quantize in one recipe', async () => {
  const recipe = write(
    'small.yaml',
    `model: ${trained.name}.onnx
output: small.onnx
calibration: ${trained.name}_calibration.npz
validation: ${trained.name}_validation.npz
steps:
  - prune: { targetMacs: 0.6 }
  - quantize: { method: static }
`,
  );
  const before = hashes(folder);
  const stages: string[] = [];
  const task = {
    ...silentTask,
    report: ({ stage }: { stage: string }) => void stages.push(stage),
  };
  const { steps, ...run } = await runRecipe(recipe, {}, task);
  assert.deepEqual(
    steps.map(({ step }) => step),
    ['prune', 'quantize'],
  );
  assert.ok(run.after.fileBytes < 0.4 * run.before.fileBytes);
  assert.ok(run.before.top1! - run.after.top1! < 0.03, `${run.before.top1} → ${run.after.top1}`);
  assert.ok((steps[0]!.result as { repaired: number }).repaired > 0);
  assert.ok((steps[1]!.result as { fusion: { integer: number } }).fusion.integer > 5);
  assert.ok(stages.some((stage) => stage.startsWith('Step 2 of 2, quantize: ')));
  for (const [name, hash] of Object.entries(before)) assert.equal(hashes(folder)[name], hash);
  await assert.rejects(runRecipe(recipe, {}, silentTask), /already exists/);
});

test('what a step notices is said with the step in front', async () => {
  const recipe = write(
    'noticed.yaml',
    `model: ${trained.name}.onnx\noutput: noticed.onnx\nsteps:\n  - prune: { targetSize: 100, align: 8 }\n`,
  );
  const { diagnostics } = await runRecipe(recipe, {}, silentTask);
  const missed = diagnostics.find(({ id }) => id === 'prune/target-missed');
  assert.match(missed?.message ?? '', /^Step 1 of 1, prune: The target cannot be reached/);
});

test('zeros stay where int8 follows', async () => {
  const recipe = write(
    'zeros.yaml',
    `model: ${trained.name}.onnx
output: zeros.onnx
calibration: ${trained.name}_calibration.npz
steps:
  - prune-weights: { pattern: '2:4', criterion: magnitude }
  - quantize
`,
  );
  const { steps } = await runRecipe(recipe, {}, silentTask);
  assert.equal(steps[0]!.options['store'], 'dense');
  assert.ok((steps[1]!.result as { quantizedNodes: number }).quantizedNodes > 5);
});

test('model and output from outside stand above the recipe', () => {
  const steps = [{ prune: { ratio: 0.3, caps: { conv1: 0.2 } } }];
  const { model, output } = recipeFrom({ model: 'a', steps }, '/r/r.yaml', { model: '/m/b', output: '/m/c' });
  assert.deepEqual([model, output], ['/m/b', '/m/c']);
  assert.throws(() => recipeFrom({ steps }, '/r/r.yaml', { model: '/m/b' }), /"output" must be the path/);
});

const wrong: Readonly<Record<string, [unknown, RegExp]>> = {
  'no fields at all': ['prune', /r\.yaml: a recipe is a list of fields/],
  'a field that is none': [{ modle: 'a' }, /there is no field "modle"/],
  'no model': [{ output: 'b', steps: ['prune'] }, /"model" must be the path/],
  'no steps': [{ model: 'a', output: 'b', steps: [] }, /"steps" must be a list/],
  'two names in a step': [
    { model: 'a', output: 'b', steps: [{ prune: {}, quantize: {} }] },
    /step 1 must be one name/,
  ],
  'a step that is none': [
    { model: 'a', output: 'b', steps: ['shrink'] },
    /step 1: there is no step "shrink"/,
  ],
  'an option that is none': [
    { model: 'a', output: 'b', steps: [{ prune: { ratoi: 0.3 } }] },
    /step 1 \(prune\): there is no option "ratoi"\. There are ratio,/,
  ],
  'a word for a number': [
    { model: 'a', output: 'b', steps: [{ prune: { ratio: 'half' } }] },
    /step 1 \(prune\): "ratio" must be a number; "half" was given/,
  ],
  'caps that are no numbers': [
    { model: 'a', output: 'b', steps: [{ prune: { caps: [0.3] } }] },
    /"caps" must be numbers by name, as in \{conv1: 0\.3\}/,
  ],
  'a word that is none of those': [
    { model: 'a', output: 'b', steps: [{ prune: { importance: 'l3' } }] },
    /"importance" must be one of l1, l2/,
  ],
  'pruning after quantizing': [
    { model: 'a', output: 'b', steps: ['quantize', { prune: { ratio: 0.3 } }] },
    /step 2 \(prune\) cannot come after quantize: quantize comes last, because prune works on float weights/,
  ],
  'clustering and quantizing': [
    { model: 'a', output: 'b', steps: ['cluster', 'quantize'] },
    /a model is either clustered or quantized/,
  ],
  'channels after zeros': [
    { model: 'a', output: 'b', steps: ['prune-weights', 'prune'] },
    /prune comes before prune-weights/,
  ],
};

for (const [name, [document, sentence]] of Object.entries(wrong)) {
  test(`${name} gets a sentence`, () => {
    assert.throws(
      () => recipeFrom(document, 'r.yaml'),
      (error: unknown) =>
        error instanceof SlipwayError && error.kind === 'badRequest' && sentence.test(error.message),
    );
  });
}

test('a step that fails is named, and nothing is left', async () => {
  const recipe = write(
    'failing.yaml',
    `model: ${trained.name}.onnx\noutput: none.onnx\nsteps:\n  - prune: { ratio: 1.5 }\n`,
  );
  await assert.rejects(runRecipe(recipe, {}, silentTask), /Step 1 of 1, prune: The ratio is the share/);
  await assert.rejects(
    runRecipe(write('broken.yaml', 'steps: [}\n'), {}, silentTask),
    /broken\.yaml is no YAML document: .* at line \d+, column \d+\.$/,
  );
  assert.ok(!existsSync(join(folder, 'none.onnx')));
});
