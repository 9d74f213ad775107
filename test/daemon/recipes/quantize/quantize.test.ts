// Quantizing whole files: every trained model in ../shared/models in all its exports, the third-party ones,
// and what wrong input gets. Top-1 is printed; it must stay near that of the float model.

import assert from 'node:assert/strict';
import { copyFileSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { SlipwayError, type ErrorKind } from '../../../../daemon/base/errors';
import { silentTask, type Progress } from '../../../../daemon/base/task';
import { evaluateModel } from '../../../../daemon/evaluate/evaluate';
import { setScriptFolder } from '../../../../daemon/host/scripts';
import { node } from '../../../../daemon/ir/builder';
import { quantize, type QuantizeOptions } from '../../../../daemon/recipes/quantize/quantize';
import { f4, writeNpz } from '../../../support/npzWriter';
import { distFolder, sharedFolder, temporaryFolder } from '../../../support/paths';
import { unknownOperatorModel, writeSmall } from '../../../support/smallModels';
import { numbers, oneToOne, weight } from '../../passes/modelHarness';

setScriptFolder(distFolder);
const folder = temporaryFolder('slipway-quantize-');
const models = sharedFolder() && join(sharedFolder()!, 'models');
if (models === undefined)
  console.log('../shared/models is absent: only models built by the test are quantized.');

const top1 = async (path: string, data: string, maxSamples: number, batch?: number) =>
  (await evaluateModel({ path, data, metric: 'top1', batch, maxSamples }, silentTask)).value;

interface Trained {
  readonly file: string;
  readonly method: 'static' | 'dynamic';
  /** Largest loss of top-1. */
  readonly drop: number;
  /** Conv nodes that stay in float. */
  readonly floatConvs: number | 'some';
}
const int8 = (file: string, drop: number, floatConvs: Trained['floatConvs'] = 0): Trained => ({
  file,
  method: 'static',
  drop,
  floatConvs,
});
const trained: readonly Trained[] = [
  int8('digits/digits', 0.005),
  int8('digits/digits_bn', 0.005),
  int8('digits/digits_dynamo', 0.005),
  int8('resnet/resnet', 0.005),
  int8('resnet/resnet_bn', 0.005),
  int8('resnet/resnet_dynamo', 0.005),
  int8('mobilenet/mobilenet', 0.01),
  int8('mobilenet/mobilenet_bn', 0.01),
  int8('mobilenet/mobilenet_dynamo', 0.01),
  // What is slower in integers goes back to float by measuring, which depends on the machine.
  int8('mobilenetv3/mobilenetv3', 0.005, 'some'),
  int8('mobilenetv3/mobilenetv3_bn', 0.005, 'some'),
  int8('mobilenetv3/mobilenetv3_dynamo', 0.005, 'some'),
  int8('bert/bert', 0.02),
  { ...int8('bert/bert', 0.02), method: 'dynamic' },
  { ...int8('bert/bert_dynamo', 0.02), method: 'dynamic' },
];

if (models !== undefined) {
  const floatTop1 = new Map<string, number>();
  for (const { file, method, drop, floatConvs } of trained) {
    test(`${method} int8 of ${file}.onnx`, async () => {
      const [name = ''] = file.split('/');
      const path = join(models, `${file}.onnx`);
      const data = (kind: string) => join(models, name, `${name}_${kind}.npz`);
      const output = join(folder, `${file.replace('/', '-')}.${method}.onnx`);
      const result = await quantize(path, { method, output, calibration: data('calibration') }, silentTask);
      const convs = result.fusion.left.filter(({ op }) => op === 'Conv');
      if (floatConvs !== 'some') assert.equal(convs.length, floatConvs, JSON.stringify(convs));
      assert.equal(result.after.fileBytes, statSync(output).size);
      assert.ok(result.after.fileBytes < result.before.fileBytes * 0.6);
      assert.ok(result.error && result.error.cosine > 0.99 && result.error.samples === 32);
      // The transformer takes its time.
      const samples = name === 'bert' ? 400 : 2000;
      const before = floatTop1.get(name) ?? (await top1(path, data('validation'), samples));
      floatTop1.set(name, before);
      const after = await top1(output, data('validation'), samples, method === 'dynamic' ? 1 : undefined);
      console.log(
        `${file} ${method}: top-1 ${before.toFixed(4)} → ${after.toFixed(4)}, cosine ${result.error.cosine.toFixed(5)}, ` +
          `${result.fusion.integer} nodes in integers, ${result.fusion.float} in float, ${result.before.fileBytes} → ${result.after.fileBytes} bytes`,
      );
      assert.ok(after >= before - drop);
    });
  }

  test('third-party models are quantized or refused in a sentence', async () => {
    const images = (dims: readonly number[], name: string) =>
      writeNpz(join(folder, `${name}.npz`), {
        [name]: f4(
          dims,
          numbers(
            dims.reduce((a, b) => a * b),
            3,
          ),
        ),
      });
    const at = (name: string) => join(models, 'third-party', name);
    const calibration = images([4, 1, 28, 28], 'Input3');
    const mnist = { method: 'static', output: join(folder, 'mnist.onnx'), calibration } as const;
    const small = await quantize(at('mnist-8.onnx'), mnist, silentTask);
    assert.deepEqual(small.fusion.left, []);
    assert.equal(
      (
        await quantize(
          at('mnist-8.onnx'),
          { method: 'dynamic', output: join(folder, 'mnist-d.onnx') },
          silentTask,
        )
      ).quantizedNodes,
      1,
    );

    const faces = {
      method: 'static',
      output: join(folder, 'faces.onnx'),
      calibration: images([2, 3, 240, 320], 'input'),
    } as const;
    const detector = await quantize(at('ultraface-rfb-320.onnx'), faces, silentTask);
    const floatConvs = detector.fusion.left.filter(({ op }) => op === 'Conv');
    console.log(
      `ultraface: ${detector.fusion.integer} in integers, ${detector.fusion.float} in float, cosine ${String(detector.error?.cosine)}`,
    );
    assert.deepEqual(floatConvs, []);

    await refuses(
      at('candy.onnx'),
      {
        method: 'static',
        output: join(folder, 'candy.onnx'),
        calibration: images([1, 3, 720, 720], 'inputImage'),
      },
      'unsupported',
      /ImageScaler/,
    );
    await refuses(
      at('candy.onnx'),
      { method: 'dynamic', output: join(folder, 'candy.onnx') },
      'unsupported',
      /nothing to quantize/,
    );
    await refuses(
      at('superresolution-with-extensions.onnx'),
      { method: 'dynamic', output: join(folder, 'sr.onnx') },
      undefined,
      /DecodeImage|extensions/,
    );
  });
}

async function refuses(path: string, options: QuantizeOptions, kind: ErrorKind | undefined, pattern: RegExp) {
  const before = existsSync(options.output) ? readFileSync(options.output) : undefined;
  await assert.rejects(
    async () => quantize(path, options, silentTask),
    (error) => {
      assert.ok(error instanceof SlipwayError, String(error));
      if (kind !== undefined) assert.equal(error.kind, kind, error.message);
      assert.match(error.message, pattern);
      return true;
    },
  );
  assert.deepEqual(existsSync(options.output) ? readFileSync(options.output) : undefined, before);
}

const smallNet = () =>
  oneToOne(
    [
      node('Conv', ['x', 'w', 'b'], ['a'], { name: 'conv', attributes: { pads: [1n, 1n, 1n, 1n] } }),
      node('Relu', ['a'], ['r'], { name: 'relu' }),
      node('GlobalAveragePool', ['r'], ['p'], { name: 'pool' }),
      node('Flatten', ['p'], ['f'], { name: 'flatten' }),
      node('Gemm', ['f', 'm'], ['y'], { name: 'gemm' }),
    ],
    [weight('w', [4, 3, 3, 3]), weight('b', [4], 2), weight('m', [4, 5], 3)],
    ['batch', 3, 8, 8],
  );

test('a small network: stages, result, overwriting', async () => {
  const path = await writeSmall(folder, 'small.onnx', smallNet());
  const calibration = writeNpz(join(folder, 'small.npz'), { x: f4([8, 3, 8, 8], numbers(8 * 192)) });
  const output = join(folder, 'small.int8.onnx');
  const seen: Progress[] = [];
  const task = { ...silentTask, report: (progress: Progress) => void seen.push(progress) };
  const result = await quantize(path, { method: 'static', output, calibration, calibrationSamples: 6 }, task);
  const stages = [
    'Reading',
    'Simplifying',
    'Calibrating',
    'Quantizing',
    'Writing',
    'Checking what runs in integers',
  ];
  const order = [...new Set(seen.map(({ stage }) => stage))].filter((stage) => stages.includes(stage));
  assert.deepEqual(order, stages);
  assert.ok(seen.some(({ stage, done, total }) => stage === 'Calibrating' && done === 6 && total === 6));
  assert.equal(result.output, output);
  assert.equal(result.error?.samples, 6);
  assert.deepEqual(result.fusion.left, []);
  const again = { method: 'static', output, calibration } as const;
  await refuses(path, again, 'conflict', /already exists/);
  await quantize(path, { ...again, overwrite: true }, silentTask);
  const dynamic = await quantize(
    path,
    { method: 'dynamic', output: join(folder, 'small.dynamic.onnx') },
    silentTask,
  );
  assert.equal(dynamic.error?.samples, 8);
  assert.deepEqual(dynamic.fusion.left.map(({ node: name }) => name).includes('conv'), true);
});

test('neither the model nor the data is written over', async () => {
  const path = await writeSmall(folder, 'kept.onnx', smallNet());
  const calibration = writeNpz(join(folder, 'kept.npz'), { x: f4([2, 3, 8, 8], numbers(2 * 192)) });
  await refuses(
    path,
    { method: 'static', output: path, calibration, overwrite: true },
    'conflict',
    /is the model itself/,
  );
  await refuses(
    path,
    { method: 'static', output: calibration, calibration, overwrite: true },
    'conflict',
    /calibration data/,
  );
});

test('missing and wrong calibration data: which input, which shape, which type', async () => {
  const path = await writeSmall(folder, 'data.onnx', smallNet());
  const output = join(folder, 'data.int8.onnx');
  const wrong = (name: string, arrays: Parameters<typeof writeNpz>[1]) =>
    refuses(
      path,
      { method: 'static', output, calibration: writeNpz(join(folder, `${name}.npz`), arrays) },
      'badRequest',
      /"x" \(float32, batch × 3 × 8 × 8\)/,
    );
  await refuses(
    path,
    { method: 'static', output },
    'badRequest',
    /an \.npz file with the array "x" \(float32, samples×3×8×8\)/,
  );
  await wrong('shape', { x: f4([4, 3, 8, 7], numbers(4 * 168)) });
  await wrong('name', { image: f4([4, 3, 8, 8], numbers(4 * 192)), other: f4([1], [0]) });
  await wrong('type', { x: { descr: '|u1', shape: [4, 3, 8, 8], bytes: new Uint8Array(768) } });
  await refuses(
    path,
    { method: 'static', output, calibration: join(folder, 'nowhere.npz') },
    'notFound',
    /nowhere\.npz/,
  );
});

test('broken, unknown and quantized models', async () => {
  const output = join(folder, 'never.onnx');
  const broken = join(folder, 'broken.onnx');
  writeFileSync(broken, numbers(500));
  await refuses(broken, { method: 'dynamic', output }, 'invalidModel', /broken\.onnx cannot be quantized: /);
  const whole = await writeSmall(folder, 'whole.onnx', smallNet());
  const truncated = join(folder, 'truncated.onnx');
  writeFileSync(truncated, readFileSync(whole).subarray(0, -300));
  await refuses(
    truncated,
    { method: 'dynamic', output },
    'invalidModel',
    /truncated\.onnx cannot be quantized: /,
  );
  await refuses(join(folder, 'absent.onnx'), { method: 'dynamic', output }, 'notFound', /absent\.onnx/);
  const unknown = await writeSmall(folder, 'unknown.onnx', unknownOperatorModel());
  await refuses(unknown, { method: 'dynamic', output }, undefined, /./);
  const once = join(folder, 'once.onnx');
  await quantize(whole, { method: 'dynamic', output: once }, silentTask);
  const copy = join(folder, 'copy.onnx');
  copyFileSync(once, copy);
  await refuses(copy, { method: 'dynamic', output }, 'unsupported', /quantized already/);
});

test('cancelling leaves no output', async () => {
  const path = await writeSmall(folder, 'cancelled.onnx', smallNet());
  const calibration = writeNpz(join(folder, 'cancelled.npz'), { x: f4([8, 3, 8, 8], numbers(8 * 192)) });
  const controller = new AbortController();
  const task = {
    signal: controller.signal,
    report: ({ stage }: Progress) => {
      if (stage === 'Calibrating') controller.abort();
    },
  };
  const output = join(folder, 'cancelled.int8.onnx');
  await assert.rejects(
    async () => quantize(path, { method: 'static', output, calibration }, task),
    /Cancelled/,
  );
  assert.equal(existsSync(output), false);
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.includes('cancelled.int8')),
    [],
  );
});
