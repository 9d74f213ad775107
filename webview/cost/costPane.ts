// What the model costs, under the graph: a row for each operator or scope, or where each node stands between computing
// and moving bytes. Numbers are the daemon's, told for the values that free dimensions have.

import { html, nothing, type TemplateResult } from 'lit';
import type { CostRow } from '../../daemon/protocol/cost';
import { bytes, count, exactBytes, percent, plural, three, whole } from '../ui/format';
import { iconButton } from '../ui/icon';
import { elide, fullText } from '../ui/text';
import { intensityChart } from './intensityChart';

export type CostTab = 'op' | 'scope' | 'chart';

export interface CostTables {
  readonly ops: readonly CostRow[];
  readonly scopes: readonly CostRow[];
  /** Nodes that compute something, the dearest. */
  readonly nodes: readonly CostRow[];
  /** Values that free dimensions were taken for. */
  readonly assumed: Readonly<Record<string, number>>;
}

export interface CostPaneView {
  readonly tab: CostTab;
  /** Undefined while it is counted; text when it cannot be. */
  readonly tables: CostTables | string | undefined;
  readonly sort: { readonly by: CostColumn; readonly down: boolean } | undefined;
  readonly bind: Readonly<Record<string, number>>;
}

export interface CostPaneActions {
  show: (tab: CostTab) => void;
  sortBy: (sort: CostPaneView['sort']) => void;
  /** Marks the nodes of an operator. */
  find: (op: string) => void;
  goTo: (node: string) => void;
  save: (by: 'op' | 'scope' | 'node') => void;
  paint: () => void;
  close: () => void;
}

type CostColumn = Exclude<keyof CostRow, 'op'>;

/** Rows that are shown; the CSV has them all. */
const mostRows = 500;

const tabs: readonly (readonly [CostTab, string])[] = [
  ['op', 'Operators'],
  ['scope', 'Scopes'],
  ['chart', 'Arithmetic intensity'],
];

const columns: readonly (readonly [CostColumn, string, string])[] = [
  ['nodes', 'Nodes', 'Nodes in it'],
  ['macs', 'MACs', 'Multiply-accumulates of one run'],
  ['flops', 'FLOPs', 'Two for each MAC, and the operations of element-wise operators, normalizations and reductions'],
  ['parameters', 'Parameters', 'Weights that are read here first; a shared one counts once'],
  ['weightBytes', 'Weights', 'Bytes of those weights'],
  ['outputBytes', 'Written', 'Bytes that are written'],
  ['liveBytes', 'Live', 'Bytes of activations that are live while it runs, at most'],
  ['intensity', 'op/B', 'Operations for each byte that is read or written'],
]; // prettier-ignore

export function costPane(view: CostPaneView, width: number, actions: CostPaneActions): TemplateResult {
  const { tab, tables } = view;
  const values = typeof tables === 'object' ? { ...tables.assumed, ...view.bind } : view.bind;
  const at = Object.entries(values).map(([name, value]) => `${elide(name, 24)} = ${value}`);
  const saved = tab === 'chart' ? 'node' : tab;
  return html`<section
    class="value-table cost-pane ${tab === 'chart' ? 'with-chart' : ''}"
    aria-label="Cost of the model"
  >
    <header>
      <h2>Cost</h2>
      <div class="segments" role="group" aria-label="What is shown of the cost">
        ${tabs.map(
          ([name, label]) =>
            html`<button type="button" aria-pressed=${name === tab} @click=${() => actions.show(name)}>
              ${label}
            </button>`,
        )}
      </div>
      <span class="muted">${at.length === 0 ? '' : `one run with ${at.join(', ')}`}</span>
      ${iconButton('paintcan', 'Paint the cost of each node on the graph', actions.paint)}
      ${iconButton('save', `Save the rows of all ${saved === 'op' ? 'operators' : `${saved}s`} as CSV…`, () => actions.save(saved))}
      ${iconButton('close', 'Hide the cost', actions.close)}
    </header>
    <div class="value-rows" tabindex="0" role="region" aria-label="Cost">
      ${
        typeof tables !== 'object'
          ? html`<p class="muted pane-words" role="status">${tables ?? 'Counting…'}</p>`
          : tab === 'chart'
            ? intensityChart(tables.nodes, width, actions.goTo)
            : table(tab === 'op' ? tables.ops : tables.scopes, view, actions)
      }
    </div>
  </section>`;
}

function table(rows: readonly CostRow[], view: CostPaneView, actions: CostPaneActions): TemplateResult {
  const { tab, sort } = view;
  const total =
    tab === 'scope'
      ? (rows.find(({ name }) => name === '')?.flops ?? 0)
      : rows.reduce((sum, row) => sum + (row.flops ?? 0), 0);
  const shown = sorted(rows, sort).slice(0, mostRows);
  const head = (by: CostColumn, words: string, title: string) => {
    const here = sort?.by === by;
    const next = here && sort.down ? { by, down: false } : here ? undefined : { by, down: true };
    const arrow = html`<span
      class="codicon codicon-${!here ? 'blank' : sort.down ? 'arrow-down' : 'arrow-up'}"
      aria-hidden="true"
    ></span>`;
    return html`<th
      scope="col"
      class=${by === 'name' ? '' : 'right'}
      aria-sort=${!here ? nothing : sort.down ? 'descending' : 'ascending'}
    >
      <button type="button" title=${title} @click=${() => actions.sortBy(next)}>
        ${by === 'name' ? [words, arrow] : [arrow, words]}
      </button>
    </th>`;
  };
  return html`<table>
      <thead>
        <tr>
          ${head('name', tab === 'op' ? 'Operator' : 'Scope', 'Sort by name')}
          ${columns.map(([by, words, title]) => head(by, words, title))}
          <th scope="col" class="right">Share</th>
        </tr>
      </thead>
      <tbody>
        ${shown.map(
          (row) =>
            html`<tr>
              <td title=${fullText(row.name)}>${nameCell(row, view, actions)}</td>
              ${columns.map(([by]) => cell(row, by))}
              <td class="right muted" title="Of the FLOPs">
                ${total > 0 && row.flops !== null ? percent(row.flops / total) : ''}
              </td>
            </tr>`,
        )}
      </tbody>
    </table>
    ${
      rows.length > shown.length
        ? html`<p class="muted pane-words">
            ${plural(rows.length - shown.length, 'row')} more: save the table to see them.
          </p>`
        : nothing
    }`;
}

function nameCell({ name }: CostRow, { tab, sort }: CostPaneView, { find }: CostPaneActions): TemplateResult {
  if (tab === 'op')
    return html`<button
      type="button"
      class="link"
      title="Find ${fullText(name)} in the graph"
      @click=${() => find(name.slice(name.lastIndexOf('.') + 1))}
    >
      ${elide(name, 40)}
    </button>`;
  if (name === '') return html`The whole model`;
  const parts = name.split('/');
  // In the order of the tree the indent says what is inside what.
  return sort === undefined
    ? html`<span class="indent-${Math.min(parts.length, 8)}">${elide(parts.at(-1)!, 60)}</span>`
    : html`${elide(name, 60)}`;
}

function cell(row: CostRow, by: CostColumn): TemplateResult {
  const value = row[by];
  if (value === null)
    return html`<td class="right muted">${by === 'intensity' ? '' : 'unknown'}</td>`;
  if (typeof value === 'string') return html`<td>${elide(value, 60)}</td>`;
  const isBytes = by === 'weightBytes' || by === 'outputBytes' || by === 'liveBytes';
  const words = isBytes ? bytes(value) : by === 'intensity' ? three(value) : by === 'nodes' ? whole(value) : count(value);
  const title = isBytes ? exactBytes(value) : by === 'intensity' ? String(value) : whole(value);
  return html`<td class="right" title=${title}>${value === 0 ? '' : words}</td>`;
} // prettier-ignore

function sorted(rows: readonly CostRow[], sort: CostPaneView['sort']): readonly CostRow[] {
  if (sort === undefined) return rows;
  const way = sort.down ? -1 : 1;
  return [...rows].sort((a, b) => {
    const [x, y] = [a[sort.by], b[sort.by]];
    if (typeof x === 'string' || typeof y === 'string') return way * (String(x) < String(y) ? -1 : 1);
    // What is unknown stands below everything.
    return way * ((x ?? -1) - (y ?? -1));
  });
}
