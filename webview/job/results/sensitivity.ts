// What the rounding of each layer costs: a bar for each, the most sensitive first; rows fill while it is measured.

import { html, svg, type TemplateResult } from 'lit';
import type { LayerSensitivity } from '../../../daemon/protocol/sensitivity';
import { plural, three } from '../../ui/format';
import { elide, fullText } from '../../ui/text';
import { table } from './facts';

const barWidth = 200;

/** Noise as a share of the signal, from dB: 40 dB is 0.01. */
const noise = (db: number) => 10 ** (-db / 20);

export function sensitivityParts(
  layers: readonly LayerSensitivity[],
  samples: number | undefined,
): TemplateResult {
  const sorted = [...layers].sort((a, b) => a.alone.sqnrDb - b.alone.sqnrDb);
  const worst = Math.max(1e-9, ...sorted.map(({ alone }) => noise(alone.sqnrDb)));
  return html`<p class="muted small">
      ${
        samples === undefined
          ? `${plural(layers.length, 'layer')} measured so far.`
          : `${plural(layers.length, 'layer')}, each on ${plural(samples, 'sample')} at the most. The longer the bar, the more the outputs move when only this layer is rounded.`
      }
    </p>
    ${table(
      [
        { name: 'Layer', cell: ({ node }) => html`<span title=${fullText(node)}>${elide(node, 36)}</span>` },
        { name: 'Operator', cell: ({ op }) => elide(op, 24) },
        {
          name: 'Error of the outputs',
          cell: ({ alone }) =>
            html`<svg class="width-bar" width=${barWidth} height="12" aria-hidden="true">
              ${svg`<rect class="amount series-b" x="0" y="2" width=${Math.max(1, (noise(alone.sqnrDb) / worst) * barWidth)} height="8"></rect>`}
            </svg>`,
        },
        {
          name: 'Alone, dB',
          title: 'Signal-to-noise ratio of the outputs when only this layer is rounded',
          number: true,
          cell: ({ alone }) => three(alone.sqnrDb),
        },
        {
          name: 'Together, dB',
          title: "Signal-to-noise ratio of this layer's own output when all layers are rounded",
          number: true,
          cell: ({ together }) => (together === null ? '–' : three(together.sqnrDb)),
        },
      ],
      sorted,
      'Sensitivity of each layer',
    )}`;
}
