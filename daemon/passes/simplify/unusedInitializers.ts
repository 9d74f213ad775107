// Removes initializers that nothing reads. One that is also a graph input stays: it is part of the interface.

import { cloneModel } from '../../ir/clone';
import { indexGraph } from '../../ir/graphIndex';
import type { Pass } from '../pass';

export const unusedInitializers: Pass = {
  name: 'unused initializers',
  run(model) {
    const index = indexGraph(model.graph);
    const used = ({ name }: { name: string }) =>
      index.consumers.has(name) || index.graphOutputs.has(name) || index.graphInputs.has(name);
    if (model.graph.initializers.every(used)) return { model, modified: false };
    const copy = cloneModel(model);
    copy.graph.initializers = copy.graph.initializers.filter(used);
    return { model: copy, modified: true };
  },
};
