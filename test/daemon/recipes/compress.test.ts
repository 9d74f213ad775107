// The one click on a trained model, with real processes.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { silentTask, type Progress, type Task } from '../../../daemon/base/task';
import { setScriptFolder } from '../../../daemon/host/scripts';
import { compress, type Variant } from '../../../daemon/recipes/compress';
import { f4, writeNpz } from '../../support/npzWriter';
import { distFolder, temporaryFolder } from '../../support/paths';
import { squareModel, unknownOperatorModel, writeSmall } from '../../support/smallModels';
import { hashes, trainedModel } from '../../support/trainedModel';

setScriptFolder(distFolder);
const quick = { maxSeconds: 0.5 };

function place(name: string): string {
  const folder = join(root, name);
  mkdirSync(folder);
  return folder;
}
const root = temporaryFolder();

/** Processes that this one started and that still live; Linux tells. */
function childProcesses(): string[] {
  if (!existsSync('/proc/self/stat')) return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => parentOf(pid) === process.pid);
}

function parentOf(pid: string): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? 0 : Number(fields[1]);
  } catch {
    return 0;
  }
}

test('makes, measures, evaluates and chooses; rows fill while it runs', async () => {
  const folder = place('whole');
  const model = trainedModel(folder);
  const given = hashes(folder);
  const rows: Variant[] = [];
  const stages = new Set<string>();
  const task: Task<Variant> = {
    signal: silentTask.signal,
    report: (progress) => {
      stages.add(progress.stage);
      if (progress.row) rows.push(progress.row);
    },
  };
  const result = await compress(model.path, quick, task);

  assert.deepEqual(
    result.variants.map(({ recipe, file }) => [recipe, basename(file)]),
    [
      ['original', `${model.name}.onnx`],
      ['int8 static', `${model.name}.int8.onnx`],
      ['int8 dynamic', `${model.name}.int8-dynamic.onnx`],
    ],
  );
  assert.deepEqual([result.calibration, result.validation], [model.calibration, model.validation]);
  assert.ok(result.variants.some(({ file }) => file === result.chosen));
  const [original, ...made] = result.variants;
  assert.deepEqual(
    [original?.ratio, original?.agreement, original?.fusion, original?.error],
    [null, null, null, null],
  );
  for (const variant of result.variants) {
    assert.equal(variant.failed, undefined);
    assert.ok(variant.fileBytes > 0);
    assert.equal(variant.measurement?.model, variant.file);
    assert.equal(variant.top1?.samples, model.samples);
  }
  for (const variant of made) {
    assert.ok(variant.ratio && variant.fusion && variant.error && variant.agreement);
    assert.ok(variant.agreement.value > 0.9, String(variant.agreement.value));
    assert.ok(variant.top1!.value > original!.top1!.value - 0.05);
    const { value, low, high } = variant.top1Difference!;
    assert.ok(Math.abs(value - (variant.top1!.value - original!.top1!.value)) < 1e-12);
    assert.ok(low <= value && value <= high);
  }
  assert.ok(made[0]!.fileBytes < original!.fileBytes / 2);

  // The original's row comes first and empty, the last row of each file is the result.
  assert.deepEqual([rows[0]?.recipe, rows[0]?.measurement], ['original', null]);
  for (const variant of result.variants)
    assert.deepEqual(rows.filter(({ file }) => file === variant.file).at(-1), variant);
  assert.ok(rows.some(({ measurement, top1 }) => measurement !== null && top1 === null));
  assert.ok(stages.has('Benchmarking') && [...stages].some((stage) => stage.startsWith('Evaluating')));

  const now = hashes(folder);
  for (const [name, hash] of Object.entries(given)) assert.equal(now[name], hash, name);
  assert.equal(Object.keys(now).length, Object.keys(given).length + 2);

  // Once more: nothing is written over.
  const again = await compress(model.path, { ...quick, validation: model.validation }, silentTask);
  assert.deepEqual(
    again.variants.slice(1).map(({ file }) => basename(file)),
    [`${model.name}.int8-2.onnx`, `${model.name}.int8-dynamic-2.onnx`],
  );
  for (const [name, hash] of Object.entries(now)) assert.equal(hashes(folder)[name], hash, name);
});

test('a version that cannot be made keeps its row with the reason, and the rest goes on', async () => {
  const folder = place('partly');
  const model = trainedModel(folder);
  const calibration = writeNpz(join(folder, 'wrong.npz'), { image: f4([2, 1, 3, 3], new Float32Array(18)) });
  const result = await compress(model.path, { ...quick, calibration }, silentTask);
  const [, fixed, dynamic] = result.variants;
  assert.match(fixed?.failed ?? '', /"image" \(float32, 2 × 1 × 3 × 3\) does not fit/);
  assert.deepEqual([fixed?.fileBytes, fixed?.measurement], [0, null]);
  assert.equal(dynamic?.failed, undefined);
  assert.ok(dynamic?.measurement && dynamic.top1);
  assert.equal(existsSync(fixed!.file), false);
});

test('without data only what needs none is made, nothing is chosen blindly', async () => {
  const folder = place('no data');
  const model = trainedModel(folder);
  rmSync(model.calibration);
  rmSync(model.validation);
  const result = await compress(
    model.path,
    { ...quick, outputFolder: join(folder, 'new', 'place') },
    silentTask,
  );
  assert.deepEqual(
    result.variants.map(({ recipe, top1, agreement }) => [recipe, top1, agreement]),
    [
      ['original', null, null],
      ['int8 dynamic', null, null],
    ],
  );
  assert.deepEqual([result.calibration, result.validation, result.chosen], [null, null, model.path]);
  assert.ok(existsSync(join(folder, 'new', 'place', `${model.name}.int8-dynamic.onnx`)));
});

test('data without labels: agreement decides', async () => {
  const folder = place('no labels');
  const model = trainedModel(folder);
  rmSync(model.validation);
  const result = await compress(model.path, quick, silentTask);
  const [original, fixed] = result.variants;
  // Calibration data is no measure of accuracy, but two models can be held against each other on it.
  assert.deepEqual([original?.top1, original?.agreement, result.validation], [null, null, null]);
  assert.ok(fixed?.agreement && fixed.agreement.samples > 100);
});

test('validation data beside the model that does not fit is left aside, and that is said', async () => {
  const folder = place('does not fit');
  const path = await writeSmall(folder, 'square.onnx', squareModel());
  writeNpz(join(folder, 'square_validation.npz'), { x: f4([1, 5], [1, 2, 3, 4, 5]) });
  const result = await compress(path, quick, silentTask);
  assert.equal(result.validation, null);
  assert.deepEqual(
    result.diagnostics.map(({ id, severity }) => [id, severity]),
    [['compress/validationLeftAside', 'warning']],
  );
  assert.match(
    result.diagnostics[0]!.message,
    /square_validation\.npz was found .* not used.*"x" \(float32, 1 × 5\) does not fit the input "x"/,
  );
});

test('a model that nothing can be done about is measured all the same', async () => {
  const folder = place('square');
  const path = await writeSmall(folder, 'square.onnx', squareModel());
  const result = await compress(path, quick, silentTask);
  assert.deepEqual(
    result.variants.map(({ recipe }) => recipe),
    ['original'],
  );
  assert.ok(result.variants[0]?.measurement);
  assert.equal(result.chosen, path);
});

test('what concerns the original ends the work before it begins', async () => {
  const folder = place('refused');
  const broken = join(folder, 'broken.onnx');
  writeFileSync(broken, 'no model');
  await assert.rejects(compress(broken, quick, silentTask), { kind: 'invalidModel' });
  const unknown = await writeSmall(folder, 'unknown.onnx', unknownOperatorModel());
  await assert.rejects(compress(unknown, quick, silentTask), { kind: 'runnerFailed' });
  const square = await writeSmall(folder, 'square.onnx', squareModel());
  await assert.rejects(compress(square, { validation: join(folder, 'none.npz') }, silentTask), {
    kind: 'notFound',
  });
  await assert.rejects(compress(square, { calibration: join(folder, 'none.npz') }, silentTask), {
    kind: 'notFound',
  });
  await assert.rejects(compress(square, { outputFolder: join(square, 'inside') }, silentTask), {
    kind: 'fileSystem',
  });
  const wrong = writeNpz(join(folder, 'wrong.npz'), { other: f4([1, 4], [1, 2, 3, 4]) });
  await assert.rejects(compress(square, { validation: wrong }, silentTask), /no array for the input "x"/);
  assert.deepEqual(readdirSync(folder).sort(), ['broken.onnx', 'square.onnx', 'unknown.onnx', 'wrong.npz']);
});

/** Stages at which the job is cancelled, and how many finished files are there then. */
const moments: readonly (readonly [stage: RegExp, files: number | undefined])[] = [
  [/^Trying/, 0],
  [/^Calibrating/, 0],
  [/^Comparing/, 1],
  [/^Benchmarking/, 2],
  [/^Evaluating/, 2],
];
for (const [stage, files] of moments)
  test(`cancelled at "${stage.source.slice(1)}": finished files stay, no part and no process does`, async () => {
    const folder = place(`cancel ${stage.source.slice(1)}`);
    const model = trainedModel(folder);
    const given = readdirSync(folder);
    const stop = new AbortController();
    const task: Task<Variant> = {
      signal: stop.signal,
      report: (progress: Progress<Variant>) => {
        if (stage.test(progress.stage)) stop.abort();
      },
    };
    await assert.rejects(compress(model.path, quick, task), { kind: 'cancelled' });
    const left = readdirSync(folder).filter((name) => !given.includes(name));
    assert.equal(left.length, files, left.join());
    assert.ok(
      left.every((name) => /^\w+\.int8(-dynamic)?\.onnx$/.test(name)),
      left.join(),
    );
    assert.deepEqual(childProcesses(), []);
  });
