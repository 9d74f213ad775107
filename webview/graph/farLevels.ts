// A graph from afar: of all boxes and lines that fall into the same few pixels one is kept, for sizes of cells that double.
// Each size is worked out once, when it is first looked at, so that a frame costs what the screen can show and not what
// the graph holds. Cells belong to the graph and not to the screen: what is kept stays while the view moves.

import { EdgeKind } from './layoutTypes';
import type { Picture } from './picture';
import { SpatialIndex } from './spatialIndex';

/** What is left at one size of cell. */
export interface FarLevel {
  /** Drawn numbers of boxes, by the height of their middles, and these heights. */
  readonly nodes: Int32Array;
  readonly middles: Float32Array;
  /** Numbers of edges. */
  readonly edges: Int32Array;
  /** Line i has the points start[i] … start[i+1]-1, two numbers each. */
  readonly start: Int32Array;
  readonly points: Float32Array;
  /** Lines by height. */
  readonly lines: SpatialIndex;
}

/** Exponent of the smallest cell: from nearer than that, pictures are not drawn from afar. */
const finest = 2;
const coarsest = 40;

/** The far levels of a graph, or of those of its boxes and edges that pass. */
export class FarLevels {
  private readonly levels = new Map<number, FarLevel>();
  private readonly tallest: number;

  constructor(
    private readonly picture: Picture,
    node: (n: number) => boolean,
    edge: (e: number) => boolean,
  ) {
    const base = wholeGraph(picture, node, edge);
    this.tallest = base.nodes.reduce((most, n) => Math.max(most, picture.layout.heights[n]!), 0);
    this.levels.set(finest, base);
  }

  /** What is to be drawn at a zoom (device pixels for a graph pixel): cells are then one and a half to three pixels wide. */
  level(zoom: number): FarLevel {
    const wanted = Math.min(coarsest, Math.max(finest, Math.floor(Math.log2(3 / zoom))));
    let from = wanted;
    while (!this.levels.has(from)) from -= 1;
    let level = this.levels.get(from)!;
    if (from < wanted) {
      level = coarser(this.picture, level, 2 ** wanted);
      this.levels.set(wanted, level);
    }
    return level;
  }

  /** Boxes of a level that may reach into top … bottom. */
  nodesIn(level: FarLevel, top: number, bottom: number): Int32Array {
    return level.nodes.subarray(
      firstAfter(level.middles, top - this.tallest),
      firstAfter(level.middles, bottom + this.tallest),
    );
  }
}

/** Number of values in a sorted list that are not above `value`. */
function firstAfter(sorted: Float32Array, value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}

function wholeGraph(
  { layout, table }: Picture,
  node: (n: number) => boolean,
  edge: (e: number) => boolean,
): FarLevel {
  const { y, heights, edgeKind, runStart, runs } = layout;
  const middle = (n: number) => y[n]! + heights[n]! / 2;
  const nodes = Int32Array.from(y.keys())
    .filter((n) => table.opened[n] !== 1 && node(n))
    .sort((a, b) => middle(a) - middle(b));
  const edges = Int32Array.from(edgeKind.keys()).filter(
    (e) => (edgeKind[e] === EdgeKind.line || edgeKind[e] === EdgeKind.back) && edge(e),
  );
  const start = new Int32Array(edges.length + 1);
  edges.forEach((e, i) => (start[i + 1] = start[i]! + 2 * (runStart[e + 1]! - runStart[e]!)));
  const points = new Float32Array(2 * start[edges.length]!);
  let at = 0;
  for (const e of edges) {
    for (let run = runStart[e]!; run < runStart[e + 1]!; run++) {
      points[at] = points[at + 2] = runs[3 * run]!;
      points[at + 1] = runs[3 * run + 1]!;
      points[at + 3] = runs[3 * run + 2]!;
      at += 4;
    }
  }
  const lines = indexOf(start, points, layout.height, 256);
  return { nodes, middles: Float32Array.from(nodes, middle), edges, start, points, lines };
}

/** The level with larger cells, of what is left in smaller ones: as cells lie in each other, nothing is missed. */
function coarser({ layout }: Picture, finer: FarLevel, cell: number): FarLevel {
  const cellOf = (at: number) => Math.floor(at / cell);
  const columns = Int32Array.from(finer.nodes, (n) => cellOf(layout.x[n]! + layout.widths[n]! / 2));
  const rows = Int32Array.from(finer.middles, cellOf);
  const places = firsts(finer.nodes.length, [columns, rows]);
  const nodes = places.map((i) => finer.nodes[i]!);
  const middles = Float32Array.from(places, (i) => finer.middles[i]!);

  const { start, points } = finer;
  const ends = [0, 1, 2, 3].map(() => new Int32Array(finer.edges.length));
  for (let i = 0; i < finer.edges.length; i++) {
    const [first, last] = [2 * start[i]!, 2 * start[i + 1]! - 2];
    ends[0]![i] = cellOf(points[first]!);
    ends[1]![i] = cellOf(points[first + 1]!);
    ends[2]![i] = cellOf(points[last]!);
    ends[3]![i] = cellOf(points[last + 1]!);
  }
  // A line that stays within a cell lies under a block.
  const kept = firsts(finer.edges.length, ends).filter(
    (i) => ends[0]![i] !== ends[2]![i] || ends[1]![i] !== ends[3]![i],
  );
  const newStart = new Int32Array(kept.length + 1);
  const newPoints: number[] = [];
  kept.forEach((i, line) => {
    let x = Infinity;
    let y = Infinity;
    for (let p = start[i]!; p < start[i + 1]!; p++) {
      const [nextX, nextY] = [points[2 * p]!, points[2 * p + 1]!];
      // Steps of less than a cell cannot be seen.
      if (p < start[i + 1]! - 1 && Math.abs(nextX - x) < cell && Math.abs(nextY - y) < cell) continue;
      newPoints.push((x = nextX), (y = nextY));
    }
    newStart[line + 1] = newPoints.length / 2;
  });
  return {
    nodes,
    middles,
    edges: kept.map((i) => finer.edges[i]!),
    start: newStart,
    points: Float32Array.from(newPoints),
    lines: indexOf(newStart, Float32Array.from(newPoints), layout.height, 64 * cell),
  };
}

function indexOf(start: Int32Array, points: Float32Array, height: number, band: number): SpatialIndex {
  const from = new Float32Array(start.length - 1).fill(Infinity);
  const to = new Float32Array(start.length - 1).fill(-Infinity);
  for (let i = 0; i < from.length; i++) {
    for (let p = start[i]!; p < start[i + 1]!; p++) {
      from[i] = Math.min(from[i]!, points[2 * p + 1]!);
      to[i] = Math.max(to[i]!, points[2 * p + 1]!);
    }
  }
  return new SpatialIndex(from, to, height, band);
}

/** Of the places at which all keys are equal the first ones. */
function firsts(count: number, keys: readonly Int32Array[]): Int32Array {
  let bits = 4;
  while (2 ** bits < 2 * count) bits += 1;
  const slots = new Int32Array(2 ** bits).fill(-1);
  const found = new Int32Array(count);
  let length = 0;
  for (let i = 0; i < count; i++) {
    let hash = 0;
    for (const key of keys) hash = Math.imul(hash ^ key[i]!, 0x9e3779b1) ^ (hash >>> 15);
    let slot = Math.imul(hash, 0x85ebca6b) >>> (32 - bits);
    while (slots[slot] !== -1 && keys.some((key) => key[slots[slot]!] !== key[i])) {
      slot = (slot + 1) & (slots.length - 1);
    }
    if (slots[slot] !== -1) continue;
    slots[slot] = i;
    found[length++] = i;
  }
  return found.slice(0, length);
}
