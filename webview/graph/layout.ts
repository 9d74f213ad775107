// The layered picture of a graph: ranks, order, coordinates, and the way of each edge. Pure, deterministic
// and about linear in nodes and edges; runs in layoutWorker.ts and, in tests, anywhere.

import { makeLayers, type Layers } from './layoutLayers';
import { orderRows } from './layoutOrder';
import { placeVertices } from './layoutPlace';
import { rankNodes } from './layoutRanks';
import { EdgeKind, groupEdges, spacing, type Layout, type LayoutInput } from './layoutTypes';

/** Lays a graph out from top to bottom. Boxes never overlap; edges run down except where a cycle forbids. */
export function layoutGraph(input: LayoutInput): Layout {
  const ranked = rankNodes(input);
  const layers = makeLayers(input, ranked);
  orderRows(layers);

  const nodes = input.widths.length;
  const widths = new Float32Array(layers.vertices);
  widths.set(input.widths);
  const centre = placeVertices(layers, widths);
  const chips = new Uint8Array(nodes);
  input.target.forEach((n, e) => {
    if (ranked.edgeKind[e] === EdgeKind.reference) chips[n] = 1;
  });
  const bands = makeBands(input, layers, chips);

  let left = Infinity;
  let right = -Infinity;
  for (let v = 0; v < layers.vertices; v++) {
    left = Math.min(left, centre[v]! - widths[v]! / 2);
    right = Math.max(right, centre[v]! + widths[v]! / 2);
  }
  const shift = nodes === 0 ? 0 : spacing.margin - left;
  const x = new Float32Array(nodes);
  const y = new Float32Array(nodes);
  for (let n = 0; n < nodes; n++) {
    const r = ranked.rank[n]!;
    const chip = chips[n] === 1 ? spacing.chip : 0;
    const room = bands.bottom[r]! - bands.top[r]! - input.heights[n]! - chip;
    x[n] = Math.round(centre[n]! + shift - input.widths[n]! / 2);
    y[n] = Math.round(bands.top[r]! + room / 2 + chip);
  }
  const { runStart, runs } = routeEdges(input, ranked.edgeKind, layers, centre, shift, x, y, bands);
  return {
    x,
    y,
    rank: ranked.rank,
    edgeKind: ranked.edgeKind,
    runStart,
    runs,
    width: nodes === 0 ? 0 : right - left + 2 * spacing.margin,
    height: bands.end,
  };
}

interface Bands {
  top: Float64Array;
  bottom: Float64Array;
  end: number;
}

/** Vertical extent of each rank. */
function makeBands({ heights }: LayoutInput, layers: Layers, chips: Uint8Array): Bands {
  const top = new Float64Array(layers.rows.length);
  const bottom = new Float64Array(layers.rows.length);
  let y: number = spacing.margin;
  layers.rows.forEach((row, r) => {
    let height = 0;
    for (const v of row) {
      if (v < layers.nodes) height = Math.max(height, heights[v]! + (chips[v] === 1 ? spacing.chip : 0));
    }
    top[r] = y;
    bottom[r] = y + height;
    y += height + spacing.rank;
  });
  return { top, bottom, end: layers.rows.length === 0 ? 0 : y - spacing.rank + spacing.margin };
}

/** Runs of every drawn edge, from its upper end to its lower one. */
function routeEdges(
  { source, target, widths, heights }: LayoutInput,
  kind: Uint8Array,
  layers: Layers,
  centre: Float64Array,
  shift: number,
  x: Float32Array,
  y: Float32Array,
  bands: Bands,
): { runStart: Int32Array; runs: Float32Array } {
  const drawn = (e: number) => kind[e] === EdgeKind.line || kind[e] === EdgeKind.back;
  const runStart = new Int32Array(source.length + 1);
  for (let e = 0; e < source.length; e++) {
    runStart[e + 1] = runStart[e]! + (drawn(e) ? 2 + layers.firstBend[e + 1]! - layers.firstBend[e]! : 0);
  }
  const runs = new Float32Array(3 * runStart[source.length]!);
  const put = (run: number, at: number, from: number, to: number) => {
    runs[3 * run] = at;
    runs[3 * run + 1] = from;
    runs[3 * run + 2] = to;
  };
  for (let e = 0; e < source.length; e++) {
    if (!drawn(e)) continue;
    const top = kind[e] === EdgeKind.back ? target[e]! : source[e]!;
    const bottom = kind[e] === EdgeKind.back ? source[e]! : target[e]!;
    let run = runStart[e]!;
    const below = bands.bottom[layers.rank[top]!]!;
    put(run++, x[top]! + widths[top]! / 2, y[top]! + heights[top]!, below);
    for (let bend = layers.firstBend[e]!; bend < layers.firstBend[e + 1]!; bend++) {
      const r = layers.rank[bend]!;
      put(run++, centre[bend]! + shift, bands.top[r]!, bands.bottom[r]!);
    }
    put(run, x[bottom]! + widths[bottom]! / 2, bands.top[layers.rank[bottom]!]!, y[bottom]!);
  }
  spreadEntries(
    widths,
    runStart,
    runs,
    groupEdges(widths.length, target, (e) => kind[e] === EdgeKind.line),
  );
  return { runStart, runs };
}

/** Edges that enter one box from above arrive side by side, in the order in which they come. */
function spreadEntries(
  widths: Float32Array,
  runStart: Int32Array,
  runs: Float32Array,
  into: { start: Int32Array; items: Int32Array },
): void {
  for (let n = 0; n < widths.length; n++) {
    const count = into.start[n + 1]! - into.start[n]!;
    if (count < 2) continue;
    const comesFrom = (e: number) => runs[3 * (runStart[e + 1]! - 2)]!;
    const edges = Array.from(into.items.subarray(into.start[n], into.start[n + 1]));
    edges.sort((a, b) => comesFrom(a) - comesFrom(b) || a - b);
    const step = Math.min(16, (widths[n]! * 0.6) / (count - 1));
    edges.forEach((e, i) => {
      runs[3 * (runStart[e + 1]! - 1)]! += (i - (count - 1) / 2) * step;
    });
  }
}
