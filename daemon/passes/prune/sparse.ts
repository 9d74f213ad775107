// Zeros in weights without cutting them: by magnitude, by Wanda (Sun et al. 2023) or by SparseGPT (Frantar & Alistarh
// 2023), freely or N of every M along what a layer sums over. A dense runtime runs such a model no faster.

import { breathe, type Task } from '../../base/task';
import { DataType } from '../../ir/dataType';
import type { Model } from '../../ir/model';
import type { Tensor } from '../../ir/tensor';
import type { PassResult } from '../pass';
import { nameOf } from '../quantize/outcome';
import { constantTensors, isOp } from '../rewrite';
import { floatsOf, withFloats, type TensorReader } from '../tensorReader';
import type { InputGram } from './channels/importance';
import { rowsOf, type LayerRows } from './channels/layerRows';
import type { Pattern } from './chooseZeros';
import type { RepairLayer } from './repairGraph';
import { leastSquares, withLayer, withTensors, type RepairSums } from './repairSolve';
import { zeroMatrix } from './sparseMatrix';

export type Criterion = 'magnitude' | 'wanda' | 'sparsegpt';

export interface SparseOptions {
  /** Share of zeros, or `keep` of every `of` neighbours that stay. */
  readonly pattern: { readonly ratio: number } | Pattern;
  readonly criterion: Criterion;
  /** XᵀX by node name; needed by `wanda` and `sparsegpt`. A layer without one goes by magnitude. */
  readonly grams?: ReadonlyMap<string, InputGram> | undefined;
  /** Shares of zeros by layer, where they differ from `ratio` (see sparseSchedule.ts). */
  readonly shares?: ReadonlyMap<string, number> | undefined;
}

export interface SparseLayer {
  readonly name: string;
  readonly elements: number;
  readonly zeros: number;
}

export interface SparseResult extends PassResult {
  readonly layers: readonly SparseLayer[];
}

/** A layer whose weights can be made sparse. */
export interface SparseTarget {
  readonly name: string;
  /** Position of the node in the graph. */
  readonly position: number;
  readonly weight: Tensor;
  readonly rows: LayerRows;
}

/** Layers whose weights can be made sparse: Conv of one group, Gemm and MatMul with float constants. */
export function sparseLayers(model: Model): SparseTarget[] {
  const constants = constantTensors(model.graph);
  const seen = new Set<string>();
  return model.graph.nodes.flatMap((node, position) => {
    const weight = isOp(node, 'Conv', 'Gemm', 'MatMul') ? constants.get(node.inputs[1] ?? '') : undefined;
    const rows = weight?.dataType === DataType.FLOAT ? rowsOf(node, weight.dims) : undefined;
    if (!weight || rows?.groups !== 1 || seen.has(weight.name)) return [];
    seen.add(weight.name);
    return [{ name: nameOf(node), position, weight, rows }];
  });
}

/** Puts zeros into the layers that `sparseLayers` names, or only into those given; shapes stay as they are. */
export async function makeSparse(
  model: Model,
  options: SparseOptions,
  read: TensorReader,
  task: Task,
  targets: readonly SparseTarget[] = sparseLayers(model),
): Promise<SparseResult> {
  const changed = new Map<string, Tensor>();
  for (const [done, { name, weight, rows }] of targets.entries()) {
    task.report({ stage: 'Choosing zeros', done, total: targets.length });
    const w = await matrixOf(rows, await floatsOf(read, weight), task);
    const gram = options.criterion === 'magnitude' ? undefined : options.grams?.get(name);
    await zeroMatrix(w, rows, zerosFor(name, options, gram?.k === rows.k ? gram.gram : undefined), task);
    changed.set(weight.name, withFloats(weight, await valuesOf(rows, w, task)));
  }
  const modified = changed.size > 0;
  const made = modified ? withTensors(model, changed) : model;
  return { model: made, modified, layers: await countZeros(made, targets, read, task) };
}

/**
 * One layer by SparseGPT on what the sparse model before it now gives: fitted to the original's output first, then
 * sparse, its bias fitted last. `sums` are those of `repairGraph`. Undefined where they are not positive definite.
 */
export async function sparsifyLayer(
  model: Model,
  layer: RepairLayer,
  sums: RepairSums,
  options: SparseOptions,
  read: TensorReader,
  task: Task,
): Promise<Model | undefined> {
  const solved = await leastSquares(model, layer, sums, read, task);
  if (!solved) return undefined;
  const name = nameOf(model.graph.nodes[layer.position]!);
  await zeroMatrix(solved.weights, layer.rows, zerosFor(name, options, solved.gram), task);
  return withLayer(model, layer, solved.weights, sums, task);
}

const zerosFor = (
  name: string,
  { pattern, criterion, shares }: SparseOptions,
  gram: Float64Array | undefined,
) => ({
  choice: 'of' in pattern ? pattern : { share: shares?.get(name) ?? pattern.ratio },
  eachOutput: criterion === 'wanda' && gram !== undefined,
  feedback: criterion === 'sparsegpt' && gram !== undefined,
  gram,
});

/** Zeros in the weights of layers, which may have been changed since they were found. */
export async function countZeros(
  model: Model,
  targets: readonly SparseTarget[],
  read: TensorReader,
  task: Task,
): Promise<SparseLayer[]> {
  const constants = constantTensors(model.graph);
  const layers: SparseLayer[] = [];
  for (const { name, weight } of targets) {
    const values = await floatsOf(read, constants.get(weight.name)!);
    let zeros = 0;
    for (let i = 0; i < values.length; i += 1) if (values[i] === 0) zeros += 1;
    layers.push({ name, elements: values.length, zeros });
    await breathe(task);
  }
  return layers;
}

/** A layer's weights as rows times outputs. */
export async function matrixOf(
  { k, outputs, at }: LayerRows,
  values: Float32Array,
  task: Task,
): Promise<Float64Array> {
  const w = new Float64Array(k * outputs);
  for (let i = 0; i < k; i += 1) {
    for (let n = 0; n < outputs; n += 1) w[i * outputs + n] = values[at(i, n)]!;
    await breathe(task);
  }
  return w;
}

/** The same back in the tensor's order. */
export async function valuesOf(
  { k, outputs, at }: LayerRows,
  w: Float64Array,
  task: Task,
): Promise<Float32Array> {
  const values = new Float32Array(k * outputs);
  for (let i = 0; i < k; i += 1) {
    for (let n = 0; n < outputs; n += 1) values[at(i, n)] = w[i * outputs + n]!;
    await breathe(task);
  }
  return values;
}
