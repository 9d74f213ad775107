// Pruning whole files: every model in ../shared/models and the light and pytorch conformance models at ratio 0.3,
// repair on trained ones, int8 after it, and what wrong input gets.

import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { SlipwayError, type ErrorKind } from '../../../daemon/base/errors';
import { silentTask } from '../../../daemon/base/task';
import { evaluateModel } from '../../../daemon/evaluate/evaluate';
import { setScriptFolder } from '../../../daemon/host/scripts';
import { node } from '../../../daemon/ir/builder';
import { analyseChannels } from '../../../daemon/passes/prune/channels/analyse';
import { pruneChannels, type PruneOptions } from '../../../daemon/recipes/prune';
import { quantize } from '../../../daemon/recipes/quantize';
import { conformanceCases } from '../../support/conformance';
import { distFolder, sharedFolder, temporaryFolder } from '../../support/paths';
import { trainedModel } from '../../support/trainedModel';
import { oneToOne, weight } from '../passes/modelHarness';
import { writeSmall } from '../../support/smallModels';

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
      // Its pictures are so large that three runs take half a minute.
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
      // The ones with the largest matrices take half a minute each, and are chains like alexnet.
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
