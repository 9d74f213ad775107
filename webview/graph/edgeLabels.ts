// The words beside edges, the shapes of values, and where they stand: on the side of their line where neither another line
// nor other words are.

import { elide } from '../ui/text';
import { detailFont } from './labels';
import { EdgeKind } from './layoutTypes';
import { measureText } from './measureText';
import type { OverlayPaint } from './overlayPaint';
import type { Picture } from './picture';
import { NodeKind, type GraphTable } from './table';

export interface EdgeLabel {
  readonly text: string;
  /** The end of the words that is next to the line, and their middle. */
  readonly x: number;
  readonly y: number;
  readonly align: 'left' | 'right';
  /** Drawn number of the box that the edge leaves. */
  readonly node: number;
}

interface Room {
  left: number;
  right: number;
  y: number;
}

/** Space between a line and its words. */
const gap = 8;
/** Half of the height of the words. */
const half = 7;

/**
 * The labels of what leaves these boxes: beside the line that leaves a box; where a box has several outputs, beside each
 * line's end. A box that hands on the shape it was given is passed over unless `always` says so: less is more legible.
 */
export function edgeLabels(
  picture: Picture,
  nodes: readonly number[],
  overlay: OverlayPaint | undefined,
  fontFamily: string,
  always: (n: number) => boolean,
): EdgeLabel[] {
  const { table, layout, labels } = picture;
  const found: EdgeLabel[] = [];
  const taken = new Taken();
  for (const n of nodes) {
    // A graph input says its own type already, and a pill stands for a value that was labelled before.
    if (table.kind[table.drawn[n]!] === NodeKind.input || table.pillOf[n] !== -1) continue;
    const from = table.out.start[n]!;
    const to = table.out.start[n + 1]!;
    let first: string | undefined;
    let several = false;
    for (let i = from; i < to; i++) {
      const e = table.out.items[i]!;
      if (layout.edgeKind[e] !== EdgeKind.line) continue;
      if (first === undefined) first = table.value[e]!;
      else if (first !== table.value[e]) several = true;
    }
    if (first === undefined) continue;
    for (let i = from; i < to; i++) {
      const e = table.out.items[i]!;
      if (layout.edgeKind[e] !== EdgeKind.line || (table.label[e] === '' && !labels.names)) continue;
      if (!always(n) && !labels.names && comesIn(table, n, table.label[e]!)) continue;
      const run = several ? layout.runStart[e + 1]! - 1 : layout.runStart[e]!;
      const line = layout.runs[3 * run]!;
      // Under the tag with the box's value.
      const below = (overlay?.words[n] ?? '') === '' ? 12 : 22;
      const y = several ? layout.runs[3 * run + 1]! - 12 : layout.runs[3 * run + 2]! + below;
      const wordings = labels.names ? namedTexts(table, e) : [elide(table.label[e]!, 32)];
      let place: Place | undefined;
      for (const text of wordings) {
        place ??= freePlace(picture, text, widthOf(text, fontFamily), line, y, taken);
      }
      // Where there is no room, the shortest stands over what is there.
      const text = wordings.at(-1)!;
      place ??= { text, align: 'left', room: beside(line, y, widthOf(text, fontFamily)).right };
      taken.add(place.room);
      const { align, room } = place;
      found.push({ node: n, text: place.text, x: align === 'left' ? room.left : room.right, y, align });
      if (!several) break;
    }
  }
  return found;
}

/** Where words stand already, by height. */
class Taken {
  private readonly rows = new Map<number, Room[]>();

  add(room: Room): void {
    const row = this.rows.get(rowOf(room));
    if (row === undefined) this.rows.set(rowOf(room), [room]);
    else row.push(room);
  }

  has(room: Room): boolean {
    const isUnder = (other: Room) =>
      Math.abs(other.y - room.y) < 2 * half && other.left < room.right + gap && other.right + gap > room.left;
    const row = rowOf(room);
    return [row - 1, row, row + 1].some((each) => this.rows.get(each)?.some(isUnder) === true);
  }
}

const rowOf = ({ y }: Room): number => Math.floor(y / (2 * half));

const widths = new Map<string, number>();

function widthOf(text: string, fontFamily: string): number {
  const font = detailFont(fontFamily);
  const key = font + text;
  let width = widths.get(key);
  if (width === undefined) {
    if (widths.size > 5000) widths.clear();
    widths.set(key, (width = measureText(text, font)));
  }
  return width;
}

/** Whether no line passes there, and no words stand there. */
function isFree({ layout, lines }: Picture, { left, right, y }: Room, taken: Taken): boolean {
  if (taken.has({ left, right, y })) return false;
  const { runs, runStart } = layout;
  let free = true;
  lines.each(y - half, y + half, (e) => {
    for (let run = runStart[e]!; free && run < runStart[e + 1]!; run++) {
      const x = runs[3 * run]!;
      const top = runs[3 * run + 1]!;
      if (top <= y + half && runs[3 * run + 2]! >= y - half && x > left - 2 && x < right + 2) free = false;
      if (run === runStart[e] || top < y - half) continue;
      const [before, start] = [runs[3 * run - 3]!, runs[3 * run - 1]!];
      if (start > y + half) return;
      const at = (to: number) => {
        const t = Math.min(1, Math.max(0, (to - start) / Math.max(1, top - start)));
        return before + (x - before) * t * t * (3 - 2 * t);
      };
      const [one, other] = [at(y - half), at(y + half)];
      if (Math.max(one, other) > left - 2 && Math.min(one, other) < right + 2) free = false;
    }
  });
  return free;
}

/** The name of a value, without the path to it, with its shape and without. */
function namedTexts({ value, label }: GraphTable, e: number): string[] {
  const name = elide(value[e]!.slice(value[e]!.lastIndexOf('/') + 1) || value[e]!, 32);
  return label[e] === '' ? [name] : [`${name} · ${elide(label[e]!, 32)}`, name];
}

interface Place {
  readonly text: string;
  readonly align: 'left' | 'right';
  readonly room: Room;
}

/** The room for words on either side of a line. */
const beside = (line: number, y: number, width: number) => ({
  right: { left: line + gap, right: line + gap + width, y },
  left: { left: line - gap - width, right: line - gap, y },
});

function freePlace(
  picture: Picture,
  text: string,
  width: number,
  line: number,
  y: number,
  taken: Taken,
): Place | undefined {
  const { left, right } = beside(line, y, width);
  if (isFree(picture, right, taken)) return { text, align: 'left', room: right };
  return isFree(picture, left, taken) ? { text, align: 'right', room: left } : undefined;
}

/** Whether a node reads a value of that type and shape. */
function comesIn(table: GraphTable, n: number, label: string): boolean {
  for (let i = table.into.start[n]!; i < table.into.start[n + 1]!; i++) {
    if (table.label[table.into.items[i]!] === label) return true;
  }
  return false;
}
