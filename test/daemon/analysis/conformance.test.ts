// Shape inference against the outputs that are stored beside the conformance models: what it states must be so.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { checkModel } from '../../../daemon/analysis/checks';
import { modelCost } from '../../../daemon/analysis/cost';
import { graphTable } from '../../../daemon/analysis/graphTable';
import { inferShapes, type InferredType } from '../../../daemon/analysis/shapes';
import { tensorsToRead } from '../../../daemon/analysis/smallTensors';
import { silentTask } from '../../../daemon/base/task';
import { dataTypeName } from '../../../daemon/ir/dataType';
import type { Graph, Model } from '../../../daemon/ir/model';
import type { Tensor } from '../../../daemon/ir/tensor';
import { readTensorValues } from '../../../daemon/onnx/tensorData';
import { decodeTensor, readModel } from '../../../daemon/onnx/readModel';
import { conformanceCases, type ConformanceCase } from '../../support/conformance';

const cases = conformanceCases();

/** The model without what it states of its results, so that only the rules speak. */
function withoutStatedResults(model: Model): Model {
  const bare = (graph: Graph): Graph => ({
    ...graph,
    valueInfo: [],
    outputs: graph.outputs.map(({ name }) => ({ name, docString: '', metadataProps: [] })),
  });
  return { ...model, graph: bare(model.graph) };
}

async function expectedOutputs(each: ConformanceCase, count: number): Promise<(Tensor | undefined)[]> {
  const files =
    each.outputs.length > 0
      ? each.outputs
      : Array.from({ length: count }, (_, at) => join(each.data[0] ?? '', `output_${at}.pb`));
  return Promise.all(
    files.map(async (file) => {
      if (!existsSync(file)) return undefined;
      const { tensor, diagnostics } = await decodeTensor(readFileSync(file));
      // Sequences and optionals are stored in other messages.
      return diagnostics.length > 0 || tensor.dataType === 0 ? undefined : tensor;
    }),
  );
}

function wrongBecause(inferred: InferredType, expected: Tensor): string | undefined {
  const dtype = dataTypeName(expected.dataType);
  if (!['undefined', dtype].includes(inferred.dtype) && !/^(seq|optional|map)/.test(inferred.dtype)) {
    return `type ${inferred.dtype}, stored ${dtype}`;
  }
  if (!inferred.dims) return undefined;
  const fits =
    inferred.dims.length === expected.dims.length &&
    inferred.dims.every((dim, axis) => typeof dim !== 'number' || dim === expected.dims[axis]);
  return fits ? undefined : `shape [${inferred.dims.join(', ')}], stored [${expected.dims.join(', ')}]`;
}

test('inferred shapes agree with the stored outputs of every conformance model', async (t) => {
  if (!cases) {
    t.diagnostic('the conformance archive is absent: only models made in the other tests are checked');
    return;
  }
  const counts = { models: 0, outputs: 0, whole: 0, partly: 0, unknown: 0 };
  const wrong: string[] = [];
  const unknownOperators = new Map<string, number>();
  const noise: string[] = [];
  for (const each of cases) {
    const { model } = await readModel(each.model, silentTask);
    assert.ok(model, each.name);
    counts.models += 1;
    const constants = new Map<Tensor, number[]>();
    for (const tensor of tensorsToRead(model)) {
      constants.set(tensor, Array.from((await readTensorValues(tensor)) as ArrayLike<number>, Number));
    }
    const options = { constants: (tensor: Tensor) => constants.get(tensor) };
    const shapes = inferShapes(withoutStatedResults(model), options);
    for (const { id, message } of [...shapes.diagnostics, ...inferShapes(model, options).diagnostics]) {
      noise.push(`${each.name}: ${id} ${message}`);
    }
    const errors = checkModel(model).filter(({ severity }) => severity === 'error');
    for (const { id, message } of errors) noise.push(`${each.name}: ${id} ${message}`);
    const expected = await expectedOutputs(each, model.graph.outputs.length);
    for (const [at, tensor] of expected.entries()) {
      const name = model.graph.outputs[at]?.name;
      if (!tensor || name === undefined) continue;
      counts.outputs += 1;
      const inferred = shapes.types.get(name) ?? { dtype: 'undefined', dims: null };
      const why = wrongBecause(inferred, tensor);
      if (why !== undefined) wrong.push(`${each.name}: "${name}" ${why}`);
      if (!inferred.dims) {
        counts.unknown += 1;
        for (const { opType, outputs } of model.graph.nodes) {
          if (outputs.includes(name)) unknownOperators.set(opType, (unknownOperators.get(opType) ?? 0) + 1);
        }
      } else if (inferred.dims.every((dim) => typeof dim === 'number')) counts.whole += 1;
      else counts.partly += 1;
    }
    modelCost(model, options);
    await graphTable(model);
  }
  t.diagnostic(
    `${counts.models} models, ${counts.outputs} stored outputs: ${counts.whole} shapes known whole, ` +
      `${counts.partly} in part, ${counts.unknown} unknown, ${wrong.length} wrong`,
  );
  const left = [...unknownOperators].sort(([, a], [, b]) => b - a).map(([name, count]) => `${name} ${count}`);
  t.diagnostic(`unknown: ${left.join(', ')}`);
  assert.deepEqual(wrong, []);
  assert.deepEqual(noise, []);
  assert.ok(counts.whole > 0.8 * counts.outputs, 'most shapes are known');
});
