// Pruning whole files: every model in ../shared/models and the light and pytorch conformance models at ratio 0.3,
// repair on trained ones, int8 after it, and what wrong input gets.

import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { SlipwayError, type ErrorKind } from '../../../../daemon/base/errors';
import { silentTask } from '../../../../daemon/base/task';
import { evaluateModel } from '../../../../daemon/evaluate/evaluate';
import { setScriptFolder } from '../../../../daemon/host/scripts';
import { graph, model as makeModel, node, valueInfo } from '../../../../daemon/ir/builder';
import { DataType } from '../../../../daemon/ir/dataType';
import { analyseChannels } from '../../../../daemon/passes/prune/channels/analyse';
import { pruneChannels, type PruneOptions } from '../../../../daemon/recipes/prune/prune';
import { quantize } from '../../../../daemon/recipes/quantize/quantize';
import { conformanceCases } from '../../../support/conformance';
import { distFolder, sharedFolder, temporaryFolder } from '../../../support/paths';
import { trainedModel } from '../../../support/trainedModel';
import { oneToOne, weight } from '../../passes/modelHarness';
import { readModel } from '../../../../daemon/onnx/readModel';
import { diff } from '../../../../daemon/recipes/diff';
import { diffReport } from '../../../../daemon/analysis/diff/report';
import { writeSmall } from '../../../support/smallModels';

setScriptFolder(distFolder);
const folder = temporaryFolder('slipway-prune-');
const shared = sharedFolder();
if (shared === undefined)
  console.log('../shared is absent: only models built by the test and the example are pruned.');
const trained = trainedModel(folder);
const top1 = async (path: string) =>
  (await evaluateModel({ path, data: trained.validation, metric: 'top1', maxSamples: 500 }, silentTask))
    .value;

let files = 0;
const out = () => join(folder, `out${(files += 1)}.onnx`);

/** Prunes and gives one line; a sentence of ours when nothing can go. */
async function line(path: string): Promise<{ text: string; kind: 'cut' | 'nothing' | 'refused' }> {
  const output = out();
  try {
    const { before, after, groups, locked } = await pruneChannels(
      path,
      { output, ratio: 0.3, align: 8 },
      silentTask,
    );
    assert.ok(locked.every(({ reason }) => reason.length > 10));
    assert.ok(after.parameters <= before.parameters && existsSync(output));
    const cut = groups.filter(({ from, to }) => to < from).length;
    const text = `${cut} of ${groups.length} widths cut, ${locked.length} layers locked, ${before.macs} → ${after.macs} MACs`;
    return { text, kind: 'cut' };
  } catch (error) {
    assert.ok(error instanceof SlipwayError, String(error));
    assert.ok(!existsSync(output));
    return { text: error.message, kind: error.kind === 'unsupported' ? 'nothing' : 'refused' };
  }
}

if (shared !== undefined) {
  for (const name of readdirSync(join(shared, 'models')).sort()) {
    const inside = join(shared, 'models', name);
    if (!existsSync(inside) || name.endsWith('.md')) continue;
    for (const file of readdirSync(inside).filter((each) => each.endsWith('.onnx'))) {
      // Its pictures are so large that three runs take half a minute: `npm run bench -- prune/large` has it.
      if (file === 'candy.onnx') continue;
      test(`ratio 0.3 of ${name}/${file}`, async () => {
        const { text, kind } = await line(join(inside, file));
        console.log(`${file}: ${text}`);
        // The one with operators of another library cannot be loaded at all.
        assert.equal(kind, file.startsWith('superresolution') ? 'refused' : 'cut');
      });
    }
  }

  test('ratio 0.3 of the light and pytorch conformance models', async () => {
    const counts = { cut: 0, nothing: 0, refused: 0 };
    for (const { name, model } of conformanceCases() ?? []) {
      // The ones with the largest matrices take half a minute each: `npm run bench -- prune/large` has them.
      if (!/^(light|pytorch)/.test(name) || /vgg19|zfnet512$/.test(name)) continue;
      const { text, kind } = await line(model);
      counts[kind] += 1;
      if (kind !== 'nothing') console.log(`${name}: ${text}`);
      if (name.startsWith('light')) assert.equal(kind, 'cut', `${name}: ${text}`);
      assert.ok(!/does not hold/.test(text), `${name}: ${text}`);
    }
    console.log(JSON.stringify(counts));
    assert.ok(counts.cut >= 7);
  });
}

test('ratio 0 gives the same outputs, bit for bit', async () => {
  const output = out();
  const { groups, error } = await pruneChannels(trained.path, { output, ratio: 0 }, silentTask);
  assert.ok(groups.length > 0 && groups.every(({ from, to }) => from === to));
  assert.equal(error?.maxAbs, 0);
  console.log(`file identical: ${readFileSync(output).equals(readFileSync(trained.path))}`);
});

test('least squares brings the accuracy back, and int8 goes on top', async () => {
  const [bare, repaired, int8] = [out(), out(), out()];
  const { calibration } = trained;
  const common = { targetMacs: 0.6, calibration, align: 8 } as const;
  await pruneChannels(trained.path, { ...common, output: bare, repair: false }, silentTask);
  const result = await pruneChannels(trained.path, { ...common, output: repaired }, silentTask);
  assert.ok(result.repaired > 3 && result.after.macs! < 0.62 * result.before.macs!);
  const quantized = await quantize(repaired, { method: 'static', output: int8, calibration }, silentTask);
  const scores = [await top1(trained.path), await top1(bare), await top1(repaired), await top1(int8)];
  console.log(
    `${trained.name}: top-1 dense, cut, repaired, int8: ${scores.map((each) => each.toFixed(4)).join(', ')}`,
  );
  assert.ok(scores[2]! > scores[0]! - 0.03 && scores[2]! > scores[1]!);
  assert.ok(scores[3]! > scores[2]! - 0.02);
  assert.deepEqual(
    quantized.fusion.left.filter(({ op }) => op === 'Conv'),
    [],
  );
});

test('the difference of original and pruned pairs every node and shows the widths', async () => {
  const output = out();
  const { groups } = await pruneChannels(trained.path, { output, ratio: 0.3, align: 4 }, silentTask);
  const [{ model: a }, { model: b }] = [
    await readModel(trained.path, silentTask),
    await readModel(output, silentTask),
  ];
  const { nodes } = diffReport(await diff(a!, b!, silentTask));
  assert.deepEqual([nodes.added, nodes.removed, nodes.replaced], [[], [], []]);
  for (const { name, from, to } of groups) {
    const changed = nodes.changed.find((each) => each.b.name === name);
    assert.equal(to < from, changed !== undefined, name);
    const shapes = changed?.weights.map((each) => `${each.from} → ${each.to}`).join(', ') ?? '';
    if (changed) assert.match(shapes, new RegExp(`\\b${from}\\b.* → .*\\b${to}\\b`), name);
  }
});

test('a hundred layers are analysed', async () => {
  const names = Array.from({ length: 100 }, (_, i) => `v${i}`);
  const made = oneToOne(
    names.map((name, i) =>
      node('Conv', [i === 0 ? 'x' : names[i - 1]!, `w${i}`], [i === 99 ? 'y' : name], { name }),
    ),
    names.map((_, i) => weight(`w${i}`, [64, 64, 1, 1], i + 1)),
    ['batch', 64, 8, 8],
  );
  const started = performance.now();
  const { units } = await analyseChannels(made, new Map(), silentTask);
  console.log(`100 layers: ${(performance.now() - started).toFixed(0)} ms`);
  assert.equal(units.length, 99);
});

const wrong: readonly (readonly [string, Partial<PruneOptions>, ErrorKind, RegExp])[] = [
  ['a ratio of 1', { ratio: 1 }, 'badRequest', /from 0 to below 1; 1 was given/],
  ['a negative ratio', { ratio: -0.1 }, 'badRequest', /-0\.1 was given/],
  ['a ratio and a target', { ratio: 0.3, targetMacs: 0.5 }, 'badRequest', /Give one of these: the ratio/],
  ['a target of 2', { targetMacs: 2 }, 'badRequest', /above 0 and below 1; 2 was given/],
  ['repair without data', { ratio: 0.3, repair: true }, 'badRequest', /Name calibration data/],
  [
    'importance that needs data',
    { ratio: 0.3, importance: 'error' },
    'badRequest',
    /"error" is measured on data/,
  ],
];
for (const [what, options, kind, message] of wrong) {
  test(`${what} gets a sentence`, async () => {
    const output = out();
    await assert.rejects(
      pruneChannels(trained.path, { output, ...options }, silentTask),
      (error: unknown) => {
        assert.ok(error instanceof SlipwayError);
        assert.equal(error.kind, kind);
        assert.match(error.message, message);
        return !existsSync(output);
      },
    );
  });
}

test('a graph with nothing to prune says which layer is locked and why', async () => {
  const only = await writeSmall(
    folder,
    'only.onnx',
    oneToOne(
      [node('Conv', ['x', 'w'], ['y'], { name: 'last' })],
      [weight('w', [4, 3, 1, 1])],
      ['batch', 3, 4, 4],
    ),
  );
  await assert.rejects(
    pruneChannels(only, { output: out(), ratio: 0.3 }, silentTask),
    /all 1 layers are locked\. The first, "last", because "y" is an output of the model/,
  );
  await assert.rejects(pruneChannels(only, { output: only, ratio: 0.3 }, silentTask), /never written over/);
});

test('shapes that are unknown lock the layers that read them, and the sentence says which and why', async () => {
  const made = makeModel(
    graph({
      nodes: [
        node('Conv', ['x', 'w1'], ['a'], { name: 'first' }),
        node('Reshape', ['a', 'sizes'], ['r'], { name: 'rows' }),
        node('MatMul', ['r', 'w2'], ['h'], { name: 'second' }),
        node('MatMul', ['h', 'w3'], ['y'], { name: 'third' }),
      ],
      initializers: [weight('w1', [8, 3, 1, 1]), weight('w2', [8, 8], 2), weight('w3', [8, 4], 3)],
      inputs: [
        valueInfo('x', DataType.FLOAT, ['batch', 3, 4, 4]),
        valueInfo('sizes', DataType.INT64, ['rank']),
      ],
      outputs: [valueInfo('y', DataType.FLOAT)],
    }),
  );
  const { locked } = await analyseChannels(made, new Map(), silentTask);
  assert.deepEqual(
    locked.map(({ name, reason }) => `${name}: ${reason}`),
    [
      'first: the shape of "r" at "rows" (Reshape) is not known',
      'second: the shape of "h" at "second" (MatMul) is not known',
      'third: the shape of "y" at "third" (MatMul) is not known',
    ],
  );
  const path = await writeSmall(folder, 'unknown.onnx', made);
  const before = readFileSync(path);
  await assert.rejects(
    pruneChannels(path, { output: out(), ratio: 0.3 }, silentTask),
    /all 3 layers are locked\. The first, "first", because the shape of "r" at "rows" \(Reshape\) is not known/,
  );
  assert.ok(readFileSync(path).equals(before));
});

test('weights shared by layers that disagree stay, and the layers are named', async () => {
  // The same 8 × 8 matrix: its outputs are hidden widths for one reader and the output of the model for the other.
  const made = oneToOne(
    [
      node('MatMul', ['x', 'w'], ['a'], { name: 'first' }),
      node('Relu', ['a'], ['r'], { name: 'relu' }),
      node('MatMul', ['r', 'w'], ['y'], { name: 'second' }),
    ],
    [weight('w', [8, 8])],
    ['batch', 8],
  );
  const path = await writeSmall(folder, 'shared.onnx', made);
  await assert.rejects(
    pruneChannels(path, { output: out(), ratio: 0.3 }, silentTask),
    /all 2 layers are locked\. The first, "first", because "[xy]" is an (in|out)put of the model/,
  );
});
