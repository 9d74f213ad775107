// What is known before the model runs: constants, shape arithmetic, conditions, bound dimensions.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentTask } from '../../../../daemon/base/task';
import { floatTensor, graph, node, rawTensor, uint8Tensor, valueInfo } from '../../../../daemon/ir/builder';
import { DataType } from '../../../../daemon/ir/dataType';
import { bodiesOf } from '../../../../daemon/ir/graphIndex';
import type { Graph, Node } from '../../../../daemon/ir/model';
import { runPass } from '../../../../daemon/passes/pass';
import { bindableDimensions, fixDimensions } from '../../../../daemon/passes/simplify/fixDimensions';
import { foldConstants, foldLimits, type Evaluator } from '../../../../daemon/passes/simplify/foldConstants';
import { foldShapes } from '../../../../daemon/passes/simplify/foldShapes';
import { inlineConditions } from '../../../../daemon/passes/simplify/inlineConditions';
import { withEvaluator } from '../../../../daemon/recipes/foldWithRuntime';
import { frozen, oneToOne, read, weight, type Dims } from '../modelHarness';
import { check, int64s, sameOutputs, stays } from './rewriteCheck';

/** Runs a test with the evaluator that the recipe uses; `asked` counts its calls. */
const evaluated = (work: (evaluate: Evaluator, asked: () => number) => Promise<void>) =>
  withEvaluator(async (evaluate) => {
    let calls = 0;
    const counted: Evaluator = (subgraph, task) => {
      calls += 1;
      return evaluate(subgraph, task);
    };
    await work(counted, () => calls);
  });

test('arithmetic on constants is done once, in one evaluation', () =>
  evaluated(async (evaluate, asked) => {
    const made = oneToOne(
      [
        node('Mul', ['w', 'two'], ['a']),
        node('Transpose', ['a'], ['b']),
        node('MatMul', ['x', 'b'], ['c']),
        node('Exp', ['w2'], ['d']),
        node('Add', ['c', 'd'], ['e']),
        node('Split', ['w2', 'sizes'], ['left', 'right']),
        node('Concat', ['right', 'left'], ['f'], { attributes: { axis: 0n } }),
        node('Mul', ['e', 'f'], ['y']),
      ],
      [weight('w', [6, 8]), floatTensor('two', [], [2]), weight('w2', [6], 3), int64s('sizes', 2, 4)],
      ['n', 8],
    );
    const after = await check(
      foldConstants(read, evaluate),
      made,
      ['n', 8],
      'c = MatMul(x, b)\ne = Add(c, d)\ny = Mul(e, f)',
    );
    assert.equal(asked(), 1);
    assert.equal(
      after.graph.initializers.some(({ name }) => name === 'left'),
      false,
    );
  }));

test('results that only grow, graph outputs, random numbers and stored integers stay', () =>
  evaluated(async (evaluate, asked) => {
    const pass = foldConstants(read, evaluate);
    const grows = oneToOne(
      [node('Expand', ['w', 's'], ['a']), node('Add', ['x', 'a'], ['y'])],
      [weight('w', [1]), int64s('s', 512, 512)],
      [512, 512],
    );
    await stays(pass, grows);
    const output = oneToOne([node('Exp', ['w'], ['y'])], [weight('w', [3])], ['n']);
    await stays(pass, output, ['n']);
    const random = oneToOne(
      [node('RandomNormalLike', ['w'], ['a']), node('Add', ['x', 'a'], ['y'])],
      [weight('w', [3])],
      [3],
    );
    await stays(pass, random, [3]);
    const stored = oneToOne(
      [node('DequantizeLinear', ['q', 's', 'z'], ['w']), node('Mul', ['x', 'w'], ['y'])],
      [uint8Tensor('q', [3], [1, 2, 3]), floatTensor('s', [], [0.5]), uint8Tensor('z', [], [1])],
      [3],
    );
    await stays(pass, stored, [3]);
    const overridable = oneToOne(
      [node('Exp', ['w'], ['a']), node('Mul', ['x', 'a'], ['y'])],
      [weight('w', [3])],
      [3],
      {
        extra: { inputs: [valueInfo('x', DataType.FLOAT, [3]), valueInfo('w', DataType.FLOAT, [3])] },
      },
    );
    await stays(pass, overridable);
    assert.equal(asked(), 0);
    const small = foldConstants(read, evaluate, { ...foldLimits, mostBytes: 8 });
    await stays(
      small,
      oneToOne([node('Exp', ['w'], ['a']), node('Mul', ['x', 'a'], ['y'])], [weight('w', [3])], [3]),
      [3],
    );
  }));

test('one operator that the runtime refuses does not keep the others from being folded', () =>
  evaluated(async (evaluate) => {
    // A table of 2 rows has no row 7.
    const bad = node('Gather', ['w', 'seven'], ['a'], { attributes: { axis: 0n } });
    const made = frozen(
      oneToOne(
        [bad, node('Exp', ['w'], ['b']), node('Add', ['a', 'x'], ['c']), node('Add', ['b', 'c'], ['y'])],
        [weight('w', [2, 3]), int64s('seven', 7)],
        [2, 3],
      ),
    );
    const after = (await runPass(made, foldConstants(read, evaluate), silentTask)).model;
    assert.deepEqual(
      after.graph.nodes.map(({ opType }) => opType),
      ['Gather', 'Add', 'Add'],
    );
  }));

test('constants inside a branch, and those that it captures, are folded there', () =>
  evaluated(async (evaluate) => {
    const made = oneToOne(
      [
        node('ReduceMax', ['x'], ['most'], { attributes: { keepdims: 0n } }),
        node('Greater', ['most', 'limit'], ['large']),
        node('If', ['large'], ['y'], {
          attributes: { then_branch: branch('then'), else_branch: branch('else') },
        }),
      ],
      [floatTensor('limit', [], [2.9]), weight('w', [3])],
      ['n', 3],
    );
    const after = await check(
      foldConstants(read, evaluate),
      made,
      ['n', 3],
      'most = ReduceMax(x)\nlarge = Greater(most, limit)\ny = If(large)',
    );
    for (const body of bodiesOf(after.graph.nodes[2]!)) {
      assert.deepEqual(
        body.nodes.map(({ opType }) => opType),
        ['Add'],
      );
    }

    function branch(name: string): Graph {
      return graph({
        name,
        nodes: [
          node('Exp', ['w'], [`${name}_e`]),
          node('Mul', [`${name}_e`, `${name}_own`], [`${name}_m`]),
          node('Add', ['x', `${name}_m`], [`${name}_out`]),
        ],
        initializers: [weight(`${name}_own`, [3], name.length)],
        outputs: [valueInfo(`${name}_out`, DataType.FLOAT)],
      });
    }
  }));

const gather = (from: string, at: string, to: string) => node('Gather', [from, at], [to]);
const shapeNodes = (last: Node): Node[] => [
  node('Shape', ['x'], ['s']),
  gather('s', 'zero', 'batch'),
  gather('s', 'one', 'rows'),
  node('Mul', ['rows', 'two'], ['double']),
  last,
];
const shapeConstants = [
  int64s('zero', 0),
  int64s('one', 1),
  int64s('two', 2),
  int64s('two_', 2),
  int64s('open', -1),
];

test('shape arithmetic becomes constants, and Reshape copies what is free', async () => {
  const made = oneToOne(
    [
      ...shapeNodes(node('Concat', ['batch', 'double', 'two_', 'open'], ['t'], { attributes: { axis: 0n } })),
      node('Reshape', ['x', 't'], ['y']),
    ],
    shapeConstants,
    ['n', 3, 8],
  );
  const after = await check(
    foldShapes(read),
    made,
    ['n', 3, 8],
    `s = Shape(x)
     batch = Gather(s, zero)
     t = Concat(batch, double, two_, open)
     y = Reshape(x, y_shape)`,
  );
  const shape = after.graph.initializers.find(({ name }) => name === 'y_shape');
  assert.ok(shape?.storage.kind === 'raw' && shape.storage.bytes.in === 'memory');
  assert.deepEqual([...new BigInt64Array(shape.storage.bytes.data.slice().buffer)], [0n, 6n, 2n, -1n]);
});

test('a Reshape to two open dimensions, or with allowzero, keeps its arithmetic', async () => {
  const two = oneToOne(
    [
      node('Shape', ['x'], ['s']),
      gather('s', 'one', 'a'),
      gather('s', 'zero', 'b'),
      node('Concat', ['a', 'b'], ['t'], { attributes: { axis: 0n } }),
      node('Reshape', ['x', 't'], ['y']),
    ],
    shapeConstants,
    ['n', 'm'],
  );
  await stays(foldShapes(read), two, ['n', 'm']);
  const zero = oneToOne(
    [
      node('Shape', ['x'], ['s']),
      gather('s', 'zero', 'b'),
      node('Concat', ['b', 'open'], ['t'], { attributes: { axis: 0n } }),
      node('Reshape', ['x', 't'], ['y'], { attributes: { allowzero: 1n } }),
    ],
    shapeConstants,
    ['n', 6],
  );
  await stays(foldShapes(read), zero, ['n', 6]);
});

test('a shape that is a graph output stays computed', async () => {
  const made = oneToOne([node('Shape', ['x'], ['y'])], [], [3, 4], {
    extra: { outputs: [valueInfo('y', DataType.INT64)] },
  });
  await stays(foldShapes(read), made, [3, 4]);
});

test('the branch that is always taken takes the place of If', async () => {
  const image: Dims = ['n', 3];
  const branch = (name: string, op: string) =>
    graph({
      name,
      nodes: [
        node('Add', ['x', 'bias'], ['inner'], { name: 'add' }),
        node(op, ['inner'], ['out'], { name: 'act' }),
      ],
      initializers: [weight('bias', [3], name.length)],
      outputs: [valueInfo('out', DataType.FLOAT), valueInfo('bias', DataType.FLOAT)],
    });
  const attributes = { then_branch: branch('then', 'Relu'), else_branch: branch('else', 'Neg') };
  const made = oneToOne(
    [
      node('If', ['yes'], ['a', 'b'], { attributes }),
      node('If', ['no'], ['c', 'd'], { attributes }),
      node('Sum', ['a', 'b', 'c', 'd'], ['y']),
    ],
    [
      rawTensor('yes', DataType.BOOL, [], Uint8Array.of(1)),
      rawTensor('no', DataType.BOOL, [1], Uint8Array.of(0)),
    ],
    image,
  );
  // ONNX Runtime refuses a branch that gives its own initializer, so the model before cannot be run.
  const after = (await runPass(frozen(made), inlineConditions(read), silentTask)).model;
  assert.deepEqual(
    after.graph.nodes.map(({ opType }) => opType),
    ['Add', 'Relu', 'Identity', 'Add', 'Neg', 'Identity', 'Sum'],
  );
  assert.equal(new Set(after.graph.nodes.flatMap(({ outputs }) => outputs)).size, 7);
  const plain = oneToOne(
    [
      node('Add', ['x', 'b1'], ['p']),
      node('Relu', ['p'], ['a']),
      node('Add', ['x', 'b2'], ['q']),
      node('Neg', ['q'], ['c']),
      node('Sum', ['a', 'b1', 'c', 'b2'], ['y']),
    ],
    [weight('b1', [3], 4), weight('b2', [3], 4)],
    image,
  );
  await sameOutputs(plain, after, image);
});

test('a condition that is computed stays', async () => {
  const branch = (op: string) =>
    graph({ name: op, nodes: [node(op, ['x'], ['out'])], outputs: [valueInfo('out', DataType.FLOAT)] });
  const made = oneToOne(
    [
      node('ReduceMax', ['x'], ['most'], { attributes: { keepdims: 0n } }),
      node('Greater', ['most', 'limit'], ['large']),
      node('If', ['large'], ['y'], {
        attributes: { then_branch: branch('Relu'), else_branch: branch('Neg') },
      }),
    ],
    [floatTensor('limit', [], [2.9])],
    [4],
  );
  await stays(inlineConditions(read), made, [4]);
});

test('dimensions are bound by name, and unnamed ones by place', async () => {
  const made = oneToOne([node('Relu', ['x'], ['y'])], [], ['batch', 3], {
    extra: {
      inputs: [{ ...valueInfo('x', DataType.FLOAT, ['batch', undefined, 3]) }],
      outputs: [valueInfo('y', DataType.FLOAT, ['batch', undefined, 3])],
    },
  });
  assert.deepEqual(bindableDimensions(made.graph), ['batch', 'x[1]']);
  const { model: after } = await runPass(
    frozen(made),
    fixDimensions({ batch: 2, 'x[1]': 5, other: 7 }),
    silentTask,
  );
  const dims = (type: (typeof after.graph.inputs)[number]['type']) =>
    type?.kind === 'tensor' ? type.shape?.map((dim) => dim.value ?? dim.param ?? null) : undefined;
  assert.deepEqual(dims(after.graph.inputs[0]?.type), [2, 5, 3]);
  assert.deepEqual(dims(after.graph.outputs[0]?.type), [2, null, 3]);
  const none = await runPass(frozen(made), fixDimensions({ other: 7 }), silentTask);
  assert.equal(none.modified, false);
});
