// Where words stand in the charts, so that none lies on another. Widths of text are estimated: SVG is made
// before it can be measured.

/** Pixels that a text of our charts takes at the most (12 px type). */
const widthOf = (text: string): number => 7 * text.length + 4;
const lineHeight = 16;

export interface MedianLabel {
  text: string;
  x: number;
  y: number;
  anchor: 'start' | 'middle' | 'end';
}

/** Labels of vertical lines at `at`: in one row where there is room, else one above the other. */
export function besideMedians(
  lines: readonly { at: number; text: string }[],
  width: number,
  top: number,
): MedianLabel[] {
  const labels = lines.map(({ at, text }): MedianLabel => {
    const half = widthOf(text) / 2;
    return { text, x: Math.min(width - half, Math.max(half, at)), y: top + 14, anchor: 'middle' };
  });
  const [a, b] = labels;
  if (a !== undefined && b !== undefined) {
    if (Math.abs(a.x - b.x) < (widthOf(a.text) + widthOf(b.text)) / 2 + 8) a.y = top;
  }
  return labels;
}

interface Frame {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

/** Baseline starts of the names of points: beside them, above or below, where nothing stands yet. */
export function besidePoints(
  points: readonly { x: number; y: number; text: string }[],
  frame: Frame,
): { x: number; y: number }[] {
  const taken: Frame[] = points.map(({ x, y }) => ({
    left: x - 8,
    right: x + 8,
    top: y - 8,
    bottom: y + 8,
  }));
  return points.map(({ x, y, text }) => {
    const width = widthOf(text);
    const at = (left: number, middle: number): Frame => ({
      left,
      right: left + width,
      top: middle - lineHeight / 2,
      bottom: middle + lineHeight / 2,
    });
    const places: Frame[] = [];
    for (let step = 0; step < 12; step++) {
      for (const down of step === 0 ? [0] : [step * lineHeight, -step * lineHeight]) {
        places.push(at(x + 12, y + down), at(x - 12 - width, y + down));
        if (step > 0) places.push(at(x - width / 2, y + down));
      }
    }
    const fits = (place: Frame) =>
      place.left >= frame.left &&
      place.right <= frame.right &&
      place.top >= frame.top &&
      place.bottom <= frame.bottom &&
      !taken.some(
        (other) =>
          place.left < other.right &&
          place.right > other.left &&
          place.top < other.bottom &&
          place.bottom > other.top,
      );
    const place = places.find(fits) ?? places[0]!;
    taken.push(place);
    return { x: place.left, y: place.top + lineHeight / 2 + 4 };
  });
}
