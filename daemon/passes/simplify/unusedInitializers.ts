// Removes initializers that nothing reads, in the main graph and in bodies. One that is also a graph input stays:
// it is part of the interface.

import { cloneModel } from '../../ir/clone';
import { bodiesOf, indexGraph } from '../../ir/graphIndex';
import type { Graph } from '../../ir/model';
import type { Pass } from '../pass';

/** Cleans the bodies first: what only they read of the graph around them may be unused then. */
function clean(graph: Graph): boolean {
  let changed = false;
  for (const node of graph.nodes) for (const body of bodiesOf(node)) changed = clean(body) || changed;
  const index = indexGraph(graph);
  const used = ({ name }: { name: string }) =>
    index.consumers.has(name) || index.graphOutputs.has(name) || index.graphInputs.has(name);
  if (graph.initializers.every(used)) return changed;
  graph.initializers = graph.initializers.filter(used);
  return true;
}

export const unusedInitializers: Pass = {
  name: 'unused initializers',
  run(model) {
    const copy = cloneModel(model);
    return clean(copy.graph) ? { model: copy, modified: true } : { model, modified: false };
  },
};
