// Third part of the layout: horizontal coordinates in linear time. Vertices are lined up with a median
// neighbour into vertical blocks, blocks are packed, and the middle of four such packings (up/down,
// left/right) is taken (Brandes and Köpf 2001; packing over the block graph, which avoids the overlaps
// of the published version). Long edges come out straight, and boxes of one rank never overlap.

import type { Layers } from './layoutLayers';
import { spacing } from './layoutTypes';

/** Centre x of every vertex. `widths` holds the width of each vertex; bends have 0. */
export function placeVertices(layers: Layers, widths: Float32Array): Float64Array {
  const position = new Int32Array(layers.vertices);
  for (const row of layers.rows) for (let i = 0; i < row.length; i++) position[row[i]!] = i;
  const sortedInto = sortedNeighbours(layers, 'into', position);
  const sortedOut = sortedNeighbours(layers, 'out', position);
  const crossed = crossedSegments(layers, position, sortedInto);
  letSideTreesStandAside(layers, crossed);
  const results: Float64Array[] = [];
  for (const up of [true, false]) {
    for (const left of [true, false]) {
      const lists = up
        ? { start: layers.into.start, items: sortedInto, ends: layers.upper }
        : { start: layers.out.start, items: sortedOut, ends: layers.lower };
      const root = alignBlocks(layers, position, lists, crossed, up, left);
      results.push(packBlocks(layers, widths, root, left));
    }
  }
  return middle(results, widths);
}

interface Neighbours {
  start: Int32Array;
  /** Segments, sorted by the position of their other end. */
  items: Int32Array;
  ends: Int32Array;
}

function sortedNeighbours(layers: Layers, side: 'into' | 'out', position: Int32Array): Int32Array {
  const { start, items } = layers[side];
  const ends = side === 'into' ? layers.upper : layers.lower;
  const sorted = items.slice();
  for (let v = 0; v < layers.vertices; v++) {
    if (start[v + 1]! - start[v]! < 2) continue;
    sorted.subarray(start[v], start[v + 1]).sort((a, b) => position[ends[a]!]! - position[ends[b]!]!);
  }
  return sorted;
}

/** Marks segments that cross one between two bends: long edges have the right of way. */
function crossedSegments(layers: Layers, position: Int32Array, sortedInto: Int32Array): Uint8Array {
  const crossed = new Uint8Array(layers.upper.length);
  const { start } = layers.into;
  const isBend = (v: number) => v >= layers.nodes;
  for (let r = 1; r < layers.rows.length; r++) {
    const row = layers.rows[r]!;
    let from = 0;
    let scanned = 0;
    for (let i = 0; i < row.length; i++) {
      const v = row[i]!;
      const inner = isBend(v) && isBend(layers.upper[sortedInto[start[v]!]!]!);
      if (!inner && i < row.length - 1) continue;
      const to = inner ? position[layers.upper[sortedInto[start[v]!]!]!]! : layers.rows[r - 1]!.length;
      for (; scanned <= i; scanned++) {
        const w = row[scanned]!;
        for (let k = start[w]!; k < start[w + 1]!; k++) {
          const segment = sortedInto[k]!;
          const at = position[layers.upper[segment]!]!;
          if ((at < from || at > to) && !(isBend(w) && isBend(layers.upper[segment]!))) crossed[segment] = 1;
        }
      }
      from = to;
    }
  }
  return crossed;
}

/** Trees of this many ranks or fewer beside a longer way are side trees. */
const sideTree = 4;

/**
 * Marks the segments by which small trees (a constant that is dequantized, weights that are reshaped) hang on a longer
 * way, so that they do not draw it aside: without that every such node shifts the way a little, and a long model runs
 * across the picture like a staircase.
 */
function letSideTreesStandAside(layers: Layers, crossed: Uint8Array): void {
  const { into, out, upper, rows } = layers;
  // Ranks that hang together above each vertex.
  const above = new Int32Array(layers.vertices);
  for (const row of rows) {
    for (const v of row) {
      for (let k = into.start[v]!; k < into.start[v + 1]!; k++) {
        above[v] = Math.max(above[v]!, above[upper[into.items[k]!]!]! + 1);
      }
      for (let k = into.start[v]!; k < into.start[v + 1]!; k++) {
        const segment = into.items[k]!;
        const w = upper[segment]!;
        const alone = out.start[w + 1]! - out.start[w]! === 1;
        if (alone && above[w]! < sideTree && above[w]! + 1 < above[v]!) crossed[segment] = 1;
      }
    }
  }
}

/** The block (named by its root) of each vertex. */
function alignBlocks(
  layers: Layers,
  position: Int32Array,
  { start, items, ends }: Neighbours,
  crossed: Uint8Array,
  up: boolean,
  left: boolean,
): Int32Array {
  const root = Int32Array.from({ length: layers.vertices }, (_, v) => v);
  const taken = new Uint8Array(layers.vertices);
  const ranks = layers.rows.length;
  for (let k = 1; k < ranks; k++) {
    const row = layers.rows[up ? k : ranks - 1 - k]!;
    let limit = left ? -1 : Infinity;
    for (let i = 0; i < row.length; i++) {
      const v = row[left ? i : row.length - 1 - i]!;
      const degree = start[v + 1]! - start[v]!;
      if (degree === 0) continue;
      const low = start[v]! + ((degree - 1) >> 1);
      const high = start[v]! + (degree >> 1);
      for (const at of low === high ? [low] : left ? [low, high] : [high, low]) {
        const segment = items[at]!;
        const w = ends[segment]!;
        const free = taken[w] === 0 && crossed[segment] === 0;
        if (!free || (left ? position[w]! <= limit : position[w]! >= limit)) continue;
        taken[w] = 1;
        root[v] = root[w]!;
        limit = position[w]!;
        break;
      }
    }
  }
  return root;
}

/** Packs blocks as far to one side as their neighbours allow, then closes gaps from the other side. */
function packBlocks(layers: Layers, widths: Float32Array, root: Int32Array, left: boolean): Float64Array {
  const { vertices, nodes } = layers;
  const from: number[] = [];
  const to: number[] = [];
  const distance: number[] = [];
  for (const row of layers.rows) {
    for (let i = 1; i < row.length; i++) {
      const a = row[i - 1]!;
      const b = row[i]!;
      const gap = a < nodes && b < nodes ? spacing.column : spacing.lane;
      from.push(left ? root[a]! : root[b]!);
      to.push(left ? root[b]! : root[a]!);
      distance.push((widths[a]! + widths[b]!) / 2 + gap);
    }
  }
  const start = new Int32Array(vertices + 1);
  const missing = new Int32Array(vertices);
  for (let k = 0; k < from.length; k++) {
    start[from[k]! + 1]!++;
    missing[to[k]!]!++;
  }
  for (let v = 0; v < vertices; v++) start[v + 1]! += start[v]!;
  const next = start.slice(0, vertices);
  const items = new Int32Array(from.length);
  for (let k = 0; k < from.length; k++) items[next[from[k]!]!++] = k;

  const order: number[] = [];
  for (let v = 0; v < vertices; v++) if (root[v] === v && missing[v] === 0) order.push(v);
  const x = new Float64Array(vertices);
  for (let head = 0; head < order.length; head++) {
    const block = order[head]!;
    for (let i = start[block]!; i < start[block + 1]!; i++) {
      const k = items[i]!;
      const other = to[k]!;
      x[other] = Math.max(x[other]!, x[block]! + distance[k]!);
      if (--missing[other]! === 0) order.push(other);
    }
  }
  for (let k = order.length - 1; k >= 0; k--) {
    const block = order[k]!;
    let room = Infinity;
    for (let i = start[block]!; i < start[block + 1]!; i++) {
      room = Math.min(room, x[to[items[i]!]!]! - distance[items[i]!]!);
    }
    if (room !== Infinity) x[block] = Math.max(x[block]!, room);
  }
  return Float64Array.from({ length: vertices }, (_, v) => (left ? x[root[v]!]! : -x[root[v]!]!));
}

/** Lines the packings up with the narrowest and takes the mean of the two middle ones for each vertex. */
function middle(results: readonly Float64Array[], widths: Float32Array): Float64Array {
  const extents = results.map((xs) => {
    let low = Infinity;
    let high = -Infinity;
    for (let v = 0; v < xs.length; v++) {
      low = Math.min(low, xs[v]! - widths[v]! / 2);
      high = Math.max(high, xs[v]! + widths[v]! / 2);
    }
    return { low, high };
  });
  const narrowest = extents.reduce((a, b) => (b.high - b.low < a.high - a.low ? b : a));
  const shifts = extents.map(({ low, high }, i) =>
    i % 2 === 0 ? narrowest.low - low : narrowest.high - high,
  );
  const four = new Float64Array(4);
  return Float64Array.from(widths, (_, v) => {
    for (let i = 0; i < 4; i++) four[i] = results[i]![v]! + shifts[i]!;
    four.sort();
    return (four[1]! + four[2]!) / 2;
  });
}
