// What a box says when the pointer rests on it: what the box has no room for.

import { bytes, plural } from '../ui/format';
import { elide } from '../ui/text';
import { NodeKind, scopeOfRow, scopeTitle, type GraphTable } from './table';

/** Longest line of a tooltip. */
const longest = 200;

/** Name, module, summary and weights of a row, a line for each. */
export function tooltip(table: GraphTable, row: number): string {
  const { model } = table;
  const name = elide(table.name[row]!, longest);
  const scope = scopeOfRow(model, row);
  if (scope >= 0)
    return lines([
      scopeTitle(model, scope),
      name,
      model.groupClass[scope]!,
      plural(model.groupNodes[scope]!, 'node'),
    ]);
  switch (table.kind[row]) {
    case NodeKind.input:
      return lines([`Input ${name}`, table.summary[row]!]);
    case NodeKind.output:
      return lines([`Output ${name}`, table.summary[row]!]);
    case NodeKind.entry:
      return lines([name, 'from outside this scope']);
    case NodeKind.exit:
      return lines([name, 'read outside this scope']);
    default: {
      const weights = table.weights[row]!;
      const domain = table.domain[row]! === '' ? '' : `${table.domain[row]!}.`;
      return lines([
        `${domain}${table.op[row]!}`,
        name,
        table.summary[row]!,
        weights > 0 ? `${bytes(weights)} of weights` : '',
      ]);
    }
  }
}

const lines = (list: readonly string[]): string =>
  [...new Set(list.filter((line) => line !== '').map((line) => elide(line, longest)))].join('\n');
