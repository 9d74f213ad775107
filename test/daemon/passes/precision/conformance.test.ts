// Half precision over the conformance suites and the shared models: what is written loads in ONNX Runtime on the
// CPU, and its outputs are those of the original within what half floats hold.

import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { checkModel } from '../../../../daemon/analysis/checks';
import { silentTask } from '../../../../daemon/base/task';
import { hasErrors } from '../../../../daemon/base/diagnostic';
import type { Model } from '../../../../daemon/ir/model';
import { decodeTensor, readModel } from '../../../../daemon/onnx/readModel';
import { writeModel } from '../../../../daemon/onnx/writeModel';
import { runPass, type Pass } from '../../../../daemon/passes/pass';
import { convertToHalf, type HalfOutcome } from '../../../../daemon/passes/precision/convert';
import { bfloat16, float16, type HalfFormat } from '../../../../daemon/passes/precision/format';
import { storeAsHalf } from '../../../../daemon/passes/precision/storage';
import { initializersOutOfInputs } from '../../../../daemon/passes/simplify/initializersOutOfInputs';
import { generateInputs } from '../../../../daemon/runtime/generateInputs';
import { startRunner, type RunnerProcess } from '../../../../daemon/runtime/runner/runnerProcess';
import type { Feeds } from '../../../../daemon/runtime/runner/session';
import { conformanceCases } from '../../../support/conformance';
import { feedOf } from '../../../support/ort';
import { sharedFolder } from '../../../support/paths';
import { folder, read } from '../modelHarness';

interface Case {
  readonly name: string;
  readonly path: string;
  readonly data: string | undefined;
}

function casesOf(suites: RegExp): Case[] {
  const shared = sharedFolder();
  const stored = conformanceCases();
  if (shared === undefined || stored === undefined) {
    console.log('No shared models beside the checkout: only the other tests convert models.');
    return [];
  }
  const models = readdirSync(join(shared, 'models'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.onnx'))
    .sort()
    .map((name): Case => ({ name: `models/${name}`, path: join(shared, 'models', name), data: undefined }));
  return [
    ...models,
    ...stored.map(({ name, model, data }): Case => ({ name, path: model, data: data[0] })),
  ].filter(({ name }) => suites.test(name));
}

let runner: RunnerProcess | undefined;
let files = 0;
after(async () => runner?.dispose());

async function outputsOf(
  model: Model,
  feeds: Feeds | undefined,
): Promise<{ feeds: Feeds; outputs: Feeds } | string> {
  if (!runner || runner.ended) runner = startRunner();
  const path = join(folder, `case${(files += 1)}.onnx`);
  await writeModel(model, path, {}, silentTask);
  try {
    const session = await runner.load(path, {}, silentTask);
    try {
      const used = feeds ?? generateInputs(session.inputs, { seed: 7 }).feeds;
      return { feeds: used, outputs: await session.run(used, silentTask) };
    } finally {
      await session.release();
    }
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

async function storedFeeds(model: Model, data: string | undefined): Promise<Feeds | undefined> {
  if (data === undefined) return undefined;
  const feeds: Record<string, Feeds[string]> = {};
  for (const [index, { name }] of model.graph.inputs.entries()) {
    const path = join(data, `input_${index}.pb`);
    if (!existsSync(path)) continue;
    const { tensor } = await decodeTensor(readFileSync(path));
    // Sequences and other things that are no tensor: made-up inputs serve.
    if (tensor.storage.kind === 'none') return undefined;
    const feed = await feedOf(name, tensor);
    if (!feed) return undefined;
    feeds[name] = feed as unknown as Feeds[string];
  }
  return feeds;
}

/** Largest difference relative to the largest value, over float outputs; other outputs must not change type. */
function error(a: Feeds, b: Feeds): number {
  let worst = 0;
  for (const [name, value] of Object.entries(a)) {
    const other = b[name];
    assert.ok(
      other && other.type === value.type,
      `output ${name}: ${value.type}, now ${other?.type ?? 'absent'}`,
    );
    if (value.type !== 'float32') continue;
    let most = 0;
    let largest = 1e-6;
    for (let i = 0; i < value.data.length; i += 1) {
      const [p, q] = [value.data[i]!, Number(other.data[i])];
      // What stands for "never" is another number in half floats.
      if (!(Math.abs(p) < 1e8)) continue;
      most = Math.max(most, Number.isNaN(q) ? Infinity : Math.abs(p - q));
      largest = Math.max(largest, Math.abs(p));
    }
    worst = Math.max(worst, most / largest);
  }
  return worst;
}

/** Converts every case and compares; says what failed. */
async function sweep(
  suites: RegExp,
  make: (model: Model) => Pass<HalfOutcome>,
  tolerance: number,
  runs = true,
) {
  const counts = {
    cases: 0,
    converted: 0,
    nodes: 0,
    leftNodes: 0,
    untouched: 0,
    old: 0,
    unrunnable: 0,
    near: 0,
  };
  const failures: string[] = [];
  let worst = 0;
  for (const { name, path, data } of casesOf(suites)) {
    const { model, diagnostics } = await readModel(path, silentTask);
    if (!model || hasErrors(diagnostics)) continue;
    counts.cases += 1;
    const plain = (await runPass(model, initializersOutOfInputs, silentTask)).model;
    const pass = make(plain);
    if (pass.requires?.(plain) !== undefined) {
      counts.old += 1;
      continue;
    }
    const outcome = await runPass(plain, pass, silentTask);
    if (!outcome.modified) {
      counts.untouched += 1;
      continue;
    }
    counts.converted += 1;
    counts.nodes += outcome.converted.length;
    counts.leftNodes += outcome.left.length;
    const broken = checkModel(outcome.model).find(({ severity }) => severity === 'error');
    const brokenBefore = checkModel(plain).find(({ severity }) => severity === 'error');
    if (broken && !brokenBefore) failures.push(`${name}: ${broken.message}`);
    if (!runs) continue;
    const before = await outputsOf(plain, await storedFeeds(plain, data));
    if (typeof before === 'string') {
      counts.unrunnable += 1;
      continue;
    }
    const now = await outputsOf(outcome.model, before.feeds);
    if (typeof now === 'string') {
      failures.push(`${name}: ${now.slice(0, 300)}`);
      continue;
    }
    const far = error(before.outputs, now.outputs);
    worst = Math.max(worst, far);
    if (far <= tolerance) counts.near += 1;
    else failures.push(`${name}: outputs moved by ${far.toPrecision(3)}`);
  }
  console.log(
    `${suites.source}: ${JSON.stringify(counts)}, largest relative difference ${worst.toPrecision(3)}`,
  );
  assert.deepEqual(failures, []);
}

const real = /^(models|light|pytorch-converted|pytorch-operator|simple)\//;
const compute = (format: HalfFormat) => () => convertToHalf(read, { format });

test('float16 compute: shared models, light and pytorch suites', async () => {
  await sweep(real, compute(float16), 0.05);
});

test('float16 storage: shared models, light and pytorch suites', async () => {
  await sweep(real, () => storeAsHalf(read, { format: float16 }), 0.05);
});

test('bfloat16 storage: shared models, light and pytorch suites', async () => {
  await sweep(real, () => storeAsHalf(read, { format: bfloat16 }), 0.2);
});

test('bfloat16 compute is well formed on all of them; no kernel of the CPU runs it', async () => {
  await sweep(real, compute(bfloat16), 0.2, false);
});

test('float16 compute: single operators', async () => {
  await sweep(/^node\//, compute(float16), 0.1);
});
