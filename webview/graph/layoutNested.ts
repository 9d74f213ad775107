// The layout of a graph with open scopes: every scope is laid out by itself, inner ones first, and the results are
// put into one another. A scope that was laid out before (equal boxes, equal edges: the layers of a transformer)
// is taken from the cache.

import { layoutGraph } from './layout';
import { spacing, type Layout, type LayoutInput } from './layoutTypes';

export interface NestedInput extends LayoutInput {
  /** Open scopes, inner ones first, the whole graph last: see OpenScope in table.ts. */
  readonly scopes: readonly { box: number; members: Int32Array; edgesFrom: number; edgesTo: number }[];
}

/** A layout, with the boxes of open scopes as large as what they hold. */
export interface NestedLayout extends Layout {
  readonly widths: Float32Array;
  readonly heights: Float32Array;
}

/** Height of the title of an open scope. */
const scopeTitleHeight = 20;

/** Layouts of single scopes by what went into them; the oldest are forgotten. */
export class LayoutCache {
  private readonly kept = new Map<string, Layout>();
  hits = 0;

  layout(input: LayoutInput): Layout {
    const key = keyOf(input);
    let layout = this.kept.get(key);
    if (layout === undefined) {
      layout = layoutGraph(input);
      if (this.kept.size >= 512) this.kept.delete(this.kept.keys().next().value!);
      this.kept.set(key, layout);
    } else this.hits += 1;
    return layout;
  }
}

/** Lays out all scopes; boxes never overlap and lie inside the box of their scope. */
export function layoutNested(input: NestedInput, cache: LayoutCache): NestedLayout {
  const { source, target, scopes } = input;
  const nodes = input.widths.length;
  const widths = input.widths.slice();
  const heights = input.heights.slice();
  const layouts: Layout[] = [];
  const scopeOfBox = new Int32Array(nodes).fill(-1);
  const local = new Int32Array(nodes);
  scopes.forEach(({ box, members, edgesFrom, edgesTo }, s) => {
    members.forEach((n, i) => (local[n] = i));
    const layout = cache.layout({
      widths: Float32Array.from(members, (n) => widths[n]!),
      heights: Float32Array.from(members, (n) => heights[n]!),
      source: Int32Array.from(source.subarray(edgesFrom, edgesTo), (n) => local[n]!),
      target: Int32Array.from(target.subarray(edgesFrom, edgesTo), (n) => local[n]!),
    });
    layouts.push(layout);
    if (box < 0) return;
    scopeOfBox[box] = s;
    widths[box] = Math.max(widths[box]!, Math.ceil(layout.width));
    heights[box] = Math.ceil(layout.height) + scopeTitleHeight;
  });

  const x = new Float32Array(nodes);
  const y = new Float32Array(nodes);
  const rank = new Int32Array(nodes);
  const edgeKind = new Uint8Array(source.length);
  const runStart = new Int32Array(source.length + 1);
  scopes.forEach(({ edgesFrom }, s) => {
    const { runStart: starts, edgeKind: kinds } = layouts[s]!;
    edgeKind.set(kinds, edgesFrom);
    for (let e = 0; e < kinds.length; e++) runStart[edgesFrom + e + 1] = starts[e + 1]! - starts[e]!;
  });
  for (let e = 0; e < source.length; e++) runStart[e + 1]! += runStart[e]!;
  const runs = new Float32Array(3 * runStart[source.length]!);

  // From the outside in, each scope at the place of its box. Ranks count on through the scopes that lie in a row.
  let nextRank = 0;
  const place = (s: number, left: number, top: number): void => {
    const { members, edgesFrom } = scopes[s]!;
    const layout = layouts[s]!;
    const run = 3 * runStart[edgesFrom]!;
    for (let i = 0; i < layout.runs.length; i += 3) {
      runs[run + i] = layout.runs[i]! + left;
      runs[run + i + 1] = layout.runs[i + 1]! + top;
      runs[run + i + 2] = layout.runs[i + 2]! + top;
    }
    const order = Array.from(members.keys()).sort(
      (a, b) => layout.rank[a]! - layout.rank[b]! || layout.x[a]! - layout.x[b]!,
    );
    let inRow: number[] = [];
    order.forEach((i, at) => {
      const n = members[i]!;
      x[n] = layout.x[i]! + left;
      y[n] = layout.y[i]! + top;
      rank[n] = nextRank;
      if (scopeOfBox[n] !== -1) inRow.push(n);
      const following = order[at + 1];
      if (following !== undefined && layout.rank[following] === layout.rank[i]) return;
      nextRank += 1;
      for (const box of inRow) {
        const inner = layouts[scopeOfBox[box]!]!;
        const room = Math.floor((widths[box]! - inner.width) / 2);
        place(scopeOfBox[box]!, x[box]! + room, y[box]! + scopeTitleHeight);
      }
      inRow = [];
    });
  };
  if (scopes.length > 0) place(scopes.length - 1, 0, 0);
  const { width, height } = layouts.at(-1) ?? { width: 0, height: spacing.margin };
  return { x, y, rank, edgeKind, runStart, runs, width, height, widths, heights };
}

/** Two hashes of everything that a layout depends on, and its sizes. */
function keyOf({ widths, heights, source, target }: LayoutInput): string {
  let a = 0x811c9dc5;
  let b = 0x2545f491;
  for (const list of [widths, heights, source, target]) {
    for (let i = 0; i < list.length; i++) {
      const value = list[i]!;
      a = Math.imul(a ^ value, 0x01000193);
      b = Math.imul((b << 5) ^ (b >>> 27) ^ value, 0x85ebca6b);
    }
  }
  return `${widths.length} ${source.length} ${a} ${b}`;
}
