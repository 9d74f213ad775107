// The whole graph as a picture file: PNG as the canvas draws it, SVG with real text. Names come from the model and
// are escaped.

import { chipText, drawScene } from './draw';
import { edgeLabels } from './edgeLabels';
import { box } from './labels';
import { EdgeKind, spacing } from './layoutTypes';
import { traceArrow } from './paths';
import { boxOf, type Picture } from './picture';
import { GroupKind, NodeKind, scopeOfRow } from './table';
import type { OverlayPaint } from './overlayPaint';
import type { Theme } from './theme';

/** Canvases beyond this many pixels a side are refused by browsers. */
const longestSide = 8192;

/** The graph at twice its size, smaller where it would not fit a canvas; undefined when the browser refuses. */
export async function pngOf(
  picture: Picture,
  theme: Theme,
  overlay?: OverlayPaint,
): Promise<Uint8Array | undefined> {
  const { width, height } = picture.layout;
  const scale = Math.min(2, longestSide / Math.max(1, width), longestSide / Math.max(1, height));
  const canvas = document.createElement('canvas');
  canvas.width = Math.max(1, Math.ceil(width * scale));
  canvas.height = Math.max(1, Math.ceil(height * scale));
  const ctx = canvas.getContext('2d');
  if (ctx === null) return undefined;
  const nothing = { selected: undefined, hovered: undefined, hits: new Set<number>(), currentHit: undefined };
  const view = { width: canvas.width, height: canvas.height };
  drawScene(ctx, picture, { x: 0, y: 0, scale }, view, 1, theme, {
    ...nothing,
    focused: false,
    trace: undefined,
    overlay,
  });
  // Under what was drawn: pictures are looked at on pages of any colour.
  ctx.setTransform(1, 0, 0, 1, 0, 0);
  ctx.globalCompositeOperation = 'destination-over';
  ctx.fillStyle = theme.background;
  ctx.fillRect(0, 0, canvas.width, canvas.height);
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, 'image/png'));
  return blob === null ? undefined : new Uint8Array(await blob.arrayBuffer());
}

const escapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escaped = (text: string): string => text.replace(/[&<>"]/g, (character) => escapes[character]!);
const round = (value: number): number => Math.round(10 * value) / 10;

/** The graph as an SVG document. */
export function svgOf(picture: Picture, theme: Theme, overlay?: OverlayPaint): string {
  const { layout, labels, table, references } = picture;
  const parts: string[] = [];
  const rect = (n: number, fill: string, opacity = 1) => {
    const { x, y, width, height } = boxOf(picture, n);
    const kind = table.kind[table.drawn[n]!];
    const radius = kind === NodeKind.operator || kind === NodeKind.group ? box.radius : height / 2;
    parts.push(
      `<rect x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${round(height)}" rx="${radius}" fill="${fill}" fill-opacity="${opacity}" stroke="${theme.boxBorder}"/>`,
    );
  };
  const text = (words: string, x: number, y: number, size: number, fill: string, more = '') => {
    parts.push(
      `<text x="${round(x)}" y="${round(y)}" font-size="${size}" fill="${fill}"${more}>${escaped(words)}</text>`,
    );
  };
  for (let n = 0; n < layout.x.length; n++) {
    if (table.opened[n] !== 1) continue;
    rect(n, theme.foreground, 0.025);
    text(labels.title[n]!, layout.x[n]! + box.paddingX, layout.y[n]! + 19, box.titleSize, theme.muted);
  }
  for (let e = 0; e < layout.edgeKind.length; e++) {
    if (layout.edgeKind[e] !== EdgeKind.line && layout.edgeKind[e] !== EdgeKind.back) continue;
    parts.push(`<path d="${edgePath(picture, e)}" fill="none" stroke="${theme.line}"/>`);
    parts.push(`<path d="${tipPath(picture, e)}" fill="${theme.line}"/>`);
  }
  for (let n = 0; n < layout.x.length; n++) {
    if (table.opened[n] === 1) continue;
    rect(n, overlay?.fill[n] ?? theme.boxFill);
    const { x, y, width, height } = boxOf(picture, n);
    const row = table.drawn[n]!;
    if (table.kind[row] === NodeKind.operator) {
      parts.push(
        `<rect x="${round(x)}" y="${round(y)}" width="${box.strip}" height="${round(height)}" fill="${theme.family[picture.family[n]!]}"/>`,
      );
    }
    const scope = scopeOfRow(table.model, row);
    const repeats = scope >= 0 && table.model.groupKind[scope] === GroupKind.repeat;
    if (repeats) {
      const [right, below] = [round(x + width + 3), round(y + height + 3)];
      parts.push(
        `<path d="M${round(x + 5)} ${below}H${right}V${round(y + 5)}" fill="none" stroke="${theme.boxBorder}"/>`,
      );
    }
    const isPill = table.pillOf[n] !== -1;
    const middle = labels.detail[n] === '' ? height / 2 + 4 : 19;
    const size = isPill ? box.detailSize : box.titleSize;
    text(labels.title[n]!, x + box.paddingX, y + middle, size, isPill ? theme.muted : theme.foreground);
    if (labels.detail[n] !== '')
      text(labels.detail[n]!, x + box.paddingX, y + 35, box.detailSize, theme.muted);
    const value = overlay?.words[n] ?? '';
    if (value !== '') {
      const words = value.length * 6;
      text(value, x + width - words, y + height + 11, box.detailSize, theme.foreground);
    }
    const chips = references.get(n);
    if (chips !== undefined) {
      text(chipText(picture, chips), x + 8, y - spacing.chip + 14, box.chipSize, theme.muted);
    }
  }
  const closed = Array.from(layout.x.keys()).filter((n) => table.opened[n] !== 1);
  for (const label of edgeLabels(picture, closed, overlay, theme.fontFamily, () => false)) {
    const halo = ` stroke="${theme.background}" stroke-width="4" stroke-linejoin="round" paint-order="stroke"`;
    const end = label.align === 'right' ? ' text-anchor="end"' : '';
    text(label.text, label.x, label.y + 4, box.detailSize, theme.muted, halo + end);
  }
  const [width, height] = [Math.ceil(layout.width), Math.ceil(layout.height)];
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="${escaped(theme.fontFamily)}">` +
    `<rect width="${width}" height="${height}" fill="${theme.background}"/>${parts.join('\n')}</svg>`
  );
}

function edgePath({ layout: { runs, runStart } }: Picture, e: number): string {
  let path = '';
  for (let run = runStart[e]!; run < runStart[e + 1]!; run++) {
    const [x, from, to] = [runs[3 * run]!, runs[3 * run + 1]!, runs[3 * run + 2]!];
    if (path === '') path = `M${round(x)} ${round(from)}`;
    else {
      const [before, y] = [runs[3 * run - 3]!, runs[3 * run - 1]!];
      const middle = round((y + from) / 2);
      path += `C${round(before)} ${middle} ${round(x)} ${middle} ${round(x)} ${round(from)}`;
    }
    if (to > from) path += `V${round(to)}`;
  }
  return path;
}

function tipPath(picture: Picture, e: number): string {
  let path = '';
  const lines = {
    moveTo: (x: number, y: number) => void (path += `M${round(x)} ${round(y)}`),
    lineTo: (x: number, y: number) => void (path += `L${round(x)} ${round(y)}`),
    closePath: () => void (path += 'Z'),
  };
  traceArrow(lines, picture, e);
  return path;
}
