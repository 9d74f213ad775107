// Small graphs with quantize steps, for tests of what ONNX Runtime fuses: made together with the float
// graph that they stand for.

import { silentTask } from '../../../../daemon/base/task';
import {
  floatTensor,
  graph,
  int32Tensor,
  int8Tensor,
  model,
  node,
  rawTensor,
  uint8Tensor,
  valueInfo,
  type AttributeValue,
} from '../../../../daemon/ir/builder';
import { DataType } from '../../../../daemon/ir/dataType';
import type { Model, Node, ValueInfo } from '../../../../daemon/ir/model';
import type { Tensor } from '../../../../daemon/ir/tensor';
import { fusionReport, type FusionReport } from '../../../../daemon/runtime/fusion/fusionReport';
import { writeSmall } from '../../../support/smallModels';

interface Step {
  scale?: number;
  zero?: number;
  type?: 'uint8' | 'int8' | 'uint16';
}

/** A graph in the making: input x (1, 4, 8, 8), and quantize steps on demand. */
export class Net {
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

/** Writes the quantized model into `folder` and reports on it against its original. */
export async function report(
  folder: string,
  build: (net: Net) => string | string[],
  dims: (number | string)[] = [1, 4, 8, 8],
  opset = 17,
): Promise<FusionReport> {
  const net = new Net();
  const outputs = [build(net)].flat();
  const { original, quantized } = net.models(outputs, dims, opset);
  const path = await writeSmall(folder, 'quantized.onnx', quantized);
  return fusionReport(original, path, {}, silentTask);
}

/** The operators left in float, each with its reason. */
export const leftOf = ({ left }: FusionReport) => left.map(({ op, why }) => `${op}: ${why}`);
