// Sweeps: one line for each series over a few settings (batch sizes, threads, requests at once). The settings stand
// at equal distances, since they usually double; the numbers on the left begin at zero.

import { html, nothing, svg, type TemplateResult } from 'lit';
import { three } from '../ui/format';
import { visible } from '../ui/text';
import { linear, ticks } from './axis';
import { edge, emptyChart, figure, frame, grid, height, pointMark, type Legend } from './frame';

export interface LineSeries extends Legend {
  /** Value at each setting; undefined where it was not measured. */
  values: readonly (number | undefined)[];
  /** Interval of each value, drawn as a whisker. */
  ranges?: readonly ({ low: number; high: number } | undefined)[];
  /** Drawn dashed and without points: what would be ideal, or what is allowed. */
  guide?: boolean;
}

export interface LineChart {
  title: string;
  /** Names of the settings. */
  settings: readonly string[];
  xName: string;
  yName: string;
  series: readonly LineSeries[];
  /** The numbers on the left begin near the least value instead of at zero. */
  fit?: boolean;
  /** Said instead when nothing was measured. */
  empty?: string;
}

export function lineChart(
  { title, settings, xName, yName, series, fit, empty }: LineChart,
  width: number,
): TemplateResult {
  const measured = series.flatMap(({ values, guide }) =>
    guide === true ? [] : values.filter((value): value is number => value !== undefined),
  );
  if (measured.length === 0) return emptyChart(title, empty ?? 'Nothing was measured', width);
  const bottom = height - edge.bottom;
  const whiskers = series.flatMap(({ ranges = [] }) =>
    ranges.flatMap((one) => (one ? [one.low, one.high] : [])),
  );
  const [least, most] = [Math.min(...measured, ...whiskers), Math.max(...measured, ...whiskers)];
  const span = Math.max(most - least, 1e-3 * Math.abs(most));
  const lowest = fit === true ? least - 0.12 * span : 0;
  const highest = fit === true ? most + 0.12 * span : 1.12 * most;
  const step = (width - edge.left - edge.right) / Math.max(1, settings.length);
  const x = (i: number) => edge.left + step * (i + 0.5);
  const y = linear(lowest, highest, bottom, edge.top);
  // As many names as there is room for, always those at the same distance.
  const longest = Math.max(1, ...settings.map((text) => text.length));
  const every = Math.max(1, Math.ceil((longest * 6.5 + 12) / step));
  const words = series
    .filter(({ guide }) => guide !== true)
    .map(({ name, values }) => {
      const points = settings.flatMap((setting, i) =>
        values[i] === undefined ? [] : [`${setting}: ${three(values[i])}`],
      );
      return `${visible(name)}: ${points.join(', ')}`;
    })
    .join('; ');
  return figure(
    title,
    `${title}, ${yName} over ${xName}. ${words}.`,
    series.filter(({ guide }) => guide !== true),
    html`${svg`
      ${frame(
        width,
        xName,
        yName,
        settings.flatMap((text, i) => (i % every === 0 ? [{ at: x(i), text }] : [])),
      )}
      ${grid(
        width,
        ticks(lowest, highest, 4)
          .filter((tick) => tick > lowest)
          .map((tick) => ({ at: y(tick), text: short(tick) })),
      )}
      ${series.map(({ name, colour, values, ranges = [], guide }) => {
        const path = values.flatMap((value, i) =>
          value === undefined ? [] : [`${x(i).toFixed(1)} ${Math.max(edge.top - 8, y(value)).toFixed(1)}`],
        );
        if (guide === true)
          return path.length < 2 ? nothing : svg`<path class="front" d="M${path.join('L')}"></path>`;
        return svg`<path class="curve ${colour}" d="M${path.join('L')}"></path>
          ${ranges.map((one, i) => (one === undefined ? nothing : svg`<line class="curve ${colour}" x1=${x(i)} x2=${x(i)} y1=${y(one.low)} y2=${y(one.high)}></line>`))}
          ${values.map((value, i) => (value === undefined ? nothing : svg`<g>${pointMark(colour, x(i), y(value))}<title>${visible(name)}, ${visible(settings[i] ?? '')}: ${three(value)} ${yName}</title></g>`))}`;
      })}
      ${series
        .filter(({ guide, values }) => guide === true && values.length > 0)
        .map(({ name, values }) => {
          const last = values.findLastIndex((value) => value !== undefined && value <= highest);
          const value = values[last];
          return value === undefined
            ? nothing
            : svg`<text class="hint" x=${x(last)} y=${y(value) - 6} text-anchor="middle">${name}</text>`;
        })}`}`,
    width,
  );
}

/** 12 000 as 12k: the place on the left is small. */
const short = (value: number): string => (value >= 10_000 ? `${three(value / 1000)}k` : String(value));
