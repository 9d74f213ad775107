// Nodes that nothing depends on:
// 1. A node none of whose outputs reaches an output of its graph goes; first in the main graph, then in bodies.
// 2. value_info of values that nobody makes any more goes.

import { cloneModel } from '../../ir/clone';
import { bodiesOf, capturedValues } from '../../ir/graphIndex';
import type { Graph, Node } from '../../ir/model';
import type { Pass } from '../pass';

function liveNodes(graph: Graph): Set<Node> {
  const producer = new Map<string, Node>();
  for (const node of graph.nodes) for (const output of node.outputs) if (output) producer.set(output, node);
  const live = new Set<Node>();
  const pending = graph.outputs.map((output) => output.name);
  for (let value = pending.pop(); value !== undefined; value = pending.pop()) {
    const node = producer.get(value);
    if (!node || live.has(node)) continue;
    live.add(node);
    pending.push(...node.inputs);
    for (const body of bodiesOf(node)) pending.push(...capturedValues(body));
  }
  return live;
}

/** Cleans a graph and the bodies that stay in it; true when something went. */
function clean(graph: Graph): boolean {
  const live = liveNodes(graph);
  let changed = live.size !== graph.nodes.length;
  if (changed) graph.nodes = graph.nodes.filter((node) => live.has(node));
  const values = new Set(graph.nodes.flatMap((node) => node.outputs));
  for (const input of graph.inputs) values.add(input.name);
  for (const tensor of graph.initializers) values.add(tensor.name);
  const described = graph.valueInfo.filter((info) => values.has(info.name));
  changed ||= described.length !== graph.valueInfo.length;
  graph.valueInfo = described;
  let inBodies = false;
  for (const node of graph.nodes) for (const body of bodiesOf(node)) inBodies = clean(body) || inBodies;
  // What only a body's dead node captured may be dead now.
  if (inBodies) clean(graph);
  return changed || inBodies;
}

export const deadNodes: Pass = {
  name: 'dead nodes',
  run(model) {
    const copy = cloneModel(model);
    return clean(copy.graph) ? { model: copy, modified: true } : { model, modified: false };
  },
};
