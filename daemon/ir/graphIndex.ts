// Who produces a value and who consumes it: one pass over a graph, used by analysis and passes.
// The index is a picture of one moment; make a new one after changing the graph.

import { eachInSteps, inOneGo, type Steps } from '../base/task';
import type { Graph, Node, ValueInfo } from './model';
import type { Tensor } from './tensor';

export interface GraphIndex {
  /** Value name → the node of this graph that writes it. */
  readonly producer: ReadonlyMap<string, Node>;
  /** Value name → nodes of this graph that read it, a node once per use, plus the nodes whose bodies read it. */
  readonly consumers: ReadonlyMap<string, readonly Node[]>;
  readonly initializer: ReadonlyMap<string, Tensor>;
  readonly graphInputs: ReadonlySet<string>;
  readonly graphOutputs: ReadonlySet<string>;
  /** Stated type and shape of a value: inputs, outputs and value_info. */
  readonly valueInfo: ReadonlyMap<string, ValueInfo>;
}

/** Indexes one graph; values that If/Loop/Scan bodies capture count as consumed by the node that owns the body. */
export const indexGraph = (graph: Graph): GraphIndex => inOneGo(indexing(graph));

/** The same in steps. */
export function* indexing(graph: Graph): Steps<GraphIndex> {
  const producer = new Map<string, Node>();
  const consumers = new Map<string, Node[]>();
  const captures: CaptureCache = new Map();
  const consume = (value: string, node: Node) => {
    if (value === '') return;
    const list = consumers.get(value);
    if (list) list.push(node);
    else consumers.set(value, [node]);
  };
  yield* eachInSteps(graph.nodes, (node) => {
    for (const output of node.outputs) if (output !== '') producer.set(output, node);
    for (const input of node.inputs) consume(input, node);
    for (const body of bodiesOf(node))
      for (const value of capturedValues(body, captures)) consume(value, node);
  });
  const valueInfo = new Map<string, ValueInfo>();
  for (const list of [graph.valueInfo, graph.inputs, graph.outputs])
    yield* eachInSteps(list, (info) => valueInfo.set(info.name, info), 2048);
  return {
    producer,
    consumers,
    initializer: new Map(graph.initializers.map((tensor) => [tensor.name, tensor])),
    graphInputs: new Set(graph.inputs.map((input) => input.name)),
    graphOutputs: new Set(graph.outputs.map((output) => output.name)),
    valueInfo,
  };
}

/** The graphs in a node's attributes: then_branch, else_branch, body. */
export function bodiesOf(node: Node): Graph[] {
  const bodies: Graph[] = [];
  for (const attribute of node.attributes) {
    if (attribute.type === 'GRAPH') bodies.push(attribute.value);
    else if (attribute.type === 'GRAPHS') bodies.push(...attribute.value);
  }
  return bodies;
}

/** Names that bodies capture, remembered per graph for as long as one analysis runs. */
export type CaptureCache = Map<Graph, ReadonlySet<string>>;

/**
 * Names that a body reads from the graphs around it. Each graph is walked once per cache, so pass one where many
 * bodies are asked about: nested bodies would be walked again for every level.
 */
export function capturedValues(body: Graph, cache: CaptureCache = new Map()): ReadonlySet<string> {
  const known = cache.get(body);
  if (known) return known;
  const own = new Set<string>();
  for (const input of body.inputs) own.add(input.name);
  for (const tensor of body.initializers) own.add(tensor.name);
  for (const sparse of body.sparseInitializers) own.add(sparse.values.name);
  for (const node of body.nodes) for (const output of node.outputs) own.add(output);
  const captured = new Set<string>();
  const see = (value: string) => {
    if (value !== '' && !own.has(value)) captured.add(value);
  };
  for (const node of body.nodes) {
    node.inputs.forEach(see);
    for (const inner of bodiesOf(node)) capturedValues(inner, cache).forEach(see);
  }
  for (const output of body.outputs) see(output.name);
  cache.set(body, captured);
  return captured;
}
