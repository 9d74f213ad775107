// Every tensor of a model, wherever it stands.

import type { Attribute, Graph, Model, Node } from '../ir/model';
import type { SparseTensor, Tensor } from '../ir/tensor';

export interface PlacedTensor {
  readonly tensor: Tensor;
  /** Initializers may be moved to a data file without harm; of tensors in attributes, runtimes ask more. */
  readonly isInitializer: boolean;
}

/** All tensors, inner graphs, functions and training graphs included; no recursion. */
export function* modelTensors(model: Model): Generator<PlacedTensor, void, undefined> {
  const graphs: Graph[] = [model.graph];
  for (const info of model.trainingInfo) {
    if (info.initialization) graphs.push(info.initialization);
    if (info.algorithm) graphs.push(info.algorithm);
  }
  for (const definition of model.functions) {
    for (const attribute of definition.attributeDefaults) yield* attributeTensors(attribute, graphs);
    for (const node of definition.nodes) yield* nodeTensors(node, graphs);
  }
  for (let index = 0; index < graphs.length; index += 1) {
    const graph = graphs[index]!;
    for (const tensor of graph.initializers) yield { tensor, isInitializer: true };
    for (const sparse of graph.sparseInitializers) yield* sparseTensors(sparse);
    for (const node of graph.nodes) yield* nodeTensors(node, graphs);
  }
}

function* nodeTensors(node: Node, graphs: Graph[]): Generator<PlacedTensor, void, undefined> {
  for (const attribute of node.attributes) yield* attributeTensors(attribute, graphs);
}

function* sparseTensors(sparse: SparseTensor): Generator<PlacedTensor, void, undefined> {
  yield { tensor: sparse.values, isInitializer: false };
  yield { tensor: sparse.indices, isInitializer: false };
}

function* attributeTensors(attribute: Attribute, graphs: Graph[]): Generator<PlacedTensor, void, undefined> {
  switch (attribute.type) {
    case 'TENSOR':
      yield { tensor: attribute.value, isInitializer: false };
      break;
    case 'TENSORS':
      for (const tensor of attribute.value) yield { tensor, isInitializer: false };
      break;
    case 'SPARSE_TENSOR':
      yield* sparseTensors(attribute.value);
      break;
    case 'SPARSE_TENSORS':
      for (const sparse of attribute.value) yield* sparseTensors(sparse);
      break;
    case 'GRAPH':
      graphs.push(attribute.value);
      break;
    case 'GRAPHS':
      graphs.push(...attribute.value);
      break;
    default:
  }
}
