// Pairs of models whose truth is known: copies with every name changed and every list shuffled, and edits that keep
// book of which node is which.

import { cloneModel } from '../../../daemon/ir/clone';
import { bodiesOf } from '../../../daemon/ir/graphIndex';
import type { Graph, Model, Node } from '../../../daemon/ir/model';
import type { ModelDiff } from '../../../daemon/analysis/diff';

/** A generator of numbers in [0, 1) that gives the same ones every time (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function shuffle<T>(list: readonly T[], random: () => number): T[] {
  const copy = [...list];
  for (let at = copy.length - 1; at > 0; at -= 1) {
    const other = Math.floor(random() * (at + 1));
    [copy[at], copy[other]] = [copy[other]!, copy[at]!];
  }
  return copy;
}

/** Another running order: nodes that are ready are taken at random. */
function shuffleNodes(nodes: readonly Node[], random: () => number): Node[] {
  const producer = new Map<string, number>();
  nodes.forEach((node, index) => node.outputs.forEach((name) => name !== '' && producer.set(name, index)));
  const reads = (node: Node): string[] => [
    ...node.inputs,
    ...bodiesOf(node).flatMap((body) => [
      ...body.nodes.flatMap(reads),
      ...body.outputs.map(({ name }) => name),
    ]),
  ];
  const waiting = nodes.map((node) => new Set(reads(node).flatMap((name) => producer.get(name) ?? [])));
  const readers: number[][] = nodes.map(() => []);
  waiting.forEach((from, index) => from.forEach((each) => readers[each]!.push(index)));
  const ready = nodes.flatMap((_, index) => (waiting[index]!.size === 0 ? [index] : []));
  const order: Node[] = [];
  while (ready.length > 0) {
    const at = Math.floor(random() * ready.length);
    const [index] = ready.splice(at, 1, ...[]);
    order.push(nodes[index!]!);
    for (const reader of readers[index!]!) {
      waiting[reader]!.delete(index!);
      if (waiting[reader]!.size === 0) ready.push(reader);
    }
  }
  return order;
}

export interface Disguised {
  readonly model: Model;
  /** Node of the disguised model → node of the original. */
  readonly origin: ReadonlyMap<Node, Node>;
}

/**
 * The same model with every name of main-graph nodes, values and initializers replaced, and nodes, initializers and
 * value_info in another order. Names of inputs and outputs change too.
 */
export function disguise(original: Model, seed: number): Disguised {
  const random = seeded(seed);
  const model = cloneModel(original);
  const { graph } = model;
  const origin = new Map(graph.nodes.map((node, index) => [node, original.graph.nodes[index]!]));
  const names = new Map<string, string>();
  const rename = (name: string): string => {
    if (name === '') return '';
    let found = names.get(name);
    if (found === undefined) names.set(name, (found = `t${names.size}_${Math.floor(random() * 1e6)}`));
    return found;
  };
  const renameGraph = (part: Graph) => {
    for (const list of [part.inputs, part.outputs, part.valueInfo, part.initializers])
      for (const each of list) each.name = rename(each.name);
    for (const { values, indices } of part.sparseInitializers) {
      values.name = rename(values.name);
      indices.name = rename(indices.name);
    }
    part.nodes.forEach((node) => {
      node.name = `n${Math.floor(random() * 1e9)}`;
      node.docString = '';
      node.metadataProps = [];
      node.inputs = node.inputs.map(rename);
      node.outputs = node.outputs.map(rename);
      bodiesOf(node).forEach(renameGraph);
    });
  };
  renameGraph(graph);
  graph.nodes = shuffleNodes(graph.nodes, random);
  graph.initializers = shuffle(graph.initializers, random);
  graph.valueInfo = shuffle(graph.valueInfo, random);
  graph.quantizationAnnotations = [];
  return { model, origin };
}

/** Row of A → row of the disguised B, for nodes that both have: `lives` says which node of B a node of A is. */
export function truthOf(a: Model, b: Model, seed: number, lives: (node: Node) => Node | undefined) {
  const hidden = disguise(b, seed);
  const rows = new Map(hidden.model.graph.nodes.map((each, row) => [hidden.origin.get(each)!, row]));
  const truth = new Map<number, number>();
  a.graph.nodes.forEach((each, row) => {
    const other = lives(each);
    if (other) truth.set(row, rows.get(other)!);
  });
  return { model: hidden.model, truth };
}

/** The node of the same operator and name, or writing the same value: what our passes leave of a node. */
export function byOwnName({ graph: { nodes } }: Model): (node: Node) => Node | undefined {
  const names = new Map(nodes.map((each) => [`${each.opType} ${each.name}`, each]));
  const outputs = new Map(nodes.map((each) => [`${each.opType} ${each.outputs[0]}`, each]));
  return (each) =>
    (each.name === '' ? undefined : names.get(`${each.opType} ${each.name}`)) ??
    outputs.get(`${each.opType} ${each.outputs[0]}`);
}

export interface Score {
  /** Nodes of A that live on in B. */
  readonly surviving: number;
  /** Of those, paired with their own. */
  readonly right: number;
  /** Pairs of nodes that are not each other's. */
  readonly wrong: number;
}

/** How many of the pairs that should be are there; `truth` says of a row of A which row of B it is. */
export function score(diff: ModelDiff, truth: ReadonlyMap<number, number>): Score {
  const main = diff.graphs.find(({ scopeA }) => scopeA === '');
  let right = 0;
  let wrong = 0;
  const pairs = main?.pairs ?? new Int32Array(0);
  for (let at = 0; at < pairs.length; at += 2) {
    if (truth.get(pairs[at]!) === pairs[at + 1]) right += 1;
    else wrong += 1;
  }
  return { surviving: truth.size, right, wrong };
}
