// Removes nodes that no graph output depends on, and the value_info of values that nobody makes any more.

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

export const deadNodes: Pass = {
  name: 'dead nodes',
  run(model) {
    const live = liveNodes(model.graph);
    const values = new Set(
      model.graph.nodes.filter((node) => live.has(node)).flatMap((node) => node.outputs),
    );
    for (const input of model.graph.inputs) values.add(input.name);
    for (const tensor of model.graph.initializers) values.add(tensor.name);
    const stale = model.graph.valueInfo.some((info) => !values.has(info.name));
    if (live.size === model.graph.nodes.length && !stale) return { model, modified: false };
    const keep = model.graph.nodes.map((node) => live.has(node));
    const copy = cloneModel(model);
    copy.graph.nodes = copy.graph.nodes.filter((_, i) => keep[i]);
    copy.graph.valueInfo = copy.graph.valueInfo.filter((info) => values.has(info.name));
    return { model: copy, modified: true };
  },
};
