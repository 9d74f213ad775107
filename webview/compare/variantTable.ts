// The table of variants, baseline first. Rows are there from the start; cells fill as numbers come.

import { html, nothing, type TemplateResult } from 'lit';
import type { JobView } from '../../daemon/protocol/page';
import type { Variant } from '../../daemon/protocol/compress';
import type { Evaluation } from '../../daemon/protocol/evaluate';
import { bytes, exactBytes, percent, plural, signed, three, whole } from '../ui/format';
import { elide, fullText, visible } from '../ui/text';
import { accuracyDifference, baselineOf, jobState, speedVerdict, type Row } from './comparison';

const columns: readonly { name: string; unit?: string; title: string }[] = [
  { name: 'Size', title: 'Size of the model with external data' },
  { name: 'p50', unit: 'ms', title: 'Median time of one run' },
  { name: 'p90', unit: 'ms', title: '90 % of the runs are at least as fast' },
  { name: 'p99', unit: 'ms', title: '99 % of the runs are at least as fast' },
  { name: 'Throughput', unit: 'per s', title: 'Samples per second' },
  { name: 'Speed', title: 'Median of the original over the median of this, with its 95 % interval' },
  { name: 'Top-1', title: 'Share of samples whose largest output is the label, with its 95 % interval' },
  { name: 'Agreement', title: 'Share of samples whose largest output is that of the original' },
  { name: 'Integer / float', title: 'Compute nodes that run in integers, and those that run in float' },
];

const inOrder = columns.map((_, at) => at);
/** Where the table moves sideways, what is chosen by stands first: speed and top-1 beside the size. */
const narrowOrder = [0, 5, 6, 1, 2, 3, 4, 7, 8];
const inColumns = (order: readonly number[], all: readonly Cell[]): Cell[] => order.map((at) => all[at]!);

const waiting = html`<span class="pending"><span class="sr-only">not measured yet</span></span>`;
const none = html`<span class="muted" aria-label="not applicable">–</span>`;

export function variantTable(
  job: JobView,
  rows: readonly Row[],
  compared: Variant | undefined,
  pick: (file: string) => void,
  /** Width of the page, pixels. */
  width: number,
): TemplateResult {
  const base = baselineOf(rows);
  const order = width >= 760 ? inOrder : narrowOrder;
  return html`<div class="table-scroll" tabindex="0" role="region" aria-label="Variants">
    <table class="variants">
      <thead>
        <tr>
          <th scope="col">Variant</th>
          ${order
            .map((at) => columns[at]!)
            .map(
              ({ name, unit, title }) =>
                html`<th scope="col" class="number" title=${title}>
                  ${name}${unit === undefined ? nothing : html` <span class="unit">${unit}</span>`}
                </th>`,
            )}
        </tr>
      </thead>
      <tbody>
        ${rows.map((row) => tableRow(job, row, base, compared, pick, order))}
      </tbody>
    </table>
  </div>`;
}

function tableRow(
  job: JobView,
  { recipe, variant }: Row,
  base: Variant | undefined,
  compared: Variant | undefined,
  pick: (file: string) => void,
  order: readonly number[],
): TemplateResult {
  const isBase = recipe === 'original';
  const isCompared = variant !== undefined && variant === compared;
  const mark = isBase ? 'series-a' : isCompared ? 'series-b' : 'series-none';
  const file = variant === undefined ? '' : (variant.file.split(/[\\/]/).pop() ?? '');
  const name = html`<span class="mark ${mark}" aria-hidden="true"></span>
    <span class="variant-name">
      <span
        >${visible(recipe)}${
          variant !== undefined && job.result?.chosen === variant.file
            ? html` <span class="badge">${isBase ? 'stay with this' : 'chosen'}</span>`
            : nothing
        }</span
      >
      ${file === '' ? nothing : html`<span class="muted small" title=${fullText(variant!.file)}>${elide(file, 40)}</span>`}
    </span>`;
  const pickable = variant !== undefined && !isBase;
  return html`<tr
    class="${isCompared ? 'compared' : ''} ${pickable ? 'pickable' : ''}"
    @click=${pickable ? () => pick(variant.file) : nothing}
  >
    <th scope="row">
      ${
        pickable
          ? html`<label class="variant">
              <input
                type="radio"
                class="sr-only"
                name="variant"
                .checked=${isCompared}
                aria-label="Compare ${visible(recipe)} with the original"
                @change=${() => pick(variant.file)}
              />
              ${name}
            </label>`
          : html`<span class="variant">${name}</span>`
      }
    </th>
    ${
      variant?.failed === undefined
        ? inColumns(order, cells(job, variant, base, isBase)).map(
            (content) => html`<td class="number">${content}</td>`,
          )
        : html`<td colspan=${columns.length} class="failed wrap">
            <span class="codicon codicon-error severity-error" aria-hidden="true"></span>
            ${visible(variant.failed)}
          </td>`
    }
  </tr>`;
}

type Cell = TemplateResult | string;

function cells(
  job: JobView,
  variant: Variant | undefined,
  base: Variant | undefined,
  isBase: boolean,
): Cell[] {
  const absent = jobState(job) === 'running' ? waiting : none;
  const latency = variant?.measurement?.latencyMs;
  const ms = (value: number | undefined): Cell => (value === undefined ? absent : three(value));
  return [
    // A version that is planned has no size yet.
    variant === undefined || variant.fileBytes === 0
      ? absent
      : html`<span title=${exactBytes(variant.fileBytes)}>${bytes(variant.fileBytes)}</span>`,
    ms(latency?.p50),
    ms(latency?.p90),
    ms(latency?.p99),
    variant?.measurement ? perSecond(variant.measurement.throughput) : absent,
    isBase ? '1×' : variant?.ratio ? speedCell(variant.ratio) : absent,
    variant?.top1
      ? topOneCell(variant.top1, isBase ? undefined : (base?.top1 ?? undefined), variant.top1Difference)
      : accuracyAbsent(job, absent),
    isBase ? none : variant?.agreement ? withInterval(variant.agreement) : accuracyAbsent(job, absent),
    isBase
      ? none
      : variant?.fusion
        ? html`<span
            title="${plural(variant.fusion.integer, 'node')} in integers, ${variant.fusion.float} in float"
            >${variant.fusion.integer} / ${variant.fusion.float}</span
          >`
        : absent,
  ];
}

const perSecond = (value: number): string => (value >= 100 ? whole(value) : three(value));

function accuracyAbsent(job: JobView, absent: TemplateResult): TemplateResult {
  return jobState(job) === 'done'
    ? html`<span class="muted" title="No labelled data was found beside the model">not measured</span>`
    : absent;
}

function speedCell(ratio: NonNullable<Variant['ratio']>): Cell {
  const verdict = speedVerdict(ratio);
  return html`<span class="verdict-${verdict}">${three(ratio.p50Ratio)}×</span>
    <span class="interval">${three(ratio.low)}–${three(ratio.high)}</span>`;
}

function withInterval(value: Evaluation, difference: Cell | typeof nothing = nothing): Cell {
  return html`<span title=${plural(value.samples, 'sample')}>${percent(value.value)}</span>${difference}
    <span class="interval">${(100 * value.low).toFixed(1)}–${(100 * value.high).toFixed(1)}</span>`;
}

function topOneCell(
  value: Evaluation,
  base: Evaluation | undefined,
  paired: Variant['top1Difference'],
): Cell {
  if (base === undefined) return withInterval(value);
  const { points, margin, verdict } = accuracyDifference(base, value, paired);
  return withInterval(
    value,
    html` <span
      class="small muted verdict-${verdict}"
      title="${signed(points)} ± ${margin.toFixed(1)} points against the original"
      >${Math.abs(points) < 0.05 ? '±0.0' : signed(points)}</span
    >`,
  );
}
