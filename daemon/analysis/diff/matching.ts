// Who was paired with whom, and whether a further pair would agree with the pairs around it.

import { isCommutative } from './structureHashes';
import type { DiffGraph, Edges } from './diffGraph';

/** Partners of nodes of A and of B; -1 for none. */
export class Matching {
  readonly ofA: Int32Array;
  readonly ofB: Int32Array;
  count = 0;

  constructor(
    readonly a: DiffGraph,
    readonly b: DiffGraph,
  ) {
    this.ofA = new Int32Array(a.nodes.length).fill(-1);
    this.ofB = new Int32Array(b.nodes.length).fill(-1);
  }

  free(x: number, y: number): boolean {
    return this.ofA[x] === -1 && this.ofB[y] === -1;
  }

  pair(x: number, y: number): void {
    this.ofA[x] = y;
    this.ofB[y] = x;
    this.count += 1;
  }

  /** True when one side has no visible node left to pair. */
  complete(): boolean {
    const done = (partner: Int32Array, { hidden }: DiffGraph) =>
      partner.every((other, index) => other !== -1 || hidden[index]! > 0);
    return done(this.ofA, this.a) || done(this.ofB, this.b);
  }

  /** Edges of the pair that lead to partners, and edges that lead to nodes with other partners. */
  agreement(x: number, y: number): { agree: number; disagree: number } {
    const { a, b, ofA, ofB } = this;
    let agree = 0;
    let disagree = 0;
    const any = isCommutative(a.nodes[x]!.opType);
    const left = nodeSources(a.skeleton, x);
    const right = nodeSources(b.skeleton, y);
    left.forEach(({ slot, node }) => {
      const partner = ofA[node]!;
      if (partner === -1) return;
      const same = any
        ? right.some((other) => other.node === partner)
        : right.some((other) => other.slot === slot && other.node === partner);
      if (same) agree += 1;
      // A partner elsewhere disagrees only where the other side reads a paired node as well.
      else if (right.some((other) => (any || other.slot === slot) && ofB[other.node] !== -1)) disagree += 1;
    });
    for (const use of a.uses[x]!) {
      const partner = ofA[use.node]!;
      if (partner === -1) continue;
      if (b.uses[y]!.some((other) => other.node === partner)) agree += 1;
      else disagree += 1;
    }
    return { agree, disagree };
  }
}

/** The node sources of one node, by slot. */
export function nodeSources(edges: Edges, index: number): { slot: number; node: number; port: number }[] {
  const found: { slot: number; node: number; port: number }[] = [];
  for (let at = edges.start[index]!; at < edges.start[index + 1]!; at += 1) {
    if (edges.from[at]! >= 0)
      found.push({ slot: at - edges.start[index]!, node: edges.from[at]!, port: edges.port[at]! });
  }
  return found;
}
