// Folds BatchNormalization into the Conv, ConvTranspose or Gemm before it: y = s·(Wx + b − mean) + beta with
// s = gamma / sqrt(var + epsilon), computed in float64. Left alone: BatchNormalization in training form
// (training_mode, or used statistics outputs), weights that are not FLOAT constants, and outputs that
// somebody else reads too.

import { floatAttribute, intAttribute } from '../../ir/attributes';
import { cloneModel } from '../../ir/clone';
import { indexGraph } from '../../ir/graphIndex';
import { DataType } from '../../ir/dataType';
import type { Model, Node } from '../../ir/model';
import { elementCount, type Tensor } from '../../ir/tensor';
import { breathe, type Task } from '../../base/task';
import { Names } from '../names';
import type { Pass } from '../pass';
import { constantTensors, isOp, onlyConsumer, removeNodes, standardOpset } from '../rewrite';
import { floatsOf, withFloats, type TensorReader } from '../tensorReader';
import { floatTensor } from '../../ir/builder';

/** Where the output channel of a weight's element is: element i belongs to channel floor(i / inner) % count, shifted per group. */
interface Channels {
  readonly count: number;
  of(element: number): number;
}

/** How a layer's weight is laid out over its output channels; undefined when it cannot take a factor per channel. */
function channelsOf(layer: Node, dims: readonly number[]): Channels | undefined {
  const [first = 0, second = 0] = dims;
  const rest = elementCount(dims.slice(2));
  if (layer.opType === 'Conv') {
    return { count: first, of: (element) => Math.floor(element / (second * rest)) };
  }
  if (layer.opType === 'ConvTranspose') {
    const groups = intAttribute(layer, 'group', 1);
    const perGroup = first / groups;
    return {
      count: second * groups,
      of: (element) => {
        const group = Math.floor(Math.floor(element / (second * rest)) / perGroup);
        return group * second + (Math.floor(element / rest) % second);
      },
    };
  }
  return intAttribute(layer, 'transB', 0) !== 0
    ? { count: first, of: (element) => Math.floor(element / second) }
    : { count: second, of: (element) => element % second };
}

interface Fold {
  readonly layer: Node;
  readonly norm: Node;
  readonly channels: Channels;
  readonly weight: Tensor;
  readonly bias: Tensor | undefined;
  readonly statistics: readonly Tensor[];
}

function findFolds(model: Model): Fold[] {
  const { graph } = model;
  const index = indexGraph(graph);
  const constants = constantTensors(graph);
  const opset = standardOpset(model);
  const floatConstant = (name: string | undefined, elements?: number) => {
    const tensor = constants.get(name ?? '');
    if (tensor?.dataType !== DataType.FLOAT) return undefined;
    return elements === undefined || elementCount(tensor.dims) === elements ? tensor : undefined;
  };
  const folds: Fold[] = [];
  for (const norm of graph.nodes) {
    if (!isOp(norm, 'BatchNormalization')) continue;
    const layer = index.producer.get(norm.inputs[0] ?? '');
    if (!isOp(layer, 'Conv', 'ConvTranspose', 'Gemm')) continue;
    if (onlyConsumer(layer.outputs[0] ?? '', index) !== norm) continue;
    // Statistics of the batch, not of training: folding would change the result.
    const unusedExtras = norm.outputs.slice(1).every((name) => name === '' || !index.consumers.has(name));
    if (intAttribute(norm, 'training_mode', 0) !== 0 || (opset < 14 && norm.outputs.length > 1)) continue;
    if (!unusedExtras || intAttribute(norm, 'spatial', 1) === 0) continue;
    const weight = floatConstant(layer.inputs[1]);
    const channels = weight && channelsOf(layer, weight.dims);
    if (!weight || !channels) continue;
    const statistics = norm.inputs.slice(1, 5).map((name) => floatConstant(name, channels.count));
    const hasBias = (layer.inputs[2] ?? '') !== '';
    const bias = hasBias ? floatConstant(layer.inputs[2], channels.count) : undefined;
    if (hasBias && !bias) continue;
    if (statistics.length !== 4 || !statistics.every((tensor) => tensor !== undefined)) continue;
    folds.push({ layer, norm, channels, weight, bias, statistics });
  }
  return folds;
}

/** Folds BatchNormalization into the layer before it; `read` gives the weights. */
export const foldBatchNorm = (read: TensorReader): Pass => ({
  name: 'fold batch normalization',
  async run(model, task: Task) {
    const copy = cloneModel(model);
    const folds = findFolds(copy);
    if (folds.length === 0) return { model, modified: false };
    const { graph } = copy;
    const names = new Names(copy);
    const uses = indexGraph(graph).consumers;
    const replace = (old: Tensor | undefined, base: string, values: Float32Array, dims: number[]) => {
      const alone = old && uses.get(old.name)?.length === 1;
      if (alone) {
        graph.initializers[graph.initializers.indexOf(old)] = withFloats(old, values, dims);
        return old.name;
      }
      const name = names.fresh(base);
      graph.initializers.push(floatTensor(name, dims, values));
      return name;
    };
    for (const { layer, norm, channels, weight, bias, statistics } of folds) {
      await breathe(task);
      const [gamma, beta, mean, variance] = (await Promise.all(
        statistics.map((tensor) => floatsOf(read, tensor)),
      )) as [Float32Array, Float32Array, Float32Array, Float32Array];
      const epsilon = floatAttribute(norm, 'epsilon', 1e-5);
      const factor = Float64Array.from(gamma, (value, c) => value / Math.sqrt(variance[c]! + epsilon));
      const oldBias = bias ? await floatsOf(read, bias) : undefined;
      const betaFactor = layer.opType === 'Gemm' ? floatAttribute(layer, 'beta', 1) : 1;
      const newBias = Float32Array.from(
        factor,
        (s, c) => s * ((oldBias?.[c] ?? 0) * betaFactor - mean[c]!) + beta[c]!,
      );
      const oldWeight = await floatsOf(read, weight);
      const newWeight = new Float32Array(oldWeight.length);
      for (let i = 0; i < oldWeight.length; i += 1) newWeight[i] = oldWeight[i]! * factor[channels.of(i)]!;
      layer.inputs = [
        layer.inputs[0]!,
        replace(weight, weight.name, newWeight, weight.dims),
        replace(bias, bias?.name ?? `${weight.name}_bias`, newBias, [channels.count]),
      ];
      if (layer.opType === 'Gemm')
        layer.attributes = layer.attributes.filter((attribute) => attribute.name !== 'beta');
      layer.outputs = [norm.outputs[0]!];
    }
    removeNodes(graph, new Set(folds.map((fold) => fold.norm)));
    return { model: copy, modified: true };
  },
});
