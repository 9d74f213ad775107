// Which values of a tensor are shown: pages of equal length, and what people type to get elsewhere.

import { whole } from '../ui/format';

export interface ValueRange {
  readonly start: number;
  readonly count: number;
}

export const pageCount = 64;
/** More at once is not read by anybody, and the page must stay quick. */
const mostCount = 4096;

/** The page that begins at `start`, within the tensor. */
export const pageAt = (start: number, elements: number, count = pageCount): ValueRange => {
  const from = Math.max(0, Math.min(start, elements - 1));
  return { start: from, count: Math.max(0, Math.min(count, elements - from)) };
};

/**
 * Reads where to go: a position (`1000`), a range (`1000-1200`, the end included), or one index for each dimension
 * (`3, 0, 2`; fewer mean the first of the rest). A sentence says why it leads nowhere.
 */
export function parseRange(text: string, shape: readonly number[]): ValueRange | string {
  const elements = shape.reduce((a, b) => a * b, 1);
  const words = text.trim().replace(/^\[(.*)\]$/, '$1');
  const range = /^(\d+)\s*(?:-|–|:|…|\.\.)\s*(\d+)$/.exec(words);
  if (range) {
    const [from, to] = [Number(range[1]), Number(range[2])];
    if (to < from) return 'The end of the range lies before its beginning.';
    if (from >= elements) return beyond(elements);
    return pageAt(from, elements, Math.min(mostCount, to - from + 1));
  }
  if (/^\d+$/.test(words)) {
    const start = Number(words);
    return start >= elements ? beyond(elements) : pageAt(start, elements);
  }
  if (!/^\d+(\s*[,×x\s]\s*\d+)+$/.test(words))
    return 'Type a position (1000), a range (1000-1200) or an index for each dimension (3, 0, 2).';
  const index = words.split(/\s*[,×x\s]\s*/).map(Number);
  if (index.length > shape.length) return `The tensor has ${shape.length} dimensions, not ${index.length}.`;
  let start = 0;
  for (const [axis, size] of shape.entries()) {
    const at = index[axis] ?? 0;
    if (at >= size) return `Dimension ${axis} has ${whole(size)} entries, from 0 to ${whole(size - 1)}.`;
    start = start * size + at;
  }
  return pageAt(start, elements);
}

const beyond = (elements: number) =>
  `The tensor has ${whole(elements)} values, from 0 to ${whole(elements - 1)}.`;

/** The index of a position: `[3, 0, 2]`; empty for a tensor of one dimension or none. */
export function indexText(position: number, shape: readonly number[]): string {
  if (shape.length < 2) return '';
  let rest = position;
  const index = shape.map(() => 0);
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    index[axis] = rest % shape[axis]!;
    rest = Math.floor(rest / shape[axis]!);
  }
  return `[${index.join(', ')}]`;
}
