// Constant nodes become initializers of the same name, so that later passes see every constant in one place.
// 1. Constant with a tensor, numbers or one number → an initializer of its graph, bodies of If and Loop included.
// Strings and sparse values stay nodes; so do constants that are outputs of their graph.

import { cloneModel } from '../../ir/clone';
import { floatTensor, int64Tensor } from '../../ir/builder';
import { bodiesOf } from '../../ir/graphIndex';
import type { Graph, Node } from '../../ir/model';
import type { Tensor } from '../../ir/tensor';
import type { Pass } from '../pass';
import { isOp, removeNodes } from '../rewrite';

function tensorOf(node: Node, name: string): Tensor | undefined {
  for (const attribute of node.attributes) {
    if (attribute.name === 'value' && attribute.type === 'TENSOR') return { ...attribute.value, name };
    if (attribute.name === 'value_float' && attribute.type === 'FLOAT')
      return floatTensor(name, [], [attribute.value]);
    if (attribute.name === 'value_floats' && attribute.type === 'FLOATS')
      return floatTensor(name, [attribute.value.length], attribute.value);
    if (attribute.name === 'value_int' && attribute.type === 'INT')
      return int64Tensor(name, [], [attribute.value]);
    if (attribute.name === 'value_ints' && attribute.type === 'INTS')
      return int64Tensor(name, [attribute.value.length], attribute.value);
  }
  return undefined;
}

/** Moves the constants of a graph and of the bodies inside it; gives their number. */
function moveConstants(graph: Graph): number {
  const outputs = new Set(graph.outputs.map((output) => output.name));
  const gone = new Set<Node>();
  let inBodies = 0;
  for (const node of graph.nodes) {
    for (const body of bodiesOf(node)) inBodies += moveConstants(body);
    const name = node.outputs[0];
    if (!isOp(node, 'Constant') || name === undefined || outputs.has(name)) continue;
    const tensor = tensorOf(node, name);
    if (!tensor) continue;
    graph.initializers.push(tensor);
    gone.add(node);
  }
  removeNodes(graph, gone);
  return gone.size + inBodies;
}

export const constantsToInitializers: Pass = {
  name: 'constants to initializers',
  run(model) {
    const copy = cloneModel(model);
    if (moveConstants(copy.graph) === 0) return { model, modified: false };
    // Below IR version 4 an initializer had to be an input too.
    copy.irVersion = Math.max(copy.irVersion, 4);
    return { model: copy, modified: true };
  },
};
