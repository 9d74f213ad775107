// How run times are spread: one stepped outline for each series, with the median, p90 and p99 as lines.

import { html, nothing, svg, type TemplateResult } from 'lit';
import type { Measurement } from '../../daemon/protocol/benchmark';
import { milliseconds, plural } from '../ui/format';
import { visible } from '../ui/text';
import { linear, ticks } from './axis';
import { besideMedians } from './chartLabels';
import { edge, emptyChart, figure, frame, height, type Colour, type Legend } from './frame';
import { beyondEdge, clippedEnd } from './histogram';

/** The marks of the legend as letters. */
const glyphs: Readonly<Record<Colour, string>> = {
  'series-a': '●',
  'series-b': '◆',
  'series-c': '■',
  'series-d': '▲',
};

export interface DistributionSeries extends Legend {
  measurement: Measurement;
}

export function distribution(
  series: readonly DistributionSeries[],
  width: number,
  running: boolean,
  title = 'Distribution of run times',
): TemplateResult {
  if (series.length === 0) {
    return emptyChart(
      title,
      running ? 'Filled as soon as something is measured' : 'Nothing was measured',
      width,
    );
  }
  const from = Math.min(...series.map(({ measurement }) => measurement.histogram.fromMs));
  const to = Math.max(...series.map(({ measurement }) => clippedEnd(measurement)));
  const room = (to - from || 1) * 0.04;
  const low = Math.max(0, from - room);
  const high = to + room;
  // There is no scale on the left: only the shapes are compared.
  const left = 8;
  const x = linear(low, high, left, width - edge.right);
  const bottom = height - edge.bottom;
  const y = linear(0, 1, bottom, edge.top + 24);
  const words = series
    .map(({ name, measurement: { latencyMs, samples } }) => {
      const [p50, p90, p99] = [latencyMs.p50, latencyMs.p90, latencyMs.p99].map(milliseconds);
      return `${visible(name)}: p50 ${p50}, p90 ${p90}, p99 ${p99}, ${samples} runs`;
    })
    .join('; ');
  const labels = besideMedians(
    series.slice(0, 2).map(({ measurement: { latencyMs } }) => ({
      at: x(latencyMs.p50),
      // The mark before it takes the room of two letters.
      text: `${series.length > 1 ? '  ' : ''}p50 ${milliseconds(latencyMs.p50)}`,
    })),
    width - edge.right,
    edge.top,
  );
  const slower = series.reduce((sum, { measurement }) => sum + beyondEdge(measurement, high), 0);
  return figure(
    title,
    `${title}. ${words}.${slower === 0 ? '' : ` ${plural(slower, 'slower run')} beyond the right edge.`}`,
    series,
    html`${svg`
      ${frame(
        width,
        'run time, ms',
        'share of runs',
        ticks(low, high, Math.max(3, width / 96)).map((tick) => ({ at: x(tick), text: String(tick) })),
        left,
      )}
      ${series.map(({ measurement, colour }) => {
        const { path, area } = steps(measurement, x, y, bottom, high);
        return svg`<path class="area ${colour}" d=${area}></path><path class="curve ${colour}" d=${path}></path>`;
      })}
      ${series.map(({ measurement, colour }, i) => tails(measurement, colour, x, high, bottom, i))}
      ${series.map(({ measurement, colour }, i) => {
        const at = x(measurement.latencyMs.p50);
        const label = labels[i];
        return svg`
          <line class="median ${colour}" x1=${at} x2=${at} y1=${edge.top + 20} y2=${bottom}></line>
          ${label === undefined ? nothing : svg`<text class="value" x=${label.x} y=${label.y} text-anchor=${label.anchor}>${series.length > 1 ? svg`<tspan class="glyph ${colour}">${glyphs[colour]}</tspan> ` : ''}${label.text.trim()}</text>`}`;
      })}
      ${slower === 0 ? nothing : svg`<text class="hint" x=${width - edge.right} y=${bottom - 8} text-anchor="end">${plural(slower, 'slower run')} beyond →</text>`}`}`,
    width,
  );
}

/** p90 and p99 as short lines with their names; each series has a height of its own. */
function tails(
  { latencyMs }: Measurement,
  colour: string,
  x: (ms: number) => number,
  high: number,
  bottom: number,
  row: number,
): TemplateResult {
  const top = bottom - 40 - 22 * row;
  const list = (['p90', 'p99'] as const).filter((name) => latencyMs[name] <= high);
  const [first, second] = list.map((name) => x(latencyMs[name]));
  // Two names on one another say less than one.
  const named = first !== undefined && second !== undefined && second - first < 28 ? list.slice(1) : list;
  return svg`${list.map((name) => {
    const at = x(latencyMs[name]);
    return svg`<line class="tail ${colour}" x1=${at} x2=${at} y1=${top} y2=${bottom}></line>
      ${named.includes(name) ? svg`<text class="hint" x=${at} y=${top - 4} text-anchor="middle">${name}</text>` : nothing}`;
  })}`;
}

/** A histogram as a stepped outline; its fullest bin reaches the top. */
function steps(
  { histogram }: Measurement,
  x: (ms: number) => number,
  y: (share: number) => number,
  bottom: number,
  high: number,
): { path: string; area: string } {
  const { fromMs, toMs, counts } = histogram;
  const most = Math.max(1, ...counts);
  const bin = (toMs - fromMs) / Math.max(1, counts.length);
  const points = counts.flatMap((count, i) => {
    if (fromMs + i * bin >= high) return [];
    // The last bin also counts the runs that are slower than it: they are told in words, not drawn there.
    const inside = i === counts.length - 1 ? Math.max(0, count - (histogram.beyond ?? 0)) : count;
    const top = y(inside / most).toFixed(1);
    return [`V${top}H${x(Math.min(high, fromMs + (i + 1) * bin)).toFixed(1)}`];
  });
  const start = `M${x(fromMs).toFixed(1)} ${bottom}`;
  return { path: `${start}${points.join('')}V${bottom}`, area: `${start}${points.join('')}V${bottom}Z` };
}
