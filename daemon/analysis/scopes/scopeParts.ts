// Named parts of a graph: the scopes that a picture shows ("layers/0/attention"), by path, and one of them cut out as a
// graph of its own, which reads what comes from outside as inputs and gives what the rest reads as outputs.

import { eachInSteps, type Steps } from '../../base/task';
import type { CaptureCache } from '../../ir/graphIndex';
import type { Graph, Shape, Type, ValueInfo } from '../../ir/model';
import { edgesOf } from '../graphTable';
import { nodeScope } from './nodeScope';
import type { ScopedGraph } from './scopes';
import { GroupKind, scopeTree, type ScopeTree } from './scopeTree';
import { typeIn, type InferredGraph } from '../shapes';
import { freeInputs } from '../summary';
import { namesRead } from '../topology';
import { elementTypeOf } from '../typeText';

/** Paths of the named scopes of one graph, in file order and in steps; what is only a cut of many nodes has no name. */
export function* partPaths(scoped: ScopedGraph): Steps<string[]> {
  const tree = yield* treeOf(scoped);
  return pathsOf(tree).filter((_, group) => tree.kind[group] === GroupKind.scope);
}

/**
 * Positions of the nodes of a named part in file order: of a scope of the picture, else of the module of the program
 * with that path. Undefined where there is none.
 */
export function* findPart(scoped: ScopedGraph, path: string): Steps<readonly number[] | undefined> {
  if (path === '') return undefined;
  const tree = yield* treeOf(scoped);
  const group = pathsOf(tree).indexOf(path);
  const inside = new Uint8Array(tree.parent.length);
  if (group >= 0) {
    inside[group] = 1;
    for (let g = group + 1; g < inside.length; g++) if (inside[tree.parent[g]!] === 1) inside[g] = 1;
  }
  const found: number[] = [];
  yield* eachInSteps(scoped.graph.nodes, (node, index) => {
    const at = group >= 0 ? undefined : nodeScope(node);
    const belongs =
      at === undefined ? inside[tree.of[index]!] === 1 : at === path || at.startsWith(`${path}/`);
    if (belongs) found.push(index);
  });
  return found.length === 0 ? undefined : found;
}

/**
 * The nodes at `positions` as a graph, in steps; `types` are those of the graph around it, for what crosses the border. It
 * gives what the rest reads, or `outputs`.
 */
export function* cutOut(
  graph: Graph,
  positions: readonly number[],
  name: string,
  types: InferredGraph,
  outputs?: ReadonlySet<string>,
): Steps<Graph> {
  const inside = new Set(positions);
  const captures: CaptureCache = new Map();
  const stated = new Map<string, ValueInfo>();
  for (const list of [graph.valueInfo, graph.outputs, graph.inputs])
    for (const info of list) stated.set(info.name, info);
  const read = new Set<string>();
  const readOutside = new Set(graph.outputs.map((output) => output.name));
  const made = new Set<string>();
  yield* eachInSteps(graph.nodes, (node, index) => {
    const isInside = inside.has(index);
    for (const value of namesRead(node, captures)) (isInside ? read : readOutside).add(value);
    if (isInside) for (const value of node.outputs) if (value !== '') made.add(value);
  });
  yield;
  const used = graph.initializers.filter((tensor) => read.has(tensor.name));
  const usedSparse = graph.sparseInitializers.filter(({ values }) => read.has(values.name));
  const weights = new Set([
    ...used.map((tensor) => tensor.name),
    ...usedSparse.map(({ values }) => values.name),
  ]);
  const typed = (value: string): ValueInfo => {
    const type = typeOf(value, types) ?? stated.get(value)?.type;
    return { name: value, docString: '', metadataProps: [], ...(type ? { type } : {}) };
  };
  const given = new Set([...made].filter((value) => (outputs ?? readOutside).has(value)));
  return {
    name,
    docString: '',
    nodes: positions.map((index) => graph.nodes[index]!),
    inputs: [...read].filter((value) => !made.has(value) && !weights.has(value)).map(typed),
    // What nothing reads at all comes out as well where nothing else does.
    outputs: (given.size > 0 ? [...given] : [...made].filter((value) => !read.has(value))).map(typed),
    valueInfo: graph.valueInfo.filter((info) => made.has(info.name) && !given.has(info.name)),
    initializers: used,
    sparseInitializers: usedSparse,
    quantizationAnnotations: [],
    metadataProps: [],
  };
}

/** Nothing is known of any value. */
const noTypes: InferredGraph = {
  nodes: [],
  order: [],
  types: new Map(),
  values: new Map(),
  bodies: new Map(),
  inputs: [],
  outputs: [],
  parent: undefined,
};

function* treeOf(scoped: ScopedGraph): Steps<ScopeTree> {
  const { nodes } = scoped.graph;
  const weights = new Set<string>();
  for (let at: ScopedGraph | undefined = scoped; at; at = at.outer) {
    for (const tensor of at.graph.initializers) weights.add(tensor.name);
    for (const { values } of at.graph.sparseInitializers) weights.add(values.name);
  }
  yield;
  // Nobody looks at what the edges say.
  const { source, target } = yield* edgesOf(scoped, freeInputs(scoped.graph), noTypes);
  const scopes: string[] = [];
  yield* eachInSteps(nodes, (node) => scopes.push(nodeScope(node)));
  return yield* scopeTree(nodes, scopes, (value) => weights.has(value), source, target);
}

/** Names from the outside in, joined by "/". Members of a repeat go by their own names: it is no scope of the program. */
function pathsOf({ name, parent, kind }: ScopeTree): string[] {
  const paths: string[] = [];
  name.forEach((own, group) => {
    let around = parent[group]!;
    while (around >= 0 && kind[around] === GroupKind.repeat) around = parent[around]!;
    paths.push(around < 0 ? own : `${paths[around]}/${own}`);
  });
  return paths;
}

/** A type in the file's words, where it is a tensor's. */
function typeOf(value: string, types: InferredGraph): Type | undefined {
  const known = typeIn(types, value);
  const elemType = known && elementTypeOf(known.dtype);
  if (!known || elemType === undefined) return undefined;
  const shape: Shape | undefined = known.dims?.map((dim) =>
    typeof dim === 'number' ? { value: dim } : dim === null ? {} : { param: dim },
  );
  return { kind: 'tensor', elemType, ...(shape ? { shape } : {}) };
}
