// Multiplication of a layer's output by constants belongs into its weights.
// 1. Mul(layer(x), c) and Div(layer(x), c) → layer with weight and bias scaled, for Conv, ConvTranspose, Gemm and
//    MatMul with a FLOAT constant weight; c is one number, or one for each output channel along the channel axis.
// Left alone: outputs that somebody else reads, constants that would broadcast the result to a larger shape, and
// constants or products that are not finite. Products are taken in float64 and rounded once.

import { breathe, type Task } from '../../base/task';
import { DataType } from '../../ir/dataType';
import type { Node } from '../../ir/model';
import { elementCount, type Tensor } from '../../ir/tensor';
import type { Pass } from '../pass';
import { isOp } from '../rewrite';
import { floatsOf, withFloats, type TensorReader } from '../tensorReader';
import { channelsOf, isPerChannel } from './channels';
import { scopePass, type Scope } from './scope';

const floatConstant = (scope: Scope, name: string | undefined): Tensor | undefined => {
  const tensor = scope.constant(name);
  return tensor?.dataType === DataType.FLOAT ? tensor : undefined;
};

/** Rank of the layer's output and where its channels are; undefined when not known. */
function outputLayout(scope: Scope, layer: Node, weight: Tensor): { rank: number; axis: number } | undefined {
  if (isOp(layer, 'Gemm')) return { rank: 2, axis: 1 };
  if (!isOp(layer, 'MatMul')) return { rank: weight.dims.length, axis: 1 };
  const rank = scope.rank(layer.inputs[0]);
  return weight.dims.length === 2 && rank !== undefined && rank >= 2 ? { rank, axis: rank - 1 } : undefined;
}

async function scaleLayer(scope: Scope, layer: Node, op: Node, read: TensorReader): Promise<void> {
  const weight = floatConstant(scope, layer.inputs[1]);
  const factor = floatConstant(
    scope,
    op.inputs.find((name) => name !== layer.outputs[0]),
  );
  const layout = weight && outputLayout(scope, layer, weight);
  const channels = weight && channelsOf(layer, weight.dims);
  if (!weight || !factor || !layout || !channels) return;
  if (!isPerChannel(factor, layout.rank, layout.axis, channels.count)) return;
  const hasBias = !isOp(layer, 'MatMul') && (layer.inputs[2] ?? '') !== '';
  const bias = hasBias ? floatConstant(scope, layer.inputs[2]) : undefined;
  const biasCount = bias ? elementCount(bias.dims) : 0;
  // A bias of one number for all channels would have to become one for each.
  if (hasBias && (!bias || biasCount !== channels.count || bias.dims.at(-1) !== channels.count)) return;
  const given = Float64Array.from(await floatsOf(read, factor));
  const factors = isOp(op, 'Div') ? given.map((value) => 1 / value) : given;
  if (!factors.every(Number.isFinite)) return;
  const at = (channel: number) => factors[factors.length === 1 ? 0 : channel]!;
  const oldWeight = await floatsOf(read, weight);
  const scaled = oldWeight.map((value, i) => value * at(channels.of(i)));
  const oldBias = bias && (await floatsOf(read, bias));
  const scaledBias = oldBias?.map((value, channel) => value * at(channel));
  const finite = (values: Float32Array | undefined, before: Float32Array | undefined) =>
    values?.every((value, i) => Number.isFinite(value) || !Number.isFinite(before![i])) ?? true;
  if (!finite(scaled, oldWeight) || !finite(scaledBias, oldBias)) return;
  const inputs = [
    layer.inputs[0] ?? '',
    scope.changedConstant(weight, (name) => withFloats(weight, scaled, weight.dims, name)),
  ];
  if (bias && scaledBias)
    inputs.push(scope.changedConstant(bias, (name) => withFloats(bias, scaledBias, bias.dims, name)));
  scope.drop(op);
  scope.update(layer, { inputs, outputs: [op.outputs[0] ?? ''] });
}

/** Takes multiplications by constants into the layer before; `read` gives the weights. */
export const scaleIntoWeights = (read: TensorReader): Pass =>
  scopePass(
    'scale into weights',
    read,
    async (scope: Scope, task: Task) => {
      if (scope.opset < 7) return;
      for (const layer of scope.nodes()) {
        if (!isOp(layer, 'Conv', 'ConvTranspose', 'Gemm', 'MatMul')) continue;
        const op = scope.onlyReader(layer.outputs[0]);
        const divides = isOp(op, 'Div') && op.inputs[0] === layer.outputs[0];
        if (!op || !(isOp(op, 'Mul') || divides)) continue;
        await breathe(task);
        await scaleLayer(scope, layer, op, read);
      }
    },
    ['Mul', 'Div'],
  );
