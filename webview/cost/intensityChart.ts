// Each node between computing and moving: its operations over the operations that it does for each byte, both
// logarithmic. Left are the nodes that wait for memory, at the top those that take most of the work.

import { html, svg, type TemplateResult } from 'lit';
import type { CostRow } from '../../daemon/protocol/cost';
import { edge, frame, grid, height } from '../charts/frame';
import { families, familyOf } from '../graph/families';
import { count, plural, three } from '../ui/format';
import { fullText, visible } from '../ui/text';

const powers = (low: number, high: number): number[] =>
  Array.from({ length: Math.round(Math.log10(high / low)) + 1 }, (_, at) => low * 10 ** at);

export function intensityChart(
  rows: readonly CostRow[],
  given: number,
  goTo: (node: string) => void,
): TemplateResult {
  const usable = rows.flatMap(({ name, op, flops, intensity }) =>
    flops !== null && flops > 0 && intensity !== null && intensity > 0
      ? [{ name, op, flops, intensity }]
      : [],
  );
  if (usable.length === 0)
    return html`<p class="muted pane-words">No node has a known number of operations and bytes.</p>`;
  const width = Math.max(320, given - 32);
  const bounds = (values: readonly number[]): [number, number] => {
    const low = 10 ** Math.floor(Math.log10(Math.min(...values)));
    return [low, Math.max(low * 10, 10 ** Math.ceil(Math.log10(Math.max(...values))))];
  };
  const [left, right] = bounds(usable.map(({ intensity }) => intensity));
  const [bottom, top] = bounds(usable.map(({ flops }) => flops));
  const scale = (from: number, to: number, start: number, end: number) => (value: number) =>
    start + (Math.log10(value / from) / Math.log10(to / from)) * (end - start);
  const x = scale(left, right, edge.left, width - edge.right);
  const y = scale(bottom, top, height - edge.bottom, edge.top);
  const present = families.filter((family) => usable.some(({ op }) => familyOf(op) === family));
  const words = `Arithmetic intensity of ${plural(usable.length, 'node')}, from ${three(Math.min(...usable.map(({ intensity }) => intensity)))} to ${three(Math.max(...usable.map(({ intensity }) => intensity)))} operations for each byte.`;
  return html`<figure class="chart intensity">
    <figcaption>
      <h2>Work and arithmetic intensity of each node</h2>
      <span class="legend" aria-hidden="true">
        ${present.map(
          (family) =>
            html`<span class="legend-item"
              ><svg width="8" height="8">
                ${svg`<rect class="family-mark family-${family}" width="8" height="8" rx="1"></rect>`}</svg
              >${family}</span
            >`,
        )}
      </span>
    </figcaption>
    <svg width=${width} height=${height} viewBox="0 0 ${width} ${height}" role="img" aria-label=${words}>
      ${frame(
        width,
        'operations for each byte',
        'FLOPs',
        powers(left, right).map((value) => ({ at: x(value), text: three(value) })),
      )}
      ${grid(
        width,
        powers(bottom, top).map((value) => ({ at: y(value), text: count(value) })),
      )}
      ${usable.map(
        ({ name, op, flops, intensity }) =>
          svg`<circle class="node-point family-${familyOf(op)}" cx=${x(intensity)} cy=${y(flops)} r="4.5"
            @click=${() => goTo(name)}>
            <title>${visible(fullText(name))} (${visible(op)}): ${count(flops)} FLOPs, ${three(intensity)} for each byte</title>
          </circle>`,
      )}
    </svg>
  </figure>`;
}
