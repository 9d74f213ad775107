// Which nodes of a graph make up the part that lies between some of its nodes, or before or behind them.

import { badRequest } from '../../base/errors';
import { eachInSteps, type Steps } from '../../base/task';
import type { CaptureCache } from '../../ir/graphIndex';
import type { Graph } from '../../ir/model';
import { namesRead, sorting } from '../topology';

interface Links {
  /** Position of the node that makes a value. */
  readonly maker: ReadonlyMap<string, number>;
  /** Positions of the nodes that read a value. */
  readonly readers: ReadonlyMap<string, readonly number[]>;
  readonly reads: readonly (readonly string[])[];
}

/** A node or value by name, or a node by its position. */
export type End = string | number;

/**
 * Positions, in file order and in steps, of the nodes that are on a way from one of `from` to one of `to`; without `from`
 * all before `to`, without `to` all behind `from`. Throws badRequest for a name that is not
 * there, and where no way leads from one to the other.
 */
export function* partBetween(
  graph: Graph,
  from: readonly End[] | undefined,
  to: readonly End[] | undefined,
): Steps<readonly number[]> {
  const links = yield* linksOf(graph);
  const above = to && (yield* reached(graph, links, places(graph, links, to, 'to'), 'up'));
  const below = from && (yield* reached(graph, links, places(graph, links, from, 'from'), 'down'));
  const found = [...graph.nodes.keys()].filter(
    (at) => (above === undefined || above.has(at)) && (below === undefined || below.has(at)),
  );
  if (found.length === 0)
    throw badRequest(`No way leads from ${(from ?? []).join(', ')} to ${(to ?? []).join(', ')}.`);
  return found;
}

/** The same positions with the nodes before them that follow from constants alone, in steps: they need no input. */
export function* withConstants(graph: Graph, positions: readonly number[]): Steps<readonly number[]> {
  const { maker, reads } = yield* linksOf(graph);
  const given = new Set([
    ...graph.initializers.map(({ name }) => name),
    ...graph.sparseInitializers.map(({ values }) => values.name),
  ]);
  const { order } = yield* sorting(graph.nodes);
  const constant = new Uint8Array(graph.nodes.length);
  for (const at of order) {
    const isConstant = (name: string) => given.has(name) || constant[maker.get(name) ?? -1] === 1;
    if (reads[at]!.every(isConstant)) constant[at] = 1;
  }
  yield;
  const all = new Set(positions);
  // A set hands out what is added while it is walked.
  for (const at of all) {
    for (const name of reads[at]!) {
      const before = maker.get(name);
      if (before !== undefined && constant[before] === 1) all.add(before);
    }
    if (all.size % 1024 === 0) yield;
  }
  return [...all].sort((a, b) => a - b);
}

/** What a part gives that ends there: what nodes of these names or positions make, and values of these names. */
export const valuesAt = (graph: Graph, ends: readonly End[]): Set<string> =>
  new Set(
    ends.flatMap((end) => {
      const nodes = graph.nodes.filter((node, at) =>
        typeof end === 'number' ? at === end : node.name === end,
      );
      if (typeof end === 'string' && nodes.length === 0) return [end];
      return nodes.flatMap(({ outputs }) => outputs.filter((name) => name !== ''));
    }),
  );

function* linksOf(graph: Graph): Steps<Links> {
  const maker = new Map<string, number>();
  const readers = new Map<string, number[]>();
  const reads: (readonly string[])[] = [];
  const captures: CaptureCache = new Map();
  yield* eachInSteps(graph.nodes, (node, at) => {
    for (const output of node.outputs) if (output !== '' && !maker.has(output)) maker.set(output, at);
    reads.push(namesRead(node, captures));
    for (const name of reads[at]!) {
      const list = readers.get(name);
      if (list === undefined) readers.set(name, [at]);
      else list.push(at);
    }
  });
  return { maker, readers, reads };
}

/** Positions that names stand for: nodes of that name, else who makes (`to`) or reads (`from`) the value. */
function places(graph: Graph, { maker, readers }: Links, ends: readonly End[], side: 'from' | 'to') {
  return ends.flatMap((name) => {
    if (typeof name === 'number') return [name];
    const own = [...graph.nodes.keys()].filter((at) => graph.nodes[at]!.name === name);
    if (own.length > 0) return own;
    const made = maker.get(name);
    const found = side === 'from' ? readers.get(name) : made === undefined ? undefined : [made];
    if (found === undefined || found.length === 0)
      throw badRequest(`The graph has no node and no value that is called "${name}".`);
    return found;
  });
}

function* reached(
  graph: Graph,
  { maker, readers, reads }: Links,
  start: readonly number[],
  side: 'up' | 'down',
): Steps<Set<number>> {
  const found = new Set(start);
  let seen = 0;
  for (const at of found) {
    const next =
      side === 'up'
        ? reads[at]!.map((name) => maker.get(name))
        : graph.nodes[at]!.outputs.flatMap((name) => readers.get(name) ?? []);
    for (const other of next) if (other !== undefined) found.add(other);
    if (++seen % 1024 === 0) yield;
  }
  return found;
}
