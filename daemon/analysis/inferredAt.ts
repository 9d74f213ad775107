// The inferred types of one graph of a model, wherever it lies: the main graph, a body, or a function.

import type { Steps } from '../base/task';
import type { Model } from '../ir/model';
import { callBody, type ScopedGraph } from './scopes/scopes';
import { inferring, inferringFunction, type InferredGraph, type ShapeInfo } from './shapes';

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

/**
 * `main` may bring what was inferred for the main graph before; a function is inferred by itself, and as it is called
 * where the path leads through the call.
 */
export function* inferringAt(model: Model, scoped: ScopedGraph, main?: ShapeInfo): Steps<InferredGraph> {
  const steps: ScopedGraph[] = [];
  let root = scoped;
  for (let around = aroundOf(root); around; around = aroundOf(root)) {
    steps.push(root);
    root = around;
  }
  let at: InferredGraph = root.functionDef
    ? yield* inferringFunction(model, root.functionDef)
    : (main ?? (yield* inferring(model)));
  for (const step of steps.reverse()) {
    const inner = bodyWith(at, step);
    if (inner) at = inner;
    // Too many calls were expanded already: the function by itself.
    else if (step.holder?.body === callBody && step.functionDef)
      at = yield* inferringFunction(model, step.functionDef);
    else return nothing(scoped);
  }
  return at;
}

const aroundOf = ({ outer, holder }: ScopedGraph) => holder?.graph ?? outer;

function bodyWith(graph: InferredGraph, step: ScopedGraph): InferredGraph | undefined {
  if (step.holder) {
    const { index, body: name } = step.holder;
    // By position: inside a call, nodes are copies with the call's attributes.
    const found = graph.bodies.get(graph.nodes[index]!)?.find((body) => body.name === name);
    if (found) return found;
  }
  for (const bodies of graph.bodies.values()) {
    const found = bodies.find((body) => body.nodes === step.graph.nodes);
    if (found) return found;
  }
  return undefined;
}
