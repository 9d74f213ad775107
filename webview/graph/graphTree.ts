// The graph for those who do not see the canvas: a tree whose items are the boxes around the selection, in
// reading order. The canvas' stage is the tree element; it has the focus and names the active item.

import { html, nothing, type TemplateResult } from 'lit';
import { plural } from '../ui/format';
import { elide } from '../ui/text';
import { NodeKind, opens, scopeOfRow, scopeTitle, type GraphTable } from './table';
import type { Picture } from './picture';
import { neighbours } from './walk';

/** Items on either side of the selection. */
const around = 40;

export const treeItemId = (drawn: number): string => `node-${drawn}`;

/** Operator and name in words. */
function nodeWords(table: GraphTable, row: number): string {
  const name = table.name[row]!;
  if (table.kind[row] === NodeKind.input) return `Input ${elide(name)}`;
  if (table.kind[row] === NodeKind.output) return `Output ${elide(name)}`;
  const scope = scopeOfRow(table.model, row);
  if (scope >= 0) return `Scope ${scopeTitle(table.model, scope)}`;
  if (table.kind[row] === NodeKind.entry) return `Value ${elide(name)} from outside`;
  if (table.kind[row] === NodeKind.exit) return `Value ${elide(name)} to outside`;
  return `${elide(table.op[row]!)}${name === '' ? '' : ` ${elide(name)}`}`;
}

/** What a screen reader says of a box: what it is, what it reads, what reads it. */
export function describeNode(picture: Picture, drawn: number): string {
  const { table } = picture;
  const row = table.drawn[drawn]!;
  const { sources, targets } = neighbours(picture, drawn);
  const names = (list: readonly number[]) =>
    list.length === 0
      ? 'nothing'
      : list.length > 3
        ? `${list.length} nodes`
        : list.map((n) => nodeWords(table, table.drawn[n]!)).join(' and ');
  const summary = table.summary[row]!;
  const parts = [nodeWords(table, row)];
  const scope = scopeOfRow(table.model, row);
  if (scope >= 0) parts.push(plural(table.model.groupNodes[scope]!, 'node'));
  if (summary !== '') parts.push(elide(summary));
  if (table.kind[row] !== NodeKind.input) parts.push(`reads ${names(sources)}`);
  if (table.kind[row] !== NodeKind.output) parts.push(`feeds ${names(targets)}`);
  return parts.join(', ');
}

/** How many open scopes lie around a box, counted from 1. */
function level({ model, drawn, drawnOf, kind }: GraphTable, n: number): number {
  const row = drawn[n]!;
  const scope = scopeOfRow(model, row);
  let depth = 1;
  // Pills belong to a scope that the table does not name; they are said at the outermost level.
  if (kind[row] === NodeKind.entry || kind[row] === NodeKind.exit) return depth;
  let g = scope >= 0 ? model.groupParent[scope]! : model.group[row]!;
  for (; g >= 0; g = model.groupParent[g]!) if (drawnOf[model.rows + g]! >= 0) depth += 1;
  return depth;
}

export function treeItems(picture: Picture | undefined, selected: number | undefined) {
  if (picture === undefined) return nothing;
  const middle = selected === undefined ? 0 : picture.place[selected]!;
  const from = Math.max(0, middle - around);
  const shown = picture.reading.subarray(from, middle + around + 1);
  return Array.from(
    shown,
    (drawn, i): TemplateResult =>
      html`<div
        role="treeitem"
        id=${treeItemId(drawn)}
        aria-level=${level(picture.table, drawn)}
        aria-expanded=${
          opens(picture.table, picture.table.drawn[drawn]!)
            ? String(picture.table.opened[drawn] === 1)
            : nothing
        }
        aria-setsize=${picture.reading.length}
        aria-posinset=${from + i + 1}
        aria-selected=${drawn === selected}
      >
        ${describeNode(picture, drawn)}
      </div>`,
  );
}
