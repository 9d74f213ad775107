import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkModel } from '../../../daemon/analysis/checks';
import { contribRelease } from '../../../daemon/analysis/operators/contribSchemas';
import { operatorStanding } from '../../../daemon/analysis/operators/operatorTable';
import { inferShapes } from '../../../daemon/analysis/shapes';
import { placeText } from '../../../daemon/base/diagnostic';
import { floatTensor, graph, model, node, valueInfo } from '../../../daemon/ir/builder';
import { DataType } from '../../../daemon/ir/dataType';
import type { FunctionDef, Graph, Model, Node } from '../../../daemon/ir/model';
import { checkText } from '../../support/checkText';

const x = valueInfo('x', DataType.FLOAT, [1]);
const y = valueInfo('y', DataType.FLOAT, [1]);

const around = (nodes: Node[], parts: Partial<Graph> = {}): Model =>
  model(graph({ nodes, inputs: [x], outputs: [y], ...parts }));

function check(broken: Model, expected: string): void {
  const lines = checkModel(broken).map(({ severity, id, message, where }) => {
    const place = placeText(where);
    return `${severity} ${id}: ${message}${place === '' ? '' : ` [${place}]`}`;
  });
  checkText(lines, expected);
}

const named = (opType: string, inputs: string[], outputs: string[], name: string) =>
  node(opType, inputs, outputs, { name });

const functionDef = (name: string, nodes: Node[]): FunctionDef => ({
  name,
  domain: 'local',
  overload: '',
  inputs: ['x'],
  outputs: ['y'],
  attributes: [],
  attributeDefaults: [],
  nodes,
  docString: '',
  opsetImports: [
    { domain: '', version: 17 },
    { domain: 'local', version: 1 },
  ],
  valueInfo: [],
  metadataProps: [],
});

test('a sound model gives nothing', () => {
  check(around([node('Relu', ['x'], ['y'])]), '');
});

test('an input that nothing produces', () => {
  check(
    around([named('Relu', ['z'], ['y'], 'Relu_3'), node('Add', ['x', 'w'], ['unused'])]),
    `error graph/no-producer: Relu_3 reads "z", which no node, input or initializer produces. [node "Relu_3", value "z"]
     error graph/no-producer: Add (node 1) reads "w", which no node, input or initializer produces. [node 1, giving "unused", value "w"]
     info size/unused-node: Add (node 1): nobody reads what it gives. [node 1, giving "unused"]`,
  );
});

test('a graph that is empty, has no outputs, or whose output comes from nowhere', () => {
  check(
    model(graph({ nodes: [] })),
    'error graph/empty: The model holds no graph: there are no nodes and no outputs.',
  );
  check(
    model(graph({ nodes: [node('Relu', ['x'], ['y'])], inputs: [x] })),
    'error graph/no-output: The graph has no output, so nothing that it computes can be read.',
  );
  check(
    around([node('Relu', ['x'], ['z'])]),
    `error graph/no-producer: The output "y" is produced by no node, input or initializer. [value "y"]
     info size/unused-node: Relu (node 0): nobody reads what it gives. [node 0, giving "z"]`,
  );
});

test('a value that is written twice', () => {
  check(
    around([
      named('Relu', ['x'], ['y'], 'a'),
      named('Tanh', ['x'], ['y'], 'b'),
      named('Tanh', ['y'], ['x'], 'c'),
    ]),
    `error graph/duplicate-value: b writes "y", which a writes already. A value may be written only once. [node "b", value "y"]
     error graph/duplicate-value: c writes "x", which is an input already. A value may be written only once. [node "c", value "x"]
     error graph/cycle: a → c → a: these nodes form a cycle, so none of them can run first. [node "a"]`,
  );
});

test('a cycle, named in the order of the data', () => {
  check(
    around([
      named('Add', ['x', 'd'], ['a'], 'A'),
      named('Relu', ['a'], ['b'], 'B'),
      named('Relu', ['b'], ['d'], 'D'),
      named('Relu', ['d'], ['y'], 'After'),
    ]),
    'error graph/cycle: A → B → D → A: these nodes form a cycle, so none of them can run first. [node "A"]',
  );
  check(
    around([named('Add', ['x', 'y'], ['y'], 'Self')]),
    'error graph/cycle: Self reads its own result. [node "Self"]',
  );
});

test('nodes out of order', () => {
  check(
    around([named('Relu', ['a'], ['y'], 'second'), named('Relu', ['x'], ['a'], 'first')]),
    `warning graph/order: second stands before first, whose result "a" it reads. The specification wants nodes in
     running order; some runtimes refuse the model. [node "second", value "a"]`.replace(/\s+/g, ' '),
  );
});

test('operators that the opset does not have', () => {
  check(
    model(
      graph({
        nodes: [
          named('Gelu', ['x'], ['a'], 'g'),
          named('relu', ['a'], ['b'], 'lower'),
          named('Frobnicate', ['b'], ['c'], 'f'),
          named('Upsample', ['c', 'x'], ['d'], 'u'),
          named('ImageScaler', ['d'], ['y'], 's'),
        ],
        inputs: [x],
        outputs: [y],
      }),
      { opset: 17 },
    ),
    `error operator/not-in-opset: g: Gelu is not in opset 17: it came with opset 20. Convert the model to a newer opset. [node "g"]
     error operator/unknown: lower: there is no operator "relu" in opset 17. Is "Relu" meant? [node "lower"]
     error operator/unknown: f: there is no operator "Frobnicate" in opset 17. [node "f"]
     warning operator/retired: u: Upsample was retired in opset 10, and the model uses opset 17. [node "u"]
     warning operator/experimental: s: ImageScaler is an experimental operator that ONNX removed; few runtimes still have it. [node "s"]`,
  );
  assert.deepEqual(operatorStanding('', 'BitCast', 28), { kind: 'defined' });
  assert.deepEqual(operatorStanding('', 'Frobnicate', 99), { kind: 'beyond', newest: 28 });
  assert.deepEqual(operatorStanding('', '__proto__', 17), { kind: 'unknown' });
});

test('an element type that does not exist', () => {
  check(
    around([node('Cast', ['x'], ['y'], { name: 'c', attributes: { to: 99n } })]),
    'error operator/attribute-type: c: the attribute "to" is 99, and no element type has that number. [node "c"]',
  );
});

test("ONNX Runtime's own operators are held against what it registers", () => {
  const built = model(
    graph({
      nodes: [
        node('FusedMatMul', ['x', 'x'], ['a'], {
          name: 'ok',
          domain: 'com.microsoft',
          attributes: { alpha: 2 },
        }),
        node('FusedMatMul', ['a', 'a'], ['b'], {
          name: 'more',
          domain: 'com.microsoft',
          attributes: { beta: 1 },
        }),
        node('Gelu', [], ['c'], { name: 'none', domain: 'com.microsoft' }),
        node('MatMulNBits', ['b', 'x', 'x'], ['d'], {
          name: 'bits',
          domain: 'com.microsoft',
          attributes: { K: 4n, N: 4n },
        }),
        node('FastGellu', ['d'], ['y'], { name: 'slip', domain: 'com.microsoft' }),
      ],
      inputs: [x],
      outputs: [y],
    }),
    { opset: 17 },
  );
  built.opsetImports.push({ domain: 'com.microsoft', version: 1 });
  const found = checkModel(built, { shapes: inferShapes(built) });
  assert.deepEqual(
    found
      .filter(({ id }) => id.startsWith('operator/'))
      .map(({ severity, id, message }) => `${severity} ${id}: ${message.replace(contribRelease, 'R')}`),
    [
      'error operator/inputs: none: Gelu has 1 input, and it has 0.',
      'error operator/missing-attribute: bits: MatMulNBits needs the attribute "block_size".',
      'error operator/type: bits: MatMulNBits takes no float as input 2 (uint8).',
      'warning operator/unknown: slip: ONNX Runtime R has no operator "com.microsoft.FastGellu"; another release or build of it may. Is "FastGelu" meant?',
      'warning operator/unknown-attribute: more: FusedMatMul has no attribute "beta" in ONNX Runtime R.',
    ],
  );
});

test('domains that are not imported', () => {
  const broken = around([
    node('Relu', ['x'], ['a'], { name: 'r' }),
    node('FusedThing', ['a'], ['y'], { name: 'm', domain: 'com.acme' }),
  ]);
  broken.opsetImports = [];
  check(
    broken,
    `error opset/missing: r uses "Relu", but the model imports no operator set for "ai.onnx". [node "r"]
     warning operator/unknown-domain: m uses "com.acme.FusedThing", and the model neither imports that domain nor defines the operator as a function. [node "m"]`,
  );
});

test('opset versions that cannot be', () => {
  const broken = around([node('Relu', ['x'], ['y'])]);
  broken.opsetImports = [
    { domain: '', version: 17 },
    { domain: 'ai.onnx', version: 18 },
    { domain: 'com.acme', version: 0 },
  ];
  check(
    broken,
    `error opset/twice: The operator set "ai.onnx" is imported at versions 17 and 18; only one can hold.
     error opset/version: The operator set "com.acme" is imported at version 0, which does not exist.`,
  );
});

test('names used twice and initializers used never', () => {
  check(
    around([named('Relu', ['x'], ['a'], 'same'), named('Relu', ['a'], ['y'], 'same')], {
      initializers: [floatTensor('w', [1], [0]), floatTensor('v', [1], [0])],
    }),
    `info size/unused-initializer: 2 initializers are read by nothing ("w", "v"); optimising the model removes them. [value "w"]
     info graph/duplicate-node-name: 1 node name is used more than once ("same").`,
  );
});

test('shapes of inputs that contradict their initializers', () => {
  check(
    model(
      graph({
        nodes: [node('Add', ['x', 'w'], ['y'])],
        inputs: [x, valueInfo('w', DataType.FLOAT, [3])],
        outputs: [y],
        initializers: [floatTensor('w', [2], [0, 0])],
      }),
    ),
    `warning graph/initializer-shape: The input "w" is stated as 3, but its initializer is 2. [value "w"]
     info performance/initializer-input: 1 initializer is an input as well ("w"), so a runtime cannot fold it. [value "w"]`,
  );
});

test('bodies see the values around them, and their own faults have a path', () => {
  const branch = (input: string) =>
    graph({ nodes: [node('Add', [input, 'weight'], ['out'])], outputs: [valueInfo('out', DataType.FLOAT)] });
  check(
    around(
      [
        node('If', ['x'], ['y'], {
          name: 'If_3',
          attributes: { then_branch: branch('x'), else_branch: branch('missing') },
        }),
      ],
      { initializers: [floatTensor('weight', [1], [1])] },
    ),
    `error graph/no-producer: Add (node 0) reads "missing", which no node, input or initializer produces. [graph If_3/else_branch, node 0, giving "out", value "missing"]`,
  );
});

test('recursive functions', () => {
  const broken = around([node('F', ['x'], ['y'], { domain: 'local' })]);
  broken.opsetImports.push({ domain: 'local', version: 1 });
  broken.functions = [
    functionDef('F', [node('G', ['x'], ['y'], { domain: 'local' })]),
    functionDef('G', [node('F', ['x'], ['y'], { domain: 'local' })]),
    functionDef('H', [node('H', ['x'], ['y'], { domain: 'local' })]),
  ];
  check(
    broken,
    `error function/recursion: The functions local:F → local:G → local:F call each other in a circle. ONNX functions may not be recursive. [graph function local:F]
     error function/recursion: The function "local:H" calls itself. ONNX functions may not be recursive. [graph function local:H]
     info size/unused-function: 1 function is called by nobody ("local:H").`,
  );
});

test('many faults of one kind become a few lines', () => {
  const found = checkModel(
    around([
      ...Array.from({ length: 500 }, (_, i) => node('Relu', [`gone${i}`], [`r${i}`])),
      node('Relu', ['x'], ['y']),
    ]),
  );
  assert.deepEqual(
    found.slice(20).map(({ message }) => message),
    ['… and 480 more like it.', 'Relu (node 0) (and 499 more like it): nobody reads what it gives.'],
  );
});
