// Removes nodes that give their input back: Identity, and Dropout as it behaves outside of training.
// A node between a graph input (or a constant) and a graph output stays: both names are the model's interface.

import { intAttribute } from '../../ir/attributes';
import { cloneModel } from '../../ir/clone';
import { indexGraph, type GraphIndex } from '../../ir/graphIndex';
import type { Node } from '../../ir/model';
import type { Pass } from '../pass';
import { isOp, removeNodes, replaceUses, standardOpset } from '../rewrite';

function givesItsInput(node: Node, index: GraphIndex, opset: number): boolean {
  if (isOp(node, 'Identity')) return true;
  if (!isOp(node, 'Dropout')) return false;
  // Before opset 7 an attribute said whether it is a test run; from 12 on an optional input does.
  if (opset < 7 && intAttribute(node, 'is_test', 0) === 0) return false;
  if ((node.inputs[2] ?? '') !== '') return false;
  const mask = node.outputs[1] ?? '';
  return mask === '' || (!index.consumers.has(mask) && !index.graphOutputs.has(mask));
}

export const removeIdentity: Pass = {
  name: 'remove identity',
  run(model) {
    const copy = cloneModel(model);
    const { graph } = copy;
    const index = indexGraph(graph);
    const opset = standardOpset(model);
    const gone = new Set<Node>();
    const renames = new Map<string, string>();
    /** Values that took over the name of a graph output. */
    const renamed = new Set<string>();
    const resolve = (value: string) => {
      let found = value;
      for (let next = renames.get(found); next !== undefined; next = renames.get(found)) found = next;
      return found;
    };
    for (const node of graph.nodes) {
      const output = node.outputs[0] ?? '';
      const input = resolve(node.inputs[0] ?? '');
      if (input === '' || output === '' || !givesItsInput(node, index, opset)) continue;
      if (!index.graphOutputs.has(output)) {
        renames.set(output, input);
        gone.add(node);
        continue;
      }
      const producer = index.producer.get(input);
      if (!producer || index.graphOutputs.has(input) || renamed.has(input)) continue;
      producer.outputs = producer.outputs.map((name) => (name === input ? output : name));
      renames.set(input, output);
      renamed.add(output);
      gone.add(node);
    }
    if (gone.size === 0) return { model, modified: false };
    removeNodes(graph, gone);
    replaceUses(graph.nodes, renames);
    return { model: copy, modified: true };
  },
};
