// Outlines on a canvas: boxes, edges with their arrows, chips, the signs of scopes. Only paths; who calls fills or
// strokes them, many at once.

import { box } from './labels';
import { EdgeKind, spacing } from './layoutTypes';
import { boxOf, type Picture } from './picture';
import { GroupKind, NodeKind, opens, scopeOfRow } from './table';

/** An edge from its source to its target. */
export function traceEdge(ctx: CanvasRenderingContext2D, picture: Picture, e: number): void {
  const { runs, runStart } = picture.layout;
  for (let run = runStart[e]!; run < runStart[e + 1]!; run++) {
    const x = runs[3 * run]!;
    const from = runs[3 * run + 1]!;
    const to = runs[3 * run + 2]!;
    if (run === runStart[e]) {
      ctx.moveTo(x, from);
    } else {
      const before = runs[3 * run - 3]!;
      const y = runs[3 * run - 1]!;
      if (Math.abs(before - x) < 0.5) ctx.lineTo(x, from);
      else ctx.bezierCurveTo(before, (y + from) / 2, x, (y + from) / 2, x, from);
    }
    if (to > from) ctx.lineTo(x, to);
  }
}

/** What takes straight lines: a canvas, or a path that is written as text. */
export type Lines = Pick<CanvasRenderingContext2D, 'moveTo' | 'lineTo' | 'closePath'>;

/** The tip of an edge. */
export function traceArrow(ctx: Lines, picture: Picture, e: number): void {
  const { runs, runStart, edgeKind } = picture.layout;
  if (edgeKind[e] === EdgeKind.back) {
    const x = runs[3 * runStart[e]!]!;
    const y = runs[3 * runStart[e]! + 1]!;
    ctx.moveTo(x, y);
    ctx.lineTo(x - 3.5, y + 6);
    ctx.lineTo(x + 3.5, y + 6);
  } else {
    const x = runs[3 * (runStart[e + 1]! - 1)]!;
    const y = runs[3 * (runStart[e + 1]! - 1) + 2]!;
    ctx.moveTo(x, y);
    ctx.lineTo(x - 3.5, y - 6);
    ctx.lineTo(x + 3.5, y - 6);
  }
  ctx.closePath();
}

/** The outline of a box, `grow` pixels larger on each side. */
export function traceBox(ctx: CanvasRenderingContext2D, picture: Picture, n: number, grow = 0): void {
  const { x, y, width, height } = boxOf(picture, n);
  const kind = picture.table.kind[picture.table.drawn[n]!];
  const radius = kind === NodeKind.operator || kind === NodeKind.group ? box.radius : height / 2;
  ctx.roundRect(x - grow, y - grow, width + 2 * grow, height + 2 * grow, radius + grow);
}

/** The sign that a scope can be opened (plus) or closed (minus), and for a repeat the sheets behind its box. */
export function traceSign(ctx: CanvasRenderingContext2D, picture: Picture, n: number): void {
  const { table } = picture;
  const row = table.drawn[n]!;
  if (!opens(table, row)) return;
  const scope = scopeOfRow(table.model, row);
  const { x, y, width, height } = boxOf(picture, n);
  const [left, middle] = [x + box.paddingX - 1, y + 15];
  ctx.rect(left, middle - 5.5, 11, 11);
  ctx.moveTo(left + 2.5, middle);
  ctx.lineTo(left + 8.5, middle);
  if (table.opened[n] === 1) return;
  ctx.moveTo(left + 5.5, middle - 3);
  ctx.lineTo(left + 5.5, middle + 3);
  if (scope < 0 || table.model.groupKind[scope] !== GroupKind.repeat) return;
  for (const shift of [3, 6]) {
    ctx.moveTo(x + shift + 2, y + height + shift);
    ctx.lineTo(x + width + shift, y + height + shift);
    ctx.lineTo(x + width + shift, y + shift + 2);
  }
}

/** The chip sits above the box, joined to it by a short line. */
export function traceChip(ctx: CanvasRenderingContext2D, picture: Picture, n: number): void {
  const { x, y, width } = boxOf(picture, n);
  ctx.roundRect(x, y - spacing.chip + 2, width, 16, 8);
  ctx.moveTo(x + width - 12, y - spacing.chip + 18);
  ctx.lineTo(x + width - 12, y);
}
