// What the rounding of each layer costs: a bar for each, the most sensitive first; rows fill while it is measured.

import { html, type TemplateResult } from 'lit';
import type { LayerSensitivity } from '../../../daemon/protocol/sensitivity';
import { plural, three } from '../../ui/format';
import { elide, fullText } from '../../ui/text';
import { table } from './facts';
import { noiseBars } from './noiseBars';

export function sensitivityParts(
  layers: readonly LayerSensitivity[],
  samples: number | undefined,
): TemplateResult {
  const sorted = [...layers].sort((a, b) => a.alone.sqnrDb - b.alone.sqnrDb);
  const bar = noiseBars(sorted.map(({ alone }) => alone.sqnrDb));
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
        { name: 'Operator', short: true, cell: ({ op }) => elide(op, 24) },
        {
          name: 'Error of the outputs',
          cell: ({ alone }) => bar(alone.sqnrDb),
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
