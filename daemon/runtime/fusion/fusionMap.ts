// Which nodes of the optimised graph do the work of which nodes of the model that it was made from. Fusions
// keep the names of the values that leave them, so what lies between those names is what was fused.

import type { Graph, Node } from '../../ir/model';
import { indexGraph, type GraphIndex } from '../../ir/graphIndex';
import { givesIntegers, isIntegerOp } from './fusionOps';

/** Nodes that the walk from `outputs` back to values of `boundary` passes, nearest first. */
export function regionBehind(
  index: GraphIndex,
  outputs: readonly string[],
  boundary: (value: string) => boolean,
): Node[] {
  const region = new Set<Node>();
  const queue = [...outputs];
  const seen = new Set(queue);
  for (let value = queue.shift(); value !== undefined; value = queue.shift()) {
    const producer = index.producer.get(value);
    if (!producer || region.has(producer)) continue;
    region.add(producer);
    for (const input of producer.inputs) {
      if (input === '' || seen.has(input) || boundary(input)) continue;
      seen.add(input);
      queue.push(input);
    }
  }
  return [...region];
}

/** For each node of the model as it was given to ONNX Runtime, the nodes of the optimised graph that cover it. */
export function coverOf(given: Graph, givenIndex: GraphIndex, optimised: Graph): Map<Node, Node[]> {
  const kept = new Set<string>();
  for (const node of optimised.nodes)
    for (const output of node.outputs) kept.add(ownName(output, givenIndex));
  for (const input of optimised.inputs) kept.add(input.name);
  for (const tensor of optimised.initializers) kept.add(tensor.name);
  const byName = new Map<string, Node | undefined>();
  for (const node of given.nodes) {
    // A name that two nodes have tells nothing.
    if (node.name !== '') byName.set(node.name, byName.has(node.name) ? undefined : node);
  }
  const cover = new Map<Node, Node[]>();
  const add = (covered: Node, by: Node) => {
    const list = cover.get(covered);
    if (!list) cover.set(covered, [by]);
    else if (!list.includes(by)) list.push(by);
  };
  for (const node of optimised.nodes) {
    const outputs = node.outputs.map((output) => ownName(output, givenIndex));
    for (const covered of regionBehind(givenIndex, outputs, (value) => kept.has(value))) add(covered, node);
    const named = byName.get(node.name);
    if (named) add(named, node);
  }
  return cover;
}

/** The name in the given model of a value that ONNX Runtime moved a quantize step across. */
function ownName(value: string, given: GraphIndex): string {
  if (given.producer.has(value)) return value;
  const plain = value.replace(/_token_\d+$/, '');
  if (given.producer.has(plain)) return plain;
  const moved = plain.replace(/_(?:pre_q|q_to_dq|post_dq)$/, '');
  return given.producer.has(moved) ? moved : value;
}

/** The nodes of the optimised graph that compute in integers. */
export function integerNodes(optimised: Graph): Set<Node> {
  const index = indexGraph(optimised);
  const eightBit = new Set<string>();
  for (const value of [...optimised.inputs, ...optimised.valueInfo]) {
    if (value.type?.kind === 'tensor' && isEightBit(value.type.elemType)) eightBit.add(value.name);
  }
  for (const tensor of optimised.initializers) if (isEightBit(tensor.dataType)) eightBit.add(tensor.name);
  const integer = new Set<Node>();
  for (const node of optimised.nodes) {
    const [first] = node.inputs;
    const passes =
      first !== undefined &&
      eightBit.has(first) &&
      !['DequantizeLinear', 'QuantizeLinear', 'Cast', 'Shape'].includes(node.opType) &&
      !isIntegerOp(node.opType);
    if (isIntegerOp(node.opType) || passes) integer.add(node);
    // Nodes stand in topological order, so what a node passes on is known before it is asked for.
    if (givesIntegers(node.opType, node.inputs) || passes) {
      for (const output of node.outputs) if (index.producer.has(output)) eightBit.add(output);
    }
  }
  return integer;
}

const isEightBit = (type: number) => type === 2 || type === 3;
