// Finding nodes: by name or operator, and with `type:`, `shape:`, `attr:`, `op:` and `scope:` by what else is known
// of them. Several words with a colon must all hold; what is left over is looked for in name and operator.

import { NodeKind, type ModelTable } from './modelTable';
import type { GraphTable } from './table';

interface Query {
  /** What is left without the words that have a key. */
  text: string;
  keyed: { key: string; wanted: string }[];
}

const keys: ReadonlySet<string> = new Set(['type', 'shape', 'attr', 'op', 'scope']);

/** Takes `op:Conv shape:64×56 down` apart; "x" between numbers is read as "×". A quoted value may hold spaces. */
export function parseQuery(query: string): Query {
  const keyed: Query['keyed'] = [];
  const text = query
    .trim()
    .toLowerCase()
    .replace(/(^|\s)([a-z]+):("([^"]*)"|\S*)/g, (whole, _, key: string, value: string, quoted?: string) => {
      if (!keys.has(key)) return whole;
      const wanted = quoted ?? value;
      keyed.push({
        key,
        wanted: key === 'shape' ? wanted.replace(/(?<=[\d?a-z])x(?=[\d?a-z])/g, '×') : wanted,
      });
      return '';
    });
  return { text: text.trim(), keyed: keyed.filter(({ wanted }) => wanted !== '') };
}

const dotted = (scope: string) => scope.replaceAll('/', '.');

/** Whether a path has a part of a path in it; layers.3 is no part of layers.30. */
function liesIn(scope: string, wanted: string): boolean {
  const isDigit = (at: number) => /^\d$/.test(scope.charAt(at));
  for (let at = scope.indexOf(wanted); at >= 0; at = scope.indexOf(wanted, at + 1)) {
    const end = at + wanted.length;
    if (!isDigit(end) || !isDigit(end - 1)) return true;
  }
  return false;
}

const labelsOf = new WeakMap<ModelTable, string[]>();

/** Types and shapes of what each row gives out, one after the other. */
function outputLabels(model: ModelTable): string[] {
  let labels = labelsOf.get(model);
  if (labels !== undefined) return labels;
  labels = new Array<string>(model.rows).fill('');
  for (let e = 0; e < model.source.length; e++) {
    const row = model.source[e]!;
    const label = model.label[e]!;
    const known = labels[row]!;
    if (!known.includes(label)) labels[row] = `${known}${label}\n`;
  }
  for (let row = 0; row < model.rows; row++) {
    const own = model.kind[row] === NodeKind.operator ? '' : model.summary[row]!;
    labels[row] = `${labels[row]!}${own}`.toLowerCase();
  }
  labelsOf.set(model, labels);
  return labels;
}

/** What a query wants of attributes: `group=1`. */
export const attributesIn = (query: string): string[] =>
  parseQuery(query)
    .keyed.filter(({ key }) => key === 'attr')
    .map(({ wanted }) => wanted);

/** Rows that a query finds, those that are called so first; folded constants as the node that reads them. */
export function findRows(
  table: GraphTable,
  query: string,
  order: (row: number) => number,
  attributes: ReadonlyMap<string, ReadonlySet<number>> = new Map(),
): number[] {
  const { text, keyed } = parseQuery(query);
  if (text === '' && keyed.length === 0) return [];
  const { model } = table;
  const labels = keyed.some(({ key }) => key === 'type' || key === 'shape') ? outputLabels(model) : [];
  const holds = (row: number, { key, wanted }: Query['keyed'][number]): boolean => {
    switch (key) {
      case 'op':
        return model.op[row]!.toLowerCase() === wanted;
      case 'scope':
        // Exporters write layers.0.attention, and paths layers/0/attention.
        return liesIn(dotted(model.scope[row]!.toLowerCase()), dotted(wanted));
      case 'attr':
        return (
          model.kind[row] === NodeKind.operator &&
          (attributes.get(wanted)?.has(row) === true || model.summary[row]!.toLowerCase().includes(wanted))
        );
      case 'type':
        return (labels[row] ?? '').split(/\s/).includes(wanted);
      default:
        return (labels[row] ?? '')
          .split('\n')
          .some((label) => `×${label.split(' ')[0]!}×`.includes(`×${wanted}×`));
    }
  };
  const found = new Set<number>();
  for (let row = 0; row < model.rows + model.groups; row++) {
    const named =
      text === '' ||
      model.op[row]!.toLowerCase().includes(text) ||
      model.name[row]!.toLowerCase().includes(text);
    if (!named || !keyed.every((word) => holds(row, word))) continue;
    let at = row;
    while (at < model.rows && model.foldedInto[at] !== -1) at = model.foldedInto[at]!;
    // A scope that is not there to be seen, as everything is in one plane.
    if (table.drawnOf[at] === -1 && table.foldedInto[at] === -1) continue;
    found.add(at);
  }
  const exact = (row: number) => (table.name[row]!.toLowerCase() === text ? 0 : 1);
  return [...found].sort((a, b) => exact(a) - exact(b) || order(a) - order(b) || a - b);
}
