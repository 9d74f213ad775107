// A laid-out graph ready to draw and to be asked what is where.

import { familyOf, type Family } from './families';
import { box, type Labels } from './labels';
import { EdgeKind, spacing } from './layoutTypes';
import type { NestedLayout } from './layoutNested';
import { SpatialIndex } from './spatialIndex';
import { opens, type GraphTable } from './table';

export interface Picture {
  readonly table: GraphTable;
  readonly labels: Labels;
  readonly layout: NestedLayout;
  readonly family: readonly Family[];
  /** Edges shown as chips, by the drawn number of their target. */
  readonly references: ReadonlyMap<number, readonly number[]>;
  readonly boxes: SpatialIndex;
  /** Drawn numbers of open scopes, outer ones first. */
  readonly frames: readonly number[];
  readonly lines: SpatialIndex;
  /** Drawn numbers from top to bottom, left to right: the order in which a reader meets them. */
  readonly reading: Int32Array;
  /** Place of each drawn number in `reading`. */
  readonly place: Int32Array;
}

export function makePicture(table: GraphTable, labels: Labels, layout: NestedLayout): Picture {
  const { x, y, rank, edgeKind, runStart, runs } = layout;
  const references = new Map<number, number[]>();
  const from = new Float32Array(edgeKind.length).fill(1);
  const to = new Float32Array(edgeKind.length);
  for (let e = 0; e < edgeKind.length; e++) {
    if (edgeKind[e] === EdgeKind.reference) {
      const list = references.get(table.target[e]!);
      if (list === undefined) references.set(table.target[e]!, [e]);
      else list.push(e);
    } else if (edgeKind[e] !== EdgeKind.loop) {
      from[e] = runs[3 * runStart[e]! + 1]!;
      to[e] = runs[3 * (runStart[e + 1]! - 1) + 2]!;
    }
  }
  const bottoms = y.map((top, n) => top + layout.heights[n]!);
  const tops = y.map((top, n) => (references.has(n) ? top - spacing.chip : top));
  const reading = Int32Array.from(x.keys()).sort((a, b) => rank[a]! - rank[b]! || x[a]! - x[b]!);
  const place = new Int32Array(reading.length);
  reading.forEach((n, i) => (place[n] = i));
  return {
    table,
    labels,
    layout,
    family: Array.from(table.drawn, (row) => familyOf(table.op[row]!)),
    references,
    frames: Array.from(table.opened.keys()).filter((n) => table.opened[n] === 1),
    boxes: new SpatialIndex(tops, bottoms, layout.height),
    lines: new SpatialIndex(from, to, layout.height),
    reading,
    place,
  };
}

/** Rectangle of a box, in graph pixels. */
export function boxOf(picture: Picture, n: number) {
  return {
    x: picture.layout.x[n]!,
    y: picture.layout.y[n]!,
    width: picture.layout.widths[n]!,
    height: picture.layout.heights[n]!,
  };
}

export interface Hit {
  node: number;
  /** True when the chip above the box was hit: it stands for `node`'s far-away source. */
  chip: boolean;
  /** True when the sign that opens or closes a scope was hit. */
  toggle: boolean;
}

/** What lies at a point of the graph. */
export function hitTest(picture: Picture, x: number, y: number): Hit | undefined {
  const { layout, table } = picture;
  let best: number | undefined;
  picture.boxes.each(y, y, (n) => {
    const left = layout.x[n]!;
    if (x < left || x > left + layout.widths[n]!) return;
    // The innermost: what is open lies around what it holds.
    if (
      best === undefined ||
      layout.widths[n]! * layout.heights[n]! < layout.widths[best]! * layout.heights[best]!
    )
      best = n;
  });
  if (best === undefined) return undefined;
  const isScope = opens(table, table.drawn[best]!);
  const toggle =
    isScope && x < layout.x[best]! + box.paddingX + box.toggle && y < layout.y[best]! + box.oneLine;
  return { node: best, chip: y < layout.y[best]!, toggle };
}
