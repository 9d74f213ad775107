// The two charts: distribution of run times (original against one variant), and size against latency.
// The original is always the first colour and the compared variant the second; shape and words say it too.

import { html, nothing, svg, type TemplateResult } from 'lit';
import type { Variant } from '../../daemon/protocol/compress';
import type { Measurement } from '../../daemon/protocol/benchmark';
import { milliseconds, plural, three } from '../ui/format';
import { visible } from '../ui/text';
import { linear, ticks } from './axis';
import { beyondEdge, clippedEnd } from './histogram';
import { besideMedians, besidePoints } from './chartLabels';

const height = 240;
const edge = { left: 48, right: 16, top: 32, bottom: 40 } as const;

interface Series {
  variant: Variant;
  measurement: Measurement;
  colour: 'series-a' | 'series-b';
}

/** Legend, then the figure with its name and, for readers without eyes on it, its content in words. */
function figure(
  title: string,
  words: string,
  legend: readonly Series[],
  content: TemplateResult,
  width: number,
) {
  return html`<figure class="chart">
    <figcaption>
      <h2>${title}</h2>
      <span class="legend" aria-hidden="true">
        ${legend.map(
          ({ variant, colour }) =>
            html`<span class="legend-item"
              ><span class="mark ${colour}"></span>${visible(variant.recipe)}</span
            >`,
        )}
      </span>
    </figcaption>
    <svg width=${width} height=${height} viewBox="0 0 ${width} ${height}" role="img" aria-label=${words}>
      ${content}
    </svg>
  </figure>`;
}

function frame(
  width: number,
  xName: string,
  yName: string,
  xTicks: readonly { at: number; text: string }[],
  left: number = edge.left,
) {
  const bottom = height - edge.bottom;
  return svg`
    <line class="axis" x1=${left} x2=${width - edge.right} y1=${bottom + 0.5} y2=${bottom + 0.5}></line>
    ${xTicks.map(
      ({ at, text }) => svg`
        <line class="axis" x1=${at} x2=${at} y1=${bottom} y2=${bottom + 4}></line>
        <text class="tick" x=${at} y=${bottom + 18} text-anchor="middle">${text}</text>`,
    )}
    <text class="axis-name" x=${width - edge.right} y=${height - 4} text-anchor="end">${xName}</text>
    <text class="axis-name" x="0" y="14">${yName}</text>`;
}

/** Nothing yet: the space is there, so that nothing jumps. */
function emptyChart(title: string, why: string, width: number): TemplateResult {
  return html`<figure class="chart">
    <figcaption><h2>${title}</h2></figcaption>
    <div class="chart-empty muted">${why}</div>
    <svg width=${width} height=${height} aria-hidden="true"></svg>
  </figure>`;
}

export function distributionChart(
  base: Variant | undefined,
  compared: Variant | undefined,
  width: number,
  running: boolean,
): TemplateResult {
  const title = 'Distribution of run times';
  const series: Series[] = [];
  if (base?.measurement) series.push({ variant: base, measurement: base.measurement, colour: 'series-a' });
  if (compared?.measurement) {
    series.push({ variant: compared, measurement: compared.measurement, colour: 'series-b' });
  }
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
  const left = 0;
  const x = linear(low, high, left, width - edge.right);
  const bottom = height - edge.bottom;
  const y = linear(0, 1, bottom, edge.top + 24);
  const words = series
    .map(({ variant, measurement: { latencyMs, samples } }) => {
      const [p50, p90, p99] = [latencyMs.p50, latencyMs.p90, latencyMs.p99].map(milliseconds);
      return `${visible(variant.recipe)}: p50 ${p50}, p90 ${p90}, p99 ${p99}, ${samples} runs`;
    })
    .join('; ');
  const labels = besideMedians(
    series.map(({ measurement: { latencyMs } }) => ({
      at: x(latencyMs.p50),
      text: `p50 ${milliseconds(latencyMs.p50)}`,
    })),
    width - edge.right,
    edge.top,
  );
  const slower = series.reduce((sum, { measurement }) => sum + beyondEdge(measurement, high), 0);
  return figure(
    title,
    `Distribution of run times. ${words}.${slower === 0 ? '' : ` ${plural(slower, 'slower run')} beyond the right edge.`}`,
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
      ${series.map(({ measurement, colour }, i) => {
        const at = x(measurement.latencyMs.p50);
        const label = labels[i]!;
        return svg`
          <line class="median ${colour}" x1=${at} x2=${at} y1=${edge.top + 20} y2=${bottom}></line>
          <text class="value" x=${label.x} y=${label.y} text-anchor=${label.anchor}>${label.text}</text>`;
      })}
      ${slower === 0 ? nothing : svg`<text class="hint" x=${width - edge.right} y=${bottom - 8} text-anchor="end">${plural(slower, 'slower run')} beyond →</text>`}`}`,
    width,
  );
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

export function paretoChart(
  variants: readonly Variant[],
  base: Variant | undefined,
  compared: Variant | undefined,
  width: number,
  running: boolean,
): TemplateResult {
  const title = 'Size and latency';
  const measured = variants.flatMap((variant) =>
    variant.measurement === null
      ? []
      : [{ variant, ms: variant.measurement.latencyMs.p50, mb: variant.fileBytes / 1e6 }],
  );
  if (measured.length === 0) {
    return emptyChart(
      title,
      running ? 'Filled as soon as something is measured' : 'Nothing was measured',
      width,
    );
  }
  const highX = 1.15 * Math.max(...measured.map(({ ms }) => ms));
  const highY = 1.15 * Math.max(...measured.map(({ mb }) => mb));
  const x = linear(0, highX, edge.left, width - edge.right);
  const y = linear(0, highY, height - edge.bottom, edge.top);
  const bottom = height - edge.bottom;
  const words = measured
    .map(({ variant, ms, mb }) => `${visible(variant.recipe)}: ${milliseconds(ms)}, ${three(mb)} MB`)
    .join('; ');
  const front = measured
    .filter(
      (a) => !measured.some((b) => b !== a && b.ms <= a.ms && b.mb <= a.mb && (b.ms < a.ms || b.mb < a.mb)),
    )
    .sort((a, b) => a.ms - b.ms);
  const path = front.map(({ ms, mb }, i) => {
    const [px, py] = [x(ms).toFixed(1), y(mb).toFixed(1)];
    return i === 0 ? `M${px} ${edge.top}V${py}` : `H${px}V${py}`;
  });
  const points = measured.map(({ variant, ms, mb }) => ({ variant, px: x(ms), py: y(mb) }));
  const names = besidePoints(
    points.map(({ variant, px, py }) => ({ x: px, y: py, text: visible(variant.recipe) })),
    { left: edge.left, top: 20, right: width, bottom },
  );
  return figure(
    title,
    `Size and latency. ${words}.`,
    [],
    html`${svg`
      ${frame(
        width,
        'p50, ms',
        'size, MB',
        ticks(0, highX, Math.max(3, width / 96)).map((tick) => ({
          at: x(tick),
          text: String(tick),
        })),
      )}
      ${ticks(0, highY, 4)
        .filter((tick) => tick > 0)
        .map(
          (tick) => svg`
            <line class="grid" x1=${edge.left} x2=${width - edge.right} y1=${y(tick)} y2=${y(tick)}></line>
            <text class="tick" x=${edge.left - 8} y=${y(tick) + 4} text-anchor="end">${String(tick)}</text>`,
        )}
      ${front.length > 1 ? svg`<path class="front" d="${path.join('')}H${width - edge.right}"></path>` : nothing}
      <text class="hint" x=${edge.left + 8} y=${bottom - 8}>↙ better</text>
      ${points.map(({ variant, px, py }, i) => {
        const colour = variant === base ? 'series-a' : variant === compared ? 'series-b' : 'series-none';
        return svg`
          ${point(colour, px, py)}
          <text class="value" x=${names[i]!.x} y=${names[i]!.y} text-anchor="start">${visible(variant.recipe)}</text>`;
      })}`}`,
    width,
  );
}

/** A circle for the original, a diamond for the compared variant, a ring for the others. */
function point(colour: string, x: number, y: number) {
  if (colour === 'series-b') {
    return svg`<path class="point ${colour}" d="M${x} ${y - 7}L${x + 7} ${y}L${x} ${y + 7}L${x - 7} ${y}Z"></path>`;
  }
  return svg`<circle class="point ${colour}" cx=${x} cy=${y} r="5.5"></circle>`;
}
