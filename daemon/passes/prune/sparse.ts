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
import type { InputGram } from './channels/importance';
import { rowsOf, type LayerRows } from './channels/layerRows';
import { withTensors } from './repairSolve';

export interface SparseOptions {
  /** Share of zeros, or `keep` of every `of` neighbours that stay. */
  readonly pattern: { readonly ratio: number } | { readonly keep: number; readonly of: number };
  readonly criterion: 'magnitude' | 'wanda' | 'sparsegpt';
  /** XᵀX by node name; needed by `wanda` and `sparsegpt`. A layer without one goes by magnitude. */
  readonly grams?: ReadonlyMap<string, InputGram> | undefined;
}

export interface SparseLayer {
  readonly name: string;
  readonly elements: number;
  readonly zeros: number;
}

export interface SparseResult extends PassResult {
  readonly layers: readonly SparseLayer[];
}

/** Rows whose zeros are chosen together where there is no pattern. */
const block = 128;

/** Layers whose weights can be made sparse: Conv of one group, Gemm and MatMul with float constants. */
export function sparseLayers(model: Model): { name: string; weight: Tensor; rows: LayerRows }[] {
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
  { pattern, criterion, grams }: SparseOptions,
  read: TensorReader,
  task: Task,
): Promise<SparseResult> {
  const changed = new Map<string, Tensor>();
  const layers: SparseLayer[] = [];
  const found = sparseLayers(model);
  for (const [done, { name, weight, rows }] of found.entries()) {
    task.report({ stage: 'Choosing zeros', done, total: found.length });
    const { k, outputs, at } = rows;
    const values = await floatsOf(read, weight);
    const w = new Float64Array(k * outputs);
    for (let i = 0; i < k; i += 1)
      for (let n = 0; n < outputs; n += 1) w[i * outputs + n] = values[at(i, n)]!;
    const gram = grams?.get(name);
    const power = new Float64Array(k).fill(1);
    let factor: Float64Array | undefined;
    if (gram?.k === k && criterion !== 'magnitude') {
      for (let i = 0; i < k; i += 1) power[i] = gram.gram[i * k + i]!;
      if (criterion === 'sparsegpt') factor = await factorOf(gram, task);
      if (factor) for (let i = 0; i < k; i += 1) power[i] = 1 / factor[i * k + i]! ** 2;
    }
    await zeroRows(w, power, factor, rows, pattern, task);
    const made = new Float32Array(values.length);
    let zeros = 0;
    for (let i = 0; i < k; i += 1) {
      for (let n = 0; n < outputs; n += 1) {
        const value = w[i * outputs + n]!;
        made[at(i, n)] = value;
        if (value === 0) zeros += 1;
      }
    }
    changed.set(weight.name, withFloats(weight, made));
    layers.push({ name, elements: values.length, zeros });
  }
  return changed.size === 0
    ? { model, modified: false, layers }
    : { model: withTensors(model, changed), modified: true, layers };
}

async function factorOf({ gram, k }: InputGram, task: Task): Promise<Float64Array | undefined> {
  const factor = gram.slice();
  let trace = 0;
  for (let i = 0; i < k; i += 1) trace += factor[i * k + i]!;
  for (let i = 0; i < k; i += 1) factor[i * k + i]! += (0.01 * trace) / k || 1;
  return (await inverseFactor(factor, k, task)) ? factor : undefined;
}

/** Sets the least important of each block of rows to zero; with a factor, the rows after make up for it. */
async function zeroRows(
  w: Float64Array,
  power: Float64Array,
  factor: Float64Array | undefined,
  { k, outputs }: LayerRows,
  pattern: SparseOptions['pattern'],
  task: Task,
): Promise<void> {
  const size = 'of' in pattern ? pattern.of : block;
  const error = new Float64Array(outputs);
  for (let top = 0; top < k; top += size) {
    const bottom = Math.min(k, top + size);
    const gone = chosenZeros(w, power, top, bottom, outputs, pattern);
    for (let i = top; i < bottom; i += 1) {
      const pivot = factor?.[i * k + i] ?? 1;
      for (let n = 0; n < outputs; n += 1) {
        const isGone = gone[(i - top) * outputs + n] === 1;
        error[n] = isGone ? w[i * outputs + n]! / pivot : 0;
        if (isGone) w[i * outputs + n] = 0;
      }
      if (factor) {
        for (let j = i + 1; j < k; j += 1) {
          const share = factor[i * k + j]!;
          if (share !== 0) for (let n = 0; n < outputs; n += 1) w[j * outputs + n]! -= share * error[n]!;
        }
      }
      await breathe(task);
    }
  }
}

/** 1 where a value of rows top to bottom goes. N:M is chosen for each output by itself, a ratio over the block. */
function chosenZeros(
  w: Float64Array,
  power: Float64Array,
  top: number,
  bottom: number,
  outputs: number,
  pattern: SparseOptions['pattern'],
): Uint8Array {
  const rows = bottom - top;
  const gone = new Uint8Array(rows * outputs);
  const score = (i: number, n: number) => w[(top + i) * outputs + n]! ** 2 * power[top + i]!;
  if ('of' in pattern) {
    const order = Array.from({ length: rows }, (_, i) => i);
    // The last block may be shorter; it keeps as many.
    const drop = Math.max(0, rows - pattern.keep);
    for (let n = 0; n < outputs; n += 1) {
      order.sort((a, b) => score(a, n) - score(b, n));
      for (let i = 0; i < drop; i += 1) gone[order[i]! * outputs + n] = 1;
    }
    return gone;
  }
  const scores = Float64Array.from(gone, (_, at) => score(Math.floor(at / outputs), at % outputs));
  const count = Math.round(pattern.ratio * scores.length);
  if (count === 0) return gone;
  const limit = scores.slice().sort()[count - 1]!;
  let left = count;
  scores.forEach((value, at) => {
    if (value <= limit && left > 0) {
      gone[at] = 1;
      left -= 1;
    }
  });
  return gone;
}
