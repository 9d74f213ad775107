// Paints the part of a picture that is in view. Few large paths instead of many small ones, and less detail
// the further one is away: text first, then borders and arrows, last plain blocks in their family's colour.

import { drawFar } from './drawFar';
import { fillValues, drawValues } from './drawOverlay';
import { box, detailFont, titleFont } from './labels';
import { spacing } from './layoutTypes';
import { boxOf, type Picture } from './picture';
import { NodeKind, opens } from './table';
import type { OverlayPaint } from './overlayPaint';
import { traceArrow, traceBox, traceChip, traceEdge, traceSign } from './paths';
import type { Camera, Size } from './camera';
import type { Theme } from './theme';
import { elide } from '../ui/text';
import { edgeLabels } from './edgeLabels';
import type { Family } from './families';

/** What is marked; all are drawn numbers. */
export interface Marks {
  readonly selected: number | undefined;
  readonly hovered: number | undefined;
  readonly hits: ReadonlySet<number>;
  readonly currentHit: number | undefined;
  readonly focused: boolean;
  /** Boxes of a trace; the others stand back. */
  readonly trace: ReadonlySet<number> | undefined;
  /** Values that are painted. */
  readonly overlay: OverlayPaint | undefined;
}

/** Scales below which a detail is left out. */
const detailFrom = { allLabels: 1.25, newLabels: 0.85, detail: 0.6, title: 0.4, box: 0.16 } as const;

/** Paints onto a context whose unit is the device pixel. */
export function drawScene(
  ctx: CanvasRenderingContext2D,
  picture: Picture,
  camera: Camera,
  view: Size,
  ratio: number,
  theme: Theme,
  marks: Marks,
): void {
  ctx.setTransform(1, 0, 0, 1, 0, 0);
  ctx.clearRect(0, 0, view.width * ratio, view.height * ratio);
  const zoom = camera.scale * ratio;
  ctx.setTransform(zoom, 0, 0, zoom, -camera.x * zoom, -camera.y * zoom);
  const seen = {
    left: camera.x,
    right: camera.x + view.width / camera.scale,
    top: camera.y,
    bottom: camera.y + view.height / camera.scale,
  };
  const { layout, table } = picture;
  // One device pixel at the least, one and a bit at life size.
  const hair = Math.max(1 / zoom, 1);
  const isSeen = (n: number) => layout.x[n]! <= seen.right && layout.x[n]! + layout.widths[n]! >= seen.left;
  if (camera.scale < detailFrom.box) {
    const open = picture.frames.filter(
      (n) =>
        isSeen(n) &&
        layout.y[n]! <= seen.bottom &&
        layout.y[n]! + layout.heights[n]! >= seen.top &&
        Math.min(layout.widths[n]!, layout.heights[n]!) * zoom >= smallestFrame,
    );
    drawScopes(ctx, picture, open, camera.scale, hair, theme);
    drawFar(ctx, picture, seen, zoom, 1 / camera.scale, theme, marks, standBack);
    drawChosen(ctx, picture, 1 / camera.scale, theme, marks);
    return;
  }
  const nodes: number[] = [];
  const open: number[] = [];
  picture.boxes.each(seen.top, seen.bottom, (n) => {
    if (!isSeen(n)) return;
    if (table.opened[n] === 1) open.push(n);
    else nodes.push(n);
  });
  const lines: number[] = [];
  picture.lines.each(seen.top, seen.bottom, (e) => lines.push(e));
  // Outer ones come first in the table.
  open.sort((a, b) => a - b);
  drawScopes(ctx, picture, open, camera.scale, hair, theme);
  drawLines(ctx, picture, lines, camera.scale, hair, theme, marks);
  inParts(ctx, nodes, marks, (some) => {
    drawBoxes(ctx, picture, some, camera.scale, hair, theme, marks);
    if (camera.scale >= detailFrom.title) {
      drawText(ctx, picture, some, camera.scale, theme, marks.overlay);
      drawSigns(ctx, picture, some, hair, theme);
    }
  });
  if (camera.scale >= detailFrom.newLabels) {
    const all = camera.scale >= detailFrom.allLabels;
    const always = (n: number) => all || n === marks.selected || n === marks.hovered;
    drawEdgeLabels(ctx, picture, nodes, theme, marks, always);
  }
  drawMarks(ctx, picture, nodes, 1 / camera.scale, theme, marks);
  if (marks.overlay !== undefined && camera.scale >= detailFrom.detail)
    inParts(ctx, nodes, marks, (some) => drawValues(ctx, picture, some, marks.overlay, theme));
}

/** Frames of scopes that are smaller than this are not drawn from afar; in device pixels. */
const smallestFrame = 3;

/** How much of its colour a box has that is too small for words. */
const tint = 0.5;

/** How much is left of what is not part of a trace. */
const standBack = 0.25;

/** Draws what is no part of the trace faintly, then the rest. */
function inParts(
  ctx: CanvasRenderingContext2D,
  nodes: readonly number[],
  { trace }: Marks,
  draw: (some: readonly number[]) => void,
): void {
  if (trace === undefined) {
    draw(nodes);
    return;
  }
  ctx.globalAlpha = standBack;
  draw(nodes.filter((n) => !trace.has(n)));
  ctx.globalAlpha = 1;
  draw(nodes.filter((n) => trace.has(n)));
}

function drawLines(
  ctx: CanvasRenderingContext2D,
  picture: Picture,
  lines: readonly number[],
  scale: number,
  hair: number,
  theme: Theme,
  { selected, hovered, trace }: Marks,
): void {
  const { source, target } = picture.table;
  const isMarked = trace !== undefined || selected !== undefined || hovered !== undefined;
  const strong = (e: number) =>
    (trace?.has(source[e]!) === true && trace.has(target[e]!)) ||
    source[e] === selected ||
    target[e] === selected ||
    source[e] === hovered ||
    target[e] === hovered;
  for (const marked of isMarked ? [false, true] : [false]) {
    const some = isMarked ? lines.filter((e) => strong(e) === marked) : lines;
    ctx.strokeStyle = ctx.fillStyle = marked ? theme.selection : theme.line;
    ctx.lineWidth = marked ? 1.5 * hair : hair;
    ctx.globalAlpha = marked || trace === undefined ? 1 : standBack;
    ctx.beginPath();
    for (const e of some) traceEdge(ctx, picture, e);
    ctx.stroke();
    if (scale < 0.3) continue;
    ctx.beginPath();
    for (const e of some) traceArrow(ctx, picture, e);
    ctx.fill();
  }
  ctx.globalAlpha = 1;
}

function byFamily(picture: Picture, nodes: readonly number[]): Map<Family, number[]> {
  const groups = new Map<Family, number[]>();
  for (const n of nodes) {
    if (picture.table.kind[picture.table.drawn[n]!] !== NodeKind.operator) continue;
    const group = groups.get(picture.family[n]!);
    if (group === undefined) groups.set(picture.family[n]!, [n]);
    else group.push(n);
  }
  return groups;
}

function drawBoxes(
  ctx: CanvasRenderingContext2D,
  picture: Picture,
  nodes: readonly number[],
  scale: number,
  hair: number,
  theme: Theme,
  { hits, overlay }: Marks,
): void {
  const { layout, references } = picture;
  ctx.beginPath();
  for (const n of nodes) traceBox(ctx, picture, n);
  ctx.fillStyle = theme.boxFill;
  ctx.fill();
  if (overlay !== undefined) fillValues(ctx, picture, nodes, overlay);
  if (hits.size > 0 && !theme.highContrast) {
    ctx.beginPath();
    for (const n of nodes) if (hits.has(n)) traceBox(ctx, picture, n);
    ctx.fillStyle = theme.match;
    ctx.fill();
  }
  // Too small for words, a box says by its colour what it is, as it does from afar.
  const isTinted = scale < detailFrom.title && overlay === undefined && !theme.highContrast;
  for (const [family, group] of byFamily(picture, nodes)) {
    ctx.fillStyle = theme.family[family];
    if (isTinted) {
      const alpha = ctx.globalAlpha;
      ctx.globalAlpha = alpha * tint;
      ctx.beginPath();
      for (const n of group) if (!hits.has(n)) traceBox(ctx, picture, n);
      ctx.fill();
      ctx.globalAlpha = alpha;
    }
    ctx.beginPath();
    for (const n of group) {
      const height = layout.heights[n]!;
      ctx.roundRect(layout.x[n]!, layout.y[n]!, box.strip, height, [box.radius, 0, 0, box.radius]);
    }
    ctx.fill();
  }
  ctx.beginPath();
  for (const n of nodes) {
    traceBox(ctx, picture, n);
    if (references.has(n)) traceChip(ctx, picture, n);
  }
  ctx.strokeStyle = theme.boxBorder;
  ctx.lineWidth = hair;
  ctx.stroke();
}

/** Scopes that are open: frames with a title, under everything that lies in them. */
function drawScopes(
  ctx: CanvasRenderingContext2D,
  picture: Picture,
  frames: readonly number[],
  scale: number,
  hair: number,
  theme: Theme,
): void {
  ctx.fillStyle = theme.foreground;
  ctx.globalAlpha = theme.highContrast ? 0 : 0.025;
  for (const n of frames) {
    ctx.beginPath();
    traceBox(ctx, picture, n);
    ctx.fill();
  }
  ctx.globalAlpha = 1;
  ctx.beginPath();
  for (const n of frames) traceBox(ctx, picture, n);
  ctx.strokeStyle = theme.highContrast ? theme.boxBorder : theme.line;
  ctx.lineWidth = hair;
  ctx.globalAlpha = theme.highContrast ? 1 : 0.5;
  ctx.stroke();
  ctx.globalAlpha = 1;
  if (scale < detailFrom.title) return;
  drawSigns(ctx, picture, frames, hair, theme);
  ctx.textAlign = 'left';
  ctx.textBaseline = 'middle';
  ctx.font = titleFont(theme.fontFamily);
  ctx.fillStyle = theme.muted;
  for (const n of frames) {
    const { x, y } = boxOf(picture, n);
    ctx.fillText(picture.labels.title[n]!, x + box.paddingX + box.toggle, y + 15);
  }
}

function drawSigns(
  ctx: CanvasRenderingContext2D,
  picture: Picture,
  nodes: readonly number[],
  hair: number,
  theme: Theme,
): void {
  ctx.beginPath();
  for (const n of nodes) traceSign(ctx, picture, n);
  ctx.strokeStyle = theme.muted;
  ctx.lineWidth = hair;
  ctx.stroke();
}

function drawText(
  ctx: CanvasRenderingContext2D,
  picture: Picture,
  nodes: readonly number[],
  scale: number,
  theme: Theme,
  overlay: OverlayPaint | undefined,
): void {
  const { labels, table, references } = picture;
  ctx.textAlign = 'left';
  ctx.textBaseline = 'middle';
  const left = (n: number) => {
    const row = table.drawn[n]!;
    if (opens(table, row)) return box.paddingX + box.toggle;
    const kind = table.kind[row];
    return kind === NodeKind.operator ? box.paddingX + 2 : box.paddingX;
  };
  ctx.font = titleFont(theme.fontFamily);
  ctx.fillStyle = theme.foreground;
  for (const n of nodes) {
    if (table.pillOf[n] !== -1) continue;
    const { x, y, height } = boxOf(picture, n);
    ctx.fillText(labels.title[n]!, x + left(n), y + (labels.detail[n] === '' ? height / 2 + 0.5 : 15));
  }
  if (scale < detailFrom.detail) return;
  ctx.font = detailFont(theme.fontFamily);
  ctx.fillStyle = theme.muted;
  for (const n of nodes) {
    const { x, y, width } = boxOf(picture, n);
    if (table.pillOf[n] !== -1) ctx.fillText(labels.title[n]!, x + box.paddingX, y + box.pill / 2 + 0.5);
    if (labels.detail[n] !== '') {
      const onColour = overlay?.fill[n] !== undefined;
      if (onColour) ctx.fillStyle = theme.foreground;
      ctx.fillText(labels.detail[n]!, x + left(n), y + 31);
      if (onColour) ctx.fillStyle = theme.muted;
    }
    const edges = references.get(n);
    if (edges === undefined) continue;
    const characters = Math.max(6, Math.floor((width - 20) / 6));
    ctx.fillText(chipText(picture, edges, characters), x + 8, y - spacing.chip + 10.5, width - 16);
  }
}

/** The chip's words: where the value comes from, or how many come from afar. */
export function chipText(picture: Picture, edges: readonly number[], characters = 32): string {
  const { table } = picture;
  if (edges.length > 1) return `↑ ${edges.length} from above`;
  const row = table.drawn[table.source[edges[0]!]!]!;
  return `↑ ${elide(table.name[row] === '' ? table.op[row]! : table.name[row]!, characters)}`;
}

/** Words beside lines. */
function drawEdgeLabels(
  ctx: CanvasRenderingContext2D,
  picture: Picture,
  nodes: readonly number[],
  theme: Theme,
  { overlay, trace }: Marks,
  always: (n: number) => boolean,
): void {
  ctx.font = detailFont(theme.fontFamily);
  ctx.textBaseline = 'middle';
  ctx.lineWidth = 4;
  ctx.lineJoin = 'round';
  ctx.strokeStyle = theme.background;
  ctx.fillStyle = theme.muted;
  for (const label of edgeLabels(picture, nodes, overlay, theme.fontFamily, always)) {
    const { node, text, x, y, align } = label;
    ctx.globalAlpha = trace === undefined || trace.has(node) ? 1 : standBack;
    ctx.textAlign = align;
    ctx.strokeText(text, x, y);
    ctx.fillText(text, x, y);
  }
  ctx.globalAlpha = 1;
}

function drawMarks(
  ctx: CanvasRenderingContext2D,
  picture: Picture,
  nodes: readonly number[],
  pixel: number,
  theme: Theme,
  marks: Marks,
): void {
  ctx.lineWidth = 2 * pixel;
  if (marks.hits.size > 0) {
    ctx.beginPath();
    for (const n of nodes) if (marks.hits.has(n)) traceBox(ctx, picture, n, 2 * pixel);
    ctx.strokeStyle = theme.highContrast ? theme.hoverBorder : theme.match;
    if (theme.highContrast) ctx.setLineDash([4 * pixel, 3 * pixel]);
    ctx.stroke();
    ctx.setLineDash([]);
  }
  drawChosen(ctx, picture, pixel, theme, marks);
}

/** The current match, what the pointer is over, and the selection. */
function drawChosen(
  ctx: CanvasRenderingContext2D,
  picture: Picture,
  pixel: number,
  theme: Theme,
  marks: Marks,
): void {
  ctx.lineWidth = 2 * pixel;
  if (marks.currentHit !== undefined && marks.currentHit !== marks.selected) {
    ctx.beginPath();
    traceBox(ctx, picture, marks.currentHit, 2 * pixel);
    ctx.strokeStyle = theme.currentMatch;
    ctx.stroke();
  }
  if (marks.hovered !== undefined && marks.hovered !== marks.selected) {
    ctx.beginPath();
    traceBox(ctx, picture, marks.hovered);
    ctx.strokeStyle = theme.hoverBorder;
    ctx.lineWidth = Math.max(1, pixel);
    ctx.stroke();
  }
  if (marks.selected === undefined) return;
  ctx.beginPath();
  traceBox(ctx, picture, marks.selected, 2 * pixel);
  ctx.strokeStyle = theme.selection;
  ctx.lineWidth = (marks.focused ? 2.5 : 2) * pixel;
  ctx.stroke();
}
