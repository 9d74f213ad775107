// Property: simplifying a model does not change what it computes. Over the conformance models, each as it is and
// once more with all inputs but the first as constants, so that folding has something to fold. A model that ONNX
// Runtime cannot run before is counted and passed over; so is one in which nothing changed.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { allGraphs } from '../../../../daemon/analysis/scopes/scopes';
import { hasErrors } from '../../../../daemon/base/diagnostic';
import { SlipwayError } from '../../../../daemon/base/errors';
import { silentTask } from '../../../../daemon/base/task';
import type { Model } from '../../../../daemon/ir/model';
import type { Tensor } from '../../../../daemon/ir/tensor';
import { decodeTensor, readModel } from '../../../../daemon/onnx/readModel';
import { floatsOf } from '../../../../daemon/onnx/tensorData';
import { writeModel } from '../../../../daemon/onnx/writeModel';
import type { Pass } from '../../../../daemon/passes/pass';
import type { Evaluator } from '../../../../daemon/passes/simplify/foldConstants';
import { isRandom } from '../../../../daemon/passes/simplify/randomOperators';
import { optimizePasses, runToFixedPoint } from '../../../../daemon/passes/simplify/simplify';
import { raiseOpset, type RaiseOptions } from '../../../../daemon/passes/simplify/raiseOpset';
import { withEvaluator } from '../../../../daemon/recipes/foldWithRuntime';
import { tensorDigests } from '../../../../daemon/recipes/tensorDigest';
import { conformanceCases, type ConformanceCase } from '../../../support/conformance';
import { feedOf, OrtWorker, type OrtFeed, type OrtOutput } from '../../../support/ort';
import { folder, frozen, read } from '../modelHarness';

const cases = conformanceCases();
const worker = new OrtWorker();
after(() => {
  worker.close();
});

/** Of the operator tests with constants only every n-th is taken: they need an evaluation each. */
const everyNth = 3;

async function storedInputs(model: Model, each: ConformanceCase): Promise<(Tensor | undefined)[]> {
  return Promise.all(
    model.graph.inputs.map(async ({ name }, index) => {
      const path = join(each.data[0] ?? '', `input_${index}.pb`);
      if (!existsSync(path)) return undefined;
      const { tensor, diagnostics } = await decodeTensor(Uint8Array.from(readFileSync(path)));
      return diagnostics.length > 0 || tensor.storage.kind === 'none' ? undefined : { ...tensor, name };
    }),
  );
}

/** Feeds for what is still an input: stored values, else a ramp of the stated shape (light models state one). */
async function feedsFor(
  model: Model,
  stored: readonly (Tensor | undefined)[],
): Promise<OrtFeed[] | undefined> {
  const constants = new Set(model.graph.initializers.map(({ name }) => name));
  const feeds: OrtFeed[] = [];
  for (const { name, type } of model.graph.inputs) {
    if (constants.has(name)) continue;
    const tensor = stored.find((one) => one?.name === name);
    const feed = tensor && (await feedOf(name, tensor));
    if (feed) feeds.push(feed);
    else if (
      type?.kind === 'tensor' &&
      type.elemType === 1 &&
      type.shape?.every(({ value }) => value !== undefined)
    ) {
      const dims = type.shape.map(({ value }) => value ?? 1);
      const count = dims.reduce((all, dim) => all * dim, 1);
      feeds.push({
        name,
        type: 'float32',
        dims,
        data: Float32Array.from({ length: count }, (_, i) => (i % 17) / 17),
      });
    } else return undefined;
  }
  return feeds;
}

/** Why two results are not the same; undefined when they are, up to rounding. */
function differs(a: readonly OrtOutput[], b: readonly OrtOutput[]): string | undefined {
  if (a.length !== b.length) return `${b.length} outputs instead of ${a.length}`;
  for (const [i, before] of a.entries()) {
    const now = b[i]!;
    const kind = (each: OrtOutput) => `${each.dataType}[${each.dims.join(',')}]`;
    if (kind(before) !== kind(now)) return `output ${i} is ${kind(now)} instead of ${kind(before)}`;
    if (Array.isArray(before.data) || Array.isArray(now.data)) {
      if (String(before.data) !== String(now.data)) return `output ${i} holds other texts`;
      continue;
    }
    const x = floatsOf(before.dataType, before.data);
    const y = floatsOf(now.dataType, now.data);
    const largest = x.reduce(
      (most, value) => (Number.isFinite(value) ? Math.max(most, Math.abs(value)) : most),
      0,
    );
    const half = before.dataType === 10 || before.dataType === 16;
    for (let at = 0; at < x.length; at += 1) {
      const [p, q] = [x[at]!, y[at]!];
      if (p === q || Object.is(p, q) || Math.abs(p - q) <= (half ? 4e-3 : 2e-5) * largest) continue;
      return `output ${i} holds ${q} instead of ${p} at ${at} (values up to ${largest})`;
    }
  }
  return undefined;
}

const counts = {
  cases: 0,
  changed: 0,
  compared: 0,
  unrunnable: 0,
  refused: 0,
  nodesBefore: 0,
  nodesAfter: 0,
};
const nodesOf = (model: Model) =>
  [...allGraphs(model)].reduce((sum, { graph }) => sum + graph.nodes.length, 0);
let files = 0;

type Passes = (evaluate: Evaluator) => readonly Pass[];

const everyRewrite: Passes = (evaluate) =>
  optimizePasses({ read, digest: tensorDigests(silentTask), evaluate });

async function simplifyAndCompare(
  name: string,
  model: Model,
  stored: readonly (Tensor | undefined)[],
  passes: readonly Pass[],
): Promise<string | undefined> {
  counts.cases += 1;
  const simplified = await runToFixedPoint(frozen(model), passes, silentTask);
  counts.nodesBefore += nodesOf(model);
  counts.nodesAfter += nodesOf(simplified.model);
  assert.ok(simplified.rounds < 20, `${name} does not settle`);
  assert.deepEqual(
    simplified.model.graph.outputs.map((output) => output),
    model.graph.outputs.map((output) => output),
    name,
  );
  if (!simplified.modified) return undefined;
  counts.changed += 1;
  if ([...allGraphs(model)].some(({ graph }) => graph.nodes.some(isRandom))) return undefined;
  const feeds = await feedsFor(model, stored);
  if (!feeds) {
    counts.unrunnable += 1;
    return undefined;
  }
  files += 1;
  const path = (kind: string) => join(folder, `${files}_${kind}.onnx`);
  await writeModel(model, path('before'), {}, silentTask);
  await writeModel(simplified.model, path('after'), {}, silentTask);
  const before = await worker.run(path('before'), feeds);
  if ('error' in before) {
    counts.unrunnable += 1;
    return undefined;
  }
  const now = await worker.run(path('after'), feeds);
  counts.compared += 1;
  const why = 'error' in now ? now.error : differs(before.outputs, now.outputs);
  return why === undefined ? undefined : `${name}: ${why}`;
}

async function readCase(each: ConformanceCase) {
  const { model, diagnostics } = await readModel(each.model, silentTask);
  if (!model || hasErrors(diagnostics)) return undefined;
  return { model, stored: await storedInputs(model, each) };
}

/** All inputs but the first become constants. */
function withConstants(model: Model, stored: readonly (Tensor | undefined)[]): Model | undefined {
  const given = stored.slice(1).filter((tensor) => tensor !== undefined);
  if (given.length === 0) return undefined;
  const names = new Set(given.map(({ name }) => name));
  const { graph } = model;
  return {
    ...model,
    irVersion: Math.max(model.irVersion, 4),
    graph: {
      ...graph,
      inputs: graph.inputs.filter(({ name }) => !names.has(name)),
      initializers: [...graph.initializers, ...given],
    },
  };
}

async function sweep(
  title: string,
  chosen: readonly ConformanceCase[],
  constants: boolean,
  passes: Passes = everyRewrite,
): Promise<void> {
  const failures: string[] = [];
  Object.assign(counts, {
    cases: 0,
    changed: 0,
    compared: 0,
    unrunnable: 0,
    refused: 0,
    nodesBefore: 0,
    nodesAfter: 0,
  });
  await withEvaluator(async (evaluate) => {
    for (const each of chosen) {
      const found = await readCase(each);
      if (!found) continue;
      const model = constants ? withConstants(found.model, found.stored) : found.model;
      if (!model) continue;
      const why = await simplifyAndCompare(each.name, model, found.stored, passes(evaluate)).catch(
        (error: unknown) => {
          // The upgrade names what it cannot convert.
          if (!(error instanceof SlipwayError) || error.kind !== 'unsupported') throw error;
          counts.refused += 1;
          return undefined;
        },
      );
      if (why !== undefined) failures.push(why);
    }
  });
  process.stdout.write(
    `${title}: ${counts.cases} models, ${counts.changed} changed, ${counts.compared} compared, ` +
      `${counts.unrunnable} not run by ONNX Runtime before, ${counts.refused} refused; ${counts.nodesBefore} → ${counts.nodesAfter} nodes\n`,
  );
  assert.deepEqual(failures, []);
}

const isNode = ({ name }: ConformanceCase) => name.startsWith('node/');

if (cases) {
  test('light, converted and simple models compute the same afterwards', () =>
    sweep(
      'whole models',
      cases.filter((each) => !isNode(each)),
      false,
    ));
  test('operator tests compute the same afterwards', () => sweep('operators', cases.filter(isNode), false));
  test('operator tests with constants compute the same afterwards', () =>
    sweep(
      'operators with constants',
      cases.filter((each, i) => isNode(each) && i % everyNth === 0),
      true,
    ));
  for (const [start, target] of ([20, 21, 25] as const).entries()) {
    const upgrade: RaiseOptions = { target, purpose: 'The sweep', otherwise: '' };
    test(`models of opset 13 and newer compute the same in opset ${target}`, () =>
      sweep(
        `brought to opset ${target}`,
        cases.filter((_, i) => i % (3 * everyNth) === 3 * start),
        false,
        () => [raiseOpset(read, upgrade)],
      ));
  }
} else {
  test('without the conformance archive there is nothing to sweep', () => {
    process.stdout.write('The conformance archive is not there; the rewrites have their own tests.\n');
  });
}
