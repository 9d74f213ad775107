// What is left of a graph when very much of it is in view: of all blocks and lines that fall into the same few pixels one
// is drawn, so that a frame costs what the screen can show and not what the graph holds.

import type { Picture } from './picture';

/** The part of the graph that is in view: its corner, device pixels for a graph pixel, and its size in device pixels. */
export interface Frame {
  readonly left: number;
  readonly top: number;
  readonly zoom: number;
  readonly width: number;
  readonly height: number;
}

/** Side of a cell in device pixels. */
const cell = 2;
/** Cells of a side that are told apart. */
const most = 4096;

let taken = new Uint8Array(0);

/** Of the boxes whose middle falls into one cell the first. */
export function firstInCells({ layout }: Picture, nodes: readonly number[], frame: Frame): number[] {
  const { left, top, zoom, width, height } = frame;
  const columns = Math.ceil(width / cell) + 2;
  const rows = Math.ceil(height / cell) + 2;
  if (taken.length < columns * rows) taken = new Uint8Array(columns * rows);
  else taken.fill(0);
  const scale = zoom / cell;
  const inside = (at: number, count: number) => Math.min(count - 1, Math.max(0, 1 + Math.floor(at * scale)));
  const first: number[] = [];
  for (const n of nodes) {
    const column = inside(layout.x[n]! + layout.widths[n]! / 2 - left, columns);
    const row = inside(layout.y[n]! + layout.heights[n]! / 2 - top, rows);
    const at = row * columns + column;
    if (taken[at] === 1) continue;
    taken[at] = 1;
    first.push(n);
  }
  return first;
}

/** Traces edges as straight lines: none that stays within a cell, and one of those that begin and end in the same two. */
export function traceFar(
  ctx: CanvasRenderingContext2D,
  { layout }: Picture,
  edges: readonly number[],
  frame: Frame,
): void {
  const { runs, runStart } = layout;
  const scale = frame.zoom / cell;
  const place = (at: number) => Math.min(most - 1, Math.max(0, 1 + Math.floor(at * scale)));
  const step = 1 / scale;
  const seen = new Set<number>();
  for (const e of edges) {
    const first = 3 * runStart[e]!;
    const last = 3 * (runStart[e + 1]! - 1);
    const fromX = place(runs[first]! - frame.left);
    const fromY = place(runs[first + 1]! - frame.top);
    const toX = place(runs[last]! - frame.left);
    const toY = place(runs[last + 2]! - frame.top);
    if (fromX === toX && fromY === toY) continue;
    const key = ((fromX * most + fromY) * most + toX) * most + toY;
    if (seen.has(key)) continue;
    seen.add(key);
    let x = runs[first]!;
    let y = runs[first + 1]!;
    ctx.moveTo(x, y);
    for (let run = first; run <= last; run += 3) {
      for (const at of [runs[run + 1]!, runs[run + 2]!]) {
        // Steps of less than a cell cannot be seen.
        if (run < last && Math.abs(runs[run]! - x) < step && Math.abs(at - y) < step) continue;
        x = runs[run]!;
        y = at;
        ctx.lineTo(x, y);
      }
    }
  }
}
