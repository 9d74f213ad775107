// Least squares for one pruned layer: the weights and bias that, on what the layer now reads, come nearest to what it
// gave before (He et al. 2017, Channel Pruning), held near the weights that it has by a ridge.

import { breathe, type Task } from '../../base/task';
import { floatTensor } from '../../ir/builder';
import type { Model } from '../../ir/model';
import type { Tensor } from '../../ir/tensor';
import { cholesky, solveCholesky } from '../linear/cholesky';
import { Names } from '../names';
import { constantTensors, isOp } from '../rewrite';
import { floatsOf, withFloats, type TensorReader } from '../tensorReader';
import type { InputGram } from './channels/importance';
import type { RepairLayer } from './repairGraph';

/** Sums over rows of [x', y]: see `repairGraph`. */
export interface RepairSums extends InputGram {
  readonly mean: Float64Array;
}

/** Ridge, as a share of the mean diagonal. */
const ridge = 1e-3;

const hasBias = (model: Model, { position }: RepairLayer) => !isOp(model.graph.nodes[position], 'MatMul');

/**
 * The weights of one layer by least squares, rows times outputs, and the k × k matrix of what it reads: around the
 * mean where a bias takes care of that. Undefined when the sums are not positive definite.
 */
export async function leastSquares(
  model: Model,
  layer: RepairLayer,
  { gram, mean, k: size, rows: samples }: RepairSums,
  read: TensorReader,
  task: Task,
): Promise<{ weights: Float64Array; gram: Float64Array } | undefined> {
  const { k, outputs, at } = layer.rows;
  const centre = hasBias(model, layer) ? samples : 0;
  const weight = constantTensors(model.graph).get(layer.weight.name) ?? layer.weight;
  const old = await floatsOf(read, weight);
  const left = new Float64Array(k * k);
  const right = new Float64Array(k * outputs);
  let trace = 0;
  for (let i = 0; i < k; i += 1) {
    for (let j = 0; j < k; j += 1) left[i * k + j] = gram[i * size + j]! - centre * mean[i]! * mean[j]!;
    trace += left[i * k + i]!;
    await breathe(task);
  }
  const damp = (ridge * trace) / k;
  if (size !== k + outputs || !(damp > 0)) return undefined;
  const own = left.slice();
  for (let i = 0; i < k; i += 1) {
    left[i * k + i]! += damp;
    for (let n = 0; n < outputs; n += 1)
      right[i * outputs + n] =
        gram[i * size + k + n]! - centre * mean[i]! * mean[k + n]! + damp * old[at(i, n)]!;
  }
  if (!(await cholesky(left, k, task))) return undefined;
  await solveCholesky(left, k, right, outputs, task);
  return { weights: right, gram: own };
}

/** The model with other weights in one layer, and the bias that fits them (except for MatMul, which has none). */
export async function withLayer(
  model: Model,
  layer: RepairLayer,
  weights: Float64Array,
  { mean }: RepairSums,
  task: Task,
): Promise<Model> {
  const { k, outputs, at } = layer.rows;
  const values = new Float32Array(k * outputs);
  const bias = Float64Array.from({ length: outputs }, (_, n) => mean[k + n]!);
  for (let i = 0; i < k; i += 1) {
    for (let n = 0; n < outputs; n += 1) {
      const value = weights[i * outputs + n]!;
      values[at(i, n)] = value;
      bias[n]! -= mean[i]! * value;
    }
    await breathe(task);
  }
  const { weight, position } = layer;
  const kept = withTensors(model, new Map([[weight.name, withFloats(weight, values)]]));
  if (!hasBias(model, layer)) return kept;
  const node = model.graph.nodes[position]!;
  const name = new Names(model).fresh(`${weight.name}_refitted_bias`);
  const made = floatTensor(name, [outputs], Float32Array.from(bias));
  const nodes = [...model.graph.nodes];
  nodes[position] = { ...node, inputs: [node.inputs[0]!, node.inputs[1]!, name] };
  return { ...kept, graph: { ...kept.graph, nodes, initializers: [...kept.graph.initializers, made] } };
}

/**
 * The pruned model with one layer refitted (its bias too, except for MatMul, which has none); the model itself when
 * the sums are not positive definite. Weights that are not touched are shared with the model given.
 */
export async function refitLayer(
  pruned: Model,
  layer: RepairLayer,
  sums: RepairSums,
  read: TensorReader,
  task: Task,
): Promise<Model> {
  const solved = await leastSquares(pruned, layer, sums, read, task);
  return solved ? withLayer(pruned, layer, solved.weights, sums, task) : pruned;
}

/** A model with some initializers replaced by name. */
export const withTensors = (model: Model, changed: ReadonlyMap<string, Tensor>): Model => ({
  ...model,
  graph: {
    ...model.graph,
    initializers: model.graph.initializers.map((tensor) => changed.get(tensor.name) ?? tensor),
  },
});
