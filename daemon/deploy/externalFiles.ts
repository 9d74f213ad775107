// Which other files a model's weights lie in: the locations of external data in every graph, body and function.

import type { Attribute, Graph, Model, Node } from '../ir/model';
import type { Tensor } from '../ir/tensor';

/** External data locations as the model states them, relative to its folder, each once, in order. */
export function externalFiles(model: Model): string[] {
  const found = new Set<string>();
  const tensor = (value: Tensor) => {
    if (value.storage.kind !== 'external') return;
    const location = value.storage.entries.find((entry) => entry.key === 'location')?.value;
    if (location !== undefined && location !== '') found.add(location);
  };
  const attribute = (value: Attribute) => {
    if (value.type === 'TENSOR') tensor(value.value);
    else if (value.type === 'TENSORS') value.value.forEach(tensor);
    else if (value.type === 'GRAPH') graph(value.value);
    else if (value.type === 'GRAPHS') value.value.forEach(graph);
    else if (value.type === 'SPARSE_TENSOR') sparse(value.value);
    else if (value.type === 'SPARSE_TENSORS') value.value.forEach(sparse);
  };
  const sparse = (value: { values: Tensor; indices: Tensor }) => {
    tensor(value.values);
    tensor(value.indices);
  };
  const nodes = (list: readonly Node[]) => list.forEach((node) => node.attributes.forEach(attribute));
  const graph = (value: Graph) => {
    value.initializers.forEach(tensor);
    value.sparseInitializers.forEach(sparse);
    nodes(value.nodes);
  };
  graph(model.graph);
  for (const body of model.functions) nodes(body.nodes);
  return [...found];
}
