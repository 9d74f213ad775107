// What the file itself states of the values of one graph: types of inputs, outputs, initializers and value_info, and
// the numbers of small initializers. The shape of what inferredAt.ts gives, without inferring: for a first picture of
// a very large graph.

import { eachInSteps, type Steps } from '../base/task';
import { dataTypeName } from '../ir/dataType';
import { elementCount } from '../ir/tensor';
import type { ScopedGraph } from './scopes/scopes';
import type { InferredGraph, InferredType } from './shapes';
import type { Dims } from './shapes/dims';
import { smallValues } from './smallTensors';
import { shapeOfType, typeText } from './typeText';

/** Numbers of larger tensors are never shown. */
const mostValues = 8;

/** What a file states, in steps. */
export function* statedAt({ graph, outer }: ScopedGraph): Steps<InferredGraph> {
  const types = new Map<string, InferredType>();
  const values = new Map<string, Dims>();
  for (const list of [graph.valueInfo, graph.outputs, graph.inputs]) {
    yield* eachInSteps(list, ({ name, type }) => {
      types.set(name, { dtype: typeText(type), dims: shapeOfType(type) ?? null });
    });
  }
  yield* eachInSteps(graph.initializers, (tensor) => {
    types.set(tensor.name, { dtype: dataTypeName(tensor.dataType), dims: tensor.dims });
    if (elementCount(tensor.dims) > mostValues) return;
    const numbers = smallValues(tensor);
    if (numbers) values.set(tensor.name, numbers);
  });
  for (const { values: tensor, dims } of graph.sparseInitializers) {
    types.set(tensor.name, { dtype: dataTypeName(tensor.dataType), dims });
  }
  return {
    nodes: graph.nodes,
    order: [],
    types,
    values,
    bodies: new Map(),
    inputs: graph.inputs.map(({ name }) => name).filter((name) => !values.has(name)),
    outputs: graph.outputs.map(({ name }) => name),
    parent: outer && (yield* statedAt(outer)),
  };
}
