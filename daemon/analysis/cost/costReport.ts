// What a model costs, by node, by operator and by scope of the program that it was made from: the rows of tables,
// charts and overlays. Free dimensions are bound or taken for 1.

import { omit } from '../../base/omit';
import { inOneGo, type Steps } from '../../base/task';
import { bodiesOf } from '../../ir/graphIndex';
import type { Graph, Model, Node } from '../../ir/model';
import { elementCount, type Tensor } from '../../ir/tensor';
import { assumeDimensions, liveBytes } from './cost';
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

/** The same in steps. */
export function* costReporting(model: Model, options: InferOptions = {}): Steps<CostReport> {
  const assumed = assumeDimensions(model, options.bind);
  const shapes = yield* inferring(model, { ...options, bind: { ...assumed, ...options.bind } });
  const macs = (yield* counting(shapes, 'macs')).nodes;
  const flops = (yield* counting(shapes, 'flops')).nodes;
  yield;
  const live = liveBytes(shapes).nodes;
  yield;
  const weights = weightsByNode(model.graph);
  yield;
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
  for (const [index, node] of model.graph.nodes.entries()) {
    nodes.push(rowOf(node, index));
    if (index % 256 === 255) yield;
  }
  const groups = (keysOf: (node: Node) => readonly string[]) => grouped(model.graph.nodes, nodes, keysOf);
  const ops = groups((node) => [operatorName(node.domain, node.opType)]).sort(dearest);
  yield;
  const scopes = groups(prefixes).sort((a, b) => (a.name < b.name ? -1 : 1));
  yield;
  return { assumed, nodes: nodes.map(shown), ops, scopes };
}

const dearest = (a: CostRow, b: CostRow) =>
  (b.macs ?? 0) - (a.macs ?? 0) ||
  (b.flops ?? 0) - (a.flops ?? 0) ||
  b.parameters - a.parameters ||
  b.nodes - a.nodes;

/** "layers/0/attention" and all around it. */
function prefixes(node: Node): string[] {
  const parts = nodeScope(node)
    .split('/')
    .filter((part) => part !== '');
  return ['', ...parts.map((_, depth) => parts.slice(0, depth + 1).join('/'))];
}

function grouped(
  nodes: readonly Node[],
  rows: readonly Counted[],
  keysOf: (node: Node) => readonly string[],
): CostRow[] {
  const members = new Map<string, Counted[]>();
  nodes.forEach((node, index) => {
    for (const key of keysOf(node)) {
      const list = members.get(key);
      if (list) list.push(rows[index]!);
      else members.set(key, [rows[index]!]);
    }
  });
  return [...members].map(([name, list]) =>
    shown(
      withIntensity({
        name,
        op: '',
        nodes: list.length,
        macs: sum(list.map((row) => row.macs)),
        flops: sum(list.map((row) => row.flops)),
        parameters: list.reduce((total, row) => total + row.parameters, 0),
        weightBytes: list.reduce((total, row) => total + row.weightBytes, 0),
        outputBytes: sum(list.map((row) => row.outputBytes)),
        liveBytes: list.reduce<number | null>(
          (most, row) => (most === null || row.liveBytes === null ? null : Math.max(most, row.liveBytes)),
          0,
        ),
        moved: sum(list.map((row) => row.moved)),
      }),
    ),
  );
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
function weightsByNode(graph: Graph): { parameters: number; weightBytes: number }[] {
  const initializers = new Map(graph.initializers.map((tensor) => [tensor.name, tensor]));
  const seen = new Set<Tensor>();
  return graph.nodes.map((node) => {
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
    return weight;
  });
}
