// Parts that results share: a list of facts, a table that folds away beyond some rows, the error of the outputs, and
// numbers before and after.

import { html, nothing, svg, type TemplateResult } from 'lit';
import type { OutputError } from '../../../daemon/protocol/quantize';
import { count, plural, three, whole } from '../../ui/format';
import { icon } from '../../ui/icon';

export interface Fact {
  name: string;
  value: TemplateResult | string;
  title?: string;
}

export const factList = (facts: readonly Fact[]): TemplateResult =>
  html`<dl class="facts">
    ${facts.map(
      ({ name, value, title }) =>
        html`<dt>${name}</dt>
          <dd class="tabular wrap" title=${title ?? nothing}>${value}</dd>`,
    )}
  </dl>`;

/** How far the outputs are from the original's. */
export function errorFacts(error: OutputError | null): Fact[] {
  if (error === null) return [{ name: 'Output error', value: 'not measured' }];
  return [
    {
      name: 'Signal to noise',
      value:
        error.sqnrDb >= 200
          ? 'no difference'
          : html`${three(error.sqnrDb)} dB<span class="muted"
                >, ${three(100 * 10 ** (-error.sqnrDb / 20))} % of error</span
              >`,
      title:
        'Signal-to-noise ratio of all outputs against the original: 20 dB is a tenth of error, 40 dB a hundredth',
    },
    {
      name: 'Cosine similarity',
      value: error.cosine.toFixed(5),
      title: '1 is the same direction as the original',
    },
    { name: 'Largest difference', value: three(error.maxAbs), title: 'Of any output value' },
    { name: 'Compared on', value: plural(error.samples, 'sample') },
  ];
}

export interface Column<Row> {
  name: string;
  title?: string;
  number?: boolean;
  /** A word, which needs no room of its own. */
  short?: boolean;
  cell: (row: Row) => TemplateResult | string;
}

/** Rows shown at most; the command line and JSON have all. */
const most = 300;

export function table<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  label: string,
): TemplateResult {
  return html`<div class="table-scroll" tabindex="0" role="region" aria-label=${label}>
      <table>
        <thead>
          <tr>
            ${columns.map(
              ({ name, title, number }) =>
                html`<th scope="col" class=${number === true ? 'number' : ''} title=${title ?? nothing}>
                  ${name}
                </th>`,
            )}
          </tr>
        </thead>
        <tbody>
          ${rows.slice(0, most).map(
            (row) =>
              html`<tr>
                ${columns.map(({ number, short, cell }) => html`<td class=${number === true ? 'number' : short === true ? 'nowrap' : 'wrap'}>${cell(row)}</td>`)}
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
    ${rows.length > most ? html`<p class="muted small">and ${whole(rows.length - most)} more; the command line has all.</p>` : nothing}`;
}

/** A part that unfolds, with its own heading. */
export const fold = (title: string, content: TemplateResult, open = false): TemplateResult =>
  html`<details class="part" ?open=${open}>
    <summary>
      ${icon('chevron-right', 'fold')}
      <h3>${title}</h3>
    </summary>
    ${content}
  </details>`;

/** A number that became smaller, with the share of what it was. */
export const changeFact = (name: string, before: number, after: number): Fact => ({
  name,
  value: html`${count(after)}<span class="muted"
      >, ${three(after / Math.max(1, before))} of ${count(before)}</span
    >`,
  title: `${whole(after)} of ${whole(before)}`,
});

/** A bar of the lists of results: what `parts` draws in 12 rows of pixels, as wide as the column lets it be. */
export const barOf = (width: number, parts: TemplateResult): TemplateResult =>
  html`<svg
    class="width-bar"
    width=${width}
    height="12"
    viewBox="0 0 ${width} 12"
    preserveAspectRatio="none"
    aria-hidden="true"
  >
    ${parts}
  </svg>`;

const barWidth = 160;

/** A width before as an outline, after as a bar in it; `widest` fills the column. */
export function widthBar(from: number, to: number, widest: number): TemplateResult {
  const scale = (value: number) => (value / widest) * barWidth;
  return barOf(
    barWidth,
    svg`<rect class="amount guess series-a" x="0.5" y="2.5" width=${Math.max(1, scale(from) - 1)} height="7"></rect>
      <rect class="amount series-b" x="0" y="2" width=${scale(to)} height="8"></rect>`,
  );
}
