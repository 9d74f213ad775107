// Every model beside the checkout is read, written and read again to the same IR, and ONNX Runtime gives
// the stored outputs from our written file wherever it gives them from the original.

import assert from 'node:assert/strict';
import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { after, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { silentTask } from '../../../daemon/base/task';
import { floatTensor, graph, int64Tensor, model, node, valueInfo } from '../../../daemon/ir/builder';
import { DataType } from '../../../daemon/ir/dataType';
import type { Model } from '../../../daemon/ir/model';
import { elementCount } from '../../../daemon/ir/tensor';
import type { Tensor } from '../../../daemon/ir/tensor';
import { encodeModel, encodeTensorFile } from '../../../daemon/onnx/encodeModel';
import { decodeTensor, readModel } from '../../../daemon/onnx/readModel';
import { floatsOf, readStrings, readTensorValues } from '../../../daemon/onnx/tensorData';
import type { TensorValues } from '../../../daemon/onnx/tensorData';
import { writeModel } from '../../../daemon/onnx/writeModel';
import { conformanceCases } from '../../support/conformance';
import { OrtWorker, feedOf } from '../../support/ort';
import type { OrtFeed, OrtOutput } from '../../support/ort';
import { sharedFolder, temporaryFolder } from '../../support/paths';
import { modelDifference } from '../../support/sameModel';

interface Case {
  readonly name: string;
  readonly path: string;
  /** Folders with input_N.pb and output_N.pb; empty when only `outputs` are stored. */
  readonly data: readonly string[];
  readonly outputs: readonly string[];
}

const folder = temporaryFolder('slipway-conformance-');
const workers = [new OrtWorker(), new OrtWorker()];
after(() => workers.forEach((worker) => worker.close()));

async function allCases(): Promise<Case[]> {
  const shared = sharedFolder();
  const stored = conformanceCases();
  if (shared === undefined || stored === undefined) {
    console.log('No shared models beside the checkout: testing with models built here.');
    return builtCases();
  }
  const cases = stored.map(({ name, model: path, data, outputs }): Case => ({ name, path, data, outputs }));
  for (const name of readdirSync(join(shared, 'models'), { recursive: true, encoding: 'utf8' }).sort()) {
    if (!name.endsWith('.onnx')) continue;
    cases.push({ name: `models/${name}`, path: join(shared, 'models', name), data: [], outputs: [] });
  }
  return cases;
}

/** Where nothing is shared: a few models with outputs worked out by hand. */
async function builtCases(): Promise<Case[]> {
  const float = (name: string, dims: number[]) => valueInfo(name, DataType.FLOAT, dims);
  const input = floatTensor('x', [2, 2], [1, -2, 3, -4]);
  const weight = floatTensor('w', [2, 2], [1, 2, 3, 4]);
  const results: [string, number[], string[]][] = [
    ['Relu', [1, 0, 3, 0], ['x']],
    ['MatMul', [-5, -6, -9, -10], ['x', 'w']],
    ['Add', [2, 0, 6, 0], ['x', 'w']],
  ];
  const cases: Case[] = [];
  for (const [op, values, inputs] of results) {
    const path = join(folder, `${op}.onnx`);
    const main = graph({
      nodes: [node(op, inputs, ['y'])],
      inputs: [float('x', [2, 2])],
      outputs: [float('y', [2, 2])],
      initializers: inputs.includes('w') ? [weight] : [],
    });
    writeFileSync(path, await encodeModel(model(main)));
    const output = join(folder, `${op}_output.pb`);
    writeFileSync(join(folder, 'input_0.pb'), await encodeTensorFile(input));
    writeFileSync(output, await encodeTensorFile(floatTensor('y', [2, 2], values)));
    cases.push({ name: op, path, data: [folder], outputs: [output] });
  }
  return cases;
}

const decodeFile = async (path: string) => (await decodeTensor(readFileSync(path))).tensor;

/** The stored feeds in the order of the model's inputs, or why the Node binding cannot take them. */
async function storedFeeds(read: Model, data: string | undefined): Promise<OrtFeed[] | string> {
  const initializers = new Set(read.graph.initializers.map((one) => one.name));
  const inputs = read.graph.inputs.filter((one) => data !== undefined || !initializers.has(one.name));
  const feeds: OrtFeed[] = [];
  for (const [index, info] of inputs.entries()) {
    if (info.type?.kind !== 'tensor') return `input "${info.name}" is no tensor`;
    const path = data === undefined ? undefined : join(data, `input_${index}.pb`);
    if (path !== undefined && !statSync(path, { throwIfNoEntry: false })) continue;
    const tensor =
      path === undefined ? ramp(info.type.shape?.map((dim) => dim.value ?? 1) ?? []) : await decodeFile(path);
    const feed = await feedOf(info.name, tensor);
    if (!feed) return `input "${info.name}" has a type that the Node binding does not take`;
    feeds.push(feed);
  }
  return feeds;
}

/** The input of the suite's models without stored ones: 0/n, 1/n, … (n-1)/n. */
function ramp(dims: number[]): Tensor {
  const count = elementCount(dims);
  return floatTensor(
    '',
    dims,
    Float32Array.from({ length: count }, (_, index) => index / count),
  );
}

/** Made-up feeds for a model without stored data: a ramp for floats, ones for everything else. */
async function generatedFeeds(read: Model): Promise<OrtFeed[]> {
  const initializers = new Set(read.graph.initializers.map((one) => one.name));
  const feeds: OrtFeed[] = [];
  for (const { name, type } of read.graph.inputs) {
    if (initializers.has(name) || type?.kind !== 'tensor') continue;
    const floats = ramp(type.shape?.map((dim) => dim.value ?? 1) ?? []);
    const count = elementCount(floats.dims);
    const tensor =
      type.elemType === DataType.FLOAT ? floats : int64Tensor('', floats.dims, Array(count).fill(1n));
    const feed = await feedOf(name, tensor);
    if (feed) feeds.push(feed);
  }
  return feeds;
}

/** Whether both files give the same bits for the same made-up inputs; undefined when the original does not run. */
async function sameOutputs(
  worker: OrtWorker,
  paths: [string, string],
  read: Model,
): Promise<boolean | undefined> {
  const feeds = await generatedFeeds(read);
  const original = await worker.run(paths[0], feeds);
  if ('error' in original) return undefined;
  const ours = await worker.run(paths[1], feeds);
  return !('error' in ours) && isDeepStrictEqual(ours.outputs, original.outputs);
}

/** Whether an output equals the stored tensor: rtol 1e-3, atol 1e-5, NaN equal to NaN. */
async function agrees(output: OrtOutput | undefined, stored: Tensor): Promise<boolean> {
  if (output?.dataType !== stored.dataType) return false;
  if (output.dims.join() !== stored.dims.join()) return false;
  if (stored.dataType === DataType.STRING) {
    return (await readStrings(stored)).join('\0') === (output.data as string[]).join('\0');
  }
  const numbers = (values: TensorValues) =>
    stored.dataType === DataType.FLOAT16 ? floatsOf(stored.dataType, values) : values;
  const expected = numbers(await readTensorValues(stored));
  const actual = numbers(output.data as TensorValues);
  if (expected.length !== actual.length) return false;
  for (let index = 0; index < expected.length; index += 1) {
    const [a, b] = [Number(actual[index]), Number(expected[index])];
    if (actual[index] === expected[index] || (Number.isNaN(a) && Number.isNaN(b))) continue;
    if (!(Math.abs(a - b) <= 1e-5 + 1e-3 * Math.abs(b))) return false;
  }
  return true;
}

type Outcome = 'reproduced' | 'different' | 'not runnable';

/** What ONNX Runtime makes of a file with all stored data of a case. */
async function runCase(worker: OrtWorker, one: Case, path: string, read: Model): Promise<Outcome> {
  const sets = one.data.length > 0 ? one.data : [undefined];
  for (const data of sets) {
    const outputs = one.outputs.length > 0 ? one.outputs : outputFiles(data);
    if (outputs.length === 0 || read.graph.outputs.some((info) => info.type?.kind !== 'tensor'))
      return 'not runnable';
    const feeds = await storedFeeds(read, data);
    if (typeof feeds === 'string') return 'not runnable';
    const result = await worker.run(path, feeds);
    if ('error' in result) return 'not runnable';
    for (const [index, file] of outputs.entries()) {
      if (!(await agrees(result.outputs[index], await decodeFile(file)))) return 'different';
    }
  }
  return 'reproduced';
}

const outputFiles = (data: string | undefined) =>
  data === undefined
    ? []
    : readdirSync(data)
        .filter((name) => /^output_\d+\.pb$/.test(name))
        .sort((a, b) => Number(/\d+/.exec(a)) - Number(/\d+/.exec(b)))
        .map((name) => join(data, name));

test(
  'every model survives reading and writing, and runs as before',
  { timeout: 600_000 },
  async (context) => {
    const cases = await allCases();
    const wrong: string[] = [];
    const counts = { models: 0, notRunnable: 0, original: 0, ours: 0, generated: 0, same: 0 };
    const queue = [...cases];
    const work = async (worker: OrtWorker, lane: number) => {
      for (let one = queue.shift(); one; one = queue.shift()) {
        const { model: read, diagnostics } = await readModel(one.path, silentTask);
        if (!read || diagnostics.some(({ severity }) => severity === 'error')) {
          wrong.push(`${one.name}: ${JSON.stringify(diagnostics)}`);
          continue;
        }
        const path = join(folder, `${lane} ${basename(one.path)}`);
        await writeModel(read, path, { overwrite: true }, silentTask);
        const again = await readModel(path, silentTask);
        const difference = again.model ? await modelDifference(read, again.model) : 'not readable';
        if (difference) wrong.push(`${one.name}: ${difference}`);
        else counts.models += 1;
        if (one.data.length === 0 && one.outputs.length === 0) {
          const isSame = await sameOutputs(worker, [one.path, path], read);
          if (isSame !== undefined) counts.generated += 1;
          if (isSame) counts.same += 1;
          else if (isSame === false) wrong.push(`${one.name}: ONNX Runtime gives other outputs`);
          continue;
        }
        const original = await runCase(worker, one, one.path, read);
        if (original === 'not runnable') counts.notRunnable += 1;
        if (original !== 'reproduced') continue;
        counts.original += 1;
        const ours = await runCase(worker, one, path, read);
        if (ours === 'reproduced') counts.ours += 1;
        else wrong.push(`${one.name}: ONNX Runtime no longer reproduces its outputs (${ours})`);
      }
    };
    await Promise.all(workers.map(work));
    const summary =
      `${counts.models} models round-tripped; ONNX Runtime reproduces the stored outputs of ` +
      `${counts.original} from the original and of ${counts.ours} from our file ` +
      `(${counts.notRunnable} cannot be run through its Node binding). Of the models without stored outputs ` +
      `${counts.generated} run, ${counts.same} of them with the same bits from our file.`;
    context.diagnostic(summary);
    console.log(summary);
    assert.deepEqual(wrong, []);
    assert.equal(counts.models, cases.length);
    assert.equal(counts.ours, counts.original);
    assert.ok(counts.original > cases.length / 2);
  },
);
