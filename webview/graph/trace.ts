// What feeds a node, what it feeds, and the ways between two nodes, through closed scopes as well.

import { groupEdges, type Lists } from './layoutTypes';
import type { ModelTable } from './modelTable';
import { scopeOfRow, shownRow, type GraphTable } from './table';

export type Side = 'up' | 'down';

const neighbours = new WeakMap<ModelTable, { into: Lists; out: Lists }>();

/** Edges into and out of each row of a model. */
export function edgeLists(model: ModelTable): { into: Lists; out: Lists } {
  let lists = neighbours.get(model);
  if (lists === undefined) {
    const all = () => true;
    lists = {
      into: groupEdges(model.rows, model.target, all),
      out: groupEdges(model.rows, model.source, all),
    };
    neighbours.set(model, lists);
  }
  return lists;
}

/** Rows that a row (or all in a scope) stands for. */
export function rowsOf(model: ModelTable, row: number): number[] {
  const scope = scopeOfRow(model, row);
  if (scope < 0) return [row];
  const inside = new Uint8Array(model.groups);
  inside[scope] = 1;
  for (let g = scope + 1; g < model.groups; g++) {
    const parent = model.groupParent[g]!;
    if (parent >= 0) inside[g] = inside[parent]!;
  }
  const rows: number[] = [];
  for (let at = 0; at < model.rows; at++) {
    if (model.group[at]! >= 0 && inside[model.group[at]!] === 1 && model.foldedInto[at] === -1) rows.push(at);
  }
  return rows;
}

/** All rows from which (up) or to which (down) values flow, the row itself included. */
export function reachable(model: ModelTable, row: number, side: Side): Set<number> {
  const { into, out } = edgeLists(model);
  const { start, items } = side === 'up' ? into : out;
  const ends = side === 'up' ? model.source : model.target;
  const found = new Set(rowsOf(model, row));
  // A set hands out what is added while it is walked.
  for (const at of found) {
    for (let i = start[at]!; i < start[at + 1]!; i++) found.add(ends[items[i]!]!);
  }
  return found;
}

/** Rows on the ways from one row to another, in whichever direction there is one, and which is above; none when there is none. */
export function between(
  model: ModelTable,
  a: number,
  b: number,
): { rows: Set<number>; from: number; to: number } {
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const) {
    const below = reachable(model, from, 'down');
    const above = reachable(model, to, 'up');
    const both = new Set([...below].filter((row) => above.has(row)));
    if (both.size > 0) return { rows: both, from, to };
  }
  return { rows: new Set(), from: a, to: b };
}

/** Drawn numbers that stand for rows: boxes, closed scopes, the frames around them, and pills of their values. */
export function drawnFor(table: GraphTable, rows: ReadonlySet<number>): Set<number> {
  const { model } = table;
  const drawn = new Set<number>();
  for (const row of rows) {
    const shown = table.drawnOf[shownRow(table, row)]!;
    if (shown >= 0) drawn.add(shown);
  }
  table.pillOf.forEach((row, n) => {
    if (row >= 0 && rows.has(row)) drawn.add(n);
  });
  for (const n of [...drawn]) {
    const row = table.drawn[n]!;
    const scope = scopeOfRow(model, row);
    let g = scope >= 0 ? model.groupParent[scope]! : (model.group[row] ?? -1);
    for (; g >= 0; g = model.groupParent[g]!) {
      const frame = table.drawnOf[model.rows + g]!;
      if (frame >= 0) drawn.add(frame);
    }
  }
  return drawn;
}

/** A row in another scope that reads a value of this row. */
export function readerBeyond(model: ModelTable, row: number): number | undefined {
  for (let e = 0; e < model.source.length; e++) {
    if (model.source[e] === row && model.group[model.target[e]!] !== model.group[row]) return model.target[e];
  }
  return undefined;
}
