import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setScriptFolder } from '../../../../daemon/host/scripts';
import { floatTensor, node, uint8Tensor } from '../../../../daemon/ir/builder';
import { distFolder, temporaryFolder } from '../../../support/paths';
import { leftOf, report, type Net } from './qdqNet';

setScriptFolder(distFolder);
const folder = temporaryFolder();

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
      'a wide step behind an activation',
      (net) => net.step(net.op('Relu', [net.conv(net.step('x'))]), { type: 'uint16' }),
      ['Conv: Relu after it is quantized to uint16; ONNX Runtime has integer kernels for 8 bits only.'],
      undefined,
      21,
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
      assert.deepEqual(leftOf(await report(folder, build, dims, opset)), expected);
    });
  }
});
