// FLOAT constants in one form before conversion: Constant nodes become initializers of their graph, bodies
// included, because an initializer can be made in two types at no cost at run time.

import { floatTensor } from '../../ir/builder';
import { cloneModel } from '../../ir/clone';
import { DataType } from '../../ir/dataType';
import { bodiesOf } from '../../ir/graphIndex';
import type { Graph, Model, Node } from '../../ir/model';
import type { Tensor } from '../../ir/tensor';
import { isOp, removeNodes } from '../rewrite';

function floatConstant(node: Node): Tensor | undefined {
  const name = node.outputs[0] ?? '';
  for (const attribute of node.attributes) {
    if (attribute.refAttrName !== undefined) return undefined;
    if (attribute.name === 'value' && attribute.type === 'TENSOR')
      return attribute.value.dataType === DataType.FLOAT ? { ...attribute.value, name } : undefined;
    if (attribute.name === 'value_float' && attribute.type === 'FLOAT')
      return floatTensor(name, [], [attribute.value]);
    if (attribute.name === 'value_floats' && attribute.type === 'FLOATS')
      return floatTensor(name, [attribute.value.length], attribute.value);
  }
  return undefined;
}

function move(graph: Graph): void {
  const outputs = new Set(graph.outputs.map((output) => output.name));
  const gone = new Set<Node>();
  for (const node of graph.nodes) {
    for (const body of bodiesOf(node)) move(body);
    const name = node.outputs[0];
    if (!isOp(node, 'Constant') || name === undefined || outputs.has(name)) continue;
    const tensor = floatConstant(node);
    if (!tensor) continue;
    graph.initializers.push(tensor);
    gone.add(node);
  }
  removeNodes(graph, gone);
}

/** A copy of the model whose FLOAT Constant nodes are initializers. */
export function constantsEverywhere(model: Model): Model {
  const copy = cloneModel(model);
  move(copy.graph);
  return copy;
}
