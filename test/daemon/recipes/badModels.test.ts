// Models that are wrong in the ways that files are: each gets diagnostics with rule and place, everything else of it is
// told as far as it goes, and nothing throws.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { modelCost } from '../../../daemon/analysis/cost/cost';
import { diffReport } from '../../../daemon/analysis/diff/report';
import { graphTable } from '../../../daemon/analysis/graphTable';
import { allGraphs, findGraph } from '../../../daemon/analysis/scopes/scopes';
import { inferShapes } from '../../../daemon/analysis/shapes';
import { placeText } from '../../../daemon/base/diagnostic';
import { silentTask } from '../../../daemon/base/task';
import type { Model } from '../../../daemon/ir/model';
import { parseText } from '../../../daemon/onnx/text/parseText';
import { printModel } from '../../../daemon/onnx/text/printText';
import { toModel } from '../../../daemon/onnx/text/toModel';
import { checkAll } from '../../../daemon/recipes/check';
import { diff } from '../../../daemon/recipes/diff';

function modelOf(text: string): Model {
  const syntax = parseText(`<ir_version: 8, opset_import: ["" : 17, "f" : 1]>\n${text}`);
  assert.deepEqual(syntax.problems, []);
  return toModel(syntax).model;
}

/** Asks for everything that there is to say, and gives the problems as `rule (place)`. */
async function told(model: Model): Promise<string[]> {
  const file = { path: 'm.onnx', size: 0, mtimeMs: 0 };
  const read = { model, diagnostics: [], fileBytes: 0, externalBytes: 0, file };
  const found = await checkAll(read, { weights: true }, silentTask);
  for (const { path } of allGraphs(model)) {
    const table = await graphTable(model, path);
    assert.ok(table.nodes >= findGraph(model, path)!.graph.nodes.length);
  }
  await printModel(model, { mostValues: 4 }, silentTask);
  modelCost(model);
  await diff(model, model, silentTask);
  return found.map(({ id, where }) => `${id} (${placeText(where)})`);
}

const has = (found: readonly string[], wanted: RegExp) =>
  assert.ok(
    found.some((each) => wanted.test(each)),
    `${String(wanted)} in\n${found.join('\n')}`,
  );

test('stated shapes that are wrong', async () => {
  const model = modelOf(`g (float[N,4] x) => (float[N,7] y) <float[N,5] a, int64[N,4] b> {
    a = Relu (x)
    b = Neg (a)
    y = Softmax (b)
  }`);
  const found = await told(model);
  has(found, /^shape\/contradicts .*"a"/);
  has(found, /^shape\/contradicts .*"y"/);
  // What is computed wins over what is stated.
  assert.deepEqual(inferShapes(model).types.get('y')?.dims, ['N', 4]);
});

test('types that contradict each other', async () => {
  const found = await told(
    modelOf(`g (float[N,4] x, int64[N,4] k) => (float[N,4] y, float[2,3] z) <float[3,3] w = {1,2,3,4,5,6,7,8,9}> {
      [sum] a = Add (x, k)
      [text] b = Sqrt (k)
      [product] c = MatMul (x, w)
      y = Relu (a)
      z = Identity (x)
    }`),
  );
  has(found, /node "sum"/);
  has(found, /node "text"/);
  has(found, /^shape\/mismatch/);
});

test('operators and domains that nobody knows', async () => {
  const model = modelOf(`g (float[N,4] x) => (float[N,4] y) {
    [one] a = NoSuchOperator (x)
    [two] b = com.nowhere.Thing <k = 3> (a)
    [three] c = com.microsoft.NoSuchOperator (x)
    [four] d = Relu (x)
    y = Add (b, d)
  }`);
  const found = await told(model);
  has(found, /node "one"/);
  has(found, /node "two"/);
  // The rest is known.
  assert.deepEqual(inferShapes(model).types.get('d')?.dims, ['N', 4]);
});

test('functions that call each other for ever', async () => {
  const model = modelOf(`g (float[N,4] x) => (float[N,4] y) {
    a = Relu (x)
    y = f.First (a)
  }
  <domain: "f", opset_import: ["" : 17, "f" : 1]>
  First (u) => (v) { v = f.Second (u) }
  <domain: "f", opset_import: ["" : 17, "f" : 1]>
  Second (u) => (v) { w = f.First (u) v = Relu (w) }`);
  const found = await told(model);
  has(found, /recursi/i);
  assert.deepEqual(inferShapes(model).types.get('a')?.dims, ['N', 4]);
});

test('names and scopes that look like paths', async () => {
  const branch = (inner: string) =>
    `then_branch = t () => (p) { ${inner} }, else_branch = e () => (q) { q = Neg (x) }`;
  const model = modelOf(`g (float[N,4] x, bool c) => (float[N,4] y) {
    [A] a = If (c) <${branch(`[B] p = If (c) <${branch('p = Relu (x)')}>`)}>
    ["A/then_branch/B"] b = If (c) <${branch('p = Abs (x)')}>
    ["../../etc/passwd"] d = Relu (a)
    ["/"] e = Relu (d)
    ["//x//"] f = Relu (e)
    ["function f:First"] h = If (c) <${branch('p = Exp (x)')}>
    ["C:\\\\windows\\\\.."] i = Add (f, h)
    y = Add (i, b)
  }`);
  await told(model);
  // Two graphs have one path: each of them is drawn, and the path leads to one of them.
  const paths = Array.from(allGraphs(model), ({ path }) => path);
  assert.equal(paths.filter((path) => path === 'A/then_branch/B/then_branch').length, 2);
  assert.ok(findGraph(model, 'A/then_branch/B/then_branch'));
  assert.ok(findGraph(model, 'function f:First/then_branch'));
  assert.equal(findGraph(model, 'A/then_branch/../B'), undefined);
  assert.deepEqual(inferShapes(model).types.get('y')?.dims, ['N', 4]);
});

test('two files that share nothing', async () => {
  const a = modelOf('g (float[N,4] x) => (float[N,4] y) { y = Relu (x) }');
  const b = modelOf('h (int64[3] u, bool v) => (int64[3] w) { t = Cast <to = 7> (v) w = Mul (u, t) }');
  const report = diffReport(await diff(a, b, silentTask));
  assert.equal(report.same, false);
  assert.match(report.summary, /nothing in common/);
  const empty = modelOf('h () => () { }');
  assert.equal(diffReport(await diff(a, empty, silentTask)).same, false);
});
