// Zeros in weights without cutting them: by magnitude, by Wanda (Sun et al. 2023) or by SparseGPT (Frantar & Alistarh
// 2023), freely or N of every M along what a layer sums over. A dense runtime runs such a model no faster.

import { breathe, type Task } from '../../base/task';
import { DataType } from '../../ir/dataType';
import type { Model } from '../../ir/model';
import type { Tensor } from '../../ir/tensor';
import { inverseFactor } from '../linear/cholesky';
import type { PassResult } from '../pass';
import { nameOf } from '../quantize/outcome';
import { constantTensors, isOp } from '../rewrite';
import { floatsOf, withFloats, type TensorReader } from '../tensorReader';
import { zerosOfPattern, zerosOfShare, type Pattern } from './chooseZeros';
import type { InputGram } from './channels/importance';
import { rowsOf, type LayerRows } from './channels/layerRows';
import { withTensors } from './repairSolve';

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
  readonly weight: Tensor;
  readonly rows: LayerRows;
}

/** Rows whose zeros SparseGPT chooses together where there is no pattern. */
const block = 128;

/** Layers whose weights can be made sparse: Conv of one group, Gemm and MatMul with float constants. */
export function sparseLayers(model: Model): SparseTarget[] {
  const constants = constantTensors(model.graph);
  const seen = new Set<string>();
  return model.graph.nodes.flatMap((node) => {
    const weight = isOp(node, 'Conv', 'Gemm', 'MatMul') ? constants.get(node.inputs[1] ?? '') : undefined;
    const rows = weight?.dataType === DataType.FLOAT ? rowsOf(node, weight.dims) : undefined;
    if (!weight || rows?.groups !== 1 || seen.has(weight.name)) return [];
    seen.add(weight.name);
    return [{ name: nameOf(node), weight, rows }];
  });
}

/** Puts zeros into every layer that `sparseLayers` names; shapes stay as they are. */
export async function makeSparse(
  model: Model,
  options: SparseOptions,
  read: TensorReader,
  task: Task,
): Promise<SparseResult> {
  const changed = new Map<string, Tensor>();
  const layers: SparseLayer[] = [];
  const found = sparseLayers(model);
  for (const [done, target] of found.entries()) {
    task.report({ stage: 'Choosing zeros', done, total: found.length });
    const { values, zeros } = await sparseValues(target, options, read, task);
    changed.set(target.weight.name, withFloats(target.weight, values));
    layers.push({ name: target.name, elements: values.length, zeros });
  }
  return changed.size === 0
    ? { model, modified: false, layers }
    : { model: withTensors(model, changed), modified: true, layers };
}

async function sparseValues(
  { name, weight, rows }: SparseTarget,
  { pattern, criterion, grams, shares }: SparseOptions,
  read: TensorReader,
  task: Task,
): Promise<{ values: Float32Array; zeros: number }> {
  const { k, outputs, at } = rows;
  const w = await matrixOf(rows, await floatsOf(read, weight), task);
  const gram = criterion === 'magnitude' ? undefined : grams?.get(name);
  const power = powerOf(k, gram);
  const factor = gram && criterion === 'sparsegpt' ? await factorOf(gram, task) : undefined;
  // What a row loses when the others make up for it: w² / [H⁻¹] (Hassibi & Stork 1993).
  if (factor) for (let i = 0; i < k; i += 1) power[i] = 1 / factor[i * k + i]! ** 2;
  const size = 'of' in pattern ? pattern.of : factor ? block : k;
  const share = 'of' in pattern ? 0 : (shares?.get(name) ?? pattern.ratio);
  for (let top = 0; top < k; top += size) {
    const piece = { w, power, top, bottom: Math.min(k, top + size), outputs };
    const gone =
      'of' in pattern
        ? zerosOfPattern(piece, pattern)
        : await zerosOfShare(piece, share, criterion === 'wanda' && gram !== undefined, task);
    await zeroRows(piece, gone, factor, k, task);
  }
  const values = new Float32Array(w.length);
  let zeros = 0;
  for (let i = 0; i < k; i += 1) {
    for (let n = 0; n < outputs; n += 1) {
      const value = w[i * outputs + n]!;
      values[at(i, n)] = value;
      if (value === 0) zeros += 1;
    }
    await breathe(task);
  }
  return { values, zeros };
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

/** Σx² of each input of a layer; 1 where it was not measured. */
export function powerOf(k: number, gram: InputGram | undefined): Float64Array {
  const power = new Float64Array(k).fill(1);
  if (gram?.k === k) for (let i = 0; i < k; i += 1) power[i] = gram.gram[i * k + i]!;
  return power;
}

/** U with H⁻¹ = UᵀU for H = XᵀX and a ridge of 1 % of its mean diagonal; undefined where H is singular even so. */
async function factorOf({ gram, k }: InputGram, task: Task): Promise<Float64Array | undefined> {
  const factor = gram.slice();
  let trace = 0;
  for (let i = 0; i < k; i += 1) trace += factor[i * k + i]!;
  for (let i = 0; i < k; i += 1) factor[i * k + i]! += (0.01 * trace) / k || 1;
  return (await inverseFactor(factor, k, task)) ? factor : undefined;
}

/** Sets what was chosen to zero; with a factor, all rows after make up for it. */
async function zeroRows(
  { w, top, bottom, outputs }: { w: Float64Array; top: number; bottom: number; outputs: number },
  gone: Uint8Array,
  factor: Float64Array | undefined,
  k: number,
  task: Task,
): Promise<void> {
  const error = new Float64Array(outputs);
  for (let i = top; i < bottom; i += 1) {
    const pivot = factor?.[i * k + i] ?? 1;
    for (let n = 0; n < outputs; n += 1) {
      const isGone = gone[(i - top) * outputs + n] === 1;
      error[n] = isGone ? w[i * outputs + n]! / pivot : 0;
      if (isGone) w[i * outputs + n] = 0;
    }
    await breathe(task);
    if (!factor) continue;
    for (let j = i + 1; j < k; j += 1) {
      const share = factor[i * k + j]!;
      if (share !== 0) for (let n = 0; n < outputs; n += 1) w[j * outputs + n]! -= share * error[n]!;
    }
  }
}
