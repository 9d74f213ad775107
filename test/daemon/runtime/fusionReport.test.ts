import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { silentTask } from '../../../daemon/base/task';
import { setScriptFolder } from '../../../daemon/host/scripts';
import {
  floatTensor,
  graph,
  int32Tensor,
  int64Tensor,
  int8Tensor,
  model,
  node,
  rawTensor,
  uint8Tensor,
  valueInfo,
  type AttributeValue,
} from '../../../daemon/ir/builder';
import { DataType } from '../../../daemon/ir/dataType';
import type { Model, Node, ValueInfo } from '../../../daemon/ir/model';
import type { Tensor } from '../../../daemon/ir/tensor';
import { readModel } from '../../../daemon/onnx/readModel';
import { quantize } from '../../../daemon/recipes/quantize';
import { isIntegerOp } from '../../../daemon/runtime/fusionOps';
import { fusionReport, type FusionReport } from '../../../daemon/runtime/fusionReport';
import { withRunner } from '../../../daemon/runtime/runnerProcess';
import { distFolder, sharedFolder, temporaryFolder } from '../../support/paths';
import { writeSmall } from '../../support/smallModels';

setScriptFolder(distFolder);
const folder = temporaryFolder();

interface Step {
  scale?: number;
  zero?: number;
  type?: 'uint8' | 'int8' | 'uint16';
}

/** A graph in the making: input x (1, 4, 8, 8), and quantize steps on demand. */
class Net {
  readonly nodes: Node[] = [];
  readonly tensors: Tensor[] = [];
  readonly original: Node[] = [];
  readonly inputs: ValueInfo[] = [];
  private count = 0;

  /** A node that the original has too, there without quantize steps. */
  op(opType: string, inputs: string[], attributes: Record<string, AttributeValue> = {}): string {
    const name = `${opType}_${++this.count}`;
    const made = node(opType, inputs, [`${name}_out`], { name, attributes });
    this.nodes.push(made);
    this.original.push({ ...made, inputs: inputs.map((input) => this.plain.get(input) ?? input) });
    return `${name}_out`;
  }

  /** What a value was before its quantize steps. */
  private readonly plain = new Map<string, string>();

  constant(tensor: Tensor): string {
    this.tensors.push(tensor);
    return tensor.name;
  }

  /** A further input of the graph. */
  input(name: string, dims: number[]): string {
    this.inputs.push(valueInfo(name, DataType.FLOAT, dims));
    return name;
  }

  /** Quantize and dequantize behind a value; the name of the dequantized one. */
  step(value: string, { scale = 0.05, zero = 0, type = 'uint8' }: Step = {}): string {
    const id = `${value}_${++this.count}`;
    const s = this.constant(floatTensor(`${id}_scale`, [], [scale]));
    const zeros = {
      uint8: () => uint8Tensor(`${id}_zero`, [], [zero]),
      int8: () => int8Tensor(`${id}_zero`, [], [zero]),
      uint16: () => rawTensor(`${id}_zero`, DataType.UINT16, [], Uint8Array.of(zero, 0)),
    };
    const z = this.constant(zeros[type]());
    this.nodes.push(node('QuantizeLinear', [value, s, z], [`${id}_q`], { name: `${id}_Q` }));
    this.nodes.push(node('DequantizeLinear', [`${id}_q`, s, z], [`${id}_dq`], { name: `${id}_DQ` }));
    this.plain.set(`${id}_dq`, value);
    return `${id}_dq`;
  }

  /** Int8 weights of the shape, dequantized with one scale per output channel on `axis`. */
  weights(dims: number[], axis = 0, scale = 0.01): string {
    const id = `w_${++this.count}`;
    const size = dims.reduce((a, b) => a * b, 1);
    const values = Array.from({ length: size }, (_, i) => ((i * 37) % 255) - 127);
    const channels = dims[axis]!;
    this.constant(int8Tensor(`${id}_q`, dims, values));
    this.constant(floatTensor(`${id}_scale`, [channels], new Array<number>(channels).fill(scale)));
    this.constant(int8Tensor(`${id}_zero`, [channels], new Array<number>(channels).fill(0)));
    this.nodes.push(
      node('DequantizeLinear', [`${id}_q`, `${id}_scale`, `${id}_zero`], [`${id}_dq`], {
        name: `${id}_DQ`,
        attributes: { axis: BigInt(axis) },
      }),
    );
    this.constant(
      floatTensor(
        `${id}_float`,
        dims,
        values.map((value) => value * scale),
      ),
    );
    this.plain.set(`${id}_dq`, `${id}_float`);
    return `${id}_dq`;
  }

  /** Int32 bias of zeros with the scale given. */
  bias(channels: number, scale: number): string {
    const id = `b_${++this.count}`;
    this.constant(int32Tensor(`${id}_q`, [channels], new Array<number>(channels).fill(100)));
    this.constant(floatTensor(`${id}_scale`, [channels], new Array<number>(channels).fill(scale)));
    this.constant(int32Tensor(`${id}_zero`, [channels], new Array<number>(channels).fill(0)));
    this.nodes.push(
      node('DequantizeLinear', [`${id}_q`, `${id}_scale`, `${id}_zero`], [`${id}_dq`], {
        attributes: { axis: 0n },
      }),
    );
    this.constant(floatTensor(`${id}_float`, [channels], new Array<number>(channels).fill(100 * scale)));
    this.plain.set(`${id}_dq`, `${id}_float`);
    return `${id}_dq`;
  }

  conv(input: string, bias?: string): string {
    const inputs = [input, this.weights([4, 4, 3, 3]), ...(bias === undefined ? [] : [bias])];
    return this.op('Conv', inputs, { pads: [1n, 1n, 1n, 1n], kernel_shape: [3n, 3n] });
  }

  models(outputs: string[], dims: (number | string)[], opset: number): { original: Model; quantized: Model } {
    const made = (nodes: Node[], names: string[]) =>
      model(
        graph({
          nodes,
          inputs: [valueInfo('x', DataType.FLOAT, dims), ...this.inputs],
          outputs: names.map((name) => ({
            name,
            docString: '',
            metadataProps: [],
            type: { kind: 'tensor' as const, elemType: DataType.FLOAT },
          })),
          initializers: this.tensors,
        }),
        { opset, irVersion: opset > 20 ? 10 : 8 },
      );
    const plain = outputs.map((name) => this.plain.get(name) ?? name);
    return { original: made(this.original, [...new Set(plain)]), quantized: made(this.nodes, outputs) };
  }
}

async function report(
  build: (net: Net) => string | string[],
  dims: (number | string)[] = [1, 4, 8, 8],
  opset = 17,
): Promise<FusionReport> {
  const net = new Net();
  const outputs = [build(net)].flat();
  const { original, quantized } = net.models(outputs, dims, opset);
  const path = await writeSmall(folder, 'quantized.onnx', quantized);
  return fusionReport(original, path, silentTask);
}

/** The operators left in float, each with its reason. */
const leftOf = ({ left }: FusionReport) => left.map(({ op, why }) => `${op}: ${why}`);

async function allInteger(
  build: (net: Net) => string | string[],
  integer: number,
  dims?: (number | string)[],
) {
  const result = await report(build, dims);
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
  const net = new Net();
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
  const result = await fusionReport(original, path, silentTask);
  assert.deepEqual(result, {
    integer: 1,
    float: 1,
    left: [{ node: 'tanh', op: 'Tanh', why: 'ONNX Runtime has no integer kernel for Tanh.' }],
  });
});

test('every reason', async (context) => {
  const cases: [
    name: string,
    build: (net: Net) => string | string[],
    left: string[],
    dims?: (number | string)[] | undefined,
    opset?: number,
  ][] = [
    [
      'graph output',
      (net) => net.conv(net.step('x')),
      ['Conv: Its output "Conv_3_out" is a graph output, with no quantize step between.'],
    ],
    [
      'graph output beside a step',
      (net) => {
        const conv = net.conv(net.step('x'));
        return [conv, net.step(conv)];
      },
      ['Conv: Its output "Conv_3_out" is also a graph output in float.'],
    ],
    [
      'a float consumer',
      (net) => {
        const conv = net.conv(net.step('x'));
        return [net.step(conv), net.op('Tanh', [conv])];
      },
      [
        'Conv: Its output also feeds Tanh_5 (Tanh) in float.',
        'Tanh: ONNX Runtime has no integer kernel for Tanh.',
      ],
    ],
    [
      'two steps',
      (net) => {
        const conv = net.conv(net.step('x'));
        return [net.step(conv), net.step(conv, { scale: 0.07 })];
      },
      ['Conv: Its output feeds 2 quantize steps; it may feed one.'],
    ],
    [
      'no step after',
      (net) => net.op('Erf', [net.conv(net.step('x'))]),
      ['Conv: No quantize step was placed after it.', 'Erf: ONNX Runtime has no integer kernel for Erf.'],
    ],
    [
      'an activation before the step',
      (net) => net.step(net.op('LeakyRelu', [net.conv(net.step('x'))], { alpha: 0.1 })),
      [
        'Conv: The activation after it (LeakyRelu) keeps its output in float; a quantize step must stand between them.',
      ],
    ],
    [
      'HardSwish before the step',
      (net) => net.step(net.op('HardSwish', [net.conv(net.step('x'))])),
      [
        'Conv: The activation after it (HardSwish) keeps its output in float; a quantize step must stand between them.',
        'HardSwish: ONNX Runtime has no integer kernel for HardSwish.',
      ],
    ],
    [
      'Relu before a step that reaches below zero',
      (net) => net.step(net.op('Relu', [net.conv(net.step('x'))]), { zero: 128 }),
      ['Conv: Relu after it stays in float: the quantize step behind has zero point 128 instead of 0.'],
    ],
    [
      'Clip before a step that reaches beyond it',
      (net) => {
        const [low, high] = [0, 6].map((bound) => net.constant(floatTensor(`bound_${bound}`, [], [bound])));
        return net.step(net.op('Clip', [net.conv(net.step('x')), low!, high!]), { scale: 8 / 255 });
      },
      ['Conv: Clip after it stays in float: the quantize step behind reaches beyond its bounds.'],
    ],
    [
      'Relu between steps of its own',
      (net) => net.step(net.op('Relu', [net.step(net.conv(net.step('x')), { zero: 128 })]), { zero: 9 }),
      [
        'Relu: ONNX Runtime has no integer kernel for Relu; it vanishes only right behind a Conv or Add that one quantize step follows.',
      ],
    ],
    [
      'no steps at all',
      (net) => net.step(net.conv(net.step(net.op('Sigmoid', ['x'])))),
      ['Sigmoid: No quantize step stands before its input "x".'],
    ],
    [
      'float weights',
      (net) => {
        const weights = net.constant(floatTensor('w', [16, 8], new Array<number>(128).fill(0.1)));
        return net.step(net.op('MatMul', [net.step('x'), weights]));
      },
      ['MatMul: Its weights were left in float.'],
      [2, 16],
    ],
    [
      'a bias of another scale',
      (net) => net.step(net.conv(net.step('x'), net.bias(4, 0.05 * 0.01 * 1.5))),
      ['Conv: The scale of its bias is not the scale of its input times that of its weights.'],
    ],
    [
      'other types in and out',
      (net) => {
        // ONNX Runtime makes int8 steps uint8, but not where one value feeds several.
        const input = net.step('x', { type: 'int8' });
        return [net.step(net.conv(input)), net.op('Erf', [input])];
      },
      [
        'Conv: Its input is int8 but its output is quantized to uint8.',
        'Erf: ONNX Runtime has no integer kernel for Erf.',
      ],
    ],
    [
      'different types of the two inputs',
      (net) => {
        const input = net.step('x', { type: 'int8' });
        const other = net.step(net.op('Erf', [input]));
        return net.step(net.op('Add', [input, other]));
      },
      [
        'Erf: ONNX Runtime has no integer kernel for Erf.',
        'Add: Its inputs have different integer types (int8 and uint8).',
      ],
    ],
    [
      'pool with two scales',
      (net) => net.step(net.op('MaxPool', [net.step('x')], { kernel_shape: [2n, 2n] }), { scale: 0.07 }),
      [
        'MaxPool: Its input and output have different scales; it keeps 8-bit values only when they are equal.',
      ],
    ],
    [
      'MatMul and a float bias',
      (net) => {
        const bias = net.constant(floatTensor('float_bias', [8], new Array<number>(8).fill(1)));
        return net.op('Add', [net.op('MatMul', [net.step('x'), net.weights([16, 8], 1)]), bias]);
      },
      [
        'MatMul: ONNX Runtime fuses it with Add_4 (Add) into a float Gemm; a quantize step must stand between them.',
      ],
      [2, 16],
    ],
    [
      'Gemm with a float bias and no step',
      (net) => {
        const bias = net.constant(floatTensor('float_bias', [8], new Array<number>(8).fill(1)));
        return net.op('Tanh', [net.op('Gemm', [net.step('x'), net.weights([16, 8], 1), bias])]);
      },
      ['Gemm: No quantize step was placed after it, and its bias is not int32.'],
      [2, 16],
    ],
    [
      '16-bit activations',
      (net) => net.step(net.conv(net.step('x', { type: 'uint16' })), { type: 'uint16' }),
      ['Conv: Its input is quantized to uint16; ONNX Runtime has integer kernels for 8 bits only.'],
      undefined,
      21,
    ],
    [
      'two float consumers',
      (net) => {
        const conv = net.conv(net.step('x'));
        return [net.op('Erf', [conv]), net.op('Sqrt', [conv])];
      },
      [
        'Conv: Its output feeds Erf_4 (Erf) and Sqrt_5 (Sqrt) in float, and no quantize step was placed after it.',
        'Erf: ONNX Runtime has no integer kernel for Erf.',
        'Sqrt: ONNX Runtime has no integer kernel for Sqrt.',
      ],
    ],
    [
      'Relu with a second consumer',
      (net) => {
        const relu = net.op('Relu', [net.conv(net.step('x'))]);
        return [net.step(relu), net.op('Erf', [relu])];
      },
      [
        'Conv: The output of Relu_4 (Relu) after it also feeds Erf_6 (Erf) in float.',
        'Erf: ONNX Runtime has no integer kernel for Erf.',
      ],
    ],
    [
      'weights that are computed',
      (net) => {
        const weights = net.op('Erf', [net.input('v', [4, 4, 1, 1])]);
        return net.step(net.op('Conv', [net.step('x'), weights]));
      },
      [
        'Erf: ONNX Runtime has no integer kernel for Erf.',
        'Conv: Its weights are not constant, and no quantize step stands before them.',
      ],
    ],
    [
      'a scale that is computed',
      (net) => {
        const scale = net.op('Erf', [net.input('s', [])]);
        const zero = net.constant(uint8Tensor('zero', [], [0]));
        net.nodes.push(node('QuantizeLinear', ['x', scale, zero], ['x_q']));
        net.nodes.push(node('DequantizeLinear', ['x_q', scale, zero], ['x_dq']));
        return net.step(net.op('MaxPool', ['x_dq'], { kernel_shape: [2n, 2n] }));
      },
      [
        'Erf: ONNX Runtime has no integer kernel for Erf.',
        'MaxPool: A scale beside it is not a constant; it keeps 8-bit values only between equal constant scales.',
      ],
    ],
    [
      'Gemm with beta',
      (net) => {
        const gemm = [net.step('x'), net.weights([16, 8], 1), net.bias(8, 0.05 * 0.01)];
        return net.step(net.op('Gemm', gemm, { beta: 0.5 }));
      },
      ['Gemm: Its beta is not 1, or its first input is transposed.'],
      [2, 16],
    ],
    [
      'Resize that interpolates',
      (net) => {
        const scales = net.constant(floatTensor('scales', [4], [1, 1, 2, 2]));
        return net.step(net.op('Resize', [net.step('x'), '', scales], { mode: 'linear' }));
      },
      ['Resize: It interpolates; only nearest-neighbour Resize keeps 8-bit values.'],
    ],
    [
      'only one input has a step',
      (net) => net.step(net.op('Add', [net.step('x'), net.op('Tanh', ['x'])])),
      [
        'Tanh: ONNX Runtime has no integer kernel for Tanh.',
        'Add: No quantize step stands before its input "Tanh_2_out".',
      ],
    ],
  ];
  for (const [name, build, expected, dims, opset] of cases) {
    await context.test(name, async () => {
      assert.deepEqual(leftOf(await report(build, dims, opset)), expected);
    });
  }
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
  const bare = await fusionReport(plain, path, silentTask);
  assert.deepEqual(bare.left, [
    { node: 'sum', op: 'Add', why: 'The quantizer placed no quantize steps around it.' },
  ]);
  const planned = await fusionReport(plain, path, silentTask, new Map([['sum', 'It is small.']]));
  assert.deepEqual(planned.left, [{ node: 'sum', op: 'Add', why: 'It is small.' }]);
  await assert.rejects(fusionReport(plain, join(folder, 'absent.onnx'), silentTask), { kind: 'notFound' });
});
