// Settings of quantizing a file: schemes, formats, cache, overrides, selections, the search for accuracy and
// sensitivity, with what wrong settings and wrong models get.

import assert from 'node:assert/strict';
import { existsSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { SlipwayError, type ErrorKind } from '../../../../daemon/base/errors';
import { silentTask, type Task } from '../../../../daemon/base/task';
import { setScriptFolder } from '../../../../daemon/host/scripts';
import { floatTensor, graph, model, node, valueInfo } from '../../../../daemon/ir/builder';
import { DataType } from '../../../../daemon/ir/dataType';
import type { Model } from '../../../../daemon/ir/model';
import { readModel } from '../../../../daemon/onnx/readModel';
import { writeModel } from '../../../../daemon/onnx/writeModel';
import { quantize, type QuantizeOptions } from '../../../../daemon/recipes/quantize/quantize';
import { sensitivityOf } from '../../../../daemon/recipes/quantize/sensitivityOf';
import { withRunner } from '../../../../daemon/runtime/runner/runnerProcess';
import { f4, i8, u1, writeNpz } from '../../../support/npzWriter';
import { distFolder, temporaryFolder } from '../../../support/paths';
import { numbers, oneToOne, weight } from '../../passes/modelHarness';

setScriptFolder(distFolder);
const folder = temporaryFolder('slipway-settings-');
const samples = 64;

/** Three layers into four classes; the middle one has one very large weight in it. */
function classifier(): Model {
  const middle = weight('v', [16, 16], 2, 0.4);
  return oneToOne(
    [
      node('Gemm', ['x', 'w'], ['a'], { name: 'first' }),
      node('Relu', ['a'], ['r'], { name: 'relu' }),
      node('Gemm', ['r', 'v'], ['c'], { name: 'middle' }),
      node('Gemm', ['c', 'u'], ['y'], { name: 'last' }),
    ],
    [weight('w', [8, 16], 1), middle, weight('u', [16, 4], 3)],
    ['n', 8],
    { extra: { outputs: [valueInfo('y', DataType.FLOAT, ['n', 4])] } },
  );
}
const path = join(folder, 'model.onnx');
const calibration = join(folder, 'calibration.npz');
const validation = join(folder, 'validation.npz');
const data = numbers(samples * 8, 11, 2);
const ready = (async () => {
  await writeModel(classifier(), path, {}, silentTask);
  writeNpz(calibration, { x: f4([samples, 8], [...data]) });
  // Labels are what the float model says.
  const scores = await withRunner(silentTask, async (runner) => {
    const session = await runner.load(path, {}, silentTask);
    return session.run({ x: { type: 'float32', dims: [samples, 8], data } }, silentTask);
  });
  const values = scores['y']!.data as Float32Array;
  const labels = Array.from({ length: samples }, (_, i) => {
    const row = [...values.subarray(4 * i, 4 * i + 4)];
    return row.indexOf(Math.max(...row));
  });
  writeNpz(validation, { x: f4([samples, 8], [...data]), label: i8([samples], labels) });
})();

let files = 0;
const run = async (more: Partial<QuantizeOptions> = {}, task: Task = silentTask) => {
  await ready;
  const output = join(folder, `out${(files += 1)}.onnx`);
  return quantize(path, { method: 'static', output, calibration, ...more }, task);
};
const refuses = (work: Promise<unknown>, kind: ErrorKind, pattern: RegExp) =>
  assert.rejects(work, (error) => {
    assert.ok(error instanceof SlipwayError, String(error));
    assert.match(error.message, pattern);
    assert.equal(error.kind, kind);
    return true;
  });

test('a target and a format decide what is written', async () => {
  const seven = await run({ target: 'avx2', emulate: 'avx2' });
  assert.equal(seven.scheme, 'U8S8, per channel, 7-bit weights');
  assert.equal(seven.emulation?.dangerousPairs, 0);
  const full = await run({ target: 'vnni', emulate: 'avx2' });
  assert.ok(full.emulation && full.emulation.dangerousPairs > 0);
  assert.ok(full.emulation.error.sqnrDb < full.error!.sqnrDb);
  const operators = await run({ format: 'qoperator', target: 'vnni' });
  const { model: written } = await readModel(operators.output, silentTask);
  assert.ok(written?.graph.nodes.some(({ opType }) => opType === 'QGemm'));
  assert.equal(operators.fusion.integer, full.fusion.integer);
  assert.ok(Math.abs(operators.error!.sqnrDb - full.error!.sqnrDb) < 1);
  // A processor that multiplies int8 is told of as itself, wherever this runs.
  const arm = await run({ target: 'neon' });
  assert.equal(arm.fusion.integer, full.fusion.integer);
  const signed = await run({ activations: 'int8', format: 'qoperator' });
  assert.equal(signed.fusion.integer, full.fusion.integer);
  const { model: made } = await readModel(signed.output, silentTask);
  assert.ok(!made!.graph.nodes.some(({ opType }) => opType === 'Gemm'));
  const wide = await run({ activations: 'uint16' });
  assert.ok(wide.diagnostics.some(({ id }) => id === 'quantize/wide'));
});

test('a cache is used again for the same settings only, and is never another file', async () => {
  const calibrationCache = join(folder, 'cache.json');
  const stages = async (more: Partial<QuantizeOptions>) => {
    const seen = new Set<string>();
    const task = { signal: silentTask.signal, report: ({ stage }: { stage: string }) => seen.add(stage) };
    const { error } = await run({ calibrationCache, ...more }, task);
    return { calibrated: seen.has('Calibrating'), sqnr: error!.sqnrDb };
  };
  const first = await stages({ calibrator: 'mse' });
  const again = await stages({ calibrator: 'mse' });
  assert.deepEqual([first.calibrated, again.calibrated], [true, false]);
  assert.equal(first.sqnr, again.sqnr);
  assert.equal((await stages({ calibrator: 'percentile' })).calibrated, true);
  const precious = join(folder, 'precious.json');
  writeFileSync(precious, '{"mine": true}');
  await refuses(run({ calibrationCache: precious }), 'badRequest', /no calibration cache/u);
  assert.equal(readFileSync(precious, 'utf8'), '{"mine": true}');
});

test('overrides fix a range or keep a value in float, and wrong ones are told', async () => {
  const wishes = (text: string) => {
    const overrides = join(folder, `wishes${(files += 1)}.json`);
    writeFileSync(overrides, text);
    return { overrides };
  };
  const plain = await run();
  const narrow = await run(wishes('{"x": {"min": -0.1, "max": 0.1}}'));
  assert.ok(narrow.error!.sqnrDb < plain.error!.sqnrDb);
  const float = await run(wishes('{"x": "float"}'));
  assert.ok(float.quantizedNodes < plain.quantizedNodes);
  await refuses(
    run(wishes('{"nothing": "float"}')),
    'badRequest',
    /"nothing".*not one that can be quantized/u,
  );
  await refuses(run(wishes('{"x": {"min": 3}}')), 'badRequest', /"x"/u);
  await refuses(run(wishes('[1]')), 'badRequest', /one JSON object/u);
  await refuses(run(wishes('{')), 'badRequest', /no JSON/u);
  await refuses(run({ overrides: join(folder, 'absent.json') }), 'notFound', /absent\.json/u);
});

test('overrides give single values and weights other integers', async () => {
  const typesWith = async (wishes: Record<string, unknown>) => {
    const overrides = join(folder, `types${(files += 1)}.json`);
    writeFileSync(overrides, JSON.stringify(wishes));
    const result = await run({ overrides });
    const { model: made } = await readModel(result.output, silentTask);
    const { nodes, initializers } = made!.graph;
    const types = new Map(initializers.map(({ name, dataType }) => [name, dataType]));
    const typeOf = (step: string) => {
      const found = nodes.find(({ name }) => name === step);
      return found && { type: types.get(found.inputs[2]!), domain: found.domain };
    };
    return {
      ...result,
      x: typeOf('x_QuantizeLinear'),
      r: typeOf('r_QuantizeLinear'),
      w: types.get('w_quantized'),
    };
  };
  const plain = await typesWith({});
  assert.deepEqual(
    [plain.x, plain.r, plain.w],
    [{ type: DataType.UINT8, domain: '' }, { type: DataType.UINT8, domain: '' }, DataType.INT8],
  );
  const typed = await typesWith({ x: { type: 'uint16' }, w: { type: 'uint8' } });
  // 16 bits came to the standard operators with opset 21.
  assert.deepEqual(
    [typed.x, typed.r?.type, typed.w],
    [{ type: DataType.UINT16, domain: 'com.microsoft' }, DataType.UINT8, DataType.UINT8],
  );
  assert.ok(typed.error!.sqnrDb > plain.error!.sqnrDb);
  const wrong = (wishes: unknown) => {
    const overrides = join(folder, `types${(files += 1)}.json`);
    writeFileSync(overrides, JSON.stringify(wishes));
    return run({ overrides });
  };
  await refuses(wrong({ x: { type: 'int4' } }), 'badRequest', /"x" \{"type":"int4"\}; give .*"uint8" or/u);
  await refuses(wrong({ w: { type: 'int16' } }), 'badRequest', /weight "w" int16; weights can be int8/u);
  await refuses(wrong({ q: { type: 'int8' } }), 'badRequest', /"q", which is not one that can be/u);
});

test('iterative bias correction gives each output its mean back', async () => {
  const meansOf = (model: string) =>
    withRunner(silentTask, async (runner) => {
      const session = await runner.load(model, {}, silentTask);
      const { y } = await session.run({ x: { type: 'float32', dims: [samples, 8], data } }, silentTask);
      const values = y!.data as Float32Array;
      return Array.from({ length: 4 }, (_, output) => {
        let sum = 0;
        for (let row = 0; row < samples; row += 1) sum += values[4 * row + output]!;
        return sum / samples;
      });
    });
  const narrow = { reducedRange: true };
  const plain = await run(narrow);
  const corrected = await run({ ...narrow, recover: ['bias-iterative'] });
  const float = await meansOf(path);
  const lost = async (output: string) =>
    Math.hypot(...(await meansOf(output)).map((mean, i) => mean - float[i]!));
  assert.ok((await lost(corrected.output)) < 0.2 * (await lost(plain.output)));
  assert.match(corrected.diagnostics.map(({ message }) => message).join(' '), /biases of 3 layers/u);
});

test('a step of recovery is kept only where it brings the outputs nearer, and is told either way', async () => {
  const said = ({ diagnostics }: Awaited<ReturnType<typeof run>>) =>
    diagnostics.find(({ id }) => id === 'quantize/recover')!.message;
  const plain = await run();
  const all = await run({ recover: ['cle', 'smooth', 'adaround', 'bias'] });
  assert.ok(all.error!.sqnrDb >= plain.error!.sqnrDb, `${plain.error!.sqnrDb} → ${said(all)}`);
  const changes = [...said(all).matchAll(/\(([\d.]+) dB → ([\d.]+) dB\)/gu)];
  assert.ok(changes.length > 0, said(all));
  // An α that was wished is taken, whatever it costs; the last word that fits counts.
  const wished = await run({ recover: ['smooth'], smoothAlpha: ['0.1', 'm*=0.9'] });
  assert.match(said(wished), /first by α 0\.10, middle by α 0\.90, last by α 0\.10/u);
});

test('what is excluded stays in float; a word that fits nothing is told', async () => {
  const { fusion } = await run({ exclude: ['mid*'] });
  const middle = fusion.left.find(({ node: name }) => name === 'middle');
  assert.match(middle?.why ?? '', /told to stay in float/u);
  await refuses(run({ exclude: ['nowhere'] }), 'badRequest', /No node.*"nowhere"/u);
  await refuses(run({ excludeOps: ['Gemm'] }), 'unsupported', /None of the model's layers/u);
});

test('sensitivity ranks layers by measuring each alone', async () => {
  await ready;
  const rows: string[] = [];
  const task = {
    signal: silentTask.signal,
    report: ({ row }: { row?: { node: string } }) => row && rows.push(row.node),
  };
  const { layers, operators } = await sensitivityOf(path, { calibration, samples: 32 }, task);
  assert.deepEqual(rows, ['first', 'middle', 'last']);
  const decibels = layers.map(({ alone }) => alone.sqnrDb);
  assert.deepEqual(
    decibels,
    [...decibels].sort((a, b) => a - b),
  );
  for (const { alone, together } of layers) {
    assert.equal(alone.samples, 32);
    assert.ok(together && together.sqnrDb > 10 && together.sqnrDb < 200);
  }
  assert.deepEqual(
    operators.map(({ node: name, op }) => [name, op]),
    [['relu', 'Relu']],
  );
  assert.ok(operators[0]!.together.sqnrDb > 10 && operators[0]!.together.sqnrDb < 200);
});

test('a first layer in blocks of columns is compared in the shape that it has in the float model', async () => {
  const picture = join(folder, 'picture.onnx');
  const pictures = join(folder, 'pictures.npz');
  const attributes = { pads: [1n, 1n, 1n, 1n] };
  const nodes = [
    node('Conv', ['x', 'w'], ['a'], { name: 'first', attributes }),
    node('Relu', ['a'], ['r'], { name: 'relu' }),
    node('Conv', ['r', 'v'], ['y'], { name: 'last' }),
  ];
  const weights = [weight('w', [8, 3, 3, 3], 1, 0.3), weight('v', [4, 8, 1, 1], 2, 0.3)];
  await writeModel(oneToOne(nodes, weights, ['n', 3, 16, 16]), picture, {}, silentTask);
  writeNpz(pictures, { x: f4([8, 3, 16, 16], [...numbers(8 * 3 * 256, 5, 2)]) });
  const options = { calibration: pictures, samples: 8, target: 'vnni' } as const;
  const { layers } = await sensitivityOf(picture, options, silentTask);
  assert.equal(layers.length, 2);
  for (const { together } of layers) assert.ok(together && together.sqnrDb > 25);
});

test('the search stops when the drop holds, at its budget, and goes on from its state', async () => {
  const easy = await run({ maxDrop: 0.2, validation });
  assert.deepEqual(
    [easy.accuracy?.holds, easy.accuracy?.evaluations, easy.accuracy?.stopped],
    [true, 1, 'done'],
  );
  assert.equal(easy.accuracy?.float, 1);
  // Two coarse ranges that no calibrator mends: only giving layers back to float does.
  const overrides = join(folder, 'coarse.json');
  writeFileSync(overrides, '{"x": {"min": -200, "max": 200}, "c": {"min": -3000, "max": 3000}}');
  const state = join(folder, 'state.json');
  const stopped = await run({ maxDrop: 0, validation, overrides, state, maxEvaluations: 2 });
  assert.deepEqual([stopped.accuracy?.holds, stopped.accuracy?.stopped], [false, 'evaluations']);
  assert.equal(stopped.after.fileBytes, statSync(stopped.output).size);
  const stages = new Set<string>();
  const watched: Task = { signal: silentTask.signal, report: ({ stage }) => void stages.add(stage) };
  const done = await run({ maxDrop: 0.05, validation, overrides, state }, watched);
  assert.ok(done.accuracy);
  // Other calibrators and accuracy recovery come before any layer is given back.
  const tried = [...stages].filter((stage) => stage.startsWith('Trying'));
  const recovery = tried.findIndex((stage) => stage.includes('after recovery with 0 layers'));
  const reverting = tried.findIndex((stage) => !stage.includes(' 0 layers'));
  assert.ok(recovery >= 3 && (reverting < 0 || recovery < reverting), tried.join('; '));
  assert.ok(done.accuracy.quantized >= stopped.accuracy!.quantized);
  // What went back says so, and not that somebody wished it.
  assert.ok(done.accuracy.reverted.length > 0);
  for (const name of done.accuracy.reverted) {
    const { why } = done.fusion.left.find(({ node: left }) => left === name)!;
    assert.match(why, /went back to float in the search/u, name);
  }
  const again = await run({ maxDrop: 0.05, validation, overrides, state });
  assert.equal(again.accuracy?.evaluations, 0);
  assert.deepEqual(again.accuracy.reverted, done.accuracy.reverted);
  assert.equal(again.accuracy.quantized, done.accuracy.quantized);
});

test('tuning keeps what it was told to, and writes a model that runs', async () => {
  const { error, output } = await run({ tune: true });
  assert.ok(error && error.cosine > 0.99 && existsSync(output));
});

test('settings that cannot be are told', async () => {
  await refuses(run({ maxDrop: 0.01 }), 'badRequest', /labelled data/u);
  await refuses(run({ maxDrop: 2, validation }), 'badRequest', /share of 1/u);
  await refuses(run({ method: 'dynamic', maxDrop: 0.1, validation }), 'badRequest', /static/u);
  await refuses(run({ maxDrop: 0.1, validation: calibration }), 'badRequest', /no labels/u);
  await refuses(run({ activations: 'int8', weights: 'uint8' }), 'badRequest', /no integer kernel/u);
  await refuses(run({ calibrator: 'percentile', percentile: 3 }), 'badRequest', /percentile/u);
  const smooth = { recover: ['smooth'] } as const;
  await refuses(run({ smoothAlpha: ['0.5'] }), 'badRequest', /recover accuracy by "smooth"/u);
  await refuses(run({ ...smooth, smoothAlpha: ['1.5'] }), 'badRequest', /between 0 and 1.*"1\.5"/u);
  await refuses(
    run({ ...smooth, smoothAlpha: ['head*=0.5'] }),
    'badRequest',
    /fits "head\*"\. Its layers are first, middle, last\./u,
  );
});

test('wrong data and wrong models get a sentence', async () => {
  await ready;
  const wrong = (name: string, arrays: Parameters<typeof writeNpz>[1]) => {
    const file = join(folder, `${name}.npz`);
    writeNpz(file, arrays);
    return run({ calibration: file });
  };
  await refuses(
    wrong('name', { z: f4([2, 8], numbers(16)), q: f4([2, 8], numbers(16)) }),
    'badRequest',
    /no array for the input "x"/u,
  );
  await refuses(wrong('shape', { x: f4([2, 9], numbers(18)) }), 'badRequest', /does not fit/u);
  await refuses(wrong('empty', { x: f4([0, 8], []) }), 'badRequest', /(?:empty|no sample)/iu);
  await refuses(
    wrong('nan', { x: f4([2, 8], [...numbers(15), NaN]) }),
    'badRequest',
    /Sample 1 of the calibration data \(.*nan\.npz\) holds NaN in the input "x"/u,
  );
  const refusesModel = async (
    name: string,
    made: Model,
    pattern: RegExp,
    kind: ErrorKind = 'unsupported',
    data = calibration,
  ) => {
    const file = join(folder, `${name}.onnx`);
    await writeModel(made, file, {}, silentTask);
    const output = join(folder, `${name}.out.onnx`);
    const options = { method: 'static', output, calibration: data } as const;
    await refuses(quantize(file, options, silentTask), kind, pattern);
    assert.ok(!existsSync(options.output));
  };
  await refusesModel('nothing', oneToOne([node('Relu', ['x'], ['y'])], [], ['n', 8]), /nothing to quantize/u);
  const gemm = node('Gemm', ['x', 'w'], ['y'], { name: 'gemm' });
  const x = valueInfo('x', DataType.FLOAT, ['n', 8]);
  const given = oneToOne([gemm], [], ['n', 8], {
    extra: { inputs: [x, valueInfo('w', DataType.FLOAT, [8, 4])] },
  });
  const file = join(folder, 'given.npz');
  writeNpz(file, { x: f4([8, 8], numbers(64)), w: f4([8, 4], numbers(32)) });
  await refusesModel(
    'given',
    given,
    /Gemm "gemm": Its weight "w" is an input of the model/u,
    'unsupported',
    file,
  );
  const body = (name: string) =>
    graph({
      name,
      nodes: [{ ...gemm, outputs: [name] }],
      initializers: [weight(`${name}_w`, [8, 4], 1)],
      outputs: [valueInfo(name, DataType.FLOAT)],
    });
  const attributes = { then_branch: body('then'), else_branch: body('else') };
  const inBody = oneToOne(
    [node('If', ['c'], ['y'], { name: 'if', attributes })],
    [weight('w', [8, 4], 1)],
    ['n', 8],
    { extra: { inputs: [x, valueInfo('c', DataType.BOOL, [])] } },
  );
  writeNpz(file, { x: f4([2, 8], numbers(16)), c: u1([], [1]) });
  await refusesModel('body', inBody, /Gemm "gemm" lies inside If "if"/u, 'unsupported', file);
  const done = await run();
  await refuses(
    quantize(done.output, { method: 'static', output: join(folder, 'twice.onnx'), calibration }, silentTask),
    'unsupported',
    /quantized already/u,
  );
});

test('data of a wrong type, a model too old to convert, weights that are not there', async () => {
  await ready;
  const file = join(folder, 'integers.npz');
  writeNpz(file, {
    x: i8(
      [2, 8],
      Array.from({ length: 16 }, (_, i) => i),
    ),
  });
  await refuses(run({ calibration: file }), 'badRequest', /"x".*(?:int64|float32)/u);
  const constant = (name: string) =>
    floatTensor(
      name,
      [8],
      Array.from({ length: 8 }, () => 1),
    );
  const old = oneToOne(
    [
      // Newer operator sets have no form for this attribute.
      node('BatchNormalization', ['x', 's', 'b', 'm', 'v'], ['u'], {
        name: 'norm',
        attributes: { spatial: 0n },
      }),
      node('Gemm', ['u', 'w'], ['y'], { name: 'gemm' }),
    ],
    [weight('w', [8, 4], 1), ...['s', 'b', 'm', 'v'].map(constant)],
    ['n', 8],
    { opset: 8, extra: { outputs: [valueInfo('y', DataType.FLOAT, ['n', 4])] } },
  );
  const oldPath = join(folder, 'old.onnx');
  await writeModel(old, oldPath, {}, silentTask);
  const output = join(folder, 'refused.onnx');
  const refused = (model: string, kind: ErrorKind, pattern: RegExp) =>
    refuses(quantize(model, { method: 'static', output, calibration }, silentTask), kind, pattern);
  await refused(
    oldPath,
    'unsupported',
    /needs operator set 13, and this model uses 8\. It cannot be converted: .*norm/u,
  );
  const outside = join(folder, 'outside.onnx');
  const written = await writeModel(classifier(), outside, { external: 'separate' }, silentTask);
  const dataFile = written.files[1]!;
  renameSync(dataFile, `${dataFile}.gone`);
  await refused(outside, 'invalidModel', /outside\.onnx cannot be quantized: .*data/u);
  renameSync(`${dataFile}.gone`, dataFile);
  const { error } = await quantize(outside, { method: 'static', output, calibration }, silentTask);
  assert.ok(error && error.cosine > 0.99);
  assert.ok(existsSync(output));
});

test('custom operators, bodies, and an output that is also an input pass through', async () => {
  const made = model(
    graph({
      nodes: [
        node('Gemm', ['x', 'w'], ['g'], { name: 'gemm' }),
        node('FastGelu', ['g'], ['y'], { name: 'gelu', domain: 'com.microsoft' }),
      ],
      initializers: [weight('w', [8, 4], 1)],
      inputs: [valueInfo('x', DataType.FLOAT, ['n', 8])],
      outputs: [valueInfo('y', DataType.FLOAT, ['n', 4]), valueInfo('x', DataType.FLOAT, ['n', 8])],
    }),
  );
  made.opsetImports.push({ domain: 'com.microsoft', version: 1 });
  const file = join(folder, 'custom.onnx');
  await writeModel(made, file, {}, silentTask);
  await ready;
  const output = join(folder, 'custom.out.onnx');
  const { fusion, error } = await quantize(file, { method: 'static', output, calibration }, silentTask);
  assert.ok(error && error.cosine > 0.999);
  assert.ok(fusion.integer >= 1);
  // What ONNX Runtime cannot run is told of the user's file, not of something made of it.
  made.graph.nodes[1]!.opType = 'NotKnown';
  const unknown = join(folder, 'unknown.onnx');
  await writeModel(made, unknown, {}, silentTask);
  await refuses(
    sensitivityOf(unknown, { calibration }, silentTask),
    'runnerFailed',
    /unknown\.onnx.*NotKnown/u,
  );
});
