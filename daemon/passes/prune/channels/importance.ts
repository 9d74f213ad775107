// How much each component matters: norms of its weights (Li et al. 2017), its BatchNorm scale (Liu et al. 2017), or,
// from calibration data, what the layers that read it lose without it. All are shares, so that units compare.

import { breathe, type Task } from '../../../base/task';
import { DataType } from '../../../ir/dataType';
import type { Node } from '../../../ir/model';
import type { Tensor } from '../../../ir/tensor';
import { inverseFactor } from '../../linear/cholesky';
import { nameOf } from '../../quantize/outcome';
import { constantTensors, isOp } from '../../rewrite';
import { floatsOf, type TensorReader } from '../../tensorReader';
import type { Structure, Unit } from './analyse';
import { inputAxis, rowsOf } from './layerRows';

/** XᵀX of what a layer reads, as daemon/runtime/calibrate/gram.ts collects it. */
export interface InputGram {
  readonly k: number;
  readonly groups: number;
  readonly rows: number;
  /** groups × k × k. */
  readonly gram: Float64Array;
}

export type Importance = 'l1' | 'l2' | 'bn-scale' | 'energy' | 'error';

/** Importance of each component of each unit, in order. */
export type Scores = ReadonlyMap<Unit, Float64Array>;

/** Conv, Gemm and MatMul nodes with a constant matrix that read what can be removed: those to collect Gram matrices for. */
export function readersOfUnits({ model, units, elements }: Structure): Node[] {
  const constants = constantTensors(model.graph);
  const cut = new Set(units.flatMap(({ axes }) => axes));
  return model.graph.nodes.filter((node) => {
    if (!isOp(node, 'Conv', 'Gemm', 'MatMul')) return false;
    const weight = constants.get(node.inputs[1] ?? '');
    if (!weight || weight.dataType !== DataType.FLOAT || weight.dims.length < 2) return false;
    if (isOp(node, 'MatMul', 'Gemm') && weight.dims.length !== 2) return false;
    const axis = elements.axis(weight.name, inputAxis(node));
    return axis !== undefined && cut.has(axis) && rowsOf(node, weight.dims) !== undefined;
  });
}

/** Scores by weights alone: the share of each component in the norm of every weight that it touches. */
async function weightScores(
  structure: Structure,
  kind: 'l1' | 'l2' | 'bn-scale',
  read: TensorReader,
  task: Task,
) {
  const { model, units } = structure;
  const constants = constantTensors(model.graph);
  const scales = new Set(
    model.graph.nodes.flatMap((node) => (isOp(node, 'BatchNormalization') ? [node.inputs[1] ?? ''] : [])),
  );
  const scores = new Map<Unit, Float64Array>();
  const cache = new Map<string, Float64Array>();
  const normsOf = async (tensor: Tensor, axis: number): Promise<Float64Array> => {
    const key = `${axis} ${tensor.name}`;
    const known = cache.get(key);
    if (known) return known;
    const made = axisNorms(await floatsOf(read, tensor), tensor.dims, axis, kind !== 'l2');
    cache.set(key, made);
    return made;
  };
  for (const unit of units) {
    const sums = new Float64Array(unit.components.length);
    const ofScales = kind === 'bn-scale' && unit.axes.some(({ value }) => scales.has(value));
    for (const axis of unit.axes) {
      const tensor = constants.get(axis.value);
      if (!tensor || tensor.dataType !== DataType.FLOAT) continue;
      if (ofScales ? !scales.has(axis.value) : tensor.dims.length < 2) continue;
      await breathe(task);
      const norms = await normsOf(tensor, axis.axis);
      const own = unit.components.map(({ members }) =>
        members.reduce(
          (sum, at) => (structure.elements.axisOf(at) === axis ? sum + norms[at - axis.base]! : sum),
          0,
        ),
      );
      const total = own.reduce((sum, value) => sum + value, 0);
      if (total > 0) own.forEach((value, i) => (sums[i]! += value / total));
    }
    scores.set(unit, sums);
  }
  return scores;
}

/** Σ|w| or Σw² over everything but one axis. */
function axisNorms(
  values: Float32Array,
  dims: readonly number[],
  axis: number,
  absolute: boolean,
): Float64Array {
  const norms = new Float64Array(dims[axis]!);
  const inner = dims.slice(axis + 1).reduce((all, dim) => all * dim, 1);
  for (let from = 0, at = 0; from < values.length; from += inner, at = (at + 1) % norms.length) {
    let sum = 0;
    for (let i = from; i < from + inner; i += 1) {
      const value = values[i]!;
      sum += absolute ? Math.abs(value) : value * value;
    }
    norms[at]! += sum;
  }
  return norms;
}

/**
 * Scores from data. `energy`: the power that a component brings to its readers, diag(G)·W². `error`: what the readers
 * lose when the others are refitted, Wₛᵀ((G⁻¹)ₛₛ)⁻¹Wₛ (Hassibi & Stork 1993). Both as a share of the reader's output.
 */
async function dataScores(
  structure: Structure,
  kind: 'energy' | 'error',
  grams: ReadonlyMap<string, InputGram>,
  read: TensorReader,
  task: Task,
): Promise<{ scores: Map<Unit, Float64Array>; unmeasured: Set<Unit> }> {
  const { units, elements, model } = structure;
  const constants = constantTensors(model.graph);
  const scores = new Map(units.map((unit) => [unit, new Float64Array(unit.components.length)]));
  const measured = new Set<Unit>();
  for (const node of readersOfUnits(structure)) {
    const gram = grams.get(nameOf(node));
    if (!gram) continue;
    const weight = constants.get(node.inputs[1]!)!;
    const rows = rowsOf(node, weight.dims)!;
    const values = await floatsOf(read, weight);
    const axis = elements.axis(weight.name, inputAxis(node))!;
    const losses = await channelLosses(gram, rows, values, kind, task);
    for (const unit of units) {
      if (!unit.axes.includes(axis)) continue;
      measured.add(unit);
      const sums = scores.get(unit)!;
      unit.components.forEach(({ members }, i) => {
        for (const at of members) if (elements.axisOf(at) === axis) sums[i]! += losses[at - axis.base]!;
      });
    }
  }
  return { scores, unmeasured: new Set(units.filter((unit) => !measured.has(unit))) };
}

type Rows = NonNullable<ReturnType<typeof rowsOf>>;

/** Loss of each input channel of one layer, as a share of its output's power. */
async function channelLosses(
  { gram, k, groups }: InputGram,
  rows: Rows,
  weights: Float32Array,
  kind: 'energy' | 'error',
  task: Task,
): Promise<Float64Array> {
  const losses = new Float64Array(rows.channels);
  const { perChannel, outputs } = rows;
  const each = outputs / groups;
  let power = 0;
  for (let g = 0; g < groups; g += 1) {
    const own = gram.slice(g * k * k, (g + 1) * k * k);
    const w = (row: number, column: number) => weights[rows.at(row, g * each + column)]!;
    for (let i = 0; i < k; i += 1) {
      let energy = 0;
      for (let n = 0; n < each; n += 1) energy += w(i, n) ** 2;
      power += energy * own[i * k + i]!;
      if (kind === 'energy') losses[Math.floor(i / perChannel)]! += energy * own[i * k + i]!;
    }
    await breathe(task);
    if (kind !== 'error') continue;
    const damp = (0.01 * trace(own, k)) / k || 1e-12;
    for (let i = 0; i < k; i += 1) own[i * k + i]! += damp;
    if (!(await inverseFactor(own, k, task))) continue;
    // own is U with G⁻¹ = UᵀU; one block of G⁻¹ after another, inverted by elimination.
    for (let channel = 0; channel < k / perChannel; channel += 1) {
      const block = inverseBlock(own, k, channel * perChannel, perChannel);
      for (let n = 0; n < each; n += 1) {
        const right = Float64Array.from({ length: perChannel }, (_, i) => w(channel * perChannel + i, n));
        losses[channel]! += quadratic(block, right);
      }
      await breathe(task);
    }
  }
  return power > 0 ? losses.map((loss) => loss / power) : losses;
}

function trace(matrix: Float64Array, n: number): number {
  let sum = 0;
  for (let i = 0; i < n; i += 1) sum += matrix[i * n + i]!;
  return sum;
}

/** Cholesky factor (lower, row-major) of the n × n block of UᵀU that starts at `from`. */
function inverseBlock(u: Float64Array, k: number, from: number, n: number): Float64Array {
  const block = new Float64Array(n * n);
  for (let row = 0; row <= from + n - 1; row += 1) {
    for (let i = 0; i < n; i += 1) {
      const a = u[row * k + from + i]!;
      if (a !== 0) for (let j = 0; j <= i; j += 1) block[i * n + j]! += a * u[row * k + from + j]!;
    }
  }
  for (let i = 0; i < n; i += 1) {
    for (let j = 0; j <= i; j += 1) {
      let sum = block[i * n + j]!;
      for (let p = 0; p < j; p += 1) sum -= block[i * n + p]! * block[j * n + p]!;
      block[i * n + j] = i === j ? Math.sqrt(Math.max(sum, 1e-30)) : sum / block[j * n + j]!;
    }
  }
  return block;
}

/** rᵀ B⁻¹ r with the Cholesky factor of B. */
function quadratic(factor: Float64Array, right: Float64Array): number {
  const n = right.length;
  let sum = 0;
  for (let i = 0; i < n; i += 1) {
    let value = right[i]!;
    for (let j = 0; j < i; j += 1) value -= factor[i * n + j]! * right[j]!;
    right[i] = value / factor[i * n + i]!;
    sum += right[i]! ** 2;
  }
  return sum;
}

/**
 * Scores every component. `energy` and `error` need Gram matrices (by node name); units whose readers have none are
 * scored by their weights.
 */
export async function scoreComponents(
  structure: Structure,
  kind: Importance,
  grams: ReadonlyMap<string, InputGram> | undefined,
  read: TensorReader,
  task: Task,
): Promise<Scores> {
  if ((kind !== 'energy' && kind !== 'error') || !grams)
    return weightScores(structure, kind === 'l1' || kind === 'bn-scale' ? kind : 'l2', read, task);
  const { scores, unmeasured } = await dataScores(structure, kind, grams, read, task);
  if (unmeasured.size > 0) {
    const spare = await weightScores(structure, 'l2', read, task);
    for (const unit of unmeasured) scores.set(unit, spare.get(unit)!);
  }
  return scores;
}
