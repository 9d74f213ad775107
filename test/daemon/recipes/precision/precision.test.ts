// Half precision of whole files: the shared models in every mode, and what wrong input gets. Sizes, errors and top-1
// are printed.

import assert from 'node:assert/strict';
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { SlipwayError, type ErrorKind } from '../../../../daemon/base/errors';
import { silentTask } from '../../../../daemon/base/task';
import { evaluateModel } from '../../../../daemon/evaluate/evaluate';
import { setScriptFolder } from '../../../../daemon/host/scripts';
import { floatTensor, node } from '../../../../daemon/ir/builder';
import { convertPrecision, type PrecisionOptions } from '../../../../daemon/recipes/precision/precision';
import { ownTemporaryFolder } from '../../../support/childProcesses';
import { distFolder, sharedFolder, temporaryFolder } from '../../../support/paths';
import { writeSmall } from '../../../support/smallModels';
import { oneToOne, weight } from '../../passes/modelHarness';

setScriptFolder(distFolder);
const folder = temporaryFolder('slipway-precision-test-');
const temporaryFiles = ownTemporaryFolder();
const models = sharedFolder() && join(sharedFolder()!, 'models');
if (models === undefined)
  console.log('../shared/models is absent: only models built by the test are converted.');

const trained = [
  'digits/digits',
  'resnet/resnet_bn',
  'mobilenet/mobilenet',
  'mobilenetv3/mobilenetv3_dynamo',
  'bert/bert',
];

if (models !== undefined) {
  for (const file of trained) {
    const [name = ''] = file.split('/');
    const path = join(models, `${file}.onnx`);
    const data = (kind: string) => join(models, name, `${name}_${kind}.npz`);
    for (const [mode, method] of [
      ['storage', 'fp16'],
      ['compute', 'fp16'],
      ['storage', 'bf16'],
    ] as const) {
      test(`${method} ${mode} of ${file}.onnx`, async () => {
        const output = join(folder, `${name}.${method}.${mode}.onnx`);
        const calibration = data('calibration');
        const result = await convertPrecision(path, { method, mode, output, calibration }, silentTask);
        assert.equal(result.after.fileBytes, statSync(output).size);
        const share = result.after.fileBytes / result.before.fileBytes;
        assert.ok(share < 0.62, `the file is still ${share} of the original`);
        assert.ok(result.error && result.error.samples === 64);
        const samples = name === 'bert' ? 200 : 1000;
        const score = (each: string) =>
          evaluateModel(
            { path: each, data: data('validation'), metric: 'top1', maxSamples: samples },
            silentTask,
          );
        const [before, after] = [(await score(path)).value, (await score(output)).value];
        console.log(
          `${file} ${method} ${mode}: ${share.toFixed(3)} of the size, ${result.quantizedNodes} converted, SQNR ${result.error.sqnrDb.toFixed(1)} dB, top-1 ${before.toFixed(4)} → ${after.toFixed(4)}`,
        );
        assert.ok(result.error.sqnrDb > (method === 'fp16' ? 40 : 30));
        assert.ok(after >= before - 0.003);
      });
    }
  }
}

/** x·1000, squared, and its root again: the middle overflows float16. */
const overflowing = () =>
  oneToOne(
    [
      node('MatMul', ['x', 'w'], ['h'], { name: 'mm' }),
      node('Mul', ['h', 'thousand'], ['a'], { name: 'up' }),
      node('Mul', ['a', 'a'], ['b'], { name: 'square' }),
      node('Sqrt', ['b'], ['c'], { name: 'root' }),
      node('Div', ['c', 'thousand'], ['y'], { name: 'down' }),
    ],
    [weight('w', [32, 32]), floatTensor('thousand', [], [1000])],
    ['n', 32],
  );

test('the search finds what overflows without any data', async () => {
  const path = await writeSmall(folder, 'overflow', overflowing());
  const output = join(folder, 'overflow.fp16.onnx');
  const result = await convertPrecision(path, { method: 'fp16', mode: 'search', output }, silentTask);
  assert.ok(result.error && result.error.sqnrDb >= 50, JSON.stringify(result.error));
  assert.ok(result.fusion.left.some(({ node: name }) => name === 'square'));
  assert.ok(result.quantizedNodes >= 2);
  assert.match(result.diagnostics.map(({ message }) => message).join('\n'), /trials: /u);
});

test('half inputs and outputs, and a pattern that names nothing', async () => {
  const path = await writeSmall(
    folder,
    'io',
    oneToOne([node('MatMul', ['x', 'w'], ['y'])], [weight('w', [16, 16])], ['n', 16]),
  );
  const output = join(folder, 'io.fp16.onnx');
  const options: PrecisionOptions = { method: 'fp16', mode: 'compute', output, halfIo: true, keep: ['LSTM'] };
  const result = await convertPrecision(path, options, silentTask);
  assert.ok(result.error && result.error.sqnrDb > 45);
  assert.ok(result.diagnostics.some(({ id }) => id === 'precision/idle-pattern'));
});

test('bfloat16 arithmetic is written and not run here', async () => {
  const path = await writeSmall(
    folder,
    'bf',
    oneToOne([node('MatMul', ['x', 'w'], ['y'])], [weight('w', [16, 16])], ['n', 16]),
  );
  const output = join(folder, 'bf.bf16.onnx');
  const result = await convertPrecision(path, { method: 'bf16', mode: 'compute', output }, silentTask);
  assert.equal(result.quantizedNodes, 1);
  assert.ok(result.error && result.error.sqnrDb > 25 && result.error.sqnrDb < 60, JSON.stringify(result));
  assert.ok(result.diagnostics.some(({ id }) => id === 'precision/not-run'));
});

test('a convolution is brought to the operator set that takes bfloat16', async () => {
  const image = ['n', 4, 6, 6] as const;
  const conv = node('Conv', ['x', 'w'], ['c'], { name: 'conv' });
  const write = (name: string) =>
    writeSmall(
      folder,
      name,
      oneToOne([conv, node('Relu', ['c'], ['y'])], [weight('w', [4, 4, 3, 3])], image),
    );
  const output = join(folder, 'conv.bf16.onnx');
  const options = { method: 'bf16', mode: 'compute', output, overwrite: true } as const;
  const made = await convertPrecision(await write('bfconv'), options, silentTask);
  assert.deepEqual(made.fusion.left, []);
  const told = made.diagnostics.find(({ id }) => id === 'precision/raised')!.message;
  assert.match(told, /operator set 17 to 22, from which Conv takes bfloat16/u);
  // Weights alone need no newer operators.
  const path = await write('bfstored');
  const stored = await convertPrecision(path, { ...options, mode: 'storage' }, silentTask);
  assert.ok(!stored.diagnostics.some(({ id }) => id === 'precision/raised'));
});

const refused = async (
  kind: ErrorKind,
  path: string,
  options: Partial<PrecisionOptions>,
  message: RegExp,
) => {
  const output = join(folder, 'never.onnx');
  await assert.rejects(
    convertPrecision(path, { method: 'fp16', output, ...options }, silentTask),
    (error) => error instanceof SlipwayError && error.kind === kind && message.test(error.message),
  );
  assert.ok(!existsSync(output));
};

test('what cannot be done is said, and nothing is written', async () => {
  const small = await writeSmall(folder, 'small', oneToOne([node('Relu', ['x'], ['y'])], [], ['n', 4]));
  await refused('unsupported', small, {}, /nothing to convert to fp16/u);
  await refused('unsupported', small, { mode: 'compute', keep: ['Relu'] }, /told to stay float32/u);
  await refused('conflict', small, { output: small }, /never written over/u);
  const broken = join(folder, 'broken.onnx');
  writeFileSync(broken, 'not a model');
  await refused('invalidModel', broken, {}, /cannot be converted/u);
  const old = oneToOne([node('Relu', ['x'], ['y'])], [], ['n', 4], { opset: 12 });
  await refused(
    'unsupported',
    await writeSmall(folder, 'old', old),
    { method: 'bf16', mode: 'compute' },
    /operator set 13/u,
  );
});

test('no temporary folder is left', () => {
  assert.deepEqual(
    temporaryFiles().filter((name) => /^slipway-precision-[A-Za-z0-9]{6}$/u.test(name)),
    [],
  );
});
