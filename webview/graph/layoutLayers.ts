// The layered form of a graph: nodes and, for edges that pass ranks, one bend in each rank passed.
// From here on every segment joins neighbouring ranks.

import { EdgeKind, groupEdges, type LayoutInput, type Lists } from './layoutTypes';
import type { Ranked } from './layoutRanks';

export interface Layers {
  /** Nodes come first, then bends. */
  readonly vertices: number;
  readonly nodes: number;
  readonly rank: Int32Array;
  /** Segments from a vertex to one in the next rank. */
  readonly upper: Int32Array;
  readonly lower: Int32Array;
  /** Segments above (`into`) and below (`out`) each vertex. */
  readonly into: Lists;
  readonly out: Lists;
  /** Edge e owns the bends firstBend[e] … firstBend[e+1]-1, from top to bottom. */
  readonly firstBend: Int32Array;
  /** Vertices of each rank from left to right; changed by the ordering. */
  readonly rows: Int32Array[];
}

/** Cuts edges into segments and makes a first order by walking down from the top. */
export function makeLayers(
  { widths, source, target }: LayoutInput,
  { rank, ranks, edgeKind }: Ranked,
): Layers {
  const nodes = widths.length;
  const drawn = (e: number) => edgeKind[e] === EdgeKind.line || edgeKind[e] === EdgeKind.back;
  const top = (e: number) => (edgeKind[e] === EdgeKind.back ? target[e]! : source[e]!);
  const bottom = (e: number) => (edgeKind[e] === EdgeKind.back ? source[e]! : target[e]!);
  const firstBend = new Int32Array(source.length + 1);
  let segments = 0;
  let vertices = nodes;
  for (let e = 0; e < source.length; e++) {
    firstBend[e] = vertices;
    if (!drawn(e)) continue;
    const span = rank[bottom(e)]! - rank[top(e)]!;
    vertices += span - 1;
    segments += span;
  }
  firstBend[source.length] = vertices;

  const vertexRank = new Int32Array(vertices);
  vertexRank.set(rank);
  const upper = new Int32Array(segments);
  const lower = new Int32Array(segments);
  let s = 0;
  for (let e = 0; e < source.length; e++) {
    if (!drawn(e)) continue;
    let above = top(e);
    for (let bend = firstBend[e]!; bend < firstBend[e + 1]!; bend++) {
      vertexRank[bend] = vertexRank[above]! + 1;
      upper[s] = above;
      lower[s++] = bend;
      above = bend;
    }
    upper[s] = above;
    lower[s++] = bottom(e);
  }
  const all = () => true;
  const into = groupEdges(vertices, lower, all);
  const out = groupEdges(vertices, upper, all);
  const rows = walkDown(vertices, ranks, vertexRank, lower, into, out);
  return { vertices, nodes, rank: vertexRank, upper, lower, into, out, firstBend, rows };
}

/** Rows in the order in which a depth-first walk from the tops meets their vertices. */
function walkDown(
  vertices: number,
  ranks: number,
  rank: Int32Array,
  lower: Int32Array,
  into: Lists,
  out: Lists,
): Int32Array[] {
  const size = new Int32Array(ranks);
  for (let v = 0; v < vertices; v++) size[rank[v]!]!++;
  const rows = Array.from(size, (n) => new Int32Array(n));
  const filled = new Int32Array(ranks);
  const seen = new Uint8Array(vertices);
  const stack: number[] = [];
  for (let root = 0; root < vertices; root++) {
    if (into.start[root + 1] !== into.start[root]) continue;
    stack.push(root);
    while (stack.length > 0) {
      const v = stack.pop()!;
      if (seen[v] === 1) continue;
      seen[v] = 1;
      rows[rank[v]!]![filled[rank[v]!]!++] = v;
      for (let i = out.start[v + 1]! - 1; i >= out.start[v]!; i--) stack.push(lower[out.items[i]!]!);
    }
  }
  return rows;
}
