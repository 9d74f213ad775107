// SmoothQuant (Xiao et al., 2022): large channels of an activation are divided by s_j and the weights that read them
// multiplied by it, s_j = max|X_j|^α / max|W_j|^(1−α), so that one scale for the activation wastes fewer steps. The
// division is folded into what makes the activation: the scale and bias of a LayerNormalization or a constant Mul, or
// a layer of its own. Where others read the value too (the residual path of a transformer that normalises behind each
// sum), or its maker cannot take the factor, a Mul before the layers divides, which costs a pass over the value: that must
// gain more. α is chosen for each group by the error that rounding would make, unless it is given. The function of the
// model does not change.

import { breathe } from '../../base/task';
import { floatTensor, node as makeNode } from '../../ir/builder';
import { cloneModel } from '../../ir/clone';
import { DataType } from '../../ir/dataType';
import { indexGraph, type GraphIndex } from '../../ir/graphIndex';
import type { Model, Node } from '../../ir/model';
import { elementCount, type Tensor } from '../../ir/tensor';
import { Names } from '../names';
import type { Pass, PassResult } from '../pass';
import { nameOf } from '../quantize/outcome';
import { constantTensors, isOp } from '../rewrite';
import type { TensorReader } from '../tensorReader';
import { largestOf, type ChannelStatistics } from './channelStatistics';
import { layerOf, Weights, type Layer } from './layers';

export interface SmoothOptions {
  /** Figures of the inputs of layers, by value name (see `valuesToSmooth`). */
  readonly statistics: ReadonlyMap<string, ChannelStatistics>;
  /** The α for layers with these names, 0 to 1; chosen by error where it gives none. */
  readonly alphaOf?: ((nodes: readonly string[]) => number | undefined) | undefined;
}

export interface SmoothOutcome extends PassResult {
  /** The α of each value that was smoothed, with the nodes that read it. */
  readonly smoothed: readonly {
    readonly value: string;
    readonly alpha: number;
    readonly nodes: readonly string[];
    /** Whether a Mul of its own divides it. */
    readonly inserted: boolean;
  }[];
}

interface Group {
  readonly value: string;
  readonly readers: readonly Layer[];
  /** Constants to divide, with the node and the input that they are; none where a Mul must divide. */
  readonly makers: readonly { readonly node: Node; readonly position: number; readonly layer?: Layer }[];
}

const alphas = Array.from({ length: 20 }, (_, step) => 0.05 + step * 0.05);
/** Outputs of a layer that an α is chosen by, evenly taken: more tell no more. */
const judgedOutputs = 64;
/** A Mul of its own must leave no more than this share of the error. */
const worthInserting = 0.7;
const smallest = 1e-5;
const largest = 1e4;

/** What divides the value when these constants are divided; undefined when nothing can. */
function makersOf(
  value: string,
  channels: number,
  index: GraphIndex,
  constants: ReadonlyMap<string, Tensor>,
): Group['makers'] | undefined {
  const producer = index.producer.get(value);
  if (!producer || producer.outputs[0] !== value) return undefined;
  const perChannel = (name: string | undefined) => {
    const tensor = constants.get(name ?? '');
    const whole = tensor && elementCount(tensor.dims) === channels && tensor.dims.at(-1) === channels;
    return whole && tensor.dataType === DataType.FLOAT;
  };
  if (isOp(producer, 'LayerNormalization')) {
    const bias = producer.inputs[2] ?? '';
    if (!perChannel(producer.inputs[1]) || (bias !== '' && !perChannel(bias))) return undefined;
    const scale = { node: producer, position: 1 };
    return bias === '' ? [scale] : [scale, { node: producer, position: 2 }];
  }
  if (isOp(producer, 'Mul')) {
    const position = producer.inputs.findIndex(perChannel);
    return position < 0 ? undefined : [{ node: producer, position }];
  }
  if (isOp(producer, 'Add')) {
    // The shift after a normalisation's scale, or a bias after a product.
    const position = producer.inputs.findIndex(perChannel);
    const before = producer.inputs[1 - position] ?? '';
    if (position < 0 || producer.inputs.length !== 2) return undefined;
    if (index.consumers.get(before)?.length !== 1 || index.graphOutputs.has(before)) return undefined;
    const inner = makersOf(before, channels, index, constants);
    return inner && [...inner, { node: producer, position }];
  }
  if (isOp(producer, 'Relu')) {
    const before = producer.inputs[0] ?? '';
    if (index.consumers.get(before)?.length !== 1 || index.graphOutputs.has(before)) return undefined;
    return makersOf(before, channels, index, constants);
  }
  const layer = layerOf(producer, constants);
  if (!layer || layer.outputs !== channels || isOp(producer, 'Conv')) return undefined;
  const weight = { node: producer, position: 1, layer };
  return layer.bias ? [weight, { node: producer, position: 2 }] : [weight];
}

function findGroups(model: Model): Group[] {
  const { graph } = model;
  const constants = constantTensors(graph);
  const index = indexGraph(graph);
  const groups: Group[] = [];
  const seen = new Set<string>();
  for (const node of graph.nodes) {
    const value = node.inputs[0] ?? '';
    if (!isOp(node, 'MatMul', 'Gemm') || seen.has(value)) continue;
    seen.add(value);
    const consumers = index.consumers.get(value) ?? [];
    const layers = consumers.flatMap((each) => layerOf(each, constants) ?? []);
    const readers = layers.filter((each) => !isOp(each.node, 'Conv') && each.node.inputs[0] === value);
    const [first] = readers;
    if (!first || readers.some((each) => each.inputs !== first.inputs)) continue;
    const alone = readers.length === consumers.length && !index.graphOutputs.has(value);
    const makers = alone ? makersOf(value, first.inputs, index, constants) : undefined;
    groups.push({ value, readers, makers: makers ?? [] });
  }
  return groups;
}

/** Names of the values whose figures `smoothQuant` wants; channels are their last axis. */
export const valuesToSmooth = (model: Model): string[] => findGroups(model).map(({ value }) => value);

/** Rows a layer reads are many; what activation rounding costs is weighed for one row, as the weight's is. */
function errorOf(
  factors: Float64Array,
  group: Group,
  weights: readonly Float32Array[],
  { min, max, meanSquare }: ChannelStatistics,
): number {
  let low = 0;
  let high = 0;
  for (const [c, factor] of factors.entries()) {
    low = Math.min(low, min[c]! / factor);
    high = Math.max(high, max[c]! / factor);
  }
  const step = (high - low) / 255;
  let error = 0;
  for (const [at, layer] of group.readers.entries()) {
    const values = weights[at]!;
    const stride = Math.max(1, Math.floor(layer.outputs / judgedOutputs));
    for (let o = 0; o < layer.outputs; o += stride) {
      let most = 0;
      for (let k = 0; k < layer.k; k += 1)
        most = Math.max(most, Math.abs(values[layer.at(o, k)]! * factors[k]!));
      const scale = most / 127;
      if (scale === 0) continue;
      for (let k = 0; k < layer.k; k += 1) {
        const weight = values[layer.at(o, k)]! * factors[k]!;
        const rounding = weight - Math.round(weight / scale) * scale;
        error += (rounding * rounding * meanSquare[k]!) / (factors[k]! * factors[k]!);
        error += ((step * step) / 12) * weight * weight;
      }
    }
  }
  return error;
}

function factorsFor(alpha: number, activations: Float64Array, weights: Float64Array): Float64Array {
  return activations.map((activation, channel) => {
    const factor = activation ** alpha / weights[channel]! ** (1 - alpha);
    return Number.isFinite(factor) && factor > 0 ? Math.min(largest, Math.max(smallest, factor)) : 1;
  });
}

/** Puts a Mul that divides the value by the factors before the layers that read it. */
function divide({ graph }: Model, names: Names, { value, readers }: Group, factors: Float64Array): void {
  const scale = names.fresh(`${value}_smoothing`);
  const output = names.fresh(`${value}_smoothed`);
  graph.initializers.push(
    floatTensor(
      scale,
      [factors.length],
      Float32Array.from(factors, (each) => 1 / each),
    ),
  );
  for (const { node } of readers) node.inputs[0] = output;
  const first = Math.min(...readers.map(({ node }) => graph.nodes.indexOf(node)));
  graph.nodes.splice(first, 0, makeNode('Mul', [value, scale], [output], { name: output }));
}

/** Smooths the inputs of MatMul and Gemm in a simplified float model. */
export const smoothQuant = (read: TensorReader, options: SmoothOptions): Pass<SmoothOutcome> => ({
  name: 'smooth quant',
  async run(model, task) {
    const copy = cloneModel(model);
    const weights = new Weights(copy, read);
    const names = new Names(copy);
    const smoothed: SmoothOutcome['smoothed'][number][] = [];
    for (const group of findGroups(copy)) {
      const statistics = options.statistics.get(group.value);
      const [first] = group.readers;
      if (!first || statistics?.max.length !== first.inputs) continue;
      const values: Float32Array[] = [];
      for (const { node } of group.readers) values.push(await weights.of(node, 1));
      const ranges = new Float64Array(first.inputs);
      for (const [at, layer] of group.readers.entries())
        for (let o = 0; o < layer.outputs; o += 1)
          for (let k = 0; k < layer.k; k += 1)
            ranges[k] = Math.max(ranges[k]!, Math.abs(values[at]![layer.at(o, k)]!));
      const activations = largestOf(statistics);
      const ones: Float64Array = ranges.map(() => 1);
      let best: { error: number; alpha: number; factors: Float64Array } = {
        error: errorOf(ones, group, values, statistics),
        alpha: 0,
        factors: ones,
      };
      const nodes = group.readers.map(({ node }) => nameOf(node));
      const given = options.alphaOf?.(nodes);
      const inserted = group.makers.length === 0;
      const enough = best.error * (inserted ? worthInserting : 1);
      for (const alpha of given === undefined ? alphas : [given]) {
        await breathe(task);
        const factors = factorsFor(alpha, activations, ranges);
        const error = errorOf(factors, group, values, statistics);
        if (error < best.error || given !== undefined) best = { error, alpha, factors };
      }
      if (best.factors === ones || (given === undefined && !(best.error < enough))) continue;
      const { factors, alpha } = best;
      for (const [at, layer] of group.readers.entries())
        for (let o = 0; o < layer.outputs; o += 1)
          for (let k = 0; k < layer.k; k += 1) values[at]![layer.at(o, k)]! *= factors[k]!;
      for (const { node, position, layer } of group.makers) {
        const constants = await weights.of(node, position);
        if (!layer) for (const [c, factor] of factors.entries()) constants[c]! /= factor;
        else
          for (let o = 0; o < layer.outputs; o += 1)
            for (let k = 0; k < layer.k; k += 1) constants[layer.at(o, k)]! /= factors[o]!;
      }
      if (inserted) divide(copy, names, group, factors);
      smoothed.push({ value: group.value, alpha, nodes, inserted });
    }
    if (smoothed.length === 0) return { model, modified: false, smoothed };
    weights.finish();
    return { model: copy, modified: true, smoothed };
  },
});
