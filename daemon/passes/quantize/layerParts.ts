// A layer's weight and bias as numbers, with the factors that a Gemm may have in them: the integer kernels take none.

import { findAttribute, floatAttribute } from '../../ir/attributes';
import { DataType } from '../../ir/dataType';
import type { Node } from '../../ir/model';
import type { Tensor } from '../../ir/tensor';
import { isOp } from '../rewrite';
import { floatsOf, type TensorReader } from '../tensorReader';

/** Equal keys mean equal integers: the same tensor along the same axis with the same factor. */
export const weightKey = (node: Node, axis: number | undefined) =>
  `${axis ?? ''}:${gemmFactor(node, 'alpha')}:${node.inputs[1] ?? ''}`;

const gemmFactor = (node: Node, name: 'alpha' | 'beta') =>
  isOp(node, 'Gemm') && findAttribute(node, name) ? floatAttribute(node, name, 1) : 1;

export class LayerParts {
  constructor(
    private readonly constants: ReadonlyMap<string, Tensor>,
    private readonly read: TensorReader,
  ) {}

  /** A layer's weight with Gemm's alpha in it: the integer kernel takes no factor. */
  async weightValues(node: Node): Promise<Float32Array> {
    const values = await floatsOf(this.read, this.constants.get(node.inputs[1]!)!);
    const alpha = gemmFactor(node, 'alpha');
    return alpha === 1 ? values : values.map((value) => value * alpha);
  }

  /** A layer's constant float bias with Gemm's beta in it. */
  async biasValues(node: Node): Promise<Float32Array | undefined> {
    const tensor = isOp(node, 'MatMul') ? undefined : this.constants.get(node.inputs[2] ?? '');
    if (tensor?.dataType !== DataType.FLOAT) return undefined;
    const values = await floatsOf(this.read, tensor);
    const beta = gemmFactor(node, 'beta');
    return beta === 1 ? values : values.map((value) => value * beta);
  }
}
