// Shape inference against the outputs that are stored beside the conformance models: what it states must be so.
// Three times: with the inputs' values unknown, as in a model on disk; with the stored inputs as constants, so that
// the rules that compute with shapes speak too; and with every input dimension a symbol, whose expressions are then
// evaluated.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createContext, runInContext } from 'node:vm';
import { checkModel } from '../../../daemon/analysis/checks';
import { modelCost } from '../../../daemon/analysis/cost';
import { graphTable } from '../../../daemon/analysis/graphTable';
import { nodeDetails } from '../../../daemon/analysis/nodeDetails';
import { inferShapes, type Dim, type InferOptions, type InferredType } from '../../../daemon/analysis/shapes';
import { tensorsToRead } from '../../../daemon/analysis/smallTensors';
import { silentTask } from '../../../daemon/base/task';
import { dataTypeName } from '../../../daemon/ir/dataType';
import type { Model, ValueInfo } from '../../../daemon/ir/model';
import type { Tensor } from '../../../daemon/ir/tensor';
import { readTensorValues } from '../../../daemon/onnx/tensorData';
import { decodeTensor, readModel } from '../../../daemon/onnx/readModel';
import { conformanceCases, type ConformanceCase } from '../../support/conformance';

const cases = conformanceCases();

type Mode = 'inputs unknown' | 'inputs as constants' | 'dimensions free';

const isTensor = (info: ValueInfo | undefined) => info?.type?.kind === 'tensor';

/** Every known dimension of an input becomes a symbol that tells its size: 3 → n3. */
const freed = (info: ValueInfo): ValueInfo =>
  info.type?.kind === 'tensor' && info.type.shape
    ? {
        ...info,
        type: {
          ...info.type,
          shape: info.type.shape.map(({ value }) => (value === undefined ? {} : { param: `n${value}` })),
        },
      }
    : info;

const arithmetic = createContext({ floor: Math.floor.bind(Math), ceil: Math.ceil.bind(Math) });

/** What an expression over those symbols comes to. */
function evaluated(dim: Dim): Dim {
  if (typeof dim !== 'string') return dim;
  const text = dim.replaceAll(/n(\d+)/g, '$1');
  return /^\d+$/.test(text) ? Number(text) : (runInContext(text, arithmetic) as number);
}

/** The model without what it states of its results, so that only the rules speak; the inputs may become constants. */
function bare(model: Model, mode: Mode, inputs: readonly (Tensor | undefined)[]): Model {
  const given = inputs.flatMap((tensor, at) => {
    const name = model.graph.inputs[at]?.name;
    return tensor && name !== undefined && isTensor(model.graph.inputs[at]) ? [{ ...tensor, name }] : [];
  });
  return {
    ...model,
    graph: {
      ...model.graph,
      valueInfo: [],
      inputs: mode === 'dimensions free' ? model.graph.inputs.map(freed) : model.graph.inputs,
      initializers: [...model.graph.initializers, ...given],
      outputs: model.graph.outputs.map(({ name }) => ({ name, docString: '', metadataProps: [] })),
    },
  };
}

async function stored(
  each: ConformanceCase,
  kind: 'input' | 'output',
  count: number,
): Promise<(Tensor | undefined)[]> {
  const files = Array.from({ length: count }, (_, at) => join(each.data[0] ?? '', `${kind}_${at}.pb`));
  return Promise.all(
    (kind === 'output' && each.outputs.length > 0 ? each.outputs : files).map(async (file) => {
      if (!existsSync(file)) return undefined;
      const { tensor, diagnostics } = await decodeTensor(Uint8Array.from(readFileSync(file)));
      // Sequences and optionals are stored in other messages.
      return diagnostics.length > 0 || tensor.dataType === 0 ? undefined : tensor;
    }),
  );
}

function wrongBecause(inferred: InferredType, expected: Tensor): string | undefined {
  const dtype = dataTypeName(expected.dataType);
  if (!['undefined', dtype].includes(inferred.dtype)) {
    return `type ${inferred.dtype}, stored ${dtype}`;
  }
  if (!inferred.dims) return undefined;
  const fits =
    inferred.dims.length === expected.dims.length &&
    inferred.dims.every((dim, axis) => typeof dim !== 'number' || dim === expected.dims[axis]);
  return fits ? undefined : `shape [${inferred.dims.join(', ')}], stored [${expected.dims.join(', ')}]`;
}

async function constantsOf(model: Model): Promise<InferOptions> {
  const constants = new Map<Tensor, number[]>();
  for (const tensor of tensorsToRead(model)) {
    constants.set(tensor, Array.from((await readTensorValues(tensor)) as ArrayLike<number>, Number));
  }
  return { constants: (tensor) => constants.get(tensor) };
}

for (const mode of ['inputs unknown', 'inputs as constants', 'dimensions free'] as const) {
  test(`inferred shapes agree with the stored outputs, ${mode}`, async (t) => {
    if (!cases) {
      t.diagnostic('the conformance archive is absent: only models made in the other tests are checked');
      return;
    }
    const counts = { models: 0, outputs: 0, whole: 0, partly: 0, unknown: 0 };
    const wrong: string[] = [];
    const open = new Map<string, number>();
    for (const each of cases) {
      const { model } = await readModel(each.model, silentTask);
      assert.ok(model, each.name);
      const expected = await stored(each, 'output', model.graph.outputs.length);
      const inputs =
        mode !== 'inputs as constants' ? [] : await stored(each, 'input', model.graph.inputs.length);
      const bareModel = bare(model, mode, inputs);
      const shapes = inferShapes(bareModel, await constantsOf(bareModel));
      counts.models += 1;
      for (const { id, message } of shapes.diagnostics) wrong.push(`${each.name}: ${id} ${message}`);
      for (const [at, tensor] of expected.entries()) {
        const name = model.graph.outputs[at]?.name;
        if (!tensor || name === undefined || !isTensor(model.graph.outputs[at])) continue;
        counts.outputs += 1;
        const { dtype, dims } = shapes.types.get(name) ?? { dtype: 'undefined', dims: null };
        const inferred = { dtype, dims: dims && dims.map(evaluated) };
        const why = wrongBecause(inferred, tensor);
        if (why !== undefined) wrong.push(`${each.name}: "${name}" ${why}`);
        if (inferred.dims?.every((dim) => typeof dim === 'number')) counts.whole += 1;
        else {
          if (inferred.dims) counts.partly += 1;
          else counts.unknown += 1;
          const writer = model.graph.nodes.find(({ outputs }) => outputs.includes(name))?.opType ?? '';
          open.set(writer, (open.get(writer) ?? 0) + 1);
        }
      }
    }
    t.diagnostic(
      `${counts.models} models, ${counts.outputs} stored outputs: ${counts.whole} shapes known whole, ` +
        `${counts.partly} in part, ${counts.unknown} unknown, ${wrong.length} wrong`,
    );
    const most = [...open].sort(([, a], [, b]) => b - a).map(([name, count]) => `${name} ${count}`);
    t.diagnostic(`not known whole: ${most.join(', ')}`);
    assert.deepEqual(wrong, []);
    assert.ok(counts.whole > 0.6 * counts.outputs, 'most shapes are known');
  });
}

test('no sound model is called broken, and every one can be costed, drawn and described', async (t) => {
  if (!cases) return;
  const complaints: string[] = [];
  for (const each of cases) {
    const { model } = await readModel(each.model, silentTask);
    assert.ok(model, each.name);
    const options = await constantsOf(model);
    const shapes = inferShapes(model, options);
    const findings = [...checkModel(model), ...shapes.diagnostics];
    for (const { id, severity, message } of findings) {
      if (severity !== 'info') complaints.push(`${each.name}: ${id} ${message}`);
    }
    modelCost(model, options);
    const { subgraphs } = await graphTable(model);
    for (const paths of subgraphs.values()) for (const path of paths) await graphTable(model, path);
    model.graph.nodes.forEach((_, index) => nodeDetails(model, undefined, index, shapes));
  }
  t.diagnostic(`${cases.length} models, ${complaints.length} complaints`);
  assert.deepEqual(complaints, []);
});
