// The inferred types of one graph of a model, wherever it lies: the main graph, a body, or a function.

import type { Model } from '../ir/model';
import type { ScopedGraph } from './scopes';
import { inferFunction, inferShapes, type InferredGraph, type ShapeInfo } from './shapes';

const nothing = (scoped: ScopedGraph): InferredGraph => ({
  nodes: scoped.graph.nodes,
  order: scoped.graph.nodes.map((_, index) => index),
  types: new Map(),
  values: new Map(),
  bodies: new Map(),
  inputs: scoped.graph.inputs.map(({ name }) => name),
  outputs: scoped.graph.outputs.map(({ name }) => name),
  parent: undefined,
});

/** `main` may bring what was inferred for the main graph before; a function is inferred by itself. */
export function inferredAt(model: Model, scoped: ScopedGraph, main?: ShapeInfo): InferredGraph {
  const steps: ScopedGraph[] = [];
  let root = scoped;
  for (; root.outer; root = root.outer) steps.push(root);
  let at: InferredGraph = root.functionDef
    ? inferFunction(model, root.functionDef)
    : (main ?? inferShapes(model));
  for (const step of steps.reverse()) {
    const inner = bodyWith(at, step);
    if (!inner) return nothing(scoped);
    at = inner;
  }
  return at;
}

function bodyWith(graph: InferredGraph, step: ScopedGraph): InferredGraph | undefined {
  for (const bodies of graph.bodies.values()) {
    const found = bodies.find((body) => body.nodes === step.graph.nodes);
    if (found) return found;
  }
  return undefined;
}
