// All nodes of the graph as a table under it: sorted by any column, only the visible rows made. With an overlay it has
// the overlay's values; without one the bytes of the weights.

import { html, nothing, type TemplateResult } from 'lit';
import { NodeKind, type ModelTable } from '../graph/modelTable';
import type { RowValues } from '../graph/overlayPaint';
import { bytes, inUnit, percent, plural, whole } from '../ui/format';
import { iconButton } from '../ui/icon';
import { elide, fullText } from '../ui/text';

export type TableColumn = 'order' | 'name' | 'op' | 'scope' | 'value' | 'note';
export interface TableSort {
  readonly by: TableColumn;
  readonly down: boolean;
}

export interface ValueTableView {
  model: ModelTable;
  values: RowValues | undefined;
  selected: number | undefined;
  sort: TableSort;
  height: number;
  /** Scroll position, pixels. */
  top: number;
}

export interface ValueTableActions {
  select: (row: number) => void;
  sortBy: (sort: TableSort) => void;
  scrolled: (top: number) => void;
  copy: (csv: string) => void;
  close: () => void;
}

const rowHeight = 22;
/** Rows made above and below those in view. */
const spare = 8;

interface Sorted {
  model: ModelTable;
  values: RowValues | undefined;
  sort: TableSort;
  rows: Int32Array;
  total: number;
}
let last: Sorted | undefined;

/** Rows in the order asked for; kept until something changes. */
function sortedRows(model: ModelTable, values: RowValues | undefined, sort: TableSort): Sorted {
  if (last?.model === model && last.values === values && last.sort === sort) return last;
  const list: number[] = [];
  let total = 0;
  for (let row = 0; row < model.rows; row++) {
    if (model.kind[row] !== NodeKind.operator) continue;
    const given =
      values === undefined || !Number.isNaN(values.value[row]!) || values.category[row] !== undefined;
    if (!given) continue;
    list.push(row);
    total += numberAt(model, values, row) || 0;
  }
  const by = comparison(model, values, sort.by);
  const way = sort.down ? -1 : 1;
  list.sort((a, b) => way * by(a, b) || a - b);
  last = { model, values, sort, rows: Int32Array.from(list), total };
  return last;
}

const numberAt = (model: ModelTable, values: RowValues | undefined, row: number): number =>
  values === undefined ? model.weights[row]! : values.value[row]!;

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function comparison(model: ModelTable, values: RowValues | undefined, by: TableColumn) {
  const texts = (of: (row: number) => string) => (a: number, b: number) => compare(of(a), of(b));
  switch (by) {
    case 'order':
      return (a: number, b: number) => a - b;
    case 'name':
      return texts((row) => model.name[row]!);
    case 'op':
      return texts((row) => model.op[row]!);
    case 'scope':
      return texts((row) => model.scope[row]!);
    case 'note':
      return texts((row) => values?.text[row] ?? '');
    case 'value':
      if (values?.overlay.kind === 'category') return texts((row) => values.category[row] ?? '');
      return (a: number, b: number) => numberAt(model, values, a) - numberAt(model, values, b) || 0;
  }
}

export function valueTable(view: ValueTableView, actions: ValueTableActions): TemplateResult {
  const { model, values, sort, height, selected } = view;
  const sorted = sortedRows(model, values, sort);
  const { rows, total } = sorted;
  const first = Math.max(0, Math.min(rows.length - 1, Math.floor(view.top / rowHeight)) - spare);
  const end = Math.min(rows.length, first + Math.ceil(height / rowHeight) + 2 * spare);
  const title = values?.overlay.title ?? 'Weights';
  const adds = values === undefined || addsUp(values);
  const notes = values?.text.some((text) => text !== undefined) === true;
  const columns: readonly (readonly [TableColumn, string, string])[] = [
    ['order', '#', 'right'],
    ['name', 'Node', ''],
    ['op', 'Operator', ''],
    ['scope', 'Scope', ''],
    ['value', title, values?.overlay.kind === 'category' ? '' : 'right'],
    ...(notes ? ([['note', 'Note', '']] as const) : []),
  ];
  const step = (by: number) => {
    const at = selected === undefined ? -1 : rows.indexOf(selected);
    const row = rows[Math.min(rows.length - 1, Math.max(0, at + by))];
    if (row !== undefined) actions.select(row);
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.key === 'ArrowDown') step(1);
    else if (event.key === 'ArrowUp') step(-1);
    else return;
    event.preventDefault();
  };
  const space = (count: number) =>
    count <= 0
      ? nothing
      : html`<tr aria-hidden="true">
          <td colspan=${columns.length + 1} height=${count * rowHeight}></td>
        </tr>`;
  return html`<section class="value-table" aria-label="Nodes and their values">
    <header>
      <h2>${elide(title, 40)}</h2>
      <span class="muted">
        ${plural(rows.length, 'node')}${adds && rows.length > 0 ? `, ${inUnit(total, values?.overlay.unit ?? 'B')} in all` : ''}
      </span>
      ${iconButton('copy', 'Copy the table as CSV', () => actions.copy(csvOf(sorted)))}
      ${iconButton('close', 'Hide the table', actions.close)}
    </header>
    <div
      class="value-rows"
      tabindex="0"
      role="region"
      aria-label="${elide(title, 40)}: use the arrow keys to go through the nodes"
      @keydown=${onKey}
      @scroll=${(event: Event) => actions.scrolled((event.target as HTMLElement).scrollTop)}
    >
      <table aria-rowcount=${rows.length + 1}>
        <thead>
          <tr aria-rowindex="1">
            ${columns.map(([by, words, align]) => {
              const here = sort.by === by;
              const down = here ? !sort.down : by === 'value';
              return html`<th
                scope="col"
                class="${align} column-${by}"
                aria-sort=${!here ? nothing : sort.down ? 'descending' : 'ascending'}
              >
                <button
                  type="button"
                  title="Sort by ${fullText(words)}"
                  @click=${() => actions.sortBy({ by, down })}
                >
                  ${elide(words, 32)}<span
                    class="codicon codicon-${!here ? 'blank' : sort.down ? 'arrow-down' : 'arrow-up'}"
                    aria-hidden="true"
                  ></span>
                </button>
              </th>`;
            })}
            ${adds ? html`<th scope="col" class="right column-share">Share</th>` : nothing}
          </tr>
        </thead>
        <tbody>
          ${space(first)}
          ${Array.from(rows.subarray(first, end), (row, i) => {
            const value = numberAt(model, values, row);
            const words = valueWords(view, row);
            const note = values?.text[row];
            return html`<tr
              class=${row === selected ? 'selected' : ''}
              aria-rowindex=${first + i + 2}
              aria-selected=${row === selected}
              @click=${() => actions.select(row)}
            >
              <td class="right muted">${whole(row + 1)}</td>
              <td title=${fullText(model.name[row]!)}>
                ${elide(model.name[row] === '' ? 'unnamed' : model.name[row]!, 60)}
              </td>
              <td>${elide(model.op[row]!, 32)}</td>
              <td class="muted" title=${fullText(model.scope[row]!)}>${elide(model.scope[row]!, 40)}</td>
              <td class=${values?.overlay.kind === 'category' ? '' : 'right'} title=${value || nothing}>
                ${words}
              </td>
              ${notes ? html`<td class="muted" title=${fullText(note ?? '')}>${elide(note ?? '', 80)}</td>` : nothing}
              ${adds ? html`<td class="right muted">${total > 0 ? percent((value || 0) / total) : ''}</td>` : nothing}
            </tr>`;
          })}
          ${space(rows.length - end)}
        </tbody>
      </table>
    </div>
  </section>`;
}

/** Whether a sum of the values means something. */
const addsUp = ({ overlay }: RowValues): boolean =>
  overlay.kind === 'sequential' && (overlay.combine ?? 'sum') === 'sum';

function valueWords({ model, values }: ValueTableView, row: number): string {
  if (values === undefined) return model.weights[row]! > 0 ? bytes(model.weights[row]!) : '';
  if (values.overlay.kind === 'category') return elide(values.category[row] ?? '', 48);
  return inUnit(values.value[row]!, values.overlay.unit);
}

/** All rows of the table, for a spreadsheet. */
function csvOf({ model, values, rows }: Sorted): string {
  const quote = (cell: string) => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);
  const unit = values === undefined ? 'B' : values.overlay.unit;
  const head = [
    'node',
    'operator',
    'scope',
    `${values?.overlay.title ?? 'Weights'}${unit === '' ? '' : ` (${unit})`}`,
    'note',
  ];
  const lines = Array.from(rows, (row) => [
    model.name[row]!,
    model.op[row]!,
    model.scope[row]!,
    values?.overlay.kind === 'category' ? (values.category[row] ?? '') : String(numberAt(model, values, row)),
    values?.text[row] ?? '',
  ]);
  return [head, ...lines].map((cells) => `${cells.map(quote).join(',')}\n`).join('');
}
