// One graph of a model as columns, which is what a picture is drawn from: operators in file order, then the
// graph's inputs, then its outputs; and an edge for every use of a value. Linear in nodes and edges.

import { Dictionary, type Texts } from '../base/dictionary';
import { badRequest, unsupported } from '../base/errors';
import { breathe, breathing, eachInSteps, silentTask, type Steps, type Task } from '../base/task';
import { bodiesOf } from '../ir/graphIndex';
import type { Model, Node } from '../ir/model';
import { inferringAt } from './inferredAt';
import { nodeScope } from './scopes/nodeScope';
import { nodeSummary } from './nodeSummary';
import {
  bodiesAt,
  callBody,
  findGraph,
  functionKey,
  functionScope,
  nodeLabels,
  type ScopedGraph,
} from './scopes/scopes';
import { typeIn, type InferredGraph, type ShapeInfo } from './shapes';
import { freeInputs, tensorBytes } from './summary';
import { bodyCaptures } from './topology';
import type { CaptureCache } from '../ir/graphIndex';
import { statedAt } from './statedAt';
import { shapeText, unknownType } from './typeText';
import { scopeTree } from './scopes/scopeTree';

/** Columns by name; nodes have the first nine and `group`, edges the next four, scopes the last five. */
export type GraphColumns = {
  name: string[];
  /** Operator type; empty for inputs and outputs. */
  op: Dictionary;
  domain: Dictionary;
  /** 0 operator, 1 graph input or a value from a graph around this one, 2 graph output. */
  kind: Uint8Array;
  /** Path of the module in the program that the model was made from. */
  scope: Dictionary;
  /** Bytes of the initializers that the node reads. */
  weights: Float64Array;
  /** "3×3, stride 2, 64→128". */
  summary: Dictionary;
  /** Path of the model-local function that the node calls, or empty. */
  callee: Dictionary;
  /** In the function of a call, the name that the caller has for each input and output; else empty. */
  actual: Dictionary;
  /** Row of the node that the edge comes from. */
  source: Int32Array;
  /** Row of the node that the edge goes to. */
  target: Int32Array;
  /** Name of the value. */
  value: Texts;
  /** "1×64×56×56 float", or empty. */
  label: Dictionary;
  /** Innermost scope of each node row, -1 for none. The scopes are rows of their own (see scopeTree.ts). */
  group: Int32Array;
  groupName: string[];
  groupParent: Int32Array;
  groupKind: Uint8Array;
  groupClass: Dictionary;
  groupSame: Int32Array;
};

export interface GraphTable {
  readonly nodes: number;
  readonly edges: number;
  readonly columns: GraphColumns;
  /** False when labels and summaries hold only what the file itself states. */
  readonly inferred: boolean;
  /** Operator row → paths of its bodies and of the function that it calls. */
  readonly subgraphs: ReadonlyMap<number, readonly string[]>;
}

export interface GraphTableOptions {
  /** Types of the main graph that were inferred before, or how to get them. */
  readonly shapes?: (() => Promise<ShapeInfo | undefined>) | undefined;
  /**
   * Of a large graph give only what the file states: inferring would take longer than all the rest. Refuses a graph
   * that is too dense to be looked at.
   */
  readonly quick?: boolean | undefined;
}

/**
 * Nodes, and uses of values, up to which a first picture waits for what is inferred. Larger graphs are first seen as scopes,
 * most of whose values are not in view; inferring takes a third of the time until then.
 */
const mostInferredAtOnce = { nodes: 400, uses: 10_000 } as const;
/** A graph with more uses of values than this, and so many for each node, is no picture that anybody could read. */
const dense = { uses: 300_000, perNode: 40 } as const;

/** The graph at a scope path, or an error that says that there is none. */
export function graphAt(model: Model, scope: string | undefined): ScopedGraph {
  const found = findGraph(model, scope);
  if (!found) throw badRequest(`The model has no graph "${(scope ?? '').slice(0, 200)}".`);
  return found;
}

/** The columns of one graph; `scope` is a path of scopes.ts, absent for the main graph. */
export async function graphTable(
  model: Model,
  scope?: string,
  task: Task = silentTask,
  { shapes, quick = false }: GraphTableOptions = {},
): Promise<GraphTable> {
  const scoped = graphAt(model, scope);
  await breathe(task);
  const nodes = scoped.graph.nodes.length;
  const uses = scoped.graph.nodes.reduce((sum, { inputs }) => sum + inputs.length, 0);
  if (quick && uses > dense.uses && uses > dense.perNode * nodes) throw tooDense(nodes, uses);
  const stated = quick && (nodes > mostInferredAtOnce.nodes || uses > mostInferredAtOnce.uses);
  const types = await breathing(
    stated ? statedAt(scoped) : inferringAt(model, scoped, await shapes?.()),
    task,
  );
  await breathe(task);
  const { graph } = scoped;
  const weights = await breathing(initializerBytes(scoped), task);
  const given = freeInputs(graph);
  const inputs = [...given, ...(await breathing(capturedBy(scoped, weights), task))];
  const count = graph.nodes.length + inputs.length + graph.outputs.length;
  const scopes: string[] = [];
  const columns: GraphColumns = {
    name: [],
    op: new Dictionary(),
    domain: new Dictionary(),
    kind: new Uint8Array(count),
    scope: new Dictionary(),
    weights: new Float64Array(count),
    summary: new Dictionary(),
    callee: new Dictionary(),
    actual: new Dictionary(),
    ...(await breathing(edgesOf(scoped, inputs, types), task)),
    ...noGroups(count),
  };
  const functions = functionPaths(model);
  for (const [index, node] of graph.nodes.entries()) {
    const at = nodeScope(node);
    scopes.push(at);
    columns.name.push(node.name);
    columns.op.push(node.opType);
    columns.domain.push(node.domain);
    columns.scope.push(at);
    columns.summary.push(nodeSummary(node, types));
    columns.callee.push(calledPath(node, functions) ?? '');
    columns.actual.push('');
    let bytes = 0;
    node.inputs.forEach((input, i) => {
      const own = weights.get(input);
      // A weight that is read twice counts once.
      if (own !== undefined && node.inputs.indexOf(input) === i) bytes += own;
    });
    columns.weights[index] = bytes;
    if (index % 256 === 0) await breathe(task);
  }
  const addRows = (values: readonly { name: string }[], kind: number, actual: readonly string[]) => {
    for (const [position, { name }] of values.entries()) {
      columns.kind[columns.name.length] = kind;
      columns.name.push(name);
      columns.op.push('');
      columns.domain.push('');
      columns.scope.push('');
      const outside = kind === 1 && position >= given.length ? 'from outside' : '';
      columns.summary.push([typeLabel(types, name), outside].filter((words) => words !== '').join(', '));
      columns.callee.push('');
      columns.actual.push(actual[position] ?? '');
    }
  };
  const isWeight = (name: string) => weights.has(name);
  const tree = await breathing(
    scopeTree(graph.nodes, scopes, isWeight, columns.source, columns.target),
    task,
  );
  columns.group.set(tree.of);
  columns.groupName = tree.name;
  columns.groupParent = tree.parent;
  columns.groupKind = tree.kind;
  for (const name of tree.className) columns.groupClass.push(name);
  columns.groupSame = tree.same;
  await breathe(task);
  const call = callOf(scoped);
  addRows(inputs, 1, call?.inputs ?? []);
  addRows(graph.outputs, 2, call?.outputs ?? []);
  return {
    nodes: count,
    edges: columns.source.length,
    columns,
    inferred: !stated,
    get subgraphs() {
      return subgraphsOf(model, scoped);
    },
  };
}

const tooDense = (nodes: number, uses: number) =>
  unsupported(
    `The graph is not drawn: its ${nodes.toLocaleString('en')} nodes read ${uses.toLocaleString('en')} values, ` +
      'more lines than a picture can show apart. Draw it all the same if you have the time, or see what the ' +
      'inspector says.',
  );

const noGroups = (count: number) => ({
  group: new Int32Array(count).fill(-1),
  groupName: [],
  groupParent: new Int32Array(0),
  groupKind: new Uint8Array(0),
  groupClass: new Dictionary(),
  groupSame: new Int32Array(0),
});

/** The node whose call of a function a graph is. */
function callOf({ holder }: ScopedGraph): Node | undefined {
  return holder?.body === callBody ? holder.graph.graph.nodes[holder.index] : undefined;
}

/**
 * Bytes of every initializer that the graph sees, its own hiding those of the graphs around it; what a call passes to
 * its function goes by the function's name for it.
 */
function* initializerBytes(scoped: ScopedGraph): Steps<ReadonlyMap<string, number>> {
  const bytes = new Map<string, number>();
  const call = callOf(scoped);
  if (call) {
    const given = yield* initializerBytes(scoped.holder!.graph);
    for (const [position, { name }] of scoped.graph.inputs.entries()) {
      const own = given.get(call.inputs[position] ?? '');
      if (own !== undefined) bytes.set(name, own);
    }
  }
  for (let at: ScopedGraph | undefined = scoped; at; at = at.outer) {
    yield* eachInSteps(at.graph.initializers, (tensor) => {
      if (!bytes.has(tensor.name)) bytes.set(tensor.name, tensorBytes(tensor));
    });
    for (const { values, indices } of at.graph.sparseInitializers) {
      if (!bytes.has(values.name)) bytes.set(values.name, tensorBytes(values) + tensorBytes(indices));
    }
  }
  return bytes;
}

/** Values of the graphs around a body that it computes with, in the order in which it reads them; weights are none. */
function* capturedBy(
  { graph, outer }: ScopedGraph,
  weights: ReadonlyMap<string, number>,
): Steps<{ name: string }[]> {
  if (outer === undefined) return [];
  const own = new Set(graph.inputs.map(({ name }) => name));
  for (const node of graph.nodes) for (const output of node.outputs) own.add(output);
  const captured = new Set<string>();
  const read = (name: string) => {
    if (name !== '' && !own.has(name) && !weights.has(name)) captured.add(name);
  };
  const captures: CaptureCache = new Map();
  yield* eachInSteps(graph.nodes, (node) => {
    for (const input of node.inputs) read(input);
    if (bodiesOf(node).length > 0) for (const name of bodyCaptures(node, captures)) read(name);
  });
  for (const { name } of graph.outputs) read(name);
  return Array.from(captured, (name) => ({ name }));
}

/** The columns of edges, in steps: one for each use of a value that a node or an input of the graph gives. */
export function* edgesOf(
  { graph }: ScopedGraph,
  inputs: readonly { name: string }[],
  types: InferredGraph,
): Steps<Pick<GraphColumns, 'source' | 'target' | 'value' | 'label'>> {
  // Values by number: the row that writes each, and once it is read its number among the texts and its label's.
  const numberOf = new Map<string, number>();
  const rowOf: number[] = [];
  const produce = (name: string, row: number) => {
    const known = numberOf.get(name);
    if (known !== undefined) rowOf[known] = row;
    else numberOf.set(name, rowOf.push(row) - 1);
  };
  inputs.forEach(({ name }, at) => produce(name, graph.nodes.length + at));
  yield* eachInSteps(graph.nodes, (node, index) => {
    for (const output of node.outputs) if (output !== '') produce(output, index);
  });
  const textOf = new Int32Array(rowOf.length).fill(-1);
  const labelOf = new Int32Array(rowOf.length);
  const source: number[] = [];
  const target: number[] = [];
  const texts: string[] = [];
  const textAt: number[] = [];
  const label = new Dictionary();
  const connect = (name: string, to: number) => {
    const number = numberOf.get(name);
    if (number === undefined) return;
    if (textOf[number] === -1) {
      textOf[number] = texts.push(name) - 1;
      labelOf[number] = label.numberOf(typeLabel(types, name));
    }
    source.push(rowOf[number]!);
    target.push(to);
    textAt.push(textOf[number]!);
    label.pushNumber(labelOf[number]!);
  };
  const captures: CaptureCache = new Map();
  yield* eachInSteps(graph.nodes, (node, index) => {
    for (const input of node.inputs) connect(input, index);
    // What a body takes from this graph flows into the node that holds the body.
    if (bodiesOf(node).length > 0)
      for (const name of new Set(bodyCaptures(node, captures))) connect(name, index);
  });
  graph.outputs.forEach(({ name }, at) => connect(name, graph.nodes.length + inputs.length + at));
  const value = { texts, numbers: () => Int32Array.from(textAt) };
  return { source: Int32Array.from(source), target: Int32Array.from(target), value, label };
}

/** "1×64×56×56 float"; empty when nothing is known. */
function typeLabel(types: InferredGraph, name: string): string {
  const type = typeIn(types, name);
  if (!type) return '';
  const shape = shapeText(type.dims);
  const dtype = type.dtype === unknownType ? '' : type.dtype;
  return `${shape} ${dtype}`.trim();
}

function subgraphsOf(model: Model, scoped: ScopedGraph): ReadonlyMap<number, readonly string[]> {
  const result = new Map<number, readonly string[]>();
  const { nodes } = scoped.graph;
  const labels = nodeLabels(nodes);
  const functions = functionPaths(model);
  for (let index = 0; index < nodes.length; index += 1) {
    const paths = subgraphPaths(scoped, index, functions, labels);
    if (paths.length > 0) result.set(index, paths);
  }
  return result;
}

/** Function paths by the key that a calling node has. */
export const functionPaths = (model: Model): ReadonlyMap<string, string> =>
  new Map(
    model.functions.map((each) => [functionKey(each.domain, each.name, each.overload), functionScope(each)]),
  );

/** Paths of the bodies of a node and of the function that it calls, each a `scope` for graphTable. */
export function subgraphPaths(
  { graph, path }: ScopedGraph,
  index: number,
  functions: ReadonlyMap<string, string>,
  labels = nodeLabels(graph.nodes),
): string[] {
  const node: Node | undefined = graph.nodes[index];
  if (!node) return [];
  const paths = bodiesAt(path, graph.nodes, index, labels).map((body) => body.path);
  const called = calledPath(node, functions);
  return called === undefined ? paths : [...paths, called];
}

const calledPath = (node: Node, functions: ReadonlyMap<string, string>): string | undefined =>
  functions.size === 0 ? undefined : functions.get(functionKey(node.domain, node.opType, node.overload));
