// Weight-only quantization of whole files: the trained transformer keeps its top-1, tied weights stay tied, and what
// wrong input gets.

import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { SlipwayError, type ErrorKind } from '../../../../daemon/base/errors';
import { silentTask, type Progress } from '../../../../daemon/base/task';
import { evaluateModel } from '../../../../daemon/evaluate/evaluate';
import { compareOutputs } from '../../../../daemon/evaluate/outputError';
import { setScriptFolder } from '../../../../daemon/host/scripts';
import { floatTensor, graph, model, node, valueInfo } from '../../../../daemon/ir/builder';
import { DataType } from '../../../../daemon/ir/dataType';
import { readModel } from '../../../../daemon/onnx/readModel';
import { writeModel } from '../../../../daemon/onnx/writeModel';
import { quantizeWeights, type WeightOnlyRequest } from '../../../../daemon/recipes/weightOnly/weightOnly';
import { f4, writeNpz } from '../../../support/npzWriter';
import { distFolder, sharedFolder, temporaryFolder } from '../../../support/paths';
import { writeSmall } from '../../../support/smallModels';
import { numbers, oneToOne, weight } from '../../passes/modelHarness';

setScriptFolder(distFolder);
const folder = temporaryFolder('slipway-weight-only-');
const shared = sharedFolder();
if (shared === undefined)
  console.log('../shared/models is absent: only models built by the test are quantized.');

type Options = Omit<WeightOnlyRequest, 'output'>;
let count = 0;
const quantize = (path: string, options: Options) =>
  quantizeWeights(path, { output: join(folder, `out-${(count += 1)}.onnx`), ...options }, silentTask);

if (shared !== undefined) {
  const at = (name: string) => join(shared, 'models', 'bert', name);
  const top1 = async (path: string, maxSamples: number) =>
    (await evaluateModel({ path, data: at('bert_validation.npz'), metric: 'top1', maxSamples }, silentTask)).value; // prettier-ignore
  const calibration = at('bert_calibration.npz');
  const cases: Record<string, Options> = {
    'int4 rtn': {},
    'int4 gptq twice': { calibration, calibrationSamples: 32, passes: 2 },
    'int4 awq': { calibration, calibrationSamples: 32, algorithm: 'awq' },
    int8: { bits: 8 },
  };
  const samples = 200;
  let before: number | undefined;
  for (const [name, options] of Object.entries(cases)) {
    test(`bert, ${name}, keeps its top-1 within a point`, async () => {
      before ??= await top1(at('bert.onnx'), samples);
      const result = await quantize(at('bert.onnx'), options);
      const after = await top1(result.output, samples);
      const errors = result.weightOnly.layers.map(({ error }) => error.relative);
      console.log(
        `bert ${name}: top-1 ${before.toFixed(4)} → ${after.toFixed(4)}, cosine ${String(result.error?.cosine)}, level ${String(result.weightOnly.accuracyLevel)} ${JSON.stringify(result.weightOnly.tried)}, ` +
          `${result.before.fileBytes} → ${result.after.fileBytes} bytes, mean layer error ${(errors.reduce((a, b) => a + b, 0) / errors.length).toFixed(4)}`,
      );
      assert.ok(after >= before - 0.01);
      assert.ok(result.after.fileBytes < result.before.fileBytes * (options.bits === 8 ? 0.35 : 0.25));
      assert.ok(result.quantizedNodes > 20);
      const { candidates } = result.weightOnly;
      assert.deepEqual(
        candidates.map(({ algorithm, weighed, pass }) => `${algorithm} ${pass ?? weighed}`),
        options.algorithm === 'awq'
          ? ['awq false', 'rtn true', 'rtn false']
          : options.passes === undefined
            ? []
            : ['gptq 1', 'gptq 2'],
      );
      const nearest = Math.max(...candidates.map(({ sqnrDb }) => sqnrDb));
      assert.equal(
        result.diagnostics.some(({ id }) => id === 'quantize/nearer'),
        candidates.length > 0 && candidates[0]!.sqnrDb < nearest,
      );
      assert.ok(result.error && result.error.cosine > 0.98);
    });
  }
}

/** A decoder's head that shares its weight with the embedding. */
const tiedModel = (form: 'gemm' | 'transpose') =>
  model(
    graph({
      nodes: [
        node('Gather', ['table', 'ids'], ['e'], { name: 'embed' }),
        node('MatMul', ['e', 'w'], ['h'], { name: 'hidden' }),
        ...(form === 'gemm'
          ? [node('Gemm', ['h', 'table', 'b'], ['y'], { name: 'head', attributes: { transB: 1n } })]
          : [
              node('Transpose', ['table'], ['turned'], { name: 'turn' }),
              node('MatMul', ['h', 'turned'], ['y'], { name: 'head' }),
            ]),
      ],
      inputs: [valueInfo('ids', DataType.INT64, ['n'])],
      outputs: [valueInfo('y', DataType.FLOAT, ['n', 100])],
      initializers: [
        weight('table', [100, 64], 1),
        weight('w', [64, 64], 2),
        ...(form === 'gemm' ? [weight('b', [100], 3)] : []),
      ],
    }),
    { opset: 17 },
  );

for (const form of ['gemm', 'transpose'] as const) {
  for (const symmetric of [true, false]) {
    test(`tied weights stay tied: ${form}, ${symmetric ? 'symmetric' : 'asymmetric'}`, async () => {
      const path = await writeSmall(folder, `tied-${form}.onnx`, tiedModel(form));
      for (const bits of [4, 8] as const) {
        const result = await quantize(path, { bits, symmetric });
        assert.equal(result.quantizedNodes, 3, JSON.stringify(result.fusion.left));
        const { model: made } = await readModel(result.output, silentTask);
        const names = made!.graph.initializers.map(({ name }) => name);
        assert.equal(names.filter((name) => name.startsWith(`table_q${bits}`)).length, 2, names.join());
        assert.ok(!names.includes('table'));
        assert.ok(!made!.graph.nodes.some(({ name }) => name === 'turn'));
        // One copy of 100 × 64 codes, with a scale for each block of 32.
        assert.ok(result.after.fileBytes < (100 * 64 + 64 * 64) * (bits / 8 + 4 / 32 + 1 / 32) + 3000);
        assert.ok(
          result.error && result.error.cosine > (bits === 8 ? 0.9999 : 0.985),
          String(result.error?.cosine),
        );
      }
    });
  }
}

for (const form of ['gemm', 'transpose'] as const) {
  test(`the portable form keeps tied weights tied, in 8 bits, and looks up rows alone: ${form}`, async () => {
    const path = await writeSmall(folder, `tied-${form}.onnx`, tiedModel(form));
    for (const symmetric of [true, false]) {
      const result = await quantize(path, { form: 'blocked', symmetric });
      assert.equal(result.quantizedNodes, 3, JSON.stringify(result.fusion.left));
      const bits = Object.fromEntries(result.weightOnly.layers.map((layer) => [layer.weight, layer.bits]));
      assert.deepEqual(bits, { table: 8, w: 4 });
      const { model: made } = await readModel(result.output, silentTask);
      const { nodes, initializers } = made!.graph;
      const tables = initializers.filter(({ name }) => name.startsWith('table')).map(({ name }) => name);
      assert.equal(tables.length, symmetric ? 2 : 3, tables.join());
      const lookups = nodes.filter(({ opType }) => opType === 'Gather');
      assert.deepEqual(lookups.map(({ inputs }) => inputs[0]).sort(), tables.sort());
      assert.ok(result.error && result.error.cosine > 0.985, String(result.error?.cosine));
    }
  });
}

test('a table that is only looked up takes 8 bits, unless others are asked for', async () => {
  const made = tiedModel('gemm');
  made.graph.initializers.push(weight('u', [64, 100], 4));
  made.graph.nodes[2] = node('Gemm', ['h', 'u', 'b'], ['y'], { name: 'head' });
  const path = await writeSmall(folder, 'untied.onnx', made);
  const bitsOf = async (options: Parameters<typeof quantize>[1]) => {
    const { weightOnly, error } = await quantize(path, options);
    assert.ok(error && error.cosine > 0.98);
    return weightOnly.layers.map(({ nodes, bits }) => `${nodes.join()} ${bits}`).sort();
  };
  assert.deepEqual(await bitsOf({}), ['embed 8', 'head 4', 'hidden 4']);
  assert.deepEqual(await bitsOf({ embeddingBits: 4 }), ['embed 4', 'head 4', 'hidden 4']);
  assert.deepEqual(await bitsOf({ algorithm: 'k-quant' }), ['embed 8', 'head 4', 'hidden 4']);
  const wrong = { embeddings: false, embeddingBits: 8 } as const;
  await assert.rejects(quantize(path, wrong), /stay in float have no bits to choose/);
  await assert.rejects(quantize(path, { form: 'blocked', embeddingBits: 4 }), /lookup tables take 8 bits/);
});

test('weights that lose more than the limit take 8 bits', async () => {
  const path = await writeSmall(folder, 'limit.onnx', twoLayers());
  const plain = await quantize(path, {});
  const [first, second] = plain.weightOnly.layers.map(({ error }) => error.relative);
  const limit = (first! + second!) / 2;
  for (const form of ['nbits', 'blocked'] as const) {
    const result = await quantize(path, { largestError: limit, form });
    const bits = result.weightOnly.layers.map((layer) => layer.bits);
    assert.deepEqual(bits, first! > limit ? [8, 4] : [4, 8]);
    assert.ok(result.error!.sqnrDb > plain.error!.sqnrDb + 1, JSON.stringify(result.error));
  }
});

test('a weight shared with a node that stays in float stays in float', async () => {
  const path = await writeSmall(folder, 'tied.onnx', tiedModel('gemm'));
  const result = await quantize(path, { embeddings: false });
  assert.deepEqual(result.fusion.left, [
    { node: 'head', op: 'Gemm', why: 'It shares its weight with node "embed", which is not quantized in the same way.' },
  ]); // prettier-ignore
});

const twoLayers = (k = 70, opset = 17) => {
  const made = oneToOne(
    [
      node('MatMul', ['x', 'w'], ['a'], { name: 'first' }),
      node('Relu', ['a'], ['r'], { name: 'relu' }),
      node('Gemm', ['r', 'v', 'c'], ['y'], { name: 'second', attributes: { transB: 1n } }),
    ],
    [weight('w', [k, 50], 1), weight('v', [20, 50], 2), weight('c', [20], 3)],
    ['batch', k],
  );
  made.opsetImports[0]!.version = opset;
  if (opset >= 21) made.irVersion = 10;
  return made;
};

test('every form, width and algorithm of layers whose K is no multiple of the block', async () => {
  const path = await writeSmall(folder, 'odd.onnx', twoLayers());
  const newer = await writeSmall(folder, 'odd21.onnx', twoLayers(64, 21));
  const calibration = writeNpz(join(folder, 'odd.npz'), { x: f4([200, 70], numbers(200 * 70)) });
  const least = { 2: 0.8, 4: 0.99, 8: 0.9999 } as const;
  for (const bits of [2, 4, 8] as const) {
    const variants: Options[] = [
      { symmetric: true },
      { symmetric: false },
      { algorithm: 'hqq' },
      { algorithm: 'k-quant', blockSize: 16 },
      { algorithm: 'gptq', calibration },
      { algorithm: 'gptq', calibration, symmetric: false, actOrder: true, blockSize: 64 },
      { algorithm: 'awq', calibration },
    ];
    // What differs between widths is little, and every run takes three processes.
    for (const variant of bits === 4 ? variants : variants.slice(1, 3)) {
      const result = await quantize(path, { bits, ...variant });
      const what = `${bits} ${JSON.stringify(variant)}: ${JSON.stringify(result.error)}`;
      assert.ok(result.error && result.error.cosine > least[bits], what);
      assert.equal(result.quantizedNodes, 2);
    }
    for (const symmetric of [true, false]) {
      // The older one is brought to the operator set that the form needs.
      const from = symmetric ? newer : path;
      const result = await quantize(from, { bits, symmetric, form: 'blocked' });
      const { model: made } = await readModel(result.output, silentTask);
      assert.equal(made!.opsetImports[0]!.version, bits === 2 ? 25 : 21);
      const ops = made!.graph.nodes.map(({ opType }) => opType).sort();
      assert.deepEqual(ops, ['DequantizeLinear', 'DequantizeLinear', 'Gemm', 'MatMul', 'Relu']);
      assert.ok(result.error && result.error.cosine > least[bits], JSON.stringify(result.error));
      assert.equal(result.weightOnly.accuracyLevel, null);
    }
  }
});

test('external data, stages, overwriting', async () => {
  const path = join(folder, 'outside.onnx');
  await writeModel(twoLayers(640), path, { external: 'separate' }, silentTask);
  const seen: Progress[] = [];
  const task = { ...silentTask, report: (progress: Progress) => void seen.push(progress) };
  const output = join(folder, 'outside.int4.onnx');
  const result = await quantizeWeights(path, { output }, task);
  assert.ok(result.error && result.error.cosine > 0.99);
  const stages = [...new Set(seen.map(({ stage }) => stage))];
  assert.deepEqual(stages.slice(0, 3), ['Reading', 'Quantizing weights', 'Writing']);
  assert.deepEqual(result.weightOnly.layers.map(({ nodes, k, n }) => [nodes, k, n]), [[['first'], 640, 50], [['second'], 50, 20]]); // prettier-ignore
  await refuses(path, { output }, 'conflict', /already exists/);
  await refuses(path, { output: path, overwrite: true }, 'conflict', /is the model itself/);
  await quantizeWeights(path, { output, overwrite: true, accuracyLevel: 1 }, silentTask);
});

test('a model that is too large to run goes through a scratch file, which is taken away', async () => {
  const path = join(folder, 'large.onnx');
  await writeModel(twoLayers(640), path, { external: 'separate' }, silentTask);
  const own = mkdtempSync(join(folder, 'large-'));
  const output = join(own, 'large.int4.onnx');
  const result = await quantizeWeights(path, { output, largestRun: 1000 }, silentTask);
  assert.equal(result.error, null);
  assert.deepEqual(result.diagnostics.map(({ id }) => id), ['quantize/not-run']); // prettier-ignore
  const files = readdirSync(own);
  assert.equal(files.length, 2, files.join());
  assert.equal(result.after.fileBytes, files.reduce((sum, name) => sum + statSync(join(own, name)).size, 0)); // prettier-ignore
  // The same as if it had been run.
  const other = await quantizeWeights(path, { output: join(folder, 'not-large.onnx') }, silentTask);
  const { error } = await compare(other.output, output);
  assert.ok(error.cosine > 0.9999, JSON.stringify(error));
  const calibration = writeNpz(join(folder, 'large.npz'), { x: f4([4, 640], numbers(4 * 640)) });
  await refuses(path, { output: join(own, 'x.onnx'), largestRun: 1000, calibration }, 'badRequest', /are not run over data/); // prettier-ignore
  // A cancelled job leaves neither output nor scratch file.
  const controller = new AbortController();
  const task = {
    signal: controller.signal,
    report: ({ done }: Progress) => done === 1 && controller.abort(),
  };
  await assert.rejects(() => quantizeWeights(path, { output: join(own, 'y.onnx'), largestRun: 1000 }, { ...task, report: (progress) => void task.report(progress) }), /Cancelled/); // prettier-ignore
  assert.deepEqual(readdirSync(own), files);
});

const compare = async (a: string, b: string) => ({
  error: await compareOutputs(a, b, [{ feeds: { x: { type: 'float32', dims: [3, 640], data: numbers(1920) } }, count: 3 }], silentTask),
}); // prettier-ignore

async function refuses(path: string, request: WeightOnlyRequest, kind: ErrorKind, pattern: RegExp) {
  await assert.rejects(
    () => quantizeWeights(path, request, silentTask),
    (error) => {
      assert.ok(error instanceof SlipwayError, String(error));
      assert.equal(error.kind, kind, error.message);
      assert.match(error.message, pattern);
      return true;
    },
  );
}

test('bad input gets a sentence', async () => {
  const path = await writeSmall(folder, 'bad.onnx', twoLayers());
  const output = join(folder, 'never.onnx');
  const no = (options: Options, kind: ErrorKind, pattern: RegExp, from = path) =>
    refuses(from, { output, ...options }, kind, pattern);
  await no({ blockSize: 48 }, 'badRequest', /power of two from 16 to 256, not 48/);
  await no({ bits: 3 as 4 }, 'badRequest', /2, 4 or 8 bits, not 3/);
  await no({ algorithm: 'gptq' }, 'badRequest', /gptq needs calibration data/);
  await no({ algorithm: 'rtn', passes: 2 }, 'badRequest', /Only gptq goes through the model more than once/);
  await no({ algorithm: 'hqq', symmetric: true }, 'badRequest', /needs free zero points/);
  const crop = oneToOne([node('MatMul', ['x', 'w'], ['m']), node('GroupNormalization', ['m', 'a', 'b'], ['y'], { name: 'norm', attributes: { num_groups: 1n } })], [weight('w', [8, 8]), weight('a', [1]), weight('b', [1])], [2, 8, 8], { opset: 18 }); // prettier-ignore
  await no({ form: 'blocked' }, 'unsupported', /needs operator set 21, and this model uses 18 and cannot be brought there: GroupNormalization \(node "norm"\).*form nbits/, await writeSmall(folder, 'crop.onnx', crop)); // prettier-ignore
  const once = await quantize(path, {});
  await no({}, 'unsupported', /quantized already: it holds MatMulNBits/, once.output);
  const empty = oneToOne([node('Relu', ['x'], ['y'])], [], ['batch', 4]);
  await no({}, 'unsupported', /holds no MatMul, Gemm or Gather/, await writeSmall(folder, 'empty.onnx', empty)); // prettier-ignore
  const poisoned = twoLayers();
  poisoned.graph.initializers[0] = floatTensor('w', [70, 50], new Float32Array(3500).fill(NaN));
  const half = await quantize(await writeSmall(folder, 'poisoned.onnx', poisoned), {}).catch((error: unknown) => error); // prettier-ignore
  // The float model gives NaN too, so that nothing can be compared; the layer is named.
  assert.ok(!(half instanceof Error), String(half));
  const left = (half as Awaited<ReturnType<typeof quantize>>).fusion.left;
  assert.deepEqual(left, [{ node: 'first', op: 'MatMul', why: 'Its weight holds NaN or infinity.' }]);
  const excluded = await quantize(path, { exclude: ['first'] });
  assert.deepEqual(excluded.fusion.left.map(({ why }) => why), ['It was told to stay in float.']); // prettier-ignore
  await no({ exclude: ['frist'] }, 'badRequest', /No node of the model fits "frist"/);
  await no({ exclude: ['f*', 'second'] }, 'unsupported', /None of the model's layers could be quantized/);
  assert.equal(existsSync(output), false);
});

test('cancelling leaves nothing behind', async () => {
  const path = await writeSmall(folder, 'cancelled.onnx', twoLayers());
  const controller = new AbortController();
  const task = {
    signal: controller.signal,
    report: ({ stage }: Progress) => {
      if (stage === 'Quantizing weights') controller.abort();
    },
  };
  const output = join(folder, 'cancelled.int4.onnx');
  await assert.rejects(() => quantizeWeights(path, { output }, task), /Cancelled/);
  assert.deepEqual(readdirSync(folder).filter((name) => name.includes('cancelled.int4')), []); // prettier-ignore
});
