// A static U8S8 model as a processor with AVX2 but no VNNI computes it. There, a matrix product multiplies
// neighbours along the inner dimension (height · width · channel, channels fastest) in pairs and adds each pair
// in 16 bits that saturate. Only pairs of weights whose sum exceeds 128 on one side can reach that, so that a
// second, sparse product of just these pairs, clipped less unclipped, gives the difference exactly: it is added
// to the layer's float value. Depthwise convolutions use other instructions and stay as they are.
// The result is for measuring accuracy, with graph optimisations off; it is slow.

import { breathe, type Task } from '../../base/task';
import { intAttribute } from '../../ir/attributes';
import { floatTensor, int64Tensor } from '../../ir/builder';
import { cloneModel } from '../../ir/clone';
import { DataType } from '../../ir/dataType';
import { indexGraph, type GraphIndex } from '../../ir/graphIndex';
import type { Model, Node } from '../../ir/model';
import { elementCount, type Tensor } from '../../ir/tensor';
import type { PassResult } from '../pass';
import { isOp } from '../rewrite';
import type { TensorReader } from '../tensorReader';
import { Emitter } from './emitter';

export interface SaturationResult extends PassResult {
  /** Pairs of weights that can saturate. */
  readonly dangerous: number;
  /** All pairs of weights of emulated layers. */
  readonly pairs: number;
}

/** Largest and smallest sum that 16 bits hold. */
const most = 32767;
const least = -32768;
const largestInput = 255;

/** Positions of a weight along the inner dimension, for one output channel. */
interface Layer {
  readonly node: Node;
  readonly weight: Int8Array;
  readonly outputs: number;
  /** Length of the inner dimension. */
  readonly inner: number;
  /** Index into the weight of an output channel's inner position. */
  readonly at: (output: number, position: number) => number;
  /** Dimensions of the sparse weight for `count` pairs, and the index of an inner position in it. */
  readonly sparse: (count: number) => {
    readonly dims: readonly number[];
    readonly at: (row: number, position: number) => number;
  };
  readonly input: Step;
  readonly scales: Float32Array;
}

/** The DequantizeLinear before a layer. */
interface Step {
  readonly bytes: string;
  readonly scale: number;
  readonly zeroPoint: number;
}

interface Pair {
  readonly output: number;
  readonly first: number;
}

/** Adds to each U8S8 layer of a QDQ model the difference that saturating pairs make. */
export async function emulateSaturation(
  model: Model,
  read: TensorReader,
  task: Task,
): Promise<SaturationResult> {
  const copy = cloneModel(model);
  const index = indexGraph(copy.graph);
  const emitter = new Emitter(copy);
  let dangerous = 0;
  let pairs = 0;
  for (const node of copy.graph.nodes) {
    await breathe(task);
    const layer = await layerOf(node, index, read);
    if (!layer) continue;
    const found = dangerousPairs(layer);
    pairs += layer.outputs * Math.floor(layer.inner / 2);
    dangerous += found.length;
    if (found.length > 0) addDifference(layer, found, emitter);
  }
  if (dangerous === 0) return { model, modified: false, dangerous, pairs };
  emitter.finish();
  return { model: copy, modified: true, dangerous, pairs };
}

/** Pairs whose sum leaves 16 bits for some inputs. */
export function dangerousPairs({ weight, outputs, inner, at }: Layer): Pair[] {
  const found: Pair[] = [];
  for (let output = 0; output < outputs; output += 1) {
    for (let first = 0; first + 1 < inner; first += 2) {
      const a = weight[at(output, first)]!;
      const b = weight[at(output, first + 1)]!;
      const high = (Math.max(a, 0) + Math.max(b, 0)) * largestInput;
      const low = (Math.min(a, 0) + Math.min(b, 0)) * largestInput;
      if (high > most || low < least) found.push({ output, first });
    }
  }
  return found;
}

async function stepOf(
  name: string,
  index: GraphIndex,
  read: TensorReader,
): Promise<{ node: Node; scales: Float32Array; zero: Tensor; zeroPoint: number } | undefined> {
  const node = index.producer.get(name);
  if (!isOp(node, 'DequantizeLinear')) return undefined;
  const scale = index.initializer.get(node.inputs[1] ?? '');
  const zero = index.initializer.get(node.inputs[2] ?? '');
  if (!scale || !zero) return undefined;
  const bytes = (await read(scale)).slice();
  const zeroBytes = await read(zero);
  return { node, scales: new Float32Array(bytes.buffer), zero, zeroPoint: zeroBytes[0] ?? 0 };
}

async function layerOf(node: Node, index: GraphIndex, read: TensorReader): Promise<Layer | undefined> {
  if (!isOp(node, 'Conv', 'Gemm', 'MatMul')) return undefined;
  const input = await stepOf(node.inputs[0] ?? '', index, read);
  const weightStep = await stepOf(node.inputs[1] ?? '', index, read);
  const tensor = weightStep && index.initializer.get(weightStep.node.inputs[0] ?? '');
  if (!input || !tensor || input.zero.dataType !== DataType.UINT8 || tensor.dataType !== DataType.INT8)
    return undefined;
  const bytes = await read(tensor);
  const { dims } = tensor;
  const common = {
    node,
    weight: new Int8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength),
    input: { bytes: input.node.inputs[0]!, scale: input.scales[0]!, zeroPoint: input.zeroPoint },
    scales: weightStep.scales,
  };
  if (isOp(node, 'Conv')) {
    if (intAttribute(node, 'group', 1) !== 1) return undefined;
    const [outputs = 0, channels = 0] = dims;
    const window = elementCount(dims.slice(2));
    // Position p is channel p mod C of window place p div C.
    const offset = (p: number) => (p % channels) * window + Math.floor(p / channels);
    return {
      ...common,
      outputs,
      inner: channels * window,
      at: (output, p) => output * channels * window + offset(p),
      sparse: (count) => ({
        dims: [count, ...dims.slice(1)],
        at: (row, p) => row * channels * window + offset(p),
      }),
    };
  }
  if (dims.length !== 2) return undefined;
  const transposed = isOp(node, 'Gemm') && intAttribute(node, 'transB', 0) !== 0;
  const [outputs = 0, inner = 0] = transposed ? dims : [...dims].reverse();
  return {
    ...common,
    outputs,
    inner,
    at: (output, p) => (transposed ? output * inner + p : p * outputs + output),
    sparse: (count) => ({ dims: [inner, count], at: (row, p) => p * count + row }),
  };
}

/** y ← y + scale · sum over pairs of (clip(pair) − pair), summed into their output channels. */
function addDifference(layer: Layer, found: readonly Pair[], emitter: Emitter): void {
  const { node, input, scales, outputs } = layer;
  const conv = isOp(node, 'Conv');
  const [output = ''] = node.outputs;
  const base = `${output}_saturation`;
  const float = (name: string, dims: readonly number[], values: Iterable<number>) =>
    emitter.constant(`${base}_${name}`, (to) => floatTensor(to, dims, values));
  const put = (opType: string, inputs: readonly string[], name: string, attributes = {}) => {
    const made = emitter.fresh(`${base}_${name}`);
    const names = { node: `${base}_${name}`, output: made };
    emitter.putAfter(node, emitter.node(opType, inputs, names, attributes));
    return made;
  };
  // Pair weights, one row or column each, and the matrix that sums them into channels with their scales.
  const { dims, at } = layer.sparse(found.length);
  const pairWeights = new Float32Array(elementCount(dims));
  const sums = new Float32Array(found.length * outputs);
  found.forEach(({ output: channel, first }, row) => {
    for (const p of [first, first + 1]) pairWeights[at(row, p)] = layer.weight[layer.at(channel, p)]!;
    const scale = input.scale * (scales.length === 1 ? scales[0]! : scales[channel]!);
    sums[conv ? channel * found.length + row : row * outputs + channel] = scale;
  });
  // The float value keeps its name for its readers; what the layer gives is renamed.
  const plain = emitter.fresh(`${base}_plain`);
  node.outputs = [plain];
  let raw = put('Cast', [input.bytes], 'raw', { to: BigInt(DataType.FLOAT) });
  const weights = float('pairs', dims, pairWeights);
  let products: string;
  const kept = node.attributes.filter(({ name }) => ['strides', 'dilations'].includes(name));
  if (conv) {
    raw = padded(node, raw, input, dims.length, base, emitter, put);
    products = put('Conv', [raw, weights], 'products');
    emitter.last(node).attributes.push(...kept);
  } else {
    products = put('MatMul', [raw, weights], 'products');
  }
  const clipped = put('Clip', [products, float('least', [], [least]), float('most', [], [most])], 'clipped');
  const differences = put('Sub', [clipped, products], 'differences');
  const window = new Array<number>(dims.length - 2).fill(1);
  const summed = conv
    ? put('Conv', [differences, float('sums', [outputs, found.length, ...window], sums)], 'summed')
    : put('MatMul', [differences, float('sums', [found.length, outputs], sums)], 'summed');
  const names = { node: `${base}_Add`, output };
  emitter.putAfter(node, emitter.node('Add', [plain, summed], names));
}

/** The raw bytes with the convolution's padding, which holds the zero point. */
function padded(
  node: Node,
  raw: string,
  { zeroPoint }: Step,
  rank: number,
  base: string,
  emitter: Emitter,
  put: (opType: string, inputs: readonly string[], name: string) => string,
): string {
  const found = node.attributes.find(({ name }) => name === 'pads');
  const pads = found?.type === 'INTS' ? found.value.map(Number) : [];
  if (pads.every((pad) => pad === 0)) return raw;
  const half = rank - 2;
  const all = [0, 0, ...pads.slice(0, half), 0, 0, ...pads.slice(half)];
  const widths = emitter.constant(`${base}_widths`, (to) => int64Tensor(to, [all.length], all));
  const value = emitter.constant(`${base}_zero`, (to) => floatTensor(to, [], [zeroPoint]));
  return put('Pad', [raw, widths, value], 'padded');
}
