// Checks that the nodes of a graph can run: no cycles, and in the order in which they stand.

import type { Steps } from '../../base/task';
import type { Node } from '../../ir/model';
import type { ScopedGraph } from '../scopes/scopes';
import type { CaptureCache } from '../../ir/graphIndex';
import { namesRead, sorting } from '../topology';
import { called, type Findings, placeOfNode, quoted } from './findings';

const mostShownInCycle = 6;
const mostCycles = 10;

export function* checkOrder(
  { graph, path }: ScopedGraph,
  cache: CaptureCache,
  findings: Findings,
): Steps<void> {
  const { nodes } = graph;
  const { inFileOrder, stuck } = yield* sorting(nodes, cache);
  if (inFileOrder) return;
  const producer = producers(nodes);
  if (stuck.length > 0) {
    for (const cycle of cyclesAmong(nodes, stuck, producer, cache)) {
      const first = nodes[cycle[0]!]!;
      findings.add('error', 'graph/cycle', cycleSentence(nodes, cycle), placeOfNode(path, first, cycle[0]!));
    }
    return;
  }
  for (const [index, node] of nodes.entries()) {
    if (index % 1024 === 1023) yield;
    for (const name of namesRead(node, cache)) {
      const from = producer.get(name);
      if (from === undefined || from < index) continue;
      findings.add(
        'warning',
        'graph/order',
        `${called(node, index)} stands before ${called(nodes[from]!, from)}, whose result ${quoted(name)} it reads. ` +
          'The specification wants nodes in running order; some runtimes refuse the model.',
        placeOfNode(path, node, index, name),
      );
      // One node out of place is usually many: the first says enough.
      return;
    }
  }
}

function producers(nodes: readonly Node[]): ReadonlyMap<string, number> {
  const producer = new Map<string, number>();
  nodes.forEach((node, index) => {
    for (const output of node.outputs)
      if (output !== '' && !producer.has(output)) producer.set(output, index);
  });
  return producer;
}

/** One short cycle for each knot of nodes that wait for each other. Positions are in data-flow order. */
function cyclesAmong(
  nodes: readonly Node[],
  stuck: readonly number[],
  producer: ReadonlyMap<string, number>,
  cache: CaptureCache,
): number[][] {
  const isStuck = new Set(stuck);
  const waitsOn = (index: number): number[] => {
    const found: number[] = [];
    for (const name of namesRead(nodes[index]!, cache)) {
      const from = producer.get(name);
      if (from !== undefined && isStuck.has(from)) found.push(from);
    }
    return found;
  };
  const cycles: number[][] = [];
  const visited = new Set<number>();
  for (const start of stuck) {
    if (cycles.length >= mostCycles) break;
    // Every stuck node waits on another one, so walking up must come round.
    const steps = new Map<number, number>();
    let at: number | undefined = start;
    while (at !== undefined && !visited.has(at)) {
      visited.add(at);
      steps.set(at, steps.size);
      at = waitsOn(at)[0];
    }
    if (at !== undefined && steps.has(at)) cycles.push(shortestCycle(at, waitsOn));
  }
  return cycles;
}

/** The shortest way from a node on a cycle back to itself, by breadth-first search. */
function shortestCycle(start: number, waitsOn: (index: number) => number[]): number[] {
  const reader = new Map<number, number>();
  const queue = [start];
  for (const at of queue) {
    for (const next of waitsOn(at)) {
      if (next === start) {
        // From the node that start waits on … walk back along the readers to start.
        const cycle = [start];
        for (let step = at; step !== start; step = reader.get(step)!) cycle.push(step);
        return cycle;
      }
      if (reader.has(next)) continue;
      reader.set(next, at);
      queue.push(next);
    }
  }
  return [start];
}

function cycleSentence(nodes: readonly Node[], cycle: readonly number[]): string {
  const names = cycle.map((index) => called(nodes[index]!, index));
  if (names.length === 1) return `${names[0]!} reads its own result.`;
  const shown =
    names.length > mostShownInCycle
      ? [...names.slice(0, mostShownInCycle - 1), `… (${names.length} nodes)`]
      : names;
  return `${[...shown, names[0]!].join(' → ')}: these nodes form a cycle, so none of them can run first.`;
}
