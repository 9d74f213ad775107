// Folds BatchNormalization into the Conv, ConvTranspose or Gemm before it:
// 1. y = s·(Wx + b − mean) + beta with s = gamma / sqrt(var + epsilon) → a layer with weights s·W and bias
//    s·(b − mean) + beta, computed in float64.
// Left alone: BatchNormalization in training form (training_mode, or used statistics outputs), weights that are
// not FLOAT constants, outputs that somebody else reads too, and operator sets below 7, where an attribute said
// whether it is a test run.

import { breathe } from '../../base/task';
import { floatAttribute, intAttribute } from '../../ir/attributes';
import { floatTensor } from '../../ir/builder';
import { DataType } from '../../ir/dataType';
import type { Node } from '../../ir/model';
import { elementCount, type Tensor } from '../../ir/tensor';
import type { Pass } from '../pass';
import { isOp } from '../rewrite';
import { floatsOf, withFloats, type TensorReader } from '../tensorReader';
import { channelsOf, type Channels } from './channels';
import { scopePass, type Scope } from './scope';

interface Fold {
  readonly layer: Node;
  readonly norm: Node;
  readonly channels: Channels;
  readonly weight: Tensor;
  readonly bias: Tensor | undefined;
  readonly statistics: readonly Tensor[];
}

function foldOf(scope: Scope, norm: Node): Fold | undefined {
  const floatConstant = (name: string | undefined, elements?: number) => {
    const tensor = scope.constant(name);
    if (tensor?.dataType !== DataType.FLOAT) return undefined;
    return elements === undefined || elementCount(tensor.dims) === elements ? tensor : undefined;
  };
  const layer = scope.producer(norm.inputs[0]);
  if (!isOp(layer, 'Conv', 'ConvTranspose', 'Gemm')) return undefined;
  if (scope.onlyReader(layer.outputs[0]) !== norm) return undefined;
  // Statistics of the batch, not of training: folding would change the result.
  const unusedExtras = norm.outputs.slice(1).every((name) => scope.isUnused(name));
  if (intAttribute(norm, 'training_mode', 0) !== 0 || (scope.opset < 14 && norm.outputs.length > 1))
    return undefined;
  if (!unusedExtras || intAttribute(norm, 'spatial', 1) === 0) return undefined;
  const weight = floatConstant(layer.inputs[1]);
  const channels = weight && channelsOf(layer, weight.dims);
  if (!weight || !channels) return undefined;
  const statistics = norm.inputs.slice(1, 5).map((name) => floatConstant(name, channels.count));
  const hasBias = (layer.inputs[2] ?? '') !== '';
  const bias = hasBias ? floatConstant(layer.inputs[2], channels.count) : undefined;
  if (hasBias && !bias) return undefined;
  if (statistics.length !== 4 || !statistics.every((tensor) => tensor !== undefined)) return undefined;
  return { layer, norm, channels, weight, bias, statistics };
}

async function fold(scope: Scope, found: Fold, read: TensorReader): Promise<void> {
  const { layer, norm, channels, weight, bias, statistics } = found;
  const [gamma, beta, mean, variance] = (await Promise.all(
    statistics.map((tensor) => floatsOf(read, tensor)),
  )) as [Float32Array, Float32Array, Float32Array, Float32Array];
  const epsilon = floatAttribute(norm, 'epsilon', 1e-5);
  const factor = Float64Array.from(gamma, (value, c) => value / Math.sqrt(variance[c]! + epsilon));
  const oldBias = bias ? await floatsOf(read, bias) : undefined;
  const betaFactor = isOp(layer, 'Gemm') ? floatAttribute(layer, 'beta', 1) : 1;
  const newBias = Float32Array.from(
    factor,
    (s, c) => s * ((oldBias?.[c] ?? 0) * betaFactor - mean[c]!) + beta[c]!,
  );
  const oldWeight = await floatsOf(read, weight);
  const newWeight = new Float32Array(oldWeight.length);
  for (let i = 0; i < oldWeight.length; i += 1) newWeight[i] = oldWeight[i]! * factor[channels.of(i)]!;
  const dims = [channels.count];
  const weightName = scope.changedConstant(weight, (name) =>
    withFloats(weight, newWeight, weight.dims, name),
  );
  const biasName = bias
    ? scope.changedConstant(bias, (name) => withFloats(bias, newBias, dims, name))
    : scope.addConstant(`${weight.name}_bias`, (name) => floatTensor(name, dims, newBias));
  scope.drop(norm);
  scope.update(layer, {
    inputs: [layer.inputs[0] ?? '', weightName, biasName],
    outputs: [norm.outputs[0] ?? ''],
    attributes: isOp(layer, 'Gemm')
      ? layer.attributes.filter(({ name }) => name !== 'beta')
      : layer.attributes,
  });
}

/** Folds BatchNormalization into the layer before it; `read` gives the weights. */
export const foldBatchNorm = (read: TensorReader): Pass =>
  scopePass(
    'fold batch normalization',
    read,
    async (scope, task) => {
      if (scope.opset < 7) return;
      for (const norm of scope.nodes()) {
        const found = isOp(norm, 'BatchNormalization') ? foldOf(scope, norm) : undefined;
        if (!found) continue;
        await breathe(task);
        await fold(scope, found, read);
      }
    },
    ['BatchNormalization'],
  );
