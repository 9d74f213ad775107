// Shape inference against the outputs that are stored beside the conformance models: what it states must be so.
// Three times: with the inputs' values unknown, as in a model on disk; with the stored inputs as constants, so that
// the rules that compute with shapes speak too; and with every input dimension a symbol, whose expressions are then
// evaluated.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkModel } from '../../../daemon/analysis/checks';
import { modelCost } from '../../../daemon/analysis/cost/cost';
import { graphTable } from '../../../daemon/analysis/graphTable';
import { nodeDetails } from '../../../daemon/analysis/nodeDetails';
import { inferShapes } from '../../../daemon/analysis/shapes';
import { silentTask } from '../../../daemon/base/task';
import { readModel } from '../../../daemon/onnx/readModel';
import { conformanceCases } from '../../support/conformance';
import { bare, constantsOf, evaluated, isTensor, stored, wrongBecause } from '../../support/shapeTruth';

const cases = conformanceCases();

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
    const findings = [...checkModel(model, { shapes }), ...shapes.diagnostics];
    for (const { id, severity, message } of findings) {
      // Some cases are about training, and are called what they are.
      if (severity !== 'info' && id !== 'portability/training')
        complaints.push(`${each.name}: ${id} ${message}`);
    }
    modelCost(model, options);
    const { subgraphs } = await graphTable(model);
    for (const paths of subgraphs.values()) for (const path of paths) await graphTable(model, path);
    model.graph.nodes.forEach((_, index) => nodeDetails(model, undefined, index, shapes));
  }
  t.diagnostic(`${cases.length} models, ${complaints.length} complaints`);
  assert.deepEqual(complaints, []);
});
