// The search for half nodes by what the outputs must keep: top-1, agreement without labels, cosine; budgets, a
// cancelled search that leaves its best, and options that do not go together.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { SlipwayError, type ErrorKind } from '../../../../daemon/base/errors';
import { silentTask, throwIfCancelled, type Progress } from '../../../../daemon/base/task';
import { evaluateModel } from '../../../../daemon/evaluate/evaluate';
import { setScriptFolder } from '../../../../daemon/host/scripts';
import { floatTensor, node } from '../../../../daemon/ir/builder';
import { readModel } from '../../../../daemon/onnx/readModel';
import { withRunner } from '../../../../daemon/runtime/runner/runnerProcess';
import { searchPrecision, type SearchWork } from '../../../../daemon/recipes/precision/precisionSearch';
import { convertPrecision, type PrecisionOptions } from '../../../../daemon/recipes/precision/precision';
import { f4, i8, writeNpz } from '../../../support/npzWriter';
import { distFolder, temporaryFolder } from '../../../support/paths';
import { writeSmall } from '../../../support/smallModels';
import { numbers, oneToOne, weight } from '../../passes/modelHarness';

setScriptFolder(distFolder);
const folder = temporaryFolder('slipway-precision-search-');

const width = 16;
const classes = 8;
const samples = 128;
const factor = weight('w', [width, classes]);

/** Scores |x·w|, by way of squares that overflow float16: no score is a number there. */
const classifier = () =>
  writeSmall(
    folder,
    'classifier',
    oneToOne(
      [
        node('MatMul', ['x', 'w'], ['h'], { name: 'product' }),
        node('Mul', ['h', 'thousand'], ['a'], { name: 'up' }),
        node('Mul', ['a', 'a'], ['b'], { name: 'square' }),
        node('Sqrt', ['b'], ['c'], { name: 'root' }),
        node('Div', ['c', 'thousand'], ['d'], { name: 'down' }),
        node('Relu', ['d'], ['y'], { name: 'relu' }),
      ],
      [factor, floatTensor('thousand', [], [1000])],
      ['n', width],
    ),
  );

const x = numbers(samples * width);
const unlabelled = writeNpz(join(folder, 'unlabelled.npz'), { x: f4([samples, width], x) });

/** The class that the float model names for each sample. */
async function labelledData(model: string): Promise<string> {
  const labels = await withRunner(silentTask, async (runner) => {
    const session = await runner.load(model, {}, silentTask);
    const { y } = await session.run({ x: { type: 'float32', dims: [samples, width], data: x } }, silentTask);
    const scores = y!.data as Float32Array;
    return Array.from({ length: samples }, (_, row) => {
      const own = [...scores.subarray(row * classes, (row + 1) * classes)];
      return own.indexOf(Math.max(...own));
    });
  });
  return writeNpz(join(folder, 'labelled.npz'), { x: f4([samples, width], x), label: i8([samples], labels) });
}

let count = 0;
const search = async (model: string, options: Partial<PrecisionOptions>, task = silentTask) => {
  const output = join(folder, `out-${(count += 1)}.onnx`);
  return { output, made: await convertPrecision(model, { method: 'fp16', output, ...options }, task) };
};

test('a largest drop of top-1 decides what stays float32', async () => {
  const model = await classifier();
  const validation = await labelledData(model);
  const { output, made } = await search(model, { maxDrop: 0.02, validation });
  assert.ok(made.search);
  const [top1, ...more] = made.search.measured;
  assert.deepEqual([top1?.metric, top1?.float, top1?.least, more.length], ['top1', 1, 0.98, 0]);
  assert.ok(top1!.value >= 0.98);
  assert.equal(made.search.stopped, 'done');
  assert.ok(made.search.float.includes('square'), made.search.float.join());
  assert.ok(made.quantizedNodes >= 3, String(made.quantizedNodes));
  // The file keeps it too, on whatever this machine makes of float16.
  const { value } = await evaluateModel({ path: output, data: validation, metric: 'top1' }, silentTask);
  assert.ok(value >= 0.98, String(value));
  // All nodes in half lose it.
  const whole = await convertPrecision(
    model,
    { method: 'fp16', mode: 'compute', output: join(folder, 'whole.onnx') },
    silentTask,
  );
  assert.equal(whole.error, null);
  assert.equal(whole.search, null);
});

test('data without labels is judged by agreement; several criteria hold together; bfloat16 is searched too', async () => {
  const model = await classifier();
  const criteria = { maxDrop: 0.05, validation: unlabelled, minCosine: 0.999, minSqnrDb: 40 };
  const { made } = await search(model, criteria);
  assert.deepEqual(
    made.search?.measured.map(({ metric, least }) => [metric, least]),
    [
      ['agreement', 0.95],
      ['cosine', 0.999],
      ['sqnr', 40],
    ],
  );
  assert.ok(made.search.measured.every(({ value, least }) => value >= least));
  // Its range is that of float32, so that no node overflows; its digits are few.
  const wide = await search(model, { method: 'bf16', minCosine: 0.999 });
  assert.deepEqual([wide.made.search?.evaluations, wide.made.search?.float], [1, []]);
  const fine = await search(model, { method: 'bf16', minSqnrDb: 70, calibration: unlabelled }).catch((error: unknown) => error); // prettier-ignore
  assert.ok(fine instanceof SlipwayError, JSON.stringify(fine));
  assert.match(
    fine.message,
    /No nodes were found.*signal-to-noise ratio .* dB \(at least 70\).*Ask for less/su,
  );
});

test('nodes that touch large values stay float32 before anything is tried', async () => {
  const options = { mode: 'compute', calibration: unlabelled, maxMagnitude: 100 } as const;
  const { made } = await search(await classifier(), options);
  const left = Object.fromEntries(made.fusion.left.map(({ node: name, why }) => [name, why]));
  assert.deepEqual(Object.keys(left).sort(), ['down', 'root', 'square', 'up']);
  assert.match(left['square'] ?? '', /on the calibration data, more than the 100 that was set as the limit/u);
});

test('budgets end the search with the best so far', async () => {
  const model = await classifier();
  const counted = await search(model, { minSqnrDb: 45, maxEvaluations: 4 });
  assert.deepEqual([counted.made.search?.evaluations, counted.made.search?.stopped], [4, 'evaluations']);
  assert.ok(counted.made.quantizedNodes >= 1);
  assert.ok(counted.made.diagnostics.some(({ id, severity }) => id === 'precision/search' && severity === 'warning')); // prettier-ignore
  for (const limit of [{ maxEvaluations: 1 }, { maxSeconds: 0 }]) {
    const output = join(folder, 'never.onnx');
    await refuses(model, { output, minSqnrDb: 45, ...limit }, 'unsupported', /in one trial before the search had to end\. With all of them in half the model gives no numbers\. Allow more/u); // prettier-ignore
    assert.ok(!existsSync(output));
  }
});

test('a trial that is under way when the time is up is left; the first is not', async () => {
  const path = await classifier();
  const { model } = await readModel(path, silentTask);
  let made = 0;
  const work: SearchWork = {
    path,
    options: { method: 'fp16', output: '', minSqnrDb: 1e6, maxSeconds: 1 },
    candidates: ['product', 'up', 'square', 'root'],
    data: {
      validation: undefined,
      compared: () =>
        Readable.from([
          { feeds: { x: { type: 'float32', dims: [1, width], data: x.slice(0, width) } }, count: 1 },
        ]),
    },
    trial: join(folder, 'trial.onnx'),
    async make(_only, _emulate, { signal }) {
      made += 1;
      // The second would never end by itself.
      if (made > 1 && !signal.aborted) await once(signal, 'abort');
      throwIfCancelled({ ...silentTask, signal });
      return { model: model!, modified: true, converted: [], left: [] };
    },
    save: () => assert.fail('nothing holds'),
  };
  const ended = searchPrecision(work, silentTask);
  await assert.rejects(ended, /in one trial before the search had to end.*at least 1000000/su);
  // On a machine so busy that the first took all the time, there is no second.
  assert.ok(made <= 2);
});

test('a cancelled search leaves its best', async () => {
  const model = await classifier();
  const controller = new AbortController();
  const output = join(folder, 'cancelled.onnx');
  const task = {
    signal: controller.signal,
    // The whole and both halves overflow; the first quarter is taken at the fourth trial.
    report: ({ stage, done }: Progress) => {
      if (stage.startsWith('Searching') && done === 5) controller.abort();
    },
  };
  await refuses(model, { output, minSqnrDb: 45 }, 'cancelled', /./u, task);
  assert.ok(existsSync(output));
  const { value } = await evaluateModel({ path: output, data: await labelledData(model), metric: 'top1' }, silentTask); // prettier-ignore
  assert.ok(value > 0.95, String(value));
});

async function refuses(
  model: string,
  options: Partial<PrecisionOptions>,
  kind: ErrorKind,
  pattern: RegExp,
  task = silentTask,
) {
  const output = join(folder, 'refused.onnx');
  await assert.rejects(convertPrecision(model, { method: 'fp16', output, ...options }, task), (error) => {
    assert.ok(error instanceof SlipwayError, String(error));
    assert.equal(error.kind, kind, error.message);
    assert.match(error.message, pattern);
    return true;
  });
}

test('options that do not go together get a sentence', async () => {
  const model = await classifier();
  const no = (options: Partial<PrecisionOptions>, pattern: RegExp) =>
    refuses(model, options, 'badRequest', pattern);
  await no({ maxDrop: 0.01 }, /needs data to measure it on.*Name the validation data/u);
  await no({ validation: unlabelled, mode: 'search' }, /Name the largest drop too/u);
  await no({ mode: 'compute', minCosine: 0.9 }, /belong to the mode search; compute converts once/u);
  await no({ mode: 'storage', maxSeconds: 3 }, /belong to the mode search/u);
  await no({ maxDrop: 1.5, validation: unlabelled }, /share of 1.*1\.5 was given/u);
  await no({ mode: 'compute', maxMagnitude: 100 }, /measured on calibration data/u);
});
