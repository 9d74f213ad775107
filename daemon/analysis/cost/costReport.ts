// What a model costs, by node, by operator and by scope of the program that it was made from: the rows of tables,
// charts and overlays. Free dimensions are bound or taken for 1.

import { omit } from '../../base/omit';
import { eachInSteps, inOneGo, type Steps } from '../../base/task';
import { bodiesOf } from '../../ir/graphIndex';
import type { Graph, Model, Node } from '../../ir/model';
import { elementCount, type Tensor } from '../../ir/tensor';
import { assumeDimensions, livingBytes } from './cost';
import { counting } from './countWork';
import { nodeScope } from '../scopes/nodeScope';
import { inferring, typeIn, type InferOptions, type InferredGraph } from '../shapes';
import { elementsOf } from '../shapes/dims';
import { operatorName, tensorBytes } from '../summary';
import { bitsOf } from '../typeText';

/** Bytes are null where a shape is unknown. */
export interface CostRow {
  /** Name of the node, operator or scope. */
  readonly name: string;
  /** Operator type of a node; empty for the others. */
  readonly op: string;
  readonly nodes: number;
  readonly macs: number | null;
  /** Operations: two for each MAC, and those of element-wise operators, normalizations and reductions. */
  readonly flops: number | null;
  /** Elements of the weights that are read here first: a shared weight counts once. */
  readonly parameters: number;
  readonly weightBytes: number;
  /** What is written, bytes. */
  readonly outputBytes: number | null;
  /** Activations that are live while it runs, at most, bytes. */
  readonly liveBytes: number | null;
  /** Operations for each byte that is read or written; null where unknown or where nothing is computed. */
  readonly intensity: number | null;
}

export interface CostReport {
  readonly assumed: Record<string, number>;
  /** Nodes of the main graph in file order; one without a name goes by its first output. */
  readonly nodes: readonly CostRow[];
  readonly ops: readonly CostRow[];
  /** Every scope with all that is inside it, outer ones first; "" is the whole model. */
  readonly scopes: readonly CostRow[];
}

/** A row and the bytes that it moves. */
interface Counted extends CostRow {
  readonly moved: number | null;
}

/** Counts the main graph; bodies count to the node that holds them. */
export const costReport = (model: Model, options: InferOptions = {}): CostReport =>
  inOneGo(costReporting(model, options));

/** The same in steps. `inferred` may bring what was inferred before at the bound and assumed dimensions. */
export function* costReporting(
  model: Model,
  options: InferOptions = {},
  inferred?: InferredGraph,
): Steps<CostReport> {
  const assumed = assumeDimensions(model, options.bind);
  const bind = { ...assumed, ...options.bind };
  const shapes = inferred ?? (yield* inferring(model, { ...options, bind }));
  const macs = (yield* counting(shapes, 'macs')).nodes;
  const flops = (yield* counting(shapes, 'flops')).nodes;
  const live = (yield* livingBytes(shapes)).nodes;
  const weights = yield* weightsByNode(model.graph);
  const rowOf = (node: Node, index: number): Counted => {
    const weight = weights[index]!;
    const outputBytes = sum(node.outputs.map((name) => bytesOf(shapes, name)));
    const moved = sum([outputBytes, ...[...new Set(node.inputs)].map((name) => bytesOf(shapes, name))]);
    const at = live[index];
    return withIntensity({
      name: node.name === '' ? (node.outputs[0] ?? '') : node.name,
      op: operatorName(node.domain, node.opType),
      nodes: 1,
      macs: macs[index] ?? null,
      flops: flops[index] ?? null,
      ...weight,
      outputBytes,
      liveBytes: typeof at === 'number' ? at : null,
      moved,
    });
  };
  const nodes: Counted[] = [];
  yield* eachInSteps(model.graph.nodes, (node, index) => nodes.push(rowOf(node, index)));
  const groups = (keysOf: (node: Node) => readonly string[]) => grouping(model.graph.nodes, nodes, keysOf);
  const ops = (yield* groups((node) => [operatorName(node.domain, node.opType)])).sort(dearest);
  const scopes = (yield* groups(prefixesOf())).sort((a, b) => (a.name < b.name ? -1 : 1));
  yield;
  const rows: CostRow[] = [];
  yield* eachInSteps(nodes, (row) => rows.push(shown(row)));
  return { assumed, nodes: rows, ops, scopes };
}

const dearest = (a: CostRow, b: CostRow) =>
  (b.macs ?? 0) - (a.macs ?? 0) ||
  (b.flops ?? 0) - (a.flops ?? 0) ||
  b.parameters - a.parameters ||
  b.nodes - a.nodes;

/** "layers/0/attention" and all around it; nodes of one scope are many. */
function prefixesOf(): (node: Node) => readonly string[] {
  const known = new Map<string, readonly string[]>();
  return (node) => {
    const scope = nodeScope(node);
    let found = known.get(scope);
    if (!found) {
      const parts = scope.split('/').filter((part) => part !== '');
      found = ['', ...parts.map((_, depth) => parts.slice(0, depth + 1).join('/'))];
      known.set(scope, found);
    }
    return found;
  };
}

type Sums = { -readonly [Field in keyof Omit<Counted, 'intensity'>]: Counted[Field] };

const noSums = (name: string): Sums => ({
  name,
  op: '',
  nodes: 0,
  macs: 0,
  flops: 0,
  parameters: 0,
  weightBytes: 0,
  outputBytes: 0,
  liveBytes: 0,
  moved: 0,
});

const plus = (a: number | null, b: number | null) => (a === null || b === null ? null : a + b);

/** A row for each key, of all rows that have it. */
function* grouping(
  nodes: readonly Node[],
  rows: readonly Counted[],
  keysOf: (node: Node) => readonly string[],
): Steps<CostRow[]> {
  const groups = new Map<string, Sums>();
  yield* eachInSteps(nodes, (node, index) => {
    const row = rows[index]!;
    for (const key of keysOf(node)) {
      let all = groups.get(key);
      if (!all) groups.set(key, (all = noSums(key)));
      all.nodes += 1;
      all.macs = plus(all.macs, row.macs);
      all.flops = plus(all.flops, row.flops);
      all.parameters += row.parameters;
      all.weightBytes += row.weightBytes;
      all.outputBytes = plus(all.outputBytes, row.outputBytes);
      all.moved = plus(all.moved, row.moved);
      all.liveBytes =
        all.liveBytes === null || row.liveBytes === null ? null : Math.max(all.liveBytes, row.liveBytes);
    }
  });
  return [...groups.values()].map((all) => shown(withIntensity(all)));
}

const sum = (values: readonly (number | null)[]): number | null =>
  values.reduce<number | null>((a, b) => (a === null || b === null ? null : a + b), 0);

const withIntensity = (row: Omit<Counted, 'intensity'>): Counted => ({
  ...row,
  intensity:
    row.flops === null || row.flops === 0 || row.moved === null || row.moved === 0
      ? null
      : row.flops / row.moved,
});

const shown = (row: Counted): CostRow => omit(row, 'moved');

function bytesOf(shapes: InferredGraph, name: string): number | null {
  if (name === '') return 0;
  const type = typeIn(shapes, name);
  const bits = type && bitsOf(type.dtype);
  const elements = elementsOf(type?.dims);
  return bits === undefined || elements === undefined ? null : Math.ceil((elements * bits) / 8);
}

/** Weights that each node is the first to read, those in its bodies and in Constant nodes included. */
function* weightsByNode(graph: Graph): Steps<{ parameters: number; weightBytes: number }[]> {
  const initializers = new Map(graph.initializers.map((tensor) => [tensor.name, tensor]));
  const seen = new Set<Tensor>();
  const weights: { parameters: number; weightBytes: number }[] = [];
  yield* eachInSteps(graph.nodes, (node) => {
    const weight = { parameters: 0, weightBytes: 0 };
    const add = (tensor: Tensor | undefined) => {
      if (!tensor || seen.has(tensor)) return;
      seen.add(tensor);
      const elements = elementCount(tensor.dims);
      weight.parameters += Number.isSafeInteger(elements) && elements > 0 ? elements : 0;
      weight.weightBytes += tensorBytes(tensor);
    };
    const look = (one: Node) => {
      for (const name of one.inputs) add(initializers.get(name));
      if (one.opType === 'Constant') {
        for (const attribute of one.attributes) if (attribute.type === 'TENSOR') add(attribute.value);
      }
    };
    const pending = [node];
    for (let next = pending.pop(); next; next = pending.pop()) {
      look(next);
      for (const body of bodiesOf(next)) {
        body.initializers.forEach(add);
        pending.push(...body.nodes);
      }
    }
    weights.push(weight);
  });
  return weights;
}
