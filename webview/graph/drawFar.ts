// Paints a graph from afar: one block for each cell in its family's colour (or that of its value), straight lines, and the
// frames of open scopes that are large enough to be seen. What is left of each cell is in `farLevels.ts`.

import type { Marks } from './draw';
import type { Family } from './families';
import { FarLevels } from './farLevels';
import type { OverlayPaint } from './overlayPaint';
import type { Picture } from './picture';
import { NodeKind } from './table';
import type { Theme } from './theme';

/** The part of the graph that is in view, in graph pixels. */
export interface Seen {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** What is painted: the context, and how large its device pixels are. */
interface Canvas {
  readonly ctx: CanvasRenderingContext2D;
  /** Device pixels for a graph pixel. */
  readonly zoom: number;
  /** Graph pixels for a pixel of the page. */
  readonly pixel: number;
  readonly seen: Seen;
}

/** Levels of parts of a picture, by what makes the part up; those of earlier pictures are let go. */
let known: { picture: Picture; of: readonly unknown[]; levels: FarLevels }[] = [];
const mostKnown = 8;

function levelsOf(
  picture: Picture,
  of: readonly unknown[],
  node: (n: number) => boolean,
  edge: (e: number) => boolean,
): FarLevels {
  known = known.filter((one) => one.picture === picture);
  const found = known.find((one) => one.of.length === of.length && one.of.every((part, i) => part === of[i]));
  if (found !== undefined) return found.levels;
  const levels = new FarLevels(picture, node, edge);
  known = [{ picture, of, levels }, ...known].slice(0, mostKnown);
  return levels;
}

const all = () => true;
const none = () => false;

/** The levels of a whole graph. */
export const farLevels = (picture: Picture): FarLevels => levelsOf(picture, [], all, all);

/** Paints lines, blocks and marked matches; who calls has set the context's transformation. */
export function drawFar(
  ctx: CanvasRenderingContext2D,
  picture: Picture,
  seen: Seen,
  zoom: number,
  pixel: number,
  theme: Theme,
  marks: Marks,
  standBack: number,
): void {
  const canvas: Canvas = { ctx, zoom, pixel, seen };
  const { trace, selected, hovered, overlay } = marks;
  const hair = Math.max(1 / zoom, 1);
  ctx.strokeStyle = theme.line;
  ctx.lineWidth = hair;
  ctx.globalAlpha = trace === undefined ? 1 : standBack;
  strokeLines(canvas, farLevels(picture));
  drawBlocks(canvas, picture, theme, overlay, farLevels(picture), [], all);
  ctx.globalAlpha = 1;
  ctx.strokeStyle = theme.selection;
  ctx.lineWidth = 1.5 * hair;
  if (trace !== undefined) {
    const { source, target } = picture.table;
    const isPart = (n: number) => trace.has(n);
    const part = levelsOf(picture, [trace], isPart, (e) => isPart(source[e]!) && isPart(target[e]!));
    strokeLines(canvas, part);
    drawBlocks(canvas, picture, theme, overlay, part, [trace], isPart);
  }
  for (const n of new Set([selected, hovered])) if (n !== undefined) strokeEdgesOf(ctx, picture, n);
  if (marks.hits.size > 0) markHits(canvas, picture, theme, marks.hits);
}

function strokeLines({ ctx, zoom, seen }: Canvas, levels: FarLevels): void {
  const { lines, start, points } = levels.level(zoom);
  ctx.beginPath();
  lines.each(seen.top, seen.bottom, (i) => {
    const first = 2 * start[i]!;
    ctx.moveTo(points[first]!, points[first + 1]!);
    for (let p = start[i]! + 1; p < start[i + 1]!; p++) ctx.lineTo(points[2 * p]!, points[2 * p + 1]!);
  });
  ctx.stroke();
}

/** The lines of one box, straight. */
function strokeEdgesOf(ctx: CanvasRenderingContext2D, { table, layout }: Picture, n: number): void {
  const { runs, runStart } = layout;
  ctx.beginPath();
  for (const { start, items } of [table.into, table.out]) {
    for (let i = start[n]!; i < start[n + 1]!; i++) {
      const e = items[i]!;
      for (let run = runStart[e]!; run < runStart[e + 1]!; run++) {
        const x = runs[3 * run]!;
        if (run === runStart[e]) ctx.moveTo(x, runs[3 * run + 1]!);
        else ctx.lineTo(x, runs[3 * run + 1]!);
        ctx.lineTo(x, runs[3 * run + 2]!);
      }
    }
  }
  ctx.stroke();
}

/** Blocks of the boxes that pass, each at its place and of a size that can be seen. */
function eachBlock(
  { zoom, pixel, seen }: Canvas,
  { layout }: Picture,
  levels: FarLevels,
  draw: (n: number, x: number, y: number, width: number, height: number) => void,
): void {
  const smallest = 4 * pixel;
  for (const n of levels.nodesIn(levels.level(zoom), seen.top, seen.bottom)) {
    const [x, own] = [layout.x[n]!, layout.widths[n]!];
    const width = Math.max(own, smallest);
    const left = x - (width - own) / 2;
    if (left > seen.right || left + width < seen.left) continue;
    draw(n, left, layout.y[n]!, width, Math.max(layout.heights[n]!, smallest / 2));
  }
}

function drawBlocks(
  canvas: Canvas,
  picture: Picture,
  theme: Theme,
  overlay: OverlayPaint | undefined,
  levels: FarLevels,
  of: readonly unknown[],
  node: (n: number) => boolean,
): void {
  const { ctx } = canvas;
  const { table, family } = picture;
  if (overlay !== undefined) {
    ctx.fillStyle = theme.boxBorder;
    eachBlock(canvas, picture, levels, (_, ...place) => ctx.fillRect(...place));
    // What has a value has levels of its own: nothing without one hides it.
    const hasValue = (n: number) => overlay.strong[n] !== undefined && node(n);
    eachBlock(canvas, picture, levelsOf(picture, [...of, overlay], hasValue, none), (n, ...place) => {
      ctx.fillStyle = overlay.strong[n]!;
      ctx.fillRect(...place);
    });
    return;
  }
  const groups = new Map<Family | '', number[]>();
  eachBlock(canvas, picture, levels, (n, ...place) => {
    const key = table.kind[table.drawn[n]!] === NodeKind.operator ? family[n]! : '';
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [...place]);
    else group.push(...place);
  });
  for (const [key, places] of groups) {
    ctx.fillStyle = key === '' ? theme.foreground : theme.family[key];
    for (let i = 0; i < places.length; i += 4)
      ctx.fillRect(places[i]!, places[i + 1]!, places[i + 2]!, places[i + 3]!);
  }
}

/** A frame around each block that a search found. */
function markHits(canvas: Canvas, picture: Picture, theme: Theme, hits: ReadonlySet<number>): void {
  const { ctx, pixel } = canvas;
  const levels = levelsOf(picture, [hits], (n) => hits.has(n), none);
  ctx.lineWidth = 2 * pixel;
  ctx.strokeStyle = theme.highContrast ? theme.hoverBorder : theme.match;
  if (theme.highContrast) ctx.setLineDash([4 * pixel, 3 * pixel]);
  ctx.beginPath();
  eachBlock(canvas, picture, levels, (_, x, y, width, height) =>
    ctx.rect(x - 2 * pixel, y - 2 * pixel, width + 4 * pixel, height + 4 * pixel),
  );
  ctx.stroke();
  ctx.setLineDash([]);
}
