// Walking the graph by keyboard: along edges, and from box to box in reading order.

import type { Picture } from './picture';

export type Direction = 'up' | 'down' | 'left' | 'right';

/** The next box in a direction, or undefined at the edge of the graph. */
export function step(picture: Picture, from: number | undefined, direction: Direction): number | undefined {
  if (from === undefined) return picture.reading[0];
  const { table, layout } = picture;
  if (direction === 'left' || direction === 'right') {
    const next = picture.reading[picture.place[from]! + (direction === 'right' ? 1 : -1)];
    return next !== undefined && layout.rank[next] === layout.rank[from] ? next : undefined;
  }
  const lists = direction === 'down' ? table.out : table.into;
  const ends = direction === 'down' ? table.target : table.source;
  const centre = layout.x[from]! + layout.widths[from]! / 2;
  let best: number | undefined;
  let bestDistance = Infinity;
  for (let i = lists.start[from]!; i < lists.start[from + 1]!; i++) {
    const other = ends[lists.items[i]!]!;
    const distance =
      4 * Math.abs(layout.rank[other]! - layout.rank[from]!) +
      Math.abs(layout.x[other]! + layout.widths[other]! / 2 - centre) / 64;
    if (distance < bestDistance) {
      best = other;
      bestDistance = distance;
    }
  }
  return best;
}

/** Drawn numbers read by a node (sources) and reading from it (targets), each once, in reading order. */
export function neighbours(picture: Picture, n: number): { sources: number[]; targets: number[] } {
  const { table, place } = picture;
  const collect = (lists: typeof table.into, ends: Int32Array) =>
    Array.from(lists.items.subarray(lists.start[n], lists.start[n + 1]), (e) => ends[e]!).sort(
      (a, b) => place[a]! - place[b]!,
    );
  return { sources: collect(table.into, table.source), targets: collect(table.out, table.target) };
}
