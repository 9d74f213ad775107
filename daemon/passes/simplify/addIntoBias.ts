// A constant that is added to a layer's output belongs into its bias: some exporters write biases that way, and
// quantizing wants them inside.
// 1. Add(layer(x), c), Add(c, layer(x)) and Sub(layer(x), c) → layer with bias, for Conv, ConvTranspose and Gemm
//    with a FLOAT constant weight and a bias that is absent or a FLOAT constant; c is one number, or one for each
//    output channel along the channel axis.
// Left alone: outputs that somebody else reads, constants that would broadcast the result to a larger shape, and
// a Gemm whose bias has a factor beta or is not one number for each column.

import { breathe } from '../../base/task';
import { floatAttribute } from '../../ir/attributes';
import { floatTensor } from '../../ir/builder';
import { DataType } from '../../ir/dataType';
import type { Node } from '../../ir/model';
import { elementCount, type Tensor } from '../../ir/tensor';
import type { Pass } from '../pass';
import { isOp } from '../rewrite';
import { floatsOf, type TensorReader } from '../tensorReader';
import { channelsOf, isPerChannel } from './channels';
import { scopePass, type Scope } from './scope';

async function moveIntoBias(scope: Scope, layer: Node, op: Node, read: TensorReader): Promise<void> {
  const float = (name: string | undefined): Tensor | undefined => {
    const tensor = scope.constant(name);
    return tensor?.dataType === DataType.FLOAT ? tensor : undefined;
  };
  const weight = float(layer.inputs[1]);
  const addend = float(op.inputs.find((name) => name !== layer.outputs[0]));
  const count = weight && channelsOf(layer, weight.dims)?.count;
  if (!weight || !addend || count === undefined) return;
  const rank = isOp(layer, 'Gemm') ? 2 : weight.dims.length;
  if (!isPerChannel(addend, rank, 1, count)) return;
  const oldName = layer.inputs[2] ?? '';
  const old = float(oldName);
  if (oldName !== '' && (!old || elementCount(old.dims) !== count || old.dims.at(-1) !== count)) return;
  if (isOp(layer, 'Gemm') && oldName !== '' && floatAttribute(layer, 'beta', 1) !== 1) return;
  const added = await floatsOf(read, addend);
  const before = old && (await floatsOf(read, old));
  const sign = isOp(op, 'Sub') ? -1 : 1;
  const bias = Float32Array.from(
    { length: count },
    (_, c) => (before?.[c] ?? 0) + sign * added[added.length === 1 ? 0 : c]!,
  );
  const name = scope.addConstant(`${addend.name}_bias`, (tensor) => floatTensor(tensor, [count], bias));
  scope.drop(op);
  scope.update(layer, {
    inputs: [layer.inputs[0] ?? '', weight.name, name],
    outputs: [op.outputs[0] ?? ''],
    attributes: layer.attributes.filter((each) => each.name !== 'beta'),
  });
}

/** Moves constants that are added after a layer into its bias; `read` gives the weights. */
export const addIntoBias = (read: TensorReader): Pass =>
  scopePass(
    'add into bias',
    read,
    async (scope, task) => {
      // Before opset 7 an attribute said how the operands of Add are lined up.
      if (scope.opset > 0 && scope.opset < 7) return;
      for (const layer of scope.nodes()) {
        if (!isOp(layer, 'Conv', 'ConvTranspose', 'Gemm')) continue;
        const op = scope.onlyReader(layer.outputs[0]);
        const subtracts = isOp(op, 'Sub') && op.inputs[0] === layer.outputs[0];
        if (!op || !(isOp(op, 'Add') || subtracts)) continue;
        await breathe(task);
        await moveIntoBias(scope, layer, op, read);
      }
    },
    ['Add', 'Sub'],
  );
