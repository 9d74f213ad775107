// Rounding weights with the data in mind, and the bias that makes up for what rounding moves. Both work from the
// second moments of what a layer reads (daemon/runtime/calibrate/gram.ts), so that nothing has to be run. Sources: Nagel et al.,
// Data-Free Quantization, 2019, §4.2 (bias correction), and Up or Down?, 2020, whose layer loss is minimised here by
// coordinate descent on the Gram matrix instead of by gradients.

import { breathe, type Task } from '../../base/task';
import { cloneModel } from '../../ir/clone';
import { DataType } from '../../ir/dataType';
import { indexGraph } from '../../ir/graphIndex';
import type { Model } from '../../ir/model';
import { elementCount } from '../../ir/tensor';
import type { Pass, PassResult } from '../pass';
import { nameOf } from '../quantize/outcome';
import { rint, symmetricInt8Range, type IntegerRange } from '../quantize/params';
import { quantizeWeight, weightScales } from '../quantize/weights';
import { constantTensors, isOp, onlyConsumer } from '../rewrite';
import type { TensorReader } from '../tensorReader';
import { layersOf, Weights, type Layer } from './layers';

/** Σ x xᵀ and the mean of the rows x that a layer multiplies, in the order of its weight. */
export interface Moments {
  readonly k: number;
  readonly groups: number;
  readonly rows: number;
  /** groups × k × k, row-major. */
  readonly gram: Float64Array;
  /** groups × k. */
  readonly mean: Float64Array;
}

export interface RoundingOptions {
  /** By node name; layers without moments are left alone. */
  readonly moments: ReadonlyMap<string, Moments>;
  /** The integers that weights will have; [−127, 127] when absent. */
  readonly integers?: IntegerRange | undefined;
  /** One scale for a whole weight instead of one for each output channel. */
  readonly perTensor?: boolean | undefined;
  /** Names of layers that stay float. */
  readonly exclude?: ReadonlySet<string> | undefined;
}

export interface RecoverOutcome extends PassResult {
  /** Layers that were changed, by node name. */
  readonly layers: readonly string[];
}

/** Full sweeps over the weights of a channel; nearly all flips come in the first two. */
const mostSweeps = 8;

function chosen(model: Model, { moments, exclude }: RoundingOptions): { layer: Layer; moments: Moments }[] {
  return layersOf(model).flatMap((layer) => {
    const name = nameOf(layer.node);
    const found = moments.get(name);
    const fits = found?.k === layer.k && found.groups === layer.groups;
    return fits && !exclude?.has(name) ? [{ layer, moments: found }] : [];
  });
}

/** Scales and nearest integers of a weight, as quantizeStatic will choose them. */
async function nearest(layer: Layer, values: Float32Array, options: RoundingOptions, task: Task) {
  const { dims } = layer.weight;
  const axis = options.perTensor === true ? undefined : layer.axis;
  const integers = options.integers ?? symmetricInt8Range;
  const scales = await weightScales(values, dims, axis, task, integers);
  if (!scales) return undefined;
  const rounded = await quantizeWeight(values, dims, axis, scales, task, integers);
  return { rounded, scaleOf: (output: number) => scales[scales.length === 1 ? 0 : output]!, integers };
}

/** What the outputs lose on average: Σ (w − ŵ) · mean, for each output channel. */
async function lostMean(
  layer: Layer,
  before: Float32Array,
  after: (at: number, output: number) => number,
  mean: Float64Array,
  task: Task,
) {
  const perGroup = layer.outputs / layer.groups;
  const lost = new Float64Array(layer.outputs);
  for (let output = 0; output < layer.outputs; output += 1) {
    await breathe(task);
    const from = Math.floor(output / perGroup) * layer.k;
    let sum = 0;
    for (let k = 0; k < layer.k; k += 1) {
      const at = layer.at(output, k);
      sum += (before[at]! - after(at, output)) * mean[from + k]!;
    }
    lost[output] = sum;
  }
  return lost;
}

/** The bias that a layer adds, to change in place: its own, or the constant of the Add behind a MatMul. */
async function biasOf(layer: Layer, model: Model, weights: Weights): Promise<Float32Array | undefined> {
  if (!isOp(layer.node, 'MatMul')) return weights.bias(layer);
  const add = onlyConsumer(layer.node.outputs[0] ?? '', indexGraph(model.graph));
  if (!isOp(add, 'Add')) return undefined;
  const constants = constantTensors(model.graph);
  const position = add.inputs.findIndex((name) => {
    const tensor = constants.get(name);
    return (
      tensor?.dataType === DataType.FLOAT &&
      elementCount(tensor.dims) === layer.outputs &&
      tensor.dims.at(-1) === layer.outputs
    );
  });
  return position < 0 ? undefined : weights.of(add, position);
}

function addTo(bias: Float32Array, shift: Float64Array): boolean {
  if (!shift.every(Number.isFinite)) return false;
  for (const [channel, value] of shift.entries()) bias[channel]! += value;
  return true;
}

/** Adds given amounts to the biases of layers, by node name and output channel. */
export const shiftBiases = (
  read: TensorReader,
  shifts: ReadonlyMap<string, Float64Array>,
): Pass<RecoverOutcome> => ({
  name: 'shift biases',
  async run(model, task) {
    const copy = cloneModel(model);
    const weights = new Weights(copy, read);
    const layers: string[] = [];
    for (const layer of layersOf(copy)) {
      await breathe(task);
      const shift = shifts.get(nameOf(layer.node));
      if (shift?.length !== layer.outputs) continue;
      const bias = await biasOf(layer, copy, weights);
      if (bias && addTo(bias, shift)) layers.push(nameOf(layer.node));
    }
    return finished(model, copy, weights, layers);
  },
});

/**
 * Fast bias correction: the mean that rounding the weights to the nearest integer takes from each output channel is
 * given back by the bias. The float model changes; its quantized form comes nearer to what it was.
 */
export const biasCorrect = (read: TensorReader, options: RoundingOptions): Pass<RecoverOutcome> => ({
  name: 'bias correction',
  async run(model, task) {
    const copy = cloneModel(model);
    const weights = new Weights(copy, read);
    const layers: string[] = [];
    for (const { layer, moments } of chosen(copy, options)) {
      const values = await weights.of(layer.node, 1);
      const result = await nearest(layer, values, options, task);
      const bias = result && (await biasOf(layer, copy, weights));
      if (!bias) continue;
      const { rounded, scaleOf } = result;
      const after = (at: number, output: number) => rounded[at]! * scaleOf(output);
      const lost = await lostMean(layer, values, after, moments.mean, task);
      if (addTo(bias, lost)) layers.push(nameOf(layer.node));
    }
    return finished(model, copy, weights, layers);
  },
});

/**
 * Chooses for every weight whether it is rounded up or down so that the layer's output changes least over the data,
 * and leaves the chosen values, which lie on the grid that quantizing will use, as float weights. With
 * `correctBias`, the mean is given back by the bias and only the rest is minimised.
 */
export const roundByData = (
  read: TensorReader,
  options: RoundingOptions & { readonly correctBias?: boolean | undefined },
): Pass<RecoverOutcome> => ({
  name: 'rounding by data',
  async run(model, task) {
    const copy = cloneModel(model);
    const weights = new Weights(copy, read);
    const layers: string[] = [];
    const all = chosen(copy, options);
    for (const [done, { layer, moments }] of all.entries()) {
      task.report({ stage: 'Rounding by data', done, total: all.length });
      const values = await weights.of(layer.node, 1);
      const before = Float32Array.from(values);
      const result = await nearest(layer, values, options, task);
      if (!result) continue;
      const bias = options.correctBias === true ? await biasOf(layer, copy, weights) : undefined;
      const { rounded, scaleOf, integers } = result;
      const perGroup = layer.outputs / layer.groups;
      const matrices = Array.from({ length: layer.groups }, (_, group) =>
        matrixOf(moments, group, bias !== undefined),
      );
      for (let output = 0; output < layer.outputs; output += 1) {
        await breathe(task);
        descend(
          layer,
          output,
          before,
          rounded,
          scaleOf(output),
          integers,
          matrices[Math.floor(output / perGroup)]!,
        );
        const scale = scaleOf(output);
        for (let k = 0; k < layer.k; k += 1) {
          const at = layer.at(output, k);
          values[at] = rounded[at]! * scale;
        }
      }
      if (bias) addTo(bias, await lostMean(layer, before, (at) => values[at]!, moments.mean, task));
      layers.push(nameOf(layer.node));
    }
    return finished(model, copy, weights, layers);
  },
});

/** One group's Gram matrix; of deviations from the mean when a bias takes the mean. */
function matrixOf({ k, rows, gram, mean }: Moments, group: number, centred: boolean): Float64Array {
  const own = gram.slice(group * k * k, (group + 1) * k * k);
  if (!centred) return own;
  const average = mean.subarray(group * k, (group + 1) * k);
  for (let i = 0; i < k; i += 1)
    for (let j = 0; j < k; j += 1) own[i * k + j]! -= rows * average[i]! * average[j]!;
  return own;
}

/** Moves single integers of one output channel by one step while (w − ŵ)ᵀ G (w − ŵ) falls. */
function descend(
  layer: Layer,
  output: number,
  exact: Float32Array,
  rounded: { [at: number]: number },
  scale: number,
  { min, max }: IntegerRange,
  gram: Float64Array,
): void {
  const { k: size } = layer;
  const error = Float64Array.from({ length: size }, (_, k) => {
    const at = layer.at(output, k);
    return exact[at]! - rounded[at]! * scale;
  });
  const slope = new Float64Array(size);
  for (let i = 0; i < size; i += 1) {
    let sum = 0;
    for (let j = 0; j < size; j += 1) sum += gram[i * size + j]! * error[j]!;
    slope[i] = sum;
  }
  for (let sweep = 0; sweep < mostSweeps; sweep += 1) {
    let flips = 0;
    for (let k = 0; k < size; k += 1) {
      const at = layer.at(output, k);
      const q = rounded[at]!;
      // The largest weight sets the scale: moved, it would move all the others.
      if (q <= min || q >= max) continue;
      const step = error[k]! > 0 ? scale : -scale;
      const change = step * step * gram[k * size + k]! - 2 * step * slope[k]!;
      // What rounding errors of the sums could explain is no gain.
      if (!(change < -1e-9 * Math.abs(step * slope[k]!))) continue;
      rounded[at] = rint(q + Math.sign(step));
      error[k]! -= step;
      for (let j = 0; j < size; j += 1) slope[j]! -= step * gram[k * size + j]!;
      flips += 1;
    }
    if (flips === 0) return;
  }
}

function finished(model: Model, copy: Model, weights: Weights, layers: readonly string[]): RecoverOutcome {
  if (layers.length === 0) return { model, modified: false, layers };
  weights.finish();
  return { model: copy, modified: true, layers };
}
