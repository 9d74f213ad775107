// What the layout takes and gives: typed arrays, so that both cross to and from the worker without copies.

export interface LayoutInput {
  /** Box sizes in pixels, one for each node. */
  readonly widths: Float32Array;
  readonly heights: Float32Array;
  /** Edges as pairs of nodes; at most one for each pair. */
  readonly source: Int32Array;
  readonly target: Int32Array;
}

/** How an edge is shown. */
export const EdgeKind = {
  /** A curve from `source` down to `target`. */
  line: 0,
  /** Not drawn: a chip above the target names the source. */
  reference: 1,
  /** A curve that runs upwards, since the graph has a cycle. */
  back: 2,
  /** Source and target are one node; not drawn. */
  loop: 3,
} as const;

export interface Layout {
  /** Top left corner of each box. */
  readonly x: Float32Array;
  readonly y: Float32Array;
  readonly rank: Int32Array;
  /** EdgeKind of each edge. */
  readonly edgeKind: Uint8Array;
  /** Edge e owns the runs runStart[e] … runStart[e+1]-1. */
  readonly runStart: Int32Array;
  /** Vertical runs, three numbers each: x, y from, y to. A curve joins one run to the next. */
  readonly runs: Float32Array;
  readonly width: number;
  readonly height: number;
}

/** Space, in pixels, that the layout leaves. */
export const spacing = {
  /** Between boxes of one rank. */
  column: 24,
  /** Beside an edge that passes a rank. */
  lane: 12,
  /** Between ranks. */
  rank: 44,
  /** Above a box that has reference chips. */
  chip: 24,
  /** Around everything. */
  margin: 24,
} as const;

/** Neighbour lists of a graph: the edges at node n are items[start[n]] … items[start[n+1]-1]. */
export interface Lists {
  readonly start: Int32Array;
  readonly items: Int32Array;
}

/** Groups edge numbers by the node in `key`, in edge order; edges for which `keep` is false are left out. */
export function groupEdges(count: number, key: Int32Array, keep: (edge: number) => boolean): Lists {
  const start = new Int32Array(count + 1);
  for (let e = 0; e < key.length; e++) if (keep(e)) start[key[e]! + 1]!++;
  for (let n = 0; n < count; n++) start[n + 1]! += start[n]!;
  const items = new Int32Array(start[count]!);
  const next = start.slice(0, count);
  for (let e = 0; e < key.length; e++) if (keep(e)) items[next[key[e]!]!++] = e;
  return { start, items };
}
