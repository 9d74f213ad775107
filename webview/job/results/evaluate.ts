// An evaluation: the metric with its interval, the difference to another model, classes, and what was taken for what.

import { html, nothing, svg, type TemplateResult } from 'lit';
import type { EvaluateResult } from '../../../daemon/protocol/evaluate';
import { plural, three, whole } from '../../ui/format';
import { elide, fullText, visible } from '../../ui/text';
import { nameOf, warningList } from './benchmark';
import { factList, fold, table, type Fact } from './facts';

/** Metrics that are shares or scores from 0 to 1, shown in percent. */
const shares = new Set(['top1', 'topk', 'precision', 'recall', 'f1', 'agreement', 'map']);
const lessIsBetter = new Set(['mse', 'mae', 'kl']);
const titles: Readonly<Record<string, string>> = {
  top1: 'Top-1',
  topk: 'Top-k',
  precision: 'Precision',
  recall: 'Recall',
  f1: 'F1',
  agreement: 'Agreement',
  map: 'Mean average precision',
  mse: 'Mean squared error',
  mae: 'Mean absolute error',
  r2: 'R²',
  cosine: 'Cosine similarity',
  kl: 'KL divergence',
};

const metricTitle = ({ metric, k }: Pick<EvaluateResult, 'metric' | 'k'>): string =>
  metric === 'topk' && k !== undefined ? `Top-${k}` : (titles[metric] ?? metric);

const metricText = (metric: string, value: number): string =>
  shares.has(metric) ? `${(100 * value).toFixed(2)} %` : three(value);

export function evaluateHeadline(result: EvaluateResult): TemplateResult {
  const { metric, value, low, high, difference, against } = result;
  const text = (number: number) => metricText(metric, number);
  const verdict = difference && differenceVerdict(metric, difference);
  return html`${metricTitle(result)} ${text(value)}
    <span class="muted">(${text(low)} to ${text(high)})</span>${
      difference === undefined || against === undefined
        ? nothing
        : html`, <span class="verdict-${verdict}">${signedText(metric, difference.value)}</span> against
            ${elide(nameOf(against.model), 40)}`
    }`;
}

function differenceVerdict(metric: string, { low, high }: { low: number; high: number }) {
  if (low <= 0 && high >= 0) return 'same';
  return low > 0 !== lessIsBetter.has(metric) ? 'better' : 'worse';
}

const signedText = (metric: string, value: number): string => {
  const size = shares.has(metric) ? `${(100 * Math.abs(value)).toFixed(2)} points` : three(Math.abs(value));
  // What rounds to nothing has no sign.
  const sign = Number.parseFloat(size) === 0 ? '' : value > 0 ? '+' : '−';
  return `${sign}${size}`;
};

export function evaluateParts(result: EvaluateResult, width: number): TemplateResult {
  const { metric, samples, difference, against, details, interval } = result;
  const facts: Fact[] = [
    {
      name: metricTitle(result),
      value: `${metricText(metric, result.value)}, between ${metricText(metric, result.low)} and ${metricText(metric, result.high)}`,
      title: `95 % interval, ${interval === 'wilson' ? "Wilson's" : 'by bootstrap'}`,
    },
    { name: 'Measured on', value: plural(samples, 'sample') },
  ];
  if (metric === 'agreement')
    facts.push({
      name: 'What it says',
      value: 'how often both models put the same class first; not how often they are right',
    });
  if (result.average !== undefined) facts.push({ name: 'Averaged', value: visible(result.average) });
  if (against !== undefined && difference !== undefined)
    facts.push(
      { name: elide(nameOf(against.model), 32), value: metricText(metric, against.value) },
      {
        name: 'Difference',
        value: `${signedText(metric, difference.value)}, between ${signedText(metric, difference.low)} and ${signedText(metric, difference.high)}`,
        title: 'On the same samples, with the paired 95 % interval',
      },
    );
  const classes = details?.perClass ?? [];
  const names = classes.map(({ label, name }) => name ?? String(label));
  return html`${warningList(result.notes)} ${factList(facts)}
  ${details?.confusion === undefined ? nothing : confusion(details.confusion, names, width)}
  ${classes.length === 0 ? nothing : classTable(classes)}`;
}

/** More classes have no room for their names. */
const mostNamed = 24;
const mostLetters = 14;

/** The name of a class at its row and at its column. */
function classNames(name: string, at: number, left: number, top: number, upright: boolean) {
  const short = elide(name, mostLetters);
  const above = upright
    ? svg`<text class="class-name" transform="translate(${left + at + 4} ${top - 4}) rotate(-90)">${short}</text>`
    : svg`<text class="class-name" x=${left + at} y=${top - 6} text-anchor="middle">${short}</text>`;
  return svg`<text class="class-name" x=${left - 6} y=${top + at + 4} text-anchor="end">${short}</text>${above}`;
}

/** Rows are true classes, columns what the model named: the diagonal is right, what is beside it is mixed up. */
function confusion(counts: readonly (readonly number[])[], names: readonly string[], width: number) {
  const n = counts.length;
  if (n === 0) return nothing;
  const nameOfClass = (i: number) => names[i] ?? String(i);
  // Few classes are named at the edges; of many the pointer tells.
  const named = n <= mostNamed;
  const longest = Math.max(...counts.map((_, i) => Math.min(mostLetters, nameOfClass(i).length)));
  const left = named ? 28 + 6.5 * longest : 20;
  const upright = longest > 3;
  const top = named ? (upright ? 26 + 6.5 * longest : 36) : 20;
  const cell = Math.max(3, Math.min(28, Math.floor((Math.min(width, 560) - left) / n)));
  const size = cell * n;
  const middle = (i: number) => (i + 0.5) * cell;
  const mixed = counts
    .flatMap((row, i) => row.map((value, j) => ({ i, j, value })))
    .filter(({ i, j, value }) => i !== j && value > 0)
    .sort((a, b) => b.value - a.value);
  const pair = ({ i, j, value }: (typeof mixed)[number]) =>
    `${visible(nameOfClass(i))} taken for ${visible(nameOfClass(j))}: ${whole(value)}`;
  return html`<figure class="chart">
      <figcaption><h2>What was taken for what</h2></figcaption>
      <svg
        class="confusion"
        width=${size + left + 1}
        height=${size + top + 1}
        role="img"
        aria-label="Confusion matrix of ${plural(n, 'class', 'classes')}. ${mixed.slice(0, 5).map(pair).join('; ')}"
      >
        <text class="axis-name" x=${left} y="12">named →</text>
        <text class="axis-name" x=${-top} y="12" transform="rotate(-90)" text-anchor="end">true →</text>
        ${named ? counts.map((_, i) => classNames(nameOfClass(i), middle(i), left, top, upright)) : nothing}
        ${counts.map((row, i) => {
          const total = Math.max(
            1,
            row.reduce((sum, value) => sum + value, 0),
          );
          return row.map((value, j) =>
            value === 0
              ? nothing
              : svg`<rect class=${i === j ? 'right' : 'wrong'} x=${left + j * cell} y=${top + i * cell} width=${cell - (cell > 5 ? 1 : 0)} height=${cell - (cell > 5 ? 1 : 0)} fill-opacity=${(0.15 + 0.85 * Math.sqrt(value / total)).toFixed(2)}><title>${i === j ? `${visible(nameOfClass(i))}: ${whole(value)} of ${whole(total)} right` : pair({ i, j, value })}</title></rect>${named && cell >= 7 * String(value).length + 4 ? svg`<text class="cell-count ${value > 0.25 * total ? 'full' : ''}" x=${left + middle(j)} y=${top + middle(i) + 4}>${value}</text>` : nothing}`,
          );
        })}
        <rect class="matrix-edge" x=${left - 0.5} y=${top - 0.5} width=${size} height=${size}></rect>
      </svg>
    </figure>
    ${
      mixed.length === 0
        ? html`<p class="muted">Nothing was mixed up.</p>`
        : html`<h3>Mixed up most often</h3>
            <ul class="mixed">
              ${mixed.slice(0, 8).map((one) => html`<li>${pair(one)}</li>`)}
            </ul>`
    }`;
}

type Classes = NonNullable<NonNullable<EvaluateResult['details']>['perClass']>;

function classTable(classes: Classes): TemplateResult {
  const score = (value: number | undefined) => (value === undefined ? '–' : `${(100 * value).toFixed(1)} %`);
  const boxes = classes.some(({ averagePrecision }) => averagePrecision !== undefined);
  const worst = [...classes].sort(
    (a, b) => (a.f1 ?? a.averagePrecision ?? a.recall ?? 1) - (b.f1 ?? b.averagePrecision ?? b.recall ?? 1),
  );
  return fold(
    `${plural(classes.length, 'class', 'classes')}, the worst first`,
    table(
      [
        {
          name: 'Class',
          cell: ({ label, name }) =>
            html`<span title=${fullText(name ?? String(label))}>${elide(name ?? String(label), 40)}</span>`,
        },
        { name: 'Samples', number: true, cell: ({ samples }) => whole(samples) },
        ...(boxes
          ? [
              {
                name: 'Average precision',
                number: true,
                cell: ({ averagePrecision }: Classes[number]) => score(averagePrecision),
              },
            ]
          : [
              { name: 'Precision', number: true, cell: ({ precision }: Classes[number]) => score(precision) },
              { name: 'Recall', number: true, cell: ({ recall }: Classes[number]) => score(recall) },
              { name: 'F1', number: true, cell: ({ f1 }: Classes[number]) => score(f1) },
            ]),
      ],
      worst,
      'Classes',
    ),
    classes.length <= 12,
  );
}
