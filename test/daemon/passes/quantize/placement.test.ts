// Golden text of quantized graphs, and what ONNX Runtime makes of each: the patterns that must fuse, and the
// ones that must not be touched. Weights' dequantize nodes are left out of the text.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentTask } from '../../../../daemon/base/task';
import { floatTensor, int64Tensor, node, valueInfo } from '../../../../daemon/ir/builder';
import { DataType } from '../../../../daemon/ir/dataType';
import type { Model, Node } from '../../../../daemon/ir/model';
import type { Tensor } from '../../../../daemon/ir/tensor';
import { collectFacts } from '../../../../daemon/passes/facts';
import { runPass } from '../../../../daemon/passes/pass';
import type { Range } from '../../../../daemon/passes/quantize/params';
import { place } from '../../../../daemon/passes/quantize/placement';
import { quantizeStatic, valuesToCalibrate } from '../../../../daemon/passes/quantize/static';
import { constantTensors } from '../../../../daemon/passes/rewrite';
import {
  difference,
  feedsFor,
  frozen,
  load,
  oneToOne,
  optimisedOps,
  read,
  run,
  weight,
  type Dims,
} from '../modelHarness';

const image: Dims = ['n', 4, 8, 8];
const conv = (from: string, to: string, w = 'w', options = {}): Node =>
  node('Conv', [from, w, 'b'], [to], {
    name: `${to}_conv`,
    attributes: { pads: [1n, 1n, 1n, 1n], ...options },
  });
const convWeights = [weight('w', [4, 4, 3, 3], 1, 0.3), weight('b', [4], 2)];
const scalar = (name: string, value: number) => floatTensor(name, [], [value]);

/** Ranges of the values, measured by running the model with every value as an output. */
async function measure(made: Model, dims: Dims): Promise<Map<string, Range>> {
  const values = await valuesToCalibrate(made, read);
  const inner = values.filter(
    (value) => value !== 'x' && !made.graph.outputs.some(({ name }) => name === value),
  );
  const outputs = [...made.graph.outputs, ...inner.map((name) => valueInfo(name, DataType.FLOAT))];
  const feeds = feedsFor(dims);
  const results = { ...feeds, ...(await run({ ...made, graph: { ...made.graph, outputs } }, feeds)) };
  return new Map(
    values.map((value) => {
      const data = Array.from(results[value]!.data as Float32Array);
      return [value, { min: Math.min(...data), max: Math.max(...data) }];
    }),
  );
}

/** Activations as they flow: `[Conv x -> a]` runs in integers, `Q(a)` is a quantize/dequantize pair. */
function flow(made: Model): string {
  const constants = new Set(made.graph.initializers.map(({ name }) => name));
  const isWeight = (step: Node) => step.opType === 'DequantizeLinear' && constants.has(step.inputs[0]!);
  const short = (name: string) => name.replace(/_dequantized$/, "'");
  return made.graph.nodes
    .filter((step) => !isWeight(step) && step.opType !== 'DequantizeLinear')
    .map((step) => {
      if (step.opType === 'QuantizeLinear') {
        const pair = made.graph.nodes.find((other) => other.inputs[0] === step.outputs[0]);
        return `${short(pair?.outputs[0] ?? '?')} = Q(${short(step.inputs[0]!)})`;
      }
      const data = step.inputs.filter(
        (name) => !constants.has(name) && !/^(w|b|m)\d*_dequantized/.test(name),
      );
      return `${short(step.outputs[0]!)} = ${step.opType}(${data.map(short).join(', ')})`;
    })
    .join('\n');
}

interface Pattern {
  readonly nodes: readonly Node[];
  readonly constants?: readonly Tensor[];
  readonly dims?: Dims;
  readonly outputs?: readonly string[];
  readonly flow: string;
  /** Operators of the optimised graph. */
  readonly optimised: string;
  readonly tolerance?: number;
}

const patterns: Readonly<Record<string, Pattern>> = {
  'Conv, Relu': {
    nodes: [conv('x', 'a'), node('Relu', ['a'], ['r']), conv('r', 'y')],
    flow: `x' = Q(x)
      a = Conv(x')
      r = Relu(a)
      r' = Q(r)
      y_float = Conv(r')
      y = Q(y_float)`,
    optimised: 'DequantizeLinear, 2 QLinearConv, QuantizeLinear',
  },
  'Conv, Clip 0 to 6': {
    nodes: [conv('x', 'a'), node('Clip', ['a', 'zero', 'six'], ['r']), conv('r', 'y')],
    constants: [scalar('zero', 0), scalar('six', 6)],
    flow: `x' = Q(x)
      a = Conv(x')
      r = Clip(a)
      r' = Q(r)
      y_float = Conv(r')
      y = Q(y_float)`,
    optimised: 'DequantizeLinear, 2 QLinearConv, QuantizeLinear',
  },
  'Conv, HardSwish: a pair between them': {
    nodes: [conv('x', 'a'), node('HardSwish', ['a'], ['h']), conv('h', 'y')],
    flow: `x' = Q(x)
      a = Conv(x')
      a' = Q(a)
      h = HardSwish(a')
      h' = Q(h)
      y_float = Conv(h')
      y = Q(y_float)`,
    optimised: '2 DequantizeLinear, HardSigmoid, Mul, 2 QLinearConv, 2 QuantizeLinear',
  },
  'Conv, SiLU': {
    nodes: [conv('x', 'a'), node('Sigmoid', ['a'], ['s']), node('Mul', ['a', 's'], ['p']), conv('p', 'y')],
    flow: `x' = Q(x)
      a = Conv(x')
      a' = Q(a)
      s = Sigmoid(a')
      s' = Q(s)
      p = Mul(a', s')
      p' = Q(p)
      y_float = Conv(p')
      y = Q(y_float)`,
    optimised: 'DequantizeLinear, 2 QLinearConv, QLinearMul, QLinearSigmoid, QuantizeLinear',
  },
  'residual Add, Relu': {
    nodes: [
      conv('x', 'a'),
      node('Relu', ['a'], ['r']),
      conv('r', 'c'),
      node('Add', ['c', 'r'], ['s']),
      node('Relu', ['s'], ['t']),
      conv('t', 'y'),
    ],
    flow: `x' = Q(x)
      a = Conv(x')
      r = Relu(a)
      r' = Q(r)
      c = Conv(r')
      c' = Q(c)
      s = Add(c', r')
      t = Relu(s)
      t' = Q(t)
      y_float = Conv(t')
      y = Q(y_float)`,
    optimised: 'DequantizeLinear, QLinearAdd, 3 QLinearConv, QuantizeLinear',
  },
  'Concat of layers': {
    nodes: [
      conv('x', 'a'),
      conv('x', 'c'),
      node('Concat', ['a', 'c'], ['k'], { attributes: { axis: 1n } }),
      node('Conv', ['k', 'w2'], ['y']),
    ],
    constants: [weight('w2', [4, 8, 1, 1], 7)],
    flow: `x' = Q(x)
      a = Conv(x')
      a' = Q(a)
      c = Conv(x')
      c' = Q(c)
      k = Concat(a', c')
      k' = Q(k)
      y_float = Conv(k')
      y = Q(y_float)`,
    optimised: 'DequantizeLinear, QLinearConcat, 3 QLinearConv, QuantizeLinear',
  },
  'MaxPool and layout share a scale': {
    nodes: [
      conv('x', 'a'),
      node('Relu', ['a'], ['r']),
      node('MaxPool', ['r'], ['p'], { attributes: { kernel_shape: [2n, 2n], strides: [2n, 2n] } }),
      node('Transpose', ['p'], ['t'], { attributes: { perm: [0n, 1n, 3n, 2n] } }),
      conv('t', 'y'),
    ],
    flow: `x' = Q(x)
      a = Conv(x')
      r = Relu(a)
      r' = Q(r)
      p = MaxPool(r')
      p' = Q(p)
      t = Transpose(p')
      t' = Q(t)
      y_float = Conv(t')
      y = Q(y_float)`,
    optimised: 'DequantizeLinear, MaxPool, 2 QLinearConv, QuantizeLinear, Transpose',
  },
  'a side reader reads the dequantized value': {
    nodes: [
      conv('x', 'a'),
      node('Relu', ['a'], ['r']),
      conv('r', 'c'),
      node('Exp', ['r'], ['e']),
      node('Sub', ['c', 'e'], ['y']),
    ],
    flow: `x' = Q(x)
      a = Conv(x')
      r = Relu(a)
      r' = Q(r)
      c = Conv(r')
      c' = Q(c)
      e = Exp(r')
      y = Sub(c', e)`,
    optimised: '2 DequantizeLinear, Exp, 2 QLinearConv, QuantizeLinear, Sub',
  },
  'an inner value that is a graph output stays float': {
    nodes: [conv('x', 'a'), node('Relu', ['a'], ['r']), conv('r', 'y')],
    outputs: ['y', 'r'],
    flow: `x' = Q(x)
      a = Conv(x')
      r_float = Relu(a)
      r = Q(r_float)
      y_float = Conv(r)
      y = Q(y_float)`,
    optimised: '2 DequantizeLinear, 2 QLinearConv, QuantizeLinear',
  },
  'Conv read by Relu and by Add': {
    nodes: [conv('x', 'a'), node('Relu', ['a'], ['r']), node('Add', ['a', 'r'], ['s']), conv('s', 'y')],
    flow: `x' = Q(x)
      a = Conv(x')
      a' = Q(a)
      r = Relu(a')
      r' = Q(r)
      s = Add(a', r')
      s' = Q(s)
      y_float = Conv(s')
      y = Q(y_float)`,
    optimised: '2 DequantizeLinear, QLinearAdd, 2 QLinearConv, 2 QuantizeLinear',
  },
  'pooling, Flatten, Gemm': {
    nodes: [
      conv('x', 'a'),
      node('GlobalAveragePool', ['a'], ['p']),
      node('Flatten', ['p'], ['f']),
      node('Gemm', ['f', 'm', 'b5'], ['y'], { attributes: { transB: 1n, alpha: 0.5, beta: 2 } }),
    ],
    constants: [weight('m', [5, 4], 7), weight('b5', [5], 8)],
    flow: `x' = Q(x)
      a = Conv(x')
      a' = Q(a)
      p = GlobalAveragePool(a')
      p' = Q(p)
      f = Flatten(p')
      f' = Q(f)
      y = Gemm(f')`,
    optimised: 'Flatten, QGemm, QLinearConv, QLinearGlobalAveragePool, QuantizeLinear',
  },
  'Gemm, Relu, Gemm': {
    nodes: [
      node('Gemm', ['x', 'm', 'b6'], ['a']),
      node('Relu', ['a'], ['r']),
      node('Gemm', ['r', 'm2'], ['y']),
    ],
    constants: [weight('m', [8, 6], 7), weight('b6', [6], 8), weight('m2', [6, 5], 9)],
    dims: ['n', 8],
    flow: `x' = Q(x)
      a = Gemm(x')
      r = Relu(a)
      r' = Q(r)
      y = Gemm(r')`,
    optimised: '2 QGemm, QuantizeLinear',
  },
  'MatMul, bias and Gelu of three dimensions: results stay float': {
    nodes: [
      node('MatMul', ['x', 'm'], ['a']),
      node('Add', ['b6', 'a'], ['c']),
      node('Erf', ['c'], ['g']),
      node('MatMul', ['g', 'm2'], ['d']),
      node('Add', ['d', 'x'], ['y']),
    ],
    constants: [weight('m', [8, 6], 7), weight('b6', [6], 8), weight('m2', [6, 8], 9)],
    dims: [2, 3, 8],
    flow: `x' = Q(x)
      a = MatMul(x')
      c = Add(a)
      g = Erf(c)
      g' = Q(g)
      d = MatMul(g')
      y = Add(d, x)`,
    optimised: '2 Add, Erf, 2 MatMulIntegerToFloat, 2 QuantizeLinear',
  },
  'product of two computed values stays float': {
    nodes: [
      node('MatMul', ['x', 'm'], ['a']),
      node('MatMul', ['a', 'x'], ['s']),
      node('Softmax', ['s'], ['y']),
    ],
    constants: [weight('m', [8, 8], 7)],
    dims: [2, 8, 8],
    flow: `x' = Q(x)
      a = MatMul(x')
      s = MatMul(a, x)
      y = Softmax(s)`,
    optimised: 'MatMul, MatMulIntegerToFloat, QuantizeLinear, Softmax',
  },
  'a constant that is added': {
    nodes: [conv('x', 'a'), node('Mul', ['a', 'k'], ['s']), conv('s', 'y')],
    constants: [weight('k', [4, 1, 1], 5)],
    flow: `x' = Q(x)
      a = Conv(x')
      a' = Q(a)
      s = Mul(a', k')
      s' = Q(s)
      y_float = Conv(s')
      y = Q(y_float)`,
    optimised: 'DequantizeLinear, 2 QLinearConv, QLinearMul, QuantizeLinear',
  },
  'an addend that drowns the other is left in float': {
    nodes: [conv('x', 'a'), node('Add', ['a', 'mask'], ['s']), conv('s', 'y')],
    constants: [floatTensor('mask', [8], [0, 0, 0, 0, -10000, 0, 0, 0])],
    flow: `x' = Q(x)
      a = Conv(x')
      a' = Q(a)
      s = Add(a')
      s' = Q(s)
      y_float = Conv(s')
      y = Q(y_float)`,
    optimised: 'Add, 2 DequantizeLinear, 2 QLinearConv, 2 QuantizeLinear',
    // The layer after the mask has to hold it; what is tested is that the sum is made in float.
    tolerance: 1,
  },
  'a lone depthwise layer stays float': {
    nodes: [
      conv('x', 'a'),
      node('Elu', ['a'], ['e']),
      conv('e', 'd', 'w1', { group: 4n }),
      node('Elu', ['d'], ['f']),
      conv('f', 'y'),
    ],
    constants: [weight('w1', [4, 1, 3, 3], 5)],
    flow: `x' = Q(x)
      a = Conv(x')
      a' = Q(a)
      e = Elu(a')
      d = Conv(e)
      f = Elu(d)
      f' = Q(f)
      y_float = Conv(f')
      y = Q(y_float)`,
    optimised: 'Conv, 2 DequantizeLinear, 2 Elu, 2 QLinearConv, 2 QuantizeLinear',
  },
};

for (const [name, pattern] of Object.entries(patterns)) {
  test(name, async () => {
    const { nodes, constants = [], dims = image, outputs = ['y'] } = pattern;
    const usesConv = nodes.some(({ opType }) => opType === 'Conv');
    const made = frozen(
      oneToOne([...nodes], [...(usesConv ? convWeights : []), ...constants], dims, { outputs }),
    );
    const { model } = await runPass(
      made,
      quantizeStatic(read, { ranges: await measure(made, dims) }),
      silentTask,
    );
    const lines = (text: string) =>
      text
        .split('\n')
        .map((line) => line.trim())
        .join('\n');
    assert.equal(flow(model), lines(pattern.flow));
    assert.equal(await optimisedOps(model), pattern.optimised);
    const feeds = feedsFor(dims);
    const error = difference(await run(made, feeds), await run(model, feeds));
    assert.ok(error < (pattern.tolerance ?? 0.05), `outputs moved by ${error}`);
    for (const { name: kept } of nodes) assert.ok(model.graph.nodes.some((each) => each.name === kept));
    const names = model.graph.nodes.map((each) => each.name).filter((each) => each !== '');
    assert.equal(new Set(names).size, names.length);
  });
}

test('every operator that passes values through runs on integers', async () => {
  const through: readonly (readonly [string, Node, readonly Tensor[]])[] = [
    [
      'Slice',
      node('Slice', ['r', 'from', 'to'], ['p']),
      [int64Tensor('from', [2], [0, 0]), int64Tensor('to', [2], [1, 4])],
    ],
    [
      'Gather',
      node('Gather', ['r', 'i'], ['p'], { attributes: { axis: 3n } }),
      [int64Tensor('i', [3], [0, 2, 1])],
    ],
    ['DepthToSpace', node('DepthToSpace', ['r'], ['p'], { attributes: { blocksize: 2n } }), []],
    ['Reshape', node('Reshape', ['r', 's'], ['p']), [int64Tensor('s', [4], [0, 2, 8, -1])]],
    [
      'Resize',
      node('Resize', ['r', '', 'z'], ['p'], {
        attributes: { mode: 'nearest', coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' },
      }),
      [floatTensor('z', [4], [1, 1, 2, 2])],
    ],
  ];
  for (const [op, step, constants] of through) {
    const channels = op === 'DepthToSpace' ? 1 : op === 'Reshape' ? 2 : 4;
    const made = frozen(
      oneToOne(
        [conv('x', 'a'), node('Relu', ['a'], ['r']), step, node('Conv', ['p', 'w2'], ['y'])],
        [...convWeights, weight('w2', [4, channels, 1, 1], 5), ...constants],
        image,
      ),
    );
    const { model } = await runPass(
      made,
      quantizeStatic(read, { ranges: await measure(made, image) }),
      silentTask,
    );
    const ops = await optimisedOps(model);
    assert.match(
      ops,
      /^(DepthToSpace, )?DequantizeLinear, (Gather, )?2 QLinearConv, QuantizeLinear(, \w+)?$/,
      op,
    );
  }
});

test('placing without ranges asks for every value that may be quantized', async () => {
  const made = oneToOne(
    [
      conv('x', 'a'),
      node('Relu', ['a'], ['r']),
      conv('r', 'c'),
      node('Add', ['c', 'r'], ['s']),
      conv('s', 'y'),
    ],
    [...convWeights],
    image,
  );
  assert.deepEqual(await valuesToCalibrate(made, read), ['x', 'r', 'c', 's', 'y']);
  const withoutRelu = await valuesToCalibrate(made, read, undefined, new Set(['r_Relu', 'r']));
  assert.deepEqual(withoutRelu, ['x', 'r', 'c', 's', 'y', 'a']);
  const facts = await collectFacts(made, read);
  const placement = place({ graph: made.graph, constants: constantTensors(made.graph), facts });
  assert.equal(placement.integer.size, 5);
});

test('integer operators on shapes are not mistaken for layers', async () => {
  const made = frozen(
    oneToOne(
      [
        node('Shape', ['x'], ['s']),
        node('Mul', ['s', 'one'], ['t']),
        node('MatMul', ['x', 'm'], ['a']),
        node('Reshape', ['a', 't'], ['y']),
      ],
      [weight('m', [8, 8], 7), int64Tensor('one', [1], [1])],
      ['n', 8],
    ),
  );
  const { model } = await runPass(
    made,
    quantizeStatic(read, { ranges: await measure(made, ['n', 8]) }),
    silentTask,
  );
  await load(model);
  assert.equal(model.graph.nodes.filter(({ opType }) => opType === 'QuantizeLinear').length, 1);
});
