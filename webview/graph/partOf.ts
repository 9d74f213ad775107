// What is traced, as the daemon takes a part of a graph out: nodes by their positions in it.

import type { PartChoice } from '../../daemon/protocol/page';
import { NodeKind, type ModelTable } from './modelTable';
import { rowsOf } from './trace';

/** Ends of a part: the operators that a row stands for, by position; a graph input or output by its name. */
export function endsOf(model: ModelTable, row: number): (string | number)[] {
  return rowsOf(model, row).flatMap((at): (string | number)[] => {
    const base = baseRow(model, at);
    if (model.kind[base] === NodeKind.operator) return [base];
    const name = model.name[base]!;
    return name === '' ? [] : [name];
  });
}

/** Positions of the operators among rows, with what is folded into them. */
export function nodesOf(model: ModelTable, rows: ReadonlySet<number>): number[] {
  const nodes = new Set<number>();
  for (const row of rows) {
    const base = baseRow(model, row);
    if (model.kind[base] === NodeKind.operator) nodes.add(base);
  }
  for (let row = 0; row < model.baseRows; row++) {
    const into = model.foldedInto[row]!;
    if (into >= 0 && model.kind[row] === NodeKind.operator && nodes.has(into)) nodes.add(row);
  }
  return [...nodes].sort((a, b) => a - b);
}

/** Names of the operators among rows, one a line. */
export const namesOf = (model: ModelTable, rows: ReadonlySet<number>): string =>
  nodesOf(model, rows)
    .map((row) => model.name[row]!)
    .filter((name) => name !== '')
    .join('\n');

/** The row of the graph itself that a row stands for: of what a function does, the node that calls it. */
function baseRow(model: ModelTable, row: number): number {
  let at = row;
  for (;;) {
    const call = model.calls.find(({ firstRow, rows }) => at >= firstRow && at < firstRow + rows);
    if (call === undefined) return at;
    at = call.row;
  }
}

/** A part that ends at one row, begins at another, or both; undefined where that says nothing. */
export function partBetween(
  model: ModelTable,
  from: number | undefined,
  to: number | undefined,
): PartChoice | undefined {
  const begins = from === undefined ? undefined : endsOf(model, from);
  const ends = to === undefined ? undefined : endsOf(model, to);
  if (begins?.length === 0 || ends?.length === 0) return undefined;
  return { ...(begins ? { from: begins } : {}), ...(ends ? { to: ends } : {}) };
}
