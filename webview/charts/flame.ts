// A flame chart: the run at the top, below it the scopes, below these the nodes, each as wide as it took.

import { html, nothing, svg, type TemplateResult } from 'lit';
import type { ProfileResult } from '../../daemon/protocol/profile';
import { inUnit, percent } from '../ui/format';
import { elide, visible } from '../ui/text';
import type { Colour } from './frame';

type Flame = ProfileResult['flame'];

const row = 20;
/** Narrower than this is not drawn, pixels: the table has every node. */
const least = 0.5;
const letter = 6.6;

/** `colourOfNode` gives the colour of a node by its index in the profile. */
export function flameChart(
  flame: Flame,
  width: number,
  colourOfNode: (node: number) => Colour | 'series-none',
): TemplateResult | typeof nothing {
  const total = flame[0]?.durationUs ?? 0;
  if (total <= 0) return nothing;
  const deepest = Math.max(...flame.map(({ depth }) => depth));
  const tall = (deepest + 1) * row;
  const x = (us: number) => (us / total) * width;
  const widest = [...flame]
    .filter(({ node }) => node !== null)
    .sort((a, b) => b.durationUs - a.durationUs)
    .slice(0, 5)
    .map(({ name, durationUs }) => `${visible(name)} ${percent(durationUs / total)}`);
  return html`<figure class="chart flame">
    <figcaption><h2>Time from left to right</h2></figcaption>
    <svg
      width=${width}
      height=${tall}
      viewBox="0 0 ${width} ${tall}"
      role="img"
      aria-label="Flame chart of one run of ${inUnit(total, 'µs')}. The widest: ${widest.join(', ')}."
    >
      ${flame.map(({ name, depth, startUs, durationUs, node }) => {
        const wide = x(durationUs);
        if (wide < least) return nothing;
        const room = Math.floor((wide - 8) / letter);
        return svg`<g>
          <title>${visible(name)}: ${inUnit(durationUs, 'µs')}, ${percent(durationUs / total)} of the run</title>
          <rect class="flame-box ${node === null ? 'scope' : colourOfNode(node)}" x=${x(startUs)} y=${depth * row} width=${Math.max(least, wide - 1)} height=${row - 1}></rect>
          ${room < 3 ? nothing : svg`<text class="flame-name" x=${x(startUs) + 4} y=${depth * row + 14}>${elide(name, room)}</text>`}
        </g>`;
      })}
    </svg>
  </figure>`;
}
