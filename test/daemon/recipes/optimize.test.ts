// The recipe: what it writes, what it reports, what it refuses; and the trained models with their real data.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { silentTask } from '../../../daemon/base/task';
import { setScriptFolder } from '../../../daemon/host/scripts';
import { floatTensor, graph, int64Tensor, model, node, valueInfo } from '../../../daemon/ir/builder';
import { DataType } from '../../../daemon/ir/dataType';
import type { Model } from '../../../daemon/ir/model';
import { readModel } from '../../../daemon/onnx/readModel';
import { checkOutputs } from '../../../daemon/recipes/verify/checkOutputs';
import { optimize } from '../../../daemon/recipes/optimize';
import { f4, writeNpz } from '../../support/npzWriter';
import { ownTemporaryFolder } from '../../support/childProcesses';
import { distFolder, sharedFolder, temporaryFolder } from '../../support/paths';
import { squareModel, unknownOperatorModel, writeSmall } from '../../support/smallModels';

setScriptFolder(distFolder);
const folder = temporaryFolder('slipway-optimize-test-');
const listed = ownTemporaryFolder();
const ours = () => listed().filter((name) => /^slipway-(fold|optimize)-\w{6}$/.test(name));

/** Flattens (batch, 3, seq) by shape arithmetic, scales and adds. */
const chain = (): Model =>
  model(
    graph({
      nodes: [
        node('Shape', ['x'], ['s']),
        node('Gather', ['s', 'zero'], ['b']),
        node('Concat', ['b', 'open'], ['t'], { attributes: { axis: 0n } }),
        node('Reshape', ['x', 't'], ['f'], { name: 'flatten' }),
        node('Identity', ['f'], ['g']),
        node('Mul', ['g', 'half'], ['h']),
        node('Add', ['h', 'nothing'], ['y']),
      ],
      initializers: [
        int64Tensor('zero', [1], [0]),
        int64Tensor('open', [1], [-1]),
        floatTensor('half', [], [0.5]),
        floatTensor('nothing', [1], [0]),
        floatTensor('spare', [9], new Float32Array(9)),
      ],
      inputs: [valueInfo('x', DataType.FLOAT, ['batch', 3, 'seq'])],
      outputs: [valueInfo('y', DataType.FLOAT, ['batch', 'flat'])],
    }),
  );

test('writes a smaller model and reports what was done and checked', async () => {
  const path = await writeSmall(folder, 'chain.onnx', chain());
  const output = join(folder, 'chain.opt.onnx');
  const before = ours();
  const result = await optimize(path, { output }, silentTask);
  assert.deepEqual([result.output, result.before.nodes, result.after.nodes], [output, 7, 2]);
  assert.equal(result.maxAbsError, 0);
  assert.equal(result.checked.runs, 5);
  assert.deepEqual(result.checked.sizes, [
    { batch: 1, seq: 8 },
    { batch: 2, seq: 16 },
  ]);
  const changed = result.passes.filter((pass) => pass.changed).map(({ name }) => name);
  assert.deepEqual(changed.slice(0, 2), ['remove identity', 'remove no-ops']);
  assert.equal(new Set(result.passes.map(({ name }) => name)).size, result.passes.length);
  const { model: made } = await readModel(output, silentTask);
  assert.deepEqual(
    made?.graph.nodes.map(({ opType, name }) => `${opType} ${name}`),
    ['Reshape flatten', 'Mul '],
  );
  assert.deepEqual(made.graph.inputs, chain().graph.inputs);
  assert.deepEqual(made.graph.outputs, chain().graph.outputs);
  assert.deepEqual(ours(), before, 'temporary folders stay behind');
});

test('binds dimensions, and refuses those that are not there', async () => {
  const path = await writeSmall(folder, 'bound.onnx', chain());
  const output = join(folder, 'bound.opt.onnx');
  const result = await optimize(path, { output, bind: { batch: 2 } }, silentTask);
  assert.deepEqual(result.checked.sizes, [
    { batch: 2, seq: 8 },
    { batch: 2, seq: 16 },
  ]);
  const { model: made } = await readModel(output, silentTask);
  const type = made?.graph.inputs[0]?.type;
  assert.deepEqual(type?.kind === 'tensor' && type.shape, [{ value: 2 }, { value: 3 }, { param: 'seq' }]);
  await assert.rejects(
    optimize(path, { output: join(folder, 'no.onnx'), bind: { seqence: 2 } }, silentTask),
    /bound\.onnx has no free dimension "seqence"\. It has batch, seq\./,
  );
});

test('refuses to write over the model, over other files, and what it cannot check', async () => {
  const path = await writeSmall(folder, 'square.onnx', squareModel());
  await assert.rejects(optimize(path, { output: path, overwrite: true }, silentTask), /is the model itself/);
  const other = await writeSmall(folder, 'other.onnx', squareModel());
  await assert.rejects(optimize(path, { output: other }, silentTask), /already exists/);
  const custom = await writeSmall(folder, 'custom.onnx', unknownOperatorModel());
  const output = join(folder, 'custom.opt.onnx');
  await assert.rejects(
    optimize(custom, { output }, silentTask),
    /cannot be compared, so nothing was written/,
  );
  assert.equal(existsSync(output), false);
  const result = await optimize(custom, { output, unchecked: true }, silentTask);
  assert.equal(result.maxAbsError, null);
  assert.match(result.diagnostics.at(-1)?.message ?? '', /were not compared/);
  assert.equal(existsSync(output), true);
});

/** Four products with 1024 × 1024: a run takes more than a millisecond on any machine. */
const slow = (): Model =>
  model(
    graph({
      nodes: [
        ...Array.from({ length: 4 }, (_, i) => node('MatMul', [i === 0 ? 'x' : `h${i}`, 'w'], [`h${i + 1}`])),
        node('Identity', ['h4'], ['y']),
      ],
      initializers: [
        floatTensor(
          'w',
          [1024, 1024],
          new Float32Array(1 << 20).map((_, i) => Math.sin(i) / 32),
        ),
      ],
      inputs: [valueInfo('x', DataType.FLOAT, [128, 1024])],
      outputs: [valueInfo('y', DataType.FLOAT, [128, 1024])],
    }),
  );

test('a slow model gets the runs that its time allows, and the report says so', async () => {
  const path = await writeSmall(folder, 'slow.onnx', slow());
  const run = (checkSeconds: number, output: string) =>
    optimize(path, { output: join(folder, output), checkSeconds }, silentTask);
  const short = await run(0.001, 'slow.short.onnx');
  assert.deepEqual([short.checked.runs, short.checked.cutShort], [1, true]);
  const said = short.diagnostics.find(({ id }) => id === 'optimize/check-cut-short');
  assert.equal(said?.severity, 'info');
  assert.match(said.message, /its time of 0\.001 s: one run was compared, and 4 more had been planned/);
  const whole = await run(600, 'slow.whole.onnx');
  assert.deepEqual([whole.checked.runs, whole.checked.cutShort], [5, false]);
  assert.ok(whole.checked.seconds > 0);
  // Whatever the time, each kind of run is made once: generated, doubled, real.
  const chained = await writeSmall(folder, 'hurried.onnx', chain());
  const data = writeNpz(join(folder, 'hurried.npz'), { x: f4([20, 3, 8], new Float32Array(480)) });
  const options = { output: join(folder, 'hurried.opt.onnx'), checkSeconds: 0, data };
  const hurried = await optimize(chained, options, silentTask);
  assert.deepEqual(
    [hurried.checked.runs, hurried.checked.samples, hurried.checked.sizes.length, hurried.checked.cutShort],
    [3, 8, 2, true],
  );
});

test('the check finds other values, other shapes and other types', async () => {
  const original = await writeSmall(folder, 'a.onnx', squareModel());
  const wrong = async (name: string, nodes: Model['graph']['nodes'], type: number = DataType.FLOAT) => {
    const made = squareModel();
    made.graph.nodes = nodes;
    made.graph.outputs = [valueInfo('y', type)];
    const path = await writeSmall(folder, `${name}.onnx`, made);
    return checkOutputs(original, path, {}, silentTask);
  };
  await assert.rejects(wrong('values', [node('Add', ['x', 'x'], ['y'])]), /Output "y" differs by/);
  const flat = [node('Mul', ['x', 'x'], ['m']), node('Flatten', ['m'], ['y'], { attributes: { axis: 0n } })];
  await assert.rejects(wrong('shape', flat), /Output "y" has shape \[1, 8\] instead of \[2, 4\]/);
  const cast = [node('Mul', ['x', 'x'], ['m']), node('Cast', ['m'], ['y'], { attributes: { to: 11n } })];
  await assert.rejects(wrong('type', cast, DataType.DOUBLE), /has type float64 instead of float32/);
  const fine = await checkOutputs(original, original, {}, silentTask);
  assert.deepEqual([fine.maxAbsError, fine.runs], [0, 5]);
});

test('the check sees on real data what no generated input shows', async () => {
  const original = await writeSmall(folder, 'real.onnx', squareModel());
  const made = squareModel();
  made.graph.nodes = [
    node('Mul', ['x', 'x'], ['m']),
    node('Clip', ['m', '', 'most'], ['y'], { name: 'clip' }),
  ];
  made.graph.initializers = [floatTensor('most', [], [64])];
  const clipped = await writeSmall(folder, 'clipped.onnx', made);
  const near = {
    x: f4(
      [4, 4],
      Array.from({ length: 16 }, (_, i) => i / 2),
    ),
  };
  const far = {
    x: f4(
      [4, 4],
      Array.from({ length: 16 }, (_, i) => i),
    ),
  };
  const path = (name: string) => join(folder, name);
  writeNpz(path('near.npz'), near);
  writeNpz(path('real_calibration.npz'), far);
  const fine = await checkOutputs(
    original,
    clipped,
    { data: { path: path('near.npz'), named: true } },
    silentTask,
  );
  assert.deepEqual([fine.maxAbsError, fine.samples], [0, 4]);
  await assert.rejects(
    checkOutputs(
      original,
      clipped,
      { data: { path: path('real_calibration.npz'), named: true } },
      silentTask,
    ),
    /Output "y" differs by 161/,
  );
  const result = await optimize(original, { output: path('real.opt.onnx'), unchecked: true }, silentTask);
  assert.deepEqual([result.checked.samples, result.checked.data], [4, path('real_calibration.npz')]);
  writeNpz(path('real_calibration.npz'), { z: f4([1, 1], [1]) });
  const beside = await optimize(original, { output: path('real.opt2.onnx') }, silentTask);
  assert.deepEqual([beside.checked.samples, beside.checked.data], [0, null]);
  assert.match(
    beside.diagnostics.at(-1)?.message ?? '',
    /real_calibration\.npz beside the model does not fit/,
  );
  const data = path('real_calibration.npz');
  await assert.rejects(optimize(original, { output: path('real.opt3.onnx'), data }, silentTask), /"x"/);
});

test('the upgrade makes patterns of old models operators', async () => {
  const made = model(
    graph({
      nodes: [
        node('HardSigmoid', ['x'], ['h'], { attributes: { alpha: 1 / 6 } }),
        node('Mul', ['x', 'h'], ['y']),
      ],
      inputs: [valueInfo('x', DataType.FLOAT, ['batch', 4])],
      outputs: [valueInfo('y', DataType.FLOAT, ['batch', 4])],
    }),
    { opset: 11 },
  );
  const path = await writeSmall(folder, 'gate.onnx', made);
  const plain = await optimize(path, { output: join(folder, 'gate.plain.onnx') }, silentTask);
  assert.equal(plain.after.nodes, 2);
  const output = join(folder, 'gate.opt.onnx');
  assert.equal((await optimize(path, { output, upgrade: true }, silentTask)).after.nodes, 1);
  const { model: after } = await readModel(output, silentTask);
  assert.deepEqual([after?.graph.nodes[0]?.opType, after?.opsetImports[0]?.version], ['HardSwish', 20]);
});

test('a cancelled task stops it and leaves nothing behind', async () => {
  const path = await writeSmall(folder, 'cancel.onnx', chain());
  const stop = new AbortController();
  const before = ours();
  const output = join(folder, 'cancel.opt.onnx');
  const task = {
    signal: stop.signal,
    report: ({ stage }: { stage: string }) => {
      if (stage === 'Checking the outputs') stop.abort();
    },
  };
  await assert.rejects(optimize(path, { output }, task), /Cancelled/);
  assert.equal(existsSync(output), false);
  assert.deepEqual(ours(), before);
});

const shared = sharedFolder();
const trained = ['digits', 'resnet', 'mobilenet', 'mobilenetv3', 'bert'].flatMap((name) =>
  ['', '_bn', '_dynamo'].map((kind) => ({ name, kind })),
);
test('the trained models compute the same on their own data', async () => {
  if (!shared) {
    process.stdout.write('The trained models are not there; the chain above was optimized instead.\n');
    return;
  }
  const lines: string[] = [];
  for (const { name, kind } of trained) {
    const path = join(shared, 'models', name, `${name}${kind}.onnx`);
    if (!existsSync(path)) continue;
    const output = join(folder, `${name}${kind}.onnx`);
    // Time enough for every run, however busy the machine is.
    const result = await optimize(path, { output, checkSeconds: 600 }, silentTask);
    assert.equal(result.checked.samples, 16);
    assert.ok(
      result.maxAbsError !== null && result.maxAbsError < 1e-4,
      `${name}${kind}: ${result.maxAbsError}`,
    );
    lines.push(`${name}${kind} ${result.before.nodes} → ${result.after.nodes}`);
  }
  process.stdout.write(`${lines.join(', ')}\n`);
});
