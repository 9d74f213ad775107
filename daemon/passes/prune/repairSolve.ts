// Least squares for one pruned layer: the weights and bias that, on what the layer now reads, come nearest to what it
// gave before (He et al. 2017, Channel Pruning), held near the weights that it has by a ridge.

import { breathe, type Task } from '../../base/task';
import { floatTensor } from '../../ir/builder';
import type { Model } from '../../ir/model';
import type { Tensor } from '../../ir/tensor';
import { cholesky, solveCholesky } from '../linear/cholesky';
import { Names } from '../names';
import { isOp } from '../rewrite';
import { floatsOf, withFloats, type TensorReader } from '../tensorReader';
import type { InputGram } from './channels/importance';
import type { RepairLayer } from './repairGraph';

/** Sums over rows of [x', y]: see `repairGraph`. */
export interface RepairSums extends InputGram {
  readonly mean: Float64Array;
}

/** Ridge, as a share of the mean diagonal. */
const ridge = 1e-3;

/**
 * The pruned model with one layer refitted (its bias too, except for MatMul, which has none); the model itself when
 * the sums are not positive definite. Weights that are not touched are shared with the model given.
 */
export async function refitLayer(
  pruned: Model,
  { position, weight, rows }: RepairLayer,
  { gram, mean, k: size, rows: samples }: RepairSums,
  read: TensorReader,
  task: Task,
): Promise<Model> {
  const { k, outputs } = rows;
  const node = pruned.graph.nodes[position]!;
  const hasBias = !isOp(node, 'MatMul');
  const centre = hasBias ? samples : 0;
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
  if (size !== k + outputs || !(damp > 0)) return pruned;
  for (let i = 0; i < k; i += 1) {
    left[i * k + i]! += damp;
    for (let n = 0; n < outputs; n += 1)
      right[i * outputs + n] =
        gram[i * size + k + n]! - centre * mean[i]! * mean[k + n]! + damp * old[rows.at(i, n)]!;
  }
  if (!(await cholesky(left, k, task))) return pruned;
  await solveCholesky(left, k, right, outputs, task);
  const values = new Float32Array(old.length);
  const bias = Float64Array.from({ length: outputs }, (_, n) => mean[k + n]!);
  for (let i = 0; i < k; i += 1) {
    for (let n = 0; n < outputs; n += 1) {
      const value = right[i * outputs + n]!;
      values[rows.at(i, n)] = value;
      bias[n]! -= mean[i]! * value;
    }
    await breathe(task);
  }
  const changed = new Map<string, Tensor>([[weight.name, withFloats(weight, values)]]);
  if (!hasBias) return withTensors(pruned, changed);
  const name = new Names(pruned).fresh(`${weight.name}_refitted_bias`);
  const made = floatTensor(name, [outputs], Float32Array.from(bias));
  const nodes = [...pruned.graph.nodes];
  nodes[position] = { ...node, inputs: [node.inputs[0]!, node.inputs[1]!, name] };
  const kept = withTensors(pruned, changed);
  return { ...kept, graph: { ...kept.graph, nodes, initializers: [...kept.graph.initializers, made] } };
}

/** A model with some initializers replaced by name. */
export const withTensors = (model: Model, changed: ReadonlyMap<string, Tensor>): Model => ({
  ...model,
  graph: {
    ...model.graph,
    initializers: model.graph.initializers.map((tensor) => changed.get(tensor.name) ?? tensor),
  },
});
