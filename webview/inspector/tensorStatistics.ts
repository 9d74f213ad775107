// Statistics of a tensor: the figures, and the histogram with its edges.

import { html, nothing, svg, type TemplateResult } from 'lit';
import type { TensorStatistics } from '../../daemon/protocol/graph';
import { percent, three, whole } from '../ui/format';
import { visible } from '../ui/text';
import { facts, type Fact } from './parts';

/** Three digits, also for the very small and very large numbers that weights may be. */
const number = (value: number | null): string =>
  value === null
    ? 'none'
    : value !== 0 && (Math.abs(value) < 1e-4 || Math.abs(value) >= 1e6)
      ? value.toExponential(2).replaceAll('-', '−')
      : three(value);

/** Undefined while they are computed, a text when they cannot be. */
export function tensorStatistics(statistics: TensorStatistics | string | undefined): TemplateResult {
  if (statistics === undefined)
    return html`<div class="small muted" role="status">Computing statistics…</div>`;
  if (typeof statistics === 'string') return html`<div class="small wrap muted">${visible(statistics)}</div>`;
  const { elements, nan, infinite, zeros, min, max, mean, stddev, histogram } = statistics;
  const list: Fact[] = [
    { label: 'Range', value: min === null ? 'no finite value' : `${number(min)} to ${number(max)}` },
    { label: 'Mean', value: number(mean), note: stddev === null ? '' : `± ${number(stddev)}` },
    {
      label: 'Zeros',
      value: elements === 0 ? '0' : percent(zeros / elements),
      title: `${whole(zeros)} of ${whole(elements)}`,
    },
  ];
  if (nan > 0) list.push({ label: 'NaN', value: whole(nan) });
  if (infinite > 0) list.push({ label: 'Infinite', value: whole(infinite) });
  return html`<div class="tensor-statistics small">
    ${facts(list)} ${histogram === null ? nothing : picture(histogram)}
  </div>`;
}

const [width, height] = [240, 56];

function picture({ from, to, counts }: NonNullable<TensorStatistics['histogram']>): TemplateResult {
  const most = Math.max(1, ...counts);
  const bar = width / counts.length;
  return html`<svg
      class="histogram"
      viewBox="0 0 ${width} ${height}"
      role="img"
      aria-label="Histogram of the values from ${number(from)} to ${number(to)}"
    >
      ${counts.map((count, i) => {
        // What is there at all is seen.
        const tall = count === 0 ? 0 : Math.max(1, (count / most) * height);
        return svg`<rect x=${i * bar} y=${height - tall} width=${Math.max(bar - 0.5, 0.5)} height=${tall}></rect>`;
      })}
    </svg>
    <div class="histogram-edges muted tabular"><span>${number(from)}</span><span>${number(to)}</span></div>`;
}
