// The order in which the nodes of one graph can run: the file's own where that is right, else a stable sort.
// Linear in nodes and edges.

import { inOneGo, type Steps } from '../base/task';
import { bodiesOf, capturedValues, type CaptureCache } from '../ir/graphIndex';
import type { Node } from '../ir/model';

/** Names that a node reads through its bodies. */
export function bodyCaptures(node: Node, cache: CaptureCache): readonly string[] {
  const bodies = bodiesOf(node);
  return bodies.length === 0 ? [] : bodies.flatMap((body) => [...capturedValues(body, cache)]);
}

/** Every name that a node reads, itself and through its bodies; a name once per use. */
export function namesRead(node: Node, cache: CaptureCache): readonly string[] {
  const inputs = node.inputs.includes('') ? node.inputs.filter((name) => name !== '') : node.inputs;
  const captured = bodyCaptures(node, cache);
  return captured.length === 0 ? inputs : [...inputs, ...captured];
}

export interface Topology {
  /** Node positions in an order in which they can run; nodes on or behind a cycle come last, in file order. */
  readonly order: readonly number[];
  /** True when the file's own order is such an order. */
  readonly inFileOrder: boolean;
  /** Positions of nodes that cannot run because they are on or behind a cycle. */
  readonly stuck: readonly number[];
}

/** Sorts the nodes of one graph; names that no node of it produces count as there from the start. */
export const topology = (nodes: readonly Node[], cache: CaptureCache = new Map()): Topology =>
  inOneGo(sorting(nodes, cache));

/** The same in steps. */
export function* sorting(nodes: readonly Node[], cache: CaptureCache = new Map()): Steps<Topology> {
  const producer = new Map<string, number>();
  for (let index = 0; index < nodes.length; index += 1) {
    for (const output of nodes[index]!.outputs) {
      if (output !== '' && !producer.has(output)) producer.set(output, index);
    }
    if (index % 1024 === 1023) yield;
  }
  const waitsFor = new Int32Array(nodes.length);
  const readers: (number[] | undefined)[] = new Array<number[] | undefined>(nodes.length);
  let inFileOrder = true;
  for (let index = 0; index < nodes.length; index += 1) {
    for (const name of namesRead(nodes[index]!, cache)) {
      const from = producer.get(name);
      if (from === undefined) continue;
      if (from >= index) inFileOrder = false;
      waitsFor[index]! += 1;
      const list = readers[from];
      if (list) list.push(index);
      else readers[from] = [index];
    }
    if (index % 1024 === 1023) yield;
  }
  if (inFileOrder) return { order: nodes.map((_, index) => index), inFileOrder, stuck: [] };
  const order: number[] = [];
  nodes.forEach((_, index) => {
    if (waitsFor[index] === 0) order.push(index);
  });
  // Keeps the file's order among nodes that become ready together, near enough to read well.
  for (let at = 0; at < order.length; at += 1) {
    for (const reader of readers[order[at]!] ?? []) {
      waitsFor[reader]! -= 1;
      if (waitsFor[reader] === 0) order.push(reader);
    }
    if (at % 1024 === 1023) yield;
  }
  const stuck: number[] = [];
  nodes.forEach((_, index) => {
    if (waitsFor[index]! > 0) stuck.push(index);
  });
  return { order: [...order, ...stuck], inFileOrder, stuck };
}
