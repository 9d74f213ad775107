// Everything about one node, the numbers included that have to be read for it.

import { describingNode, type NodeDescription } from '../analysis/nodeDetails';
import { quantizationGroup, type QuantizedValue } from '../analysis/quantizationGroup';
import type { ShapeInfo } from '../analysis/shapes';
import { breathing, type Task } from '../base/task';
import type { Model } from '../ir/model';
import { readFloats } from '../onnx/tensorData';

export type DescribedNode = NodeDescription & {
  /** How inputs and outputs are quantized; absent where none is. */
  quantization?: QuantizedValue[];
};

/** Describes the operator in a row of a graph. Throws badRequest for a scope or row that is not there. */
export async function describeNode(
  model: Model,
  scope: string | undefined,
  index: number,
  shapes: ShapeInfo | undefined,
  task: Task,
): Promise<DescribedNode> {
  const details = await breathing(describingNode(model, scope, index, shapes), task);
  const read = (tensor: Parameters<typeof readFloats>[0]) => readFloats(tensor, undefined, task);
  const quantization = await quantizationGroup(model, scope, index, read);
  return { ...details, ...(quantization.length === 0 ? {} : { quantization }) };
}
