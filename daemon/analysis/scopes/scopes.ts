// Names for the graphs inside a model: "" is the main graph, "If_3/then_branch" a body, "function com.acme:Norm"
// a model-local function, "function com.acme:Norm/If_3/else_branch" a body inside it, "#12/function" the function that
// node 12 calls, with the attributes and the types that this call gives it. And the walk over all of them.

import type { FunctionDef, Graph, Model, Node } from '../../ir/model';
import { instantiate } from '../shapes/functionCall';

/** How nodes look a function up: domain, name and overload. */
export const functionKey = (domain: string, name: string, overload: string): string =>
  `${domain === 'ai.onnx' ? '' : domain}:${name}${overload === '' ? '' : `:${overload}`}`;

export const functionScope = (definition: FunctionDef): string =>
  `function ${functionKey(definition.domain, definition.name, definition.overload)}`;

/** One graph of a model. A function appears as a graph whose inputs and outputs have no stated types. */
export interface ScopedGraph {
  readonly path: string;
  readonly graph: Graph;
  /** The graph whose values this one can capture. */
  readonly outer?: ScopedGraph;
  readonly functionDef?: FunctionDef;
  /** The node around a body, or the one whose call this is: its graph, its position, and the name of the body. */
  readonly holder?: { readonly graph: ScopedGraph; readonly index: number; readonly body: string };
}

/** The name under which the function that a node calls lies in it. */
export const callBody = 'function';

export const functionGraph = (definition: FunctionDef): Graph => {
  const bare = (name: string) => ({ name, docString: '', metadataProps: [] });
  return {
    name: definition.name,
    docString: definition.docString,
    nodes: definition.nodes,
    inputs: definition.inputs.map(bare),
    outputs: definition.outputs.map(bare),
    valueInfo: definition.valueInfo,
    initializers: [],
    sparseInitializers: [],
    quantizationAnnotations: [],
    metadataProps: definition.metadataProps,
  };
};

/** The path segment of each node of one graph, by position. */
export type NodeLabels = (index: number) => string;

/**
 * The path segment of a node: its name where that names one node of the graph, else "If#12" (operator type and
 * position). The names are counted at the first call.
 */
export function nodeLabels(nodes: readonly Node[]): NodeLabels {
  let uses: Map<string, number> | undefined;
  return (index) => {
    if (!uses) {
      uses = new Map();
      for (const node of nodes) uses.set(node.name, (uses.get(node.name) ?? 0) + 1);
    }
    const node = nodes[index];
    if (!node) return `#${index}`;
    return node.name !== '' && uses.get(node.name) === 1 ? node.name : `${node.opType}#${index}`;
  };
}

export interface NamedBody {
  readonly path: string;
  /** `then_branch`, or `branches[1]` for a list of graphs. */
  readonly name: string;
  readonly graph: Graph;
}

export const bodyPath = (scope: string, label: string, name: string): string =>
  `${scope === '' ? '' : `${scope}/`}${label}/${name}`;

/** The bodies of one node with their paths. */
export function bodiesAt(
  scope: string,
  nodes: readonly Node[],
  index: number,
  labels: NodeLabels,
): NamedBody[] {
  const bodies: NamedBody[] = [];
  const add = (name: string, graph: Graph) => {
    bodies.push({ path: bodyPath(scope, labels(index), name), name, graph });
  };
  for (const attribute of nodes[index]?.attributes ?? []) {
    if (attribute.type === 'GRAPH') add(attribute.name, attribute.value);
    else if (attribute.type === 'GRAPHS') {
      attribute.value.forEach((graph, position) => add(`${attribute.name}[${position}]`, graph));
    }
  }
  return bodies;
}

/** Every graph of a model, outer ones first: the main graph, functions, and all bodies. */
export function* allGraphs(model: Model): Generator<ScopedGraph> {
  const pending: ScopedGraph[] = [
    ...model.functions.map((definition) => ({
      path: functionScope(definition),
      graph: functionGraph(definition),
      functionDef: definition,
    })),
    { path: '', graph: model.graph },
  ];
  for (let next = pending.pop(); next; next = pending.pop()) {
    yield next;
    const inner: ScopedGraph[] = [];
    const { nodes } = next.graph;
    const labels = nodeLabels(nodes);
    for (let index = 0; index < nodes.length; index += 1) {
      if (!nodes[index]!.attributes.some(({ type }) => type === 'GRAPH' || type === 'GRAPHS')) continue;
      for (const { path, graph } of bodiesAt(next.path, nodes, index, labels)) {
        inner.push({
          path,
          graph,
          outer: next,
          ...(next.functionDef ? { functionDef: next.functionDef } : {}),
        });
      }
    }
    pending.push(...inner.reverse());
  }
}

/** The graph at a path, or undefined. Follows only the branch that the path names. */
export function findGraph(model: Model, path = ''): ScopedGraph | undefined {
  if (path === '') return { path: '', graph: model.graph };
  const roots: ScopedGraph[] = [{ path: '', graph: model.graph }];
  for (const definition of model.functions) {
    roots.push({
      path: functionScope(definition),
      graph: functionGraph(definition),
      functionDef: definition,
    });
  }
  const pending = roots.filter((root) => root.path === '' || isWithin(path, root.path));
  for (let next = pending.pop(); next; next = pending.pop()) {
    if (next.path === path) return next;
    const call = callOn(model, next, path);
    if (call) pending.push(call);
    const { nodes } = next.graph;
    const labels = nodeLabels(nodes);
    for (let index = 0; index < nodes.length; index += 1) {
      if (!nodes[index]!.attributes.some(({ type }) => type === 'GRAPH' || type === 'GRAPHS')) continue;
      for (const body of bodiesAt(next.path, nodes, index, labels)) {
        if (!isWithin(path, body.path)) continue;
        pending.push({
          path: body.path,
          graph: body.graph,
          outer: next,
          holder: { graph: next, index, body: body.name },
          ...(next.functionDef ? { functionDef: next.functionDef } : {}),
        });
      }
    }
  }
  return undefined;
}

/** The function that a node of `graph` calls, where `path` leads through that call. */
function callOn(model: Model, graph: ScopedGraph, path: string): ScopedGraph | undefined {
  const rest = graph.path === '' ? path : path.slice(graph.path.length + 1);
  const index = Number(/^#(\d{1,9})\/function(?:\/|$)/.exec(rest)?.[1] ?? -1);
  const node = graph.graph.nodes[index];
  const definition = node && calledFunction(model, node);
  if (!definition) return undefined;
  return {
    path: bodyPath(graph.path, `#${index}`, callBody),
    graph: functionGraph(instantiate(definition, node)),
    functionDef: definition,
    holder: { graph, index, body: callBody },
  };
}

/** The model-local function that a node calls. */
function calledFunction(model: Model, node: Node): FunctionDef | undefined {
  const key = functionKey(node.domain, node.opType, node.overload);
  return model.functions.find((each) => functionKey(each.domain, each.name, each.overload) === key);
}

const isWithin = (path: string, prefix: string) => path === prefix || path.startsWith(`${prefix}/`);
