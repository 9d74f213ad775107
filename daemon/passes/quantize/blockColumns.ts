// First layers. ONNX Runtime's direct integer convolution takes channels by the four; a picture's one or three
// send it through copies of every window instead (im2col), which is slower than float. Here columns become channels:
// with channels last, `block` neighbouring columns of C channels are the same bytes as one of block · C channels, and
// all the outputs that fall into a block are computed at once, as channels too. The kernel grows by zeros, and the
// products are the same. Works on quantized models: what stays in float keeps its shape.

import type { Dims } from '../../analysis/shapes';
import { findAttribute, intAttribute, intsAttribute, stringAttribute } from '../../ir/attributes';
import { attribute, int64Tensor, rawTensor } from '../../ir/builder';
import { cloneModel } from '../../ir/clone';
import { DataType } from '../../ir/dataType';
import { indexGraph, type GraphIndex } from '../../ir/graphIndex';
import type { Model, Node } from '../../ir/model';
import { elementCount, type Tensor } from '../../ir/tensor';
import { inferTypes } from '../facts';
import type { Pass } from '../pass';
import { constantTensors, isOp, onlyConsumer, removeNodes } from '../rewrite';
import type { TensorReader } from '../tensorReader';
import { Emitter } from './emitter';
import { integerTensor } from './integerTensor';

/** Channels that the kernel takes at once, and outputs that it makes at the least. */
const taken = 4;
const fewestOutputs = 16;
const largestBlock = 16;
/** Layers with more channels have work enough to hide the copies. */
const mostChannels = 31;
/** Times as many products: beyond, the zeros cost more than the copies. */
const largestGrowth = 4;

/** A convolution along the columns of its input, and what becomes of it. */
export interface ColumnPlan {
  /** Columns in a block, and outputs of each channel that fall into one. */
  readonly block: number;
  readonly outputs: number;
  /** Blocks that the kernel spans, from the one `before` blocks to the left. */
  readonly before: number;
  readonly after: number;
}

export interface Columns {
  readonly channels: number;
  readonly width: number;
  readonly outputWidth: number;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  readonly left: number;
}

/** The cheapest blocks for a convolution; undefined when none fit it. */
export function planColumns(columns: Columns): ColumnPlan | undefined {
  const { channels, width, outputWidth, kernel, stride, dilation, left } = columns;
  let best: ColumnPlan | undefined;
  const cost = ({ block, before, after }: ColumnPlan) => block * (before + 1 + after);
  for (let block = stride; block <= Math.min(largestBlock, width); block += stride) {
    const outputs = block / stride;
    if ((block * channels) % taken !== 0 || width % block !== 0) continue;
    if (outputWidth !== (width / block) * outputs) continue;
    const before = -Math.floor(-left / block);
    const after = Math.floor((stride * (outputs - 1) - left + dilation * (kernel - 1)) / block);
    const plan = { block, outputs, before, after };
    if (after < 0 || cost(plan) > largestGrowth * kernel) continue;
    if (!best || cost(plan) < cost(best)) best = plan;
  }
  return best;
}

/** Gives first layers of a quantized model the form that has a direct kernel; outputs stay the same. */
export const blockColumns = (read: TensorReader): Pass => ({
  name: 'block columns',
  async run(model) {
    const constants = constantTensors(model.graph);
    const index = indexGraph(model.graph);
    if (!model.graph.nodes.some((node) => partsOf(node, index, constants))) return { model, modified: false };
    const copy = cloneModel(model);
    const { types } = await inferTypes(copy, read);
    const made = await new Blocker(copy, read, (value) => types.get(value)?.dims ?? undefined).run();
    return made ? { model: copy, modified: true } : { model, modified: false };
  },
});

/** A convolution between its quantize steps. */
interface Parts {
  readonly conv: Node;
  readonly input: Node;
  readonly weight: Node;
  readonly bias: Node | undefined;
  /** Relu or Clip on its result. */
  readonly clip: Node | undefined;
  readonly output: Node;
  readonly tensor: Tensor;
}

function partsOf(conv: Node, index: GraphIndex, constants: ReadonlyMap<string, Tensor>): Parts | undefined {
  if (!isOp(conv, 'Conv') || intAttribute(conv, 'group', 1) !== 1) return undefined;
  if (stringAttribute(conv, 'auto_pad', 'NOTSET') !== 'NOTSET') return undefined;
  const [input, weight, bias] = conv.inputs.map((name) => index.producer.get(name));
  if (!isOp(input, 'DequantizeLinear') || !isOp(weight, 'DequantizeLinear')) return undefined;
  const tensor = constants.get(weight.inputs[0] ?? '');
  const channels = tensor?.dims[1] ?? 0;
  if (tensor?.dataType !== DataType.INT8 || tensor.dims.length !== 4) return undefined;
  if (channels % taken === 0 || channels > mostChannels || (tensor.dims[2] === 1 && tensor.dims[3] === 1))
    return undefined;
  if (constants.get(input.inputs[2] ?? '')?.dataType !== DataType.UINT8) return undefined;
  const named = conv.inputs.length > 2 && conv.inputs[2] !== '';
  const scaled = isOp(bias, 'DequantizeLinear') && constants.has(bias.inputs[0] ?? '');
  if (named && !scaled) return undefined;
  const next = onlyConsumer(conv.outputs[0] ?? '', index);
  const clip = isOp(next, 'Relu', 'Clip') ? next : undefined;
  const output = clip ? onlyConsumer(clip.outputs[0] ?? '', index) : next;
  if (!isOp(output, 'QuantizeLinear') || index.graphOutputs.has(output.outputs[0]!)) return undefined;
  return { conv, input, weight, bias: named ? bias : undefined, clip, output, tensor };
}

class Blocker {
  private readonly emitter: Emitter;
  private readonly constants: Map<string, Tensor>;

  constructor(
    private readonly model: Model,
    private readonly read: TensorReader,
    private readonly dimsOf: (value: string) => Dims | undefined,
  ) {
    this.emitter = new Emitter(model);
    this.constants = constantTensors(model.graph);
  }

  async run(): Promise<boolean> {
    const { graph } = this.model;
    const index = indexGraph(graph);
    let made = false;
    for (const node of graph.nodes) {
      const parts = partsOf(node, index, this.constants);
      const plan = parts && this.planOf(parts);
      if (!plan) continue;
      await this.rewrite(parts, plan);
      made = true;
    }
    if (!made) return false;
    this.emitter.finish();
    dropUnread(this.model);
    return true;
  }

  private planOf({ conv, tensor }: Parts): ColumnPlan | undefined {
    const width = this.dimsOf(conv.inputs[0]!)?.[3];
    const outputWidth = this.dimsOf(conv.outputs[0]!)?.[3];
    if (typeof width !== 'number' || typeof outputWidth !== 'number') return undefined;
    const [outputs = 0, channels = 0, , kernel = 0] = tensor.dims;
    const plan = planColumns({
      ...{ channels, width, outputWidth, kernel },
      stride: intsAttribute(conv, 'strides')?.[1] ?? 1,
      dilation: intsAttribute(conv, 'dilations')?.[1] ?? 1,
      left: intsAttribute(conv, 'pads')?.[1] ?? 0,
    });
    const made = (plan?.outputs ?? 0) * outputs;
    return made >= fewestOutputs && made % taken === 0 ? plan : undefined;
  }

  private async rewrite({ conv, input, weight, bias, clip, output, tensor }: Parts, plan: ColumnPlan) {
    const { block, outputs, before, after } = plan;
    const [made = 0, channels = 0, rows = 0] = tensor.dims;
    const [width, outputWidth] = [conv.inputs[0]!, conv.outputs[0]!].map((value) => this.dimsOf(value)![3]);
    const base = conv.name === '' ? outputWidth : conv.name;
    const turned = (name: string) => this.emitter.fresh(`${base}_${name}`);
    const step = (opType: string, inputs: readonly string[], to: string, perm?: readonly bigint[]) =>
      this.emitter.node(opType, inputs, { node: `${to}_${opType}`, output: to }, perm ? { perm } : {});
    const shape = (name: string, values: readonly number[]) =>
      this.emitter.constant(`${base}_${name}`, (to) => int64Tensor(to, [4], values));

    const bytes = [turned('channels_last'), turned('blocks'), turned('blocks_first')] as const;
    const blocked = this.emitter.fresh(`${input.outputs[0]!}_blocks`);
    const height = this.dimsOf(conv.inputs[0]!)![2];
    // A single channel is last already.
    const single = channels === 1 && typeof height === 'number';
    const blocks = shape('blocks_shape', [
      ...[0, single ? height : 0],
      ...[Number(width) / block, block * channels],
    ]);
    const dequantize = step('DequantizeLinear', [bytes[2], ...input.inputs.slice(1)], blocked);
    dequantize.domain = input.domain;
    this.emitter.putBefore(
      conv,
      ...(single ? [] : [step('Transpose', [input.inputs[0]!], bytes[0], [0n, 2n, 3n, 1n])]),
      step('Reshape', [single ? input.inputs[0]! : bytes[0], blocks], bytes[1]),
      step('Transpose', [bytes[1]], bytes[2], [0n, 3n, 1n, 2n]),
      dequantize,
    );

    const to = output.outputs[0]!;
    const back = [turned('outputs'), turned('outputs_last'), turned('outputs_apart')] as const;
    const apart = shape('outputs_shape', [0, 0, Number(outputWidth), made]);
    output.outputs[0] = back[0];
    this.emitter.putAfter(
      output,
      step('Transpose', [back[0]], back[1], [0n, 2n, 3n, 1n]),
      step('Reshape', [back[1], apart], back[2]),
      this.emitter.node(
        'Transpose',
        [back[2]],
        { node: `${to}_Transpose`, output: to },
        { perm: [0n, 3n, 1n, 2n] },
      ),
    );

    const across = before + 1 + after;
    const dims = [outputs * made, block * channels, rows, across];
    const values = await this.spread(conv, tensor, plan);
    const widened = (name: string) => integerTensor(name, tensor.dataType, dims, values);
    conv.inputs[0] = blocked;
    conv.inputs[1] = await this.repeated(conv, weight, widened, outputs);
    if (bias) conv.inputs[2] = await this.repeated(conv, bias, undefined, outputs);
    const [top = 0, , bottom = 0] = intsAttribute(conv, 'pads') ?? [];
    const set = (name: string, ...numbers: number[]) => {
      conv.attributes = conv.attributes.filter((each) => each.name !== name);
      conv.attributes.push(attribute(name, numbers.map(BigInt)));
    };
    set('kernel_shape', rows, across);
    set('strides', intsAttribute(conv, 'strides')?.[0] ?? 1, 1);
    set('pads', top, before, bottom, after);
    if (findAttribute(conv, 'dilations')) set('dilations', intsAttribute(conv, 'dilations')?.[0] ?? 1, 1);
    // Under their old names the values would be taken for those of the float model.
    for (const [node, reader] of clip
      ? [[conv, clip] as const, [clip, output] as const]
      : [[conv, output] as const]) {
      const old = node.outputs[0]!;
      node.outputs[0] = reader.inputs[0] = this.emitter.fresh(`${old}_blocks`);
      this.model.graph.valueInfo = this.model.graph.valueInfo.filter(({ name }) => name !== old);
    }
  }

  /** The weights with their columns where the blocks have them; all else is zero. */
  private async spread(
    conv: Node,
    tensor: Tensor,
    { block, outputs, before, after }: ColumnPlan,
  ): Promise<Int8Array> {
    const [made = 0, channels = 0, rows = 0, kernel = 0] = tensor.dims;
    const stride = intsAttribute(conv, 'strides')?.[1] ?? 1;
    const dilation = intsAttribute(conv, 'dilations')?.[1] ?? 1;
    const left = intsAttribute(conv, 'pads')?.[1] ?? 0;
    const from = new Int8Array(await this.read(tensor));
    const across = before + 1 + after;
    const out = new Int8Array(outputs * made * block * channels * rows * across);
    for (let output = 0; output < outputs; output += 1)
      for (let k = 0; k < kernel; k += 1) {
        const column = stride * output - left + dilation * k + before * block;
        const at = Math.floor(column / block);
        const within = column % block;
        for (let o = 0; o < made; o += 1)
          for (let c = 0; c < channels; c += 1)
            for (let row = 0; row < rows; row += 1) {
              const channel = (output * made + o) * block * channels + within * channels + c;
              out[(channel * rows + row) * across + at] =
                from[((o * channels + c) * rows + row) * kernel + k]!;
            }
      }
    return out;
  }

  /**
   * The float value of a dequantized constant whose scales, zero points and (without `own`) integers are there once
   * for each output of a block; those of one element serve all.
   */
  private async repeated(
    conv: Node,
    from: Node,
    own: ((name: string) => Tensor) | undefined,
    times: number,
  ): Promise<string> {
    const repeat = async (name: string) => {
      const tensor = this.constants.get(name)!;
      if (elementCount(tensor.dims) === 1) return name;
      const bytes = await this.read(tensor);
      const data = new Uint8Array(bytes.length * times);
      for (let i = 0; i < times; i += 1) data.set(bytes, i * bytes.length);
      const dims = [elementCount(tensor.dims) * times];
      return this.emitter.constant(name, (to) => rawTensor(to, tensor.dataType, dims, data));
    };
    const [integers = '', ...steps] = from.inputs;
    const inputs = [own ? this.emitter.constant(integers, own) : await repeat(integers)];
    for (const name of steps) inputs.push(await repeat(name));
    const output = this.emitter.fresh(from.outputs[0]!);
    const made = this.emitter.node('DequantizeLinear', inputs, { node: from.name, output });
    this.emitter.putBefore(conv, { ...made, domain: from.domain, attributes: from.attributes });
    return output;
  }
}

/** Takes away quantize steps and constants that nobody reads any more. */
function dropUnread({ graph }: Model): void {
  const { consumers, graphOutputs } = indexGraph(graph);
  const unread = (name: string) => !consumers.has(name) && !graphOutputs.has(name);
  removeNodes(
    graph,
    new Set(graph.nodes.filter((node) => isOp(node, 'DequantizeLinear') && unread(node.outputs[0]!))),
  );
  const after = indexGraph(graph).consumers;
  graph.initializers = graph.initializers.filter(({ name }) => after.has(name) || graphOutputs.has(name));
}
