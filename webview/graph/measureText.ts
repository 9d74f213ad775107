// Widths of text in the page's fonts.

let measuring: CanvasRenderingContext2D | null | undefined;

/** Width in pixels; `font` as for a canvas. */
export function measureText(text: string, font: string): number {
  measuring ??= document.createElement('canvas').getContext('2d');
  if (measuring === null) return text.length * 8;
  measuring.font = font;
  return measuring.measureText(text).width;
}
