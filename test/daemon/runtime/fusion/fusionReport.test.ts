import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { silentTask } from '../../../../daemon/base/task';
import { setScriptFolder } from '../../../../daemon/host/scripts';
import {
  floatTensor,
  graph,
  int64Tensor,
  int8Tensor,
  model,
  node,
  valueInfo,
} from '../../../../daemon/ir/builder';
import { DataType } from '../../../../daemon/ir/dataType';
import { readModel } from '../../../../daemon/onnx/readModel';
import { quantize } from '../../../../daemon/recipes/quantize/quantize';
import { isIntegerOp } from '../../../../daemon/runtime/fusion/fusionOps';
import { mendOf } from '../../../../daemon/runtime/fusion/fusionMend';
import { fusionReport } from '../../../../daemon/runtime/fusion/fusionReport';
import { withRunner } from '../../../../daemon/runtime/runner/runnerProcess';
import { distFolder, sharedFolder, temporaryFolder } from '../../../support/paths';
import { writeSmall } from '../../../support/smallModels';
import { leftOf, report, type Net } from './qdqNet';

setScriptFolder(distFolder);
const folder = temporaryFolder();

async function allInteger(
  build: (net: Net) => string | string[],
  integer: number,
  dims?: (number | string)[],
) {
  const result = await report(folder, build, dims);
  assert.deepEqual(leftOf(result), []);
  assert.equal(result.integer, integer);
  assert.equal(result.float, 0);
}

test('convolutions between quantize steps run in integers, with any bias', async () => {
  await allInteger((net) => net.step(net.conv(net.step('x'))), 1);
  await allInteger((net) => net.step(net.conv(net.step('x'), net.bias(4, 0.05 * 0.01))), 1);
  await allInteger((net) => {
    const bias = net.constant(floatTensor('float_bias', [4], [1, 2, 3, 4]));
    return net.step(net.conv(net.step('x'), bias));
  }, 1);
});

test('Relu and Clip vanish into the layer before and are not counted', async () => {
  await allInteger((net) => net.step(net.op('Relu', [net.conv(net.step('x'))])), 1);
  await allInteger((net) => {
    const [low, high] = [0, 6].map((bound) => net.constant(floatTensor(`bound_${bound}`, [], [bound])));
    return net.step(net.op('Clip', [net.conv(net.step('x')), low!, high!]), { scale: 6 / 255 });
  }, 1);
});

test('a residual block, pools and a classifier run in integers', async () => {
  await allInteger((net) => {
    const input = net.step('x');
    const conv = net.step(net.conv(input));
    const sum = net.step(net.op('Relu', [net.op('Add', [conv, input])]));
    const pooled = net.step(net.op('MaxPool', [sum], { kernel_shape: [2n, 2n], strides: [2n, 2n] }));
    const mean = net.step(net.op('GlobalAveragePool', [pooled]));
    const flat = net.step(net.op('Flatten', [mean]));
    const bias = net.bias(3, 0.05 * 0.01);
    return net.step(net.op('Gemm', [flat, net.weights([3, 4], 0), bias], { transB: 1n }));
  }, 5);
});

test('MatMul runs in integers with and without a step after it', async () => {
  await allInteger((net) => net.step(net.op('MatMul', [net.step('x'), net.weights([16, 8], 1)])), 1, [2, 16]);
  await allInteger((net) => net.op('MatMul', [net.step('x'), net.weights([16, 8], 1)]), 1, [2, 16]);
});

test('SiLU in parts, LeakyRelu, Softmax and Concat run in integers', async () => {
  await allInteger((net) => {
    const conv = net.step(net.conv(net.step('x', { zero: 100 })), { zero: 128 });
    const gate = net.step(net.op('Sigmoid', [conv]), { scale: 1 / 255 });
    const silu = net.step(net.op('Mul', [conv, gate]), { zero: 10 });
    const leaky = net.step(net.op('LeakyRelu', [conv], { alpha: 0.1 }), { zero: 20 });
    const both = net.step(net.op('Concat', [silu, leaky], { axis: 1n }), { zero: 15 });
    return net.step(net.op('Softmax', [both]), { scale: 1 / 256 });
  }, 6);
});

test('dynamic quantization: MatMul runs in integers, its bias is absorbed', async () => {
  const weights = int8Tensor(
    'wq',
    [16, 8],
    Array.from({ length: 128 }, (_, i) => (i % 200) - 100),
  );
  const initializers = [
    weights,
    floatTensor(
      'w',
      [16, 8],
      Array.from({ length: 128 }, (_, i) => ((i % 200) - 100) / 100),
    ),
    floatTensor('ws', [], [0.01]),
    int8Tensor('wz', [], [0]),
    floatTensor('bias', [8], new Array<number>(8).fill(0.5)),
  ];
  const io = {
    inputs: [valueInfo('x', DataType.FLOAT, ['n', 16])],
    outputs: [valueInfo('z', DataType.FLOAT, ['n', 8])],
    initializers,
  };
  const tail = [
    node('Add', ['y', 'bias'], ['a'], { name: 'add' }),
    node('Tanh', ['a'], ['z'], { name: 'tanh' }),
  ];
  const original = model(
    graph({ ...io, nodes: [node('MatMul', ['x', 'w'], ['y'], { name: 'mm' }), ...tail] }),
  );
  const quantized = model(
    graph({
      ...io,
      nodes: [
        node('DynamicQuantizeLinear', ['x'], ['xq', 'xs', 'xz']),
        node('MatMulInteger', ['xq', 'wq', 'xz', 'wz'], ['yi'], { name: 'mm_integer' }),
        node('Cast', ['yi'], ['yf'], { attributes: { to: 1n } }),
        node('Mul', ['xs', 'ws'], ['s']),
        node('Mul', ['yf', 's'], ['y']),
        ...tail,
      ],
    }),
  );
  const path = await writeSmall(folder, 'dynamic.onnx', quantized);
  const result = await fusionReport(original, path, {}, silentTask);
  assert.deepEqual(result, {
    integer: 1,
    float: 1,
    ran: [{ node: 'mm', op: 'MatMul', as: 'DynamicQuantizeMatMul' }],
    left: [
      {
        node: 'tanh',
        op: 'Tanh',
        why: 'ONNX Runtime has no integer kernel for Tanh.',
        mend: mendOf('no integer kernel for Tanh.')!,
      },
    ],
  });
});

test('trained models: as many nodes as the graph that ONNX Runtime really runs', async (context) => {
  const shared = sharedFolder();
  if (shared === undefined) {
    context.diagnostic('../shared is absent: only models built here were reported on.');
    return;
  }
  const cases = [
    ['resnet', 'resnet_bn', 'static'],
    ['mobilenetv3', 'mobilenetv3', 'static'],
    ['bert', 'bert', 'dynamic'],
  ] as const;
  for (const [name, file, method] of cases) {
    const models = join(shared, 'models', name);
    const output = join(folder, `${file}.${method}.onnx`);
    const calibration = join(models, `${name}_calibration.npz`);
    const options = { method, output, calibration, calibrationSamples: 16 };
    const { fusion } = await quantize(join(models, `${file}.onnx`), options, silentTask);
    const optimised = join(folder, 'all.onnx');
    await withRunner(silentTask, (runner) =>
      runner.load(output, { graphOptimization: 'all', optimizedModelPath: optimised }, silentTask),
    );
    const { model: all } = await readModel(optimised, silentTask);
    const integer = all!.graph.nodes.filter(({ opType }) => isIntegerOp(opType));
    assert.equal(fusion.integer, integer.length, file);
    assert.equal(fusion.float, fusion.left.length);
    if (name === 'resnet') assert.deepEqual(fusion.left, []);
    assert.ok(fusion.left.every(({ node: left, why }) => left !== '' && /^[A-Z].*\.$/.test(why)));
  }
});

test('the plan of the quantizer is told for nodes without steps; shapes are not counted', async () => {
  const nodes = [
    node('Shape', ['x'], ['shape'], { name: 'shape' }),
    node('Gather', ['shape', 'zero'], ['n'], { name: 'gather' }),
    node('Mul', ['n', 'two'], ['twice'], { name: 'times' }),
    node('Unsqueeze', ['twice', 'axes'], ['size'], { name: 'unsqueeze' }),
    node('Expand', ['x', 'size'], ['wide'], { name: 'expand' }),
    node('Add', ['wide', 'wide'], ['y'], { name: 'sum' }),
  ];
  const plain = model(
    graph({
      nodes,
      inputs: [valueInfo('x', DataType.FLOAT, ['n'])],
      outputs: [valueInfo('y', DataType.FLOAT, ['m'])],
      initializers: [
        int64Tensor('zero', [], [0]),
        int64Tensor('two', [], [2]),
        int64Tensor('axes', [1], [0]),
      ],
    }),
  );
  const path = await writeSmall(folder, 'plain.onnx', plain);
  const bare = await fusionReport(plain, path, {}, silentTask);
  assert.deepEqual(bare.left, [
    {
      node: 'sum',
      op: 'Add',
      why: 'The quantizer placed no quantize steps around it.',
      mend: mendOf('quantizer placed no steps')!,
    },
  ]);
  const planned = await fusionReport(
    plain,
    path,
    { planned: new Map([['sum', 'It is small.']]) },
    silentTask,
  );
  assert.deepEqual(planned.left, [{ node: 'sum', op: 'Add', why: 'It is small.' }]);
  await assert.rejects(fusionReport(plain, join(folder, 'absent.onnx'), {}, silentTask), {
    kind: 'notFound',
  });
});
