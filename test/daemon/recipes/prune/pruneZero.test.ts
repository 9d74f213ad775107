// Pruning nothing changes nothing: at ratio 0 every model in ../shared/models and a sample of the conformance models
// comes out with the same nodes and initializers and, on stored or made-up inputs, the same outputs bit for bit. So do
// conformance models that go through analysis and cutting with no channel chosen.

import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { after, test } from 'node:test';
import { SlipwayError } from '../../../../daemon/base/errors';
import { silentTask } from '../../../../daemon/base/task';
import { loadDataset } from '../../../../daemon/evaluate/dataset';
import { setScriptFolder } from '../../../../daemon/host/scripts';
import { decodeTensor, readModel } from '../../../../daemon/onnx/readModel';
import { readTensorBytes, readTensorValues } from '../../../../daemon/onnx/tensorData';
import { smallConstants } from '../../../../daemon/passes/facts';
import { runPasses } from '../../../../daemon/passes/pass';
import { analyseChannels } from '../../../../daemon/passes/prune/channels/analyse';
import { cutModel } from '../../../../daemon/passes/prune/channels/cut';
import { constantsToInitializers } from '../../../../daemon/passes/simplify/constantsToInitializers';
import { initializersOutOfInputs } from '../../../../daemon/passes/simplify/initializersOutOfInputs';
import type { TensorReader } from '../../../../daemon/passes/tensorReader';
import { pruneChannels } from '../../../../daemon/recipes/prune/prune';
import { generateInputs } from '../../../../daemon/runtime/generateInputs';
import { startRunner, type RunnerProcess } from '../../../../daemon/runtime/runner/runnerProcess';
import type { Feeds, SessionValue } from '../../../../daemon/runtime/runner/session';
import { conformanceCases } from '../../../support/conformance';
import { distFolder, repository, sharedFolder, temporaryFolder } from '../../../support/paths';
import { modelDifference } from '../../../support/sameModel';

setScriptFolder(distFolder);
const folder = temporaryFolder('slipway-prune-zero-');
const shared = sharedFolder();
const read: TensorReader = (tensor) => readTensorBytes(tensor);
const modelOf = async (path: string) => (await readModel(path, silentTask)).model!;

interface Case {
  readonly path: string;
  /** An .npz beside the model. */
  readonly samples?: string;
  /** A folder with input_N.pb. */
  readonly stored?: string | undefined;
}

async function feedsOf({ samples, stored }: Case, inputs: readonly SessionValue[]): Promise<Feeds> {
  if (samples !== undefined) {
    const dataset = await loadDataset(samples, inputs, { maxSamples: 5 }, silentTask);
    for await (const { feeds } of dataset.batches(dataset.fixedBatch ?? 5)) return feeds;
  }
  if (stored !== undefined) {
    const found: [string, Feeds[string]][] = [];
    for (const [index, { name }] of inputs.entries()) {
      const file = join(stored, `input_${index}.pb`);
      if (!existsSync(file)) return generateInputs(inputs, { seed: 3 }).feeds;
      const { tensor } = await decodeTensor(readFileSync(file));
      const data = (await readTensorValues(tensor)) as Float32Array<ArrayBuffer>;
      found.push([name, { type: 'float32', dims: [...tensor.dims], data }]);
    }
    return Object.fromEntries(found);
  }
  return generateInputs(inputs, { seed: 3 }).feeds;
}

let runner: RunnerProcess | undefined;
after(() => runner?.dispose());

/** Every output of both files on the same inputs, as bytes. */
async function sameBits(a: string, b: string, given: Case): Promise<void> {
  runner ??= startRunner();
  const dense = await runner.load(a, {}, silentTask);
  const feeds = await feedsOf(given, dense.inputs);
  const first = await dense.run(feeds, silentTask);
  await dense.release();
  const made = await runner.load(b, {}, silentTask);
  const second = await made.run(feeds, silentTask);
  await made.release();
  assert.deepEqual(Object.keys(second), Object.keys(first));
  for (const [name, value] of Object.entries(first)) {
    assert.deepEqual(second[name]!.dims, value.dims, name);
    assert.ok(bytes(second[name]!.data).equals(bytes(value.data)), `${basename(a)}: ${name} differs`);
  }
}

const bytes = (data: unknown) => {
  const view = data as ArrayBufferView;
  return Buffer.from(view.buffer, view.byteOffset, view.byteLength);
};

let files = 0;
/** Checks one model; false, with a sentence of ours, when nothing in it can ever be pruned or it cannot be run. */
async function unchanged(given: Case): Promise<boolean> {
  const { path } = given;
  const output = join(folder, `${(files += 1)}.onnx`);
  try {
    const { groups, error } = await pruneChannels(path, { output, ratio: 0 }, silentTask);
    assert.ok(groups.length > 0 && groups.every(({ from, to }) => from === to), path);
    assert.equal(error?.maxAbs, 0, path);
  } catch (error) {
    if (!(error instanceof SlipwayError)) throw error;
    assert.ok(error.kind === 'unsupported' || error.kind === 'runnerFailed', `${path}: ${error.message}`);
    assert.ok(!existsSync(output));
    return false;
  }
  assert.equal(await modelDifference(await modelOf(path), await modelOf(output)), undefined, path);
  await sameBits(path, output, given);
  rmSync(output);
  return true;
}

if (shared === undefined) {
  console.log('../shared is absent: the example only.');
  const examples = join(repository, 'examples');
  test('ratio 0 of the example', async () => {
    const [path, samples] = [join(examples, 'resnet.onnx'), join(examples, 'resnet_calibration.npz')];
    assert.ok(await unchanged({ path, samples }));
  });
} else {
  for (const name of readdirSync(join(shared, 'models')).sort()) {
    if (name.endsWith('.md')) continue;
    const inside = join(shared, 'models', name);
    for (const file of readdirSync(inside).filter((each) => each.endsWith('.onnx'))) {
      // Its pictures are so large that a run takes seconds: `npm run bench -- prune/large` has it.
      if (file === 'candy.onnx') continue;
      test(`ratio 0 of ${name}/${file}`, async () => {
        const samples = join(inside, `${name}_calibration.npz`);
        const given = { path: join(inside, file), ...(existsSync(samples) ? { samples } : {}) };
        // The one with operators of another library cannot be loaded at all.
        assert.equal(await unchanged(given), !file.startsWith('superresolution'));
      });
    }
  }

  test('ratio 0 of conformance models', async () => {
    // The larger ones take half a minute each: `npm run bench -- prune/large` has them.
    const chosen = /^light\/light_(squeezenet|shufflenet)$|test_(Conv2d|operator_mm)$/;
    const found: Record<string, boolean> = {};
    for (const { name, model: path, data } of conformanceCases() ?? [])
      if (chosen.test(name)) found[name] = await unchanged({ path, stored: data[0] });
    // A single layer is input and output of its model: nothing in it can ever go, and that is said.
    assert.deepEqual(found, {
      'pytorch-converted/test_Conv2d': false,
      'pytorch-operator/test_operator_mm': false,
      'light/light_shufflenet': true,
      'light/light_squeezenet': true,
    });
  });

  test('analysing and cutting nothing leaves conformance models as they are', async () => {
    // Of the many models of one node those whose constants or attributes are rewritten by a cut.
    const rewritten = /conv|split|slice|reshape|gather|expand|tile|shape|pad|resize|flatten|squeeze|norm/;
    let cuttable = 0;
    for (const { name, model: path } of conformanceCases() ?? []) {
      if (name.startsWith('node/') && !rewritten.test(name)) continue;
      const { model: original } = await readModel(path, silentTask);
      if (!original) continue;
      const { model } = await runPasses(
        original,
        [constantsToInitializers, initializersOutOfInputs],
        silentTask,
      );
      const structure = await analyseChannels(model, await smallConstants(model, read), silentTask);
      if (structure.units.length > 0) cuttable += 1;
      const cut = await cutModel(structure, [], read, silentTask);
      assert.equal(await modelDifference(structure.model, cut.model), undefined, name);
    }
    console.log(`${cuttable} of them have channels that could go`);
    assert.ok(cuttable >= 9);
  });
}
