// The two charts of the results: distribution of run times (original against one variant), and size against latency.
// The original is always the first colour and the compared variant the second; shape and words say it too.

import { html, nothing, svg, type TemplateResult } from 'lit';
import type { Variant } from '../../daemon/protocol/compress';
import { linear, ticks } from '../charts/axis';
import { besidePoints } from '../charts/chartLabels';
import { distribution, type DistributionSeries } from '../charts/distribution';
import { edge, emptyChart, figure, frame, grid, height, pointMark } from '../charts/frame';
import { milliseconds, three } from '../ui/format';
import { visible } from '../ui/text';

export function distributionChart(
  base: Variant | undefined,
  compared: Variant | undefined,
  width: number,
  running: boolean,
): TemplateResult {
  const series: DistributionSeries[] = [];
  if (base?.measurement)
    series.push({ name: base.recipe, measurement: base.measurement, colour: 'series-a' });
  if (compared?.measurement)
    series.push({ name: compared.recipe, measurement: compared.measurement, colour: 'series-b' });
  return distribution(series, width, running);
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
      ${grid(
        width,
        ticks(0, highY, 4)
          .filter((tick) => tick > 0)
          .map((tick) => ({ at: y(tick), text: String(tick) })),
      )}
      ${front.length > 1 ? svg`<path class="front" d="${path.join('')}H${width - edge.right}"></path>` : nothing}
      <text class="hint" x=${edge.left + 8} y=${bottom - 8}>↙ better</text>
      ${points.map(({ variant, px, py }, i) => {
        const colour = variant === base ? 'series-a' : variant === compared ? 'series-b' : 'series-none';
        return svg`
          ${pointMark(colour, px, py)}
          <text class="value" x=${names[i]!.x} y=${names[i]!.y} text-anchor="start">${visible(variant.recipe)}</text>`;
      })}`}`,
    width,
  );
}
