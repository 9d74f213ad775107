// The roofline: what the machine allows over how much is computed for each byte, both logarithmic, and where each node
// stands below it.

import { html, nothing, svg, type TemplateResult } from 'lit';
import type { ProfileResult } from '../../daemon/protocol/profile';
import { inUnit, three } from '../ui/format';
import { visible } from '../ui/text';
import { edge, figure, frame, grid, height } from './frame';

const powers = (low: number, high: number): number[] => {
  const list: number[] = [];
  for (let e = Math.ceil(Math.log10(low) - 1e-9); e <= Math.log10(high) + 1e-9; e += 1) list.push(10 ** e);
  return list;
};

export function rooflineChart(
  { roofline, nodes }: Pick<ProfileResult, 'roofline' | 'nodes'>,
  width: number,
): TemplateResult | typeof nothing {
  if (roofline === null || roofline.points.length === 0) return nothing;
  const { compute, bandwidth, points } = roofline;
  const usable = points.filter(({ intensity, gops }) => intensity > 0 && gops > 0);
  if (usable.length === 0 || compute.length === 0 || bandwidth.length === 0) return nothing;
  const roof = Math.max(...compute.map(({ gops }) => gops));
  const fastest = Math.max(...bandwidth.map(({ gbPerS }) => gbPerS));
  const intensities = usable.map(({ intensity }) => intensity);
  const low = 10 ** Math.floor(Math.log10(Math.min(...intensities)));
  const high = 10 ** Math.ceil(Math.log10(Math.max(...intensities, (2 * roof) / fastest)));
  const top = 10 ** Math.ceil(Math.log10(Math.max(roof, ...usable.map(({ gops }) => gops)) * 1.01));
  const bottomValue = 10 ** Math.floor(Math.log10(Math.min(...usable.map(({ gops }) => gops))));
  const bottom = height - edge.bottom;
  const scale = (from: number, to: number, start: number, end: number) => (value: number) =>
    start + ((Math.log10(value) - Math.log10(from)) / (Math.log10(to) - Math.log10(from))) * (end - start);
  const x = scale(low, high, edge.left, width - edge.right);
  const y = scale(bottomValue, top, bottom, edge.top);
  const reach = Math.max(1e-9, ...usable.map(({ node }) => nodes[node]?.share ?? 0));
  const steepest = (gbPerS: number) => gbPerS === fastest;
  /** Half way up its line: of the steeper one on the left, of the other on the right, so that they keep apart. */
  const bandwidthName = (name: string, gbPerS: number, from: number, to: number) => {
    const middle = 10 ** ((Math.log10(from) + Math.log10(to)) / 2);
    const [px, py] = [x(middle), y(middle * gbPerS)];
    const text = `${name} ${three(gbPerS)} GB/s`;
    // Beside the axis there is no room on the left.
    return steepest(gbPerS) && px - edge.left > 110
      ? svg`<text class="hint" x=${px - 6} y=${py - 2} text-anchor="end">${text}</text>`
      : svg`<text class="hint" x=${px + 8} y=${py + 12}>${text}</text>`;
  };
  const slanting = bandwidth.map(({ name, gbPerS }) => {
    const from = Math.max(low, bottomValue / gbPerS);
    const to = Math.min(high, roof / gbPerS);
    const d = `M${x(from)} ${y(from * gbPerS)}L${x(to)} ${y(to * gbPerS)}`;
    return to <= from
      ? nothing
      : svg`<path class="front" d=${d}></path>${bandwidthName(name, gbPerS, from, to)}`;
  });
  return figure(
    'Roofline',
    `Roofline. ${compute.map(({ name, gops }) => `${name}: ${three(gops)} Gop/s`).join(', ')}; ${bandwidth.map(({ name, gbPerS }) => `${name}: ${three(gbPerS)} GB/s`).join(', ')}. ${usable.length} nodes.`,
    [
      { name: 'bound by arithmetic', colour: 'series-a' },
      { name: 'bound by memory', colour: 'series-b' },
    ],
    html`${svg`
      ${frame(
        width,
        'operations for each byte',
        'Gop/s',
        powers(low, high).map((value) => ({ at: x(value), text: String(value) })),
      )}
      ${grid(
        width,
        powers(bottomValue, top).map((value) => ({ at: y(value), text: String(value) })),
      )}
      ${slanting}
      ${compute.map(
        ({
          name,
          gops,
        }) => svg`<line class="front" x1=${x(Math.max(low, gops / fastest))} x2=${width - edge.right} y1=${y(gops)} y2=${y(gops)}></line>
        <text class="hint" x=${width - edge.right} y=${y(gops) - 4} text-anchor="end">${name} ${three(gops)}</text>`,
      )}
      ${usable.map(({ node, intensity, gops, attainableGops, bound }) => {
        const one = nodes[node];
        if (one === undefined) return nothing;
        const radius = 2.5 + 7 * Math.sqrt(one.share / reach);
        return svg`<circle class="roof-point ${bound === 'compute' ? 'series-a' : 'series-b'}" cx=${x(intensity)} cy=${y(gops)} r=${radius}>
          <title>${visible(one.name)} (${visible(one.op)}): ${inUnit(one.meanUs, 'µs')}, ${three(gops)} of ${three(attainableGops)} Gop/s</title></circle>`;
      })}`}`,
    width,
  );
}
