// Models that want to hurt: everything in this room answers, and soon. No time is asserted; a quadratic walk over
// these would run into the test's limit.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkModel } from '../../../daemon/analysis/checks';
import { modelCost } from '../../../daemon/analysis/cost/cost';
import { graphTable } from '../../../daemon/analysis/graphTable';
import { inspect } from '../../../daemon/analysis/inspect';
import { nodeDetails } from '../../../daemon/analysis/nodeDetails';
import { allGraphs, findGraph } from '../../../daemon/analysis/scopes/scopes';
import { inferShapes } from '../../../daemon/analysis/shapes';
import { silentTask } from '../../../daemon/base/task';
import { floatTensor, graph, int64Tensor, model, node, valueInfo } from '../../../daemon/ir/builder';
import { DataType } from '../../../daemon/ir/dataType';
import type { FunctionDef, Graph, Model, Node } from '../../../daemon/ir/model';
import { bodyRules } from '../../../daemon/analysis/shapes/control';
import { rules } from '../../../daemon/analysis/shapes/rules';

const { FLOAT } = DataType;
const x = valueInfo('x', FLOAT, ['n', 4]);
const y = valueInfo('y', FLOAT);

/** Asks everything of a model and gives the number of diagnostics. */
async function survive(built: Model): Promise<number> {
  const file = { path: 'x.onnx', size: 0, mtimeMs: 0 };
  const read = { model: built, diagnostics: [], fileBytes: 0, externalBytes: 0, file };
  const { diagnostics } = await inspect(read, {}, silentTask);
  await graphTable(built);
  if (built.graph.nodes.length > 0) nodeDetails(built, undefined, 0);
  return diagnostics.length;
}

const functionDef = (name: string, nodes: Node[]): FunctionDef => ({
  name,
  domain: 'f',
  overload: '',
  inputs: ['x'],
  outputs: ['y'],
  attributes: [],
  attributeDefaults: [],
  nodes,
  docString: '',
  opsetImports: [{ domain: '', version: 17 }],
  valueInfo: [],
  metadataProps: [],
});

test('a hundred thousand nodes', async (t) => {
  const nodes = Array.from({ length: 100_000 }, (_, i) =>
    node(i % 2 ? 'Relu' : 'Add', i % 2 ? [`v${i}`] : [`v${i}`, 'x'], [`v${i + 1}`], {
      name: `/block${i % 100}/n${i}`,
    }),
  );
  const built = model(
    graph({ nodes, inputs: [x, valueInfo('v0', FLOAT, ['n', 4])], outputs: [{ ...y, name: 'v100000' }] }),
  );
  const steps: string[] = [];
  const time = async (name: string, work: () => unknown) => {
    const start = performance.now();
    await work();
    steps.push(`${name} ${(performance.now() - start).toFixed(0)} ms`);
  };
  await time('checks', () => checkModel(built));
  await time('shapes', () => inferShapes(built));
  await time('cost', () => modelCost(built));
  await time('table', () => graphTable(built));
  t.diagnostic(steps.join(', '));
  assert.deepEqual(checkModel(built), []);
  const reversed: Model = { ...built, graph: { ...built.graph, nodes: nodes.toReversed() } };
  assert.deepEqual(inferShapes(reversed).types.get('v100000'), { dtype: 'float', dims: ['n', 4] });
  assert.equal(checkModel(reversed)[0]?.id, 'graph/order');
});

test('a ring of a hundred thousand nodes', async () => {
  const count = 100_000;
  const nodes = Array.from({ length: count }, (_, i) => node('Relu', [`v${i}`], [`v${(i + 1) % count}`]));
  const built = model(graph({ nodes, inputs: [x], outputs: [{ ...y, name: 'v1' }] }));
  assert.match(checkModel(built)[0]!.message, /→ … \(100000 nodes\) → /);
  await survive(built);
});

test('bodies two hundred deep, each reading the outermost value', async () => {
  let inner: Graph = graph({ nodes: [node('Relu', ['x'], ['r'])], outputs: [{ ...y, name: 'r' }] });
  for (let depth = 0; depth < 200; depth += 1) {
    const other = graph({ nodes: [node('Relu', ['x'], ['e'])], outputs: [{ ...y, name: 'e' }] });
    inner = graph({
      nodes: [
        node('If', ['c'], ['r'], { name: 'If', attributes: { then_branch: inner, else_branch: other } }),
      ],
      outputs: [{ ...y, name: 'r' }],
    });
  }
  const built = model({ ...inner, inputs: [x, valueInfo('c', DataType.BOOL, [])] });
  assert.deepEqual(checkModel(built), []);
  assert.deepEqual(inferShapes(built).types.get('r'), { dtype: 'float', dims: ['n', 4] });
  const deepest = [...allGraphs(built)].reduce((a, b) => (b.path.length > a.path.length ? b : a));
  assert.equal(findGraph(built, deepest.path)?.graph, deepest.graph);
  await graphTable(built, deepest.path);
  await survive(built);
});

test('functions that call themselves, and functions that double two hundred times', async () => {
  const recursive = model(
    graph({ nodes: [node('F', ['x'], ['y'], { domain: 'f' })], inputs: [x], outputs: [y] }),
  );
  recursive.functions = [functionDef('F', [node('F', ['x'], ['y'], { domain: 'f' })])];
  assert.ok((await survive(recursive)) > 0);
  await graphTable(recursive, 'function f:F');

  const doubling = model(
    graph({ nodes: [node('F0', ['x'], ['y'], { domain: 'f' })], inputs: [x], outputs: [y] }),
  );
  doubling.functions = Array.from({ length: 200 }, (_, i) =>
    functionDef(`F${i}`, [
      node(`F${i + 1}`, ['x'], ['a'], { domain: 'f' }),
      node(`F${i + 1}`, ['a'], ['y'], { domain: 'f' }),
    ]),
  );
  await survive(doubling);
});

test('names of a hundred thousand letters, repeated', async () => {
  const long = 'n'.repeat(100_000);
  const built = model(
    graph({
      name: long,
      nodes: [
        node(long, [long, `${long}2`], [long], { name: long, domain: long }),
        node('Relu', [`${long}3`], [`${long}4`], { name: long }),
        node('Concat', ['x', 'x'], ['y'], { name: long, attributes: { axis: 0n } }),
      ],
      inputs: [valueInfo('x', FLOAT, [long, undefined, `${long} + 1`])],
      outputs: [y],
    }),
  );
  const found = checkModel(built);
  assert.ok(found.every(({ message }) => message.length < 1000));
  await survive(built);
});

test('an empty model, and names that JavaScript knows', async () => {
  await survive(model(graph({ nodes: [] })));
  await survive({ ...model(graph({ nodes: [] })), opsetImports: [] });
  const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty'];
  const nodes = names.map((name) => node(name, [name], [name], { name, domain: name }));
  const dims = valueInfo('x', FLOAT, names);
  const built = model(graph({ nodes, inputs: [dims], outputs: [y] }));
  built.functions = names.map((name) => ({ ...functionDef(name, []), domain: name }));
  await survive(built);
});

test('every rule survives nodes without inputs, with strange ones, and with strange attributes', () => {
  const strange = [
    valueInfo('scalar', FLOAT, []),
    valueInfo('long', FLOAT, [1, 2, 3, 4, 5, 6, 7, 8]),
    valueInfo('rankless', FLOAT),
    valueInfo('free', FLOAT, ['a', undefined, 'b*c', -1]),
    { name: 'typeless', docString: '', metadataProps: [] },
  ];
  const initializers = [
    int64Tensor('big', [2], [9223372036854775807n, -9223372036854775808n]),
    int64Tensor('empty', [0], []),
    int64Tensor('zero', [1], [0]),
    floatTensor('broken', [-3], []),
  ];
  const attributes = {
    axis: 99n,
    axes: [-9223372036854775808n, 5n],
    strides: [0n, -1n],
    kernel_shape: [0n, 9223372036854775807n],
    pads: [-5n, 1n, 1n, -1n],
    perm: [7n, 7n],
    split: [-1n],
    group: 0n,
    to: 99n,
    blocksize: 0n,
    num_outputs: 0n,
    num_scan_inputs: -5n,
    equation: '...->->,ij',
    shape: [-1n, -1n],
  };
  const names = [...strange.map(({ name }) => name), ...initializers.map(({ name }) => name), 'missing', ''];
  const nodes: Node[] = [];
  for (const rule of [...rules.keys(), ...bodyRules.keys()]) {
    const dot = rule.lastIndexOf('.');
    const [domain, opType] = dot < 0 ? ['', rule] : [rule.slice(0, dot), rule.slice(dot + 1)];
    for (let shift = 0; shift <= names.length; shift += 1) {
      const inputs = shift === names.length ? [] : names.map((_, at) => names[(at + shift) % names.length]!);
      const outputs = ['a', 'b', 'c', 'd', 'e'].map((name) => `${rule}${shift}${name}`);
      nodes.push(node(opType, inputs, outputs, { domain, attributes: shift % 2 ? attributes : {} }));
    }
  }
  const built = model(graph({ nodes, inputs: strange, outputs: [y], initializers }), { opset: 21 });
  const { diagnostics } = inferShapes(built);
  assert.deepEqual(
    diagnostics.filter(({ id }) => id === 'shape/failed').map(({ message }) => message),
    [],
  );
  modelCost(built);
});
