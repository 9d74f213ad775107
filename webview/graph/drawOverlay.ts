// Paints an overlay: the colour in the boxes and the words on their lower right corner.

import { box, detailFont } from './labels';
import type { OverlayPaint } from './overlayPaint';
import { traceBox } from './paths';
import { boxOf, type Picture } from './picture';
import type { Theme } from './theme';

/** Fills boxes with the colours of their values; boxes of one colour at once. */
export function fillValues(
  ctx: CanvasRenderingContext2D,
  picture: Picture,
  nodes: readonly number[],
  { fill }: OverlayPaint,
): void {
  const byColour = new Map<string, number[]>();
  for (const n of nodes) {
    const colour = fill[n];
    if (colour === undefined) continue;
    const some = byColour.get(colour);
    if (some === undefined) byColour.set(colour, [n]);
    else some.push(n);
  }
  for (const [colour, some] of byColour) {
    ctx.fillStyle = colour;
    ctx.beginPath();
    for (const n of some) traceBox(ctx, picture, n);
    ctx.fill();
  }
}

const tag = { height: 16, padding: 6 } as const;

/** Tags with the values, across the lower edge of each box near its right end, where no line leaves it. */
export function drawValues(
  ctx: CanvasRenderingContext2D,
  picture: Picture,
  nodes: readonly number[],
  overlay: OverlayPaint | undefined,
  theme: Theme,
): void {
  if (overlay === undefined) return;
  const { words, widths, strong } = overlay;
  const some = nodes.filter((n) => (words[n] ?? '') !== '');
  const place = (n: number) => {
    const { x, y, width, height } = boxOf(picture, n);
    const across = widths[n]! + 2 * tag.padding;
    return { left: x + width + box.radius - across, top: y + height - 6, across };
  };
  ctx.fillStyle = theme.background;
  ctx.beginPath();
  for (const n of some) {
    const { left, top, across } = place(n);
    ctx.roundRect(left, top, across, tag.height, 3);
  }
  ctx.fill();
  ctx.lineWidth = 1;
  for (const n of some) {
    const { left, top, across } = place(n);
    ctx.strokeStyle = strong[n] ?? theme.boxBorder;
    ctx.beginPath();
    ctx.roundRect(left, top, across, tag.height, 3);
    ctx.stroke();
  }
  ctx.font = detailFont(theme.fontFamily);
  ctx.textAlign = 'left';
  ctx.textBaseline = 'middle';
  ctx.fillStyle = theme.foreground;
  for (const n of some) {
    const { left, top } = place(n);
    ctx.fillText(words[n]!, left + tag.padding, top + tag.height / 2 + 0.5);
  }
}
