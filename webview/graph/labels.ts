// What is written in a box and how large the box is. Text widths come from the page's fonts.

import { bytes, plural } from '../ui/format';
import { elide } from '../ui/text';
import { isClosedCall } from './openCall';
import { opens, scopeOfRow, scopeTitle, NodeKind, type GraphTable } from './table';

export const box = {
  titleSize: 13,
  detailSize: 11,
  chipSize: 11,
  paddingX: 12,
  oneLine: 28,
  twoLines: 44,
  narrowest: 72,
  radius: 4,
  strip: 4,
  /** Height of a pill. */
  pill: 20,
  /** Width of the sign that opens or closes a scope. */
  toggle: 18,
} as const;

export interface Labels {
  /** By drawn number. */
  readonly title: readonly string[];
  readonly detail: readonly string[];
  readonly widths: Float32Array;
  readonly heights: Float32Array;
  /** Whether boxes and edges tell the names of nodes and values. */
  readonly names: boolean;
}

/** Weights up to these bytes are axes, shapes and single numbers, which the summary tells where there is one. */
const smallWeights = 64;

/** Fonts for canvas text. */
export const titleFont = (family: string) => `${box.titleSize}px ${family}`;
export const detailFont = (family: string) => `${box.detailSize}px ${family}`;

/** Texts and sizes of all boxes, with `names` those of the nodes too. `measure` gives a text's width in a font. */
export function makeLabels(
  table: GraphTable,
  fontFamily: string,
  measure: (text: string, font: string) => number,
  names = false,
): Labels {
  const cache = new Map<string, number>();
  const widthOf = (text: string, font: string) => {
    const key = font + text;
    let width = cache.get(key);
    if (width === undefined) cache.set(key, (width = measure(text, font)));
    return width;
  };
  const drawn = table.drawn.length;
  const title = new Array<string>(drawn);
  const detail = new Array<string>(drawn);
  const widths = new Float32Array(drawn);
  const heights = new Float32Array(drawn);
  for (let n = 0; n < drawn; n++) {
    const row = table.drawn[n]!;
    title[n] = table.pillOf[n] === -1 ? nodeTitle(table, row) : pillTitle(table.name[row]!);
    detail[n] = nodeDetail(table, n, names);
    const width = Math.max(
      widthOf(title[n]!, table.pillOf[n] === -1 ? titleFont(fontFamily) : detailFont(fontFamily)),
      detail[n] === '' ? 0 : widthOf(detail[n]!, detailFont(fontFamily)),
    );
    // A scope has the button that opens it beside its title.
    const more = opens(table, row) ? box.toggle : 0;
    const narrowest = table.pillOf[n] === -1 ? box.narrowest : 40;
    widths[n] = Math.max(narrowest, 4 * Math.ceil((width + 2 * box.paddingX + more) / 4));
    heights[n] = table.pillOf[n] !== -1 ? box.pill : detail[n] === '' ? box.oneLine : box.twoLines;
  }
  return { title, detail, widths, heights, names };
}

/** Paths lose their beginning: what is special is at the end. */
const pillTitle = (name: string): string => elide(name.slice(name.lastIndexOf('/') + 1) || name, 24);

/** Operator type, or the name of a graph input or output. */
function nodeTitle(table: GraphTable, row: number): string {
  const scope = scopeOfRow(table.model, row);
  if (scope >= 0) return scopeTitle(table.model, scope);
  const op = table.op[row]!;
  return table.kind[row] === NodeKind.operator && op !== ''
    ? elide(op, 32)
    : elide(table.name[row] === '' ? 'unnamed' : table.name[row]!, 32);
}

function nodeDetail(table: GraphTable, n: number, names: boolean): string {
  const row = table.drawn[n]!;
  if (table.pillOf[n] !== -1 || table.opened[n] === 1) return '';
  const scope = scopeOfRow(table.model, row);
  if (scope >= 0) return scopeDetail(table, scope);
  const summary = table.summary[row]!;
  if (table.kind[row] !== NodeKind.operator) {
    if (summary !== '') return elide(summary, 32);
    const edge =
      table.kind[row] === NodeKind.input
        ? table.out.items[table.out.start[n]!]
        : table.into.items[table.into.start[n]!];
    const none =
      table.kind[row] === NodeKind.input
        ? table.out.start[n] === table.out.start[n + 1]
        : table.into.start[n] === table.into.start[n + 1];
    return none ? '' : elide(table.label[edge!]!, 32);
  }
  const weights = table.weights[row]!;
  return [
    names ? ownName(table, row) : elide(moduleName(table, row), 24),
    isClosedCall(table.model, row) ? 'function' : '',
    elide(summary, 36),
    weights > (summary === '' ? 0 : smallWeights) ? bytes(weights) : '',
    table.model.quantized[row] === 1 ? 'QDQ' : '',
  ]
    .filter((part) => part !== '')
    .join(' · ');
}

/** The name of a node as far as the scopes around it do not say it. */
function ownName({ scopes, name }: GraphTable, row: number): string {
  const path = name[row]!;
  return elide(scopes.length < 2 ? path : path.slice(path.lastIndexOf('/') + 1), 36);
}

/** "LlamaDecoderLayer · 66 nodes · 202 MB". */
function scopeDetail({ model }: GraphTable, scope: number): string {
  const weights = model.weights[model.rows + scope]!;
  return [
    elide(model.groupClass[scope]!, 28),
    plural(model.groupNodes[scope]!, 'node'),
    weights > 0 ? bytes(weights) : '',
  ]
    .filter((part) => part !== '')
    .join(' · ');
}

/** The module that a node alone makes up ("up_proj"), where scopes are shown and the one around it has another name. */
function moduleName({ model, scopes, scope }: GraphTable, row: number): string {
  if (scopes.length < 2 || row >= model.rows) return '';
  const own = scope[row]!.slice(scope[row]!.lastIndexOf('/') + 1);
  const group = model.group[row]!;
  if (own === '' || group < 0) return '';
  return model.name[model.rows + group]!.endsWith(own) ? '' : own;
}
