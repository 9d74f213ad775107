// What pruning costs group by group: a bar for each, the most sensitive first; rows fill while it is measured.

import { html, type TemplateResult } from 'lit';
import type { GroupSensitivity, PruneSensitivityResult } from '../../../daemon/protocol/pruneSensitivity';
import { percent, plural, three, whole } from '../../ui/format';
import { elide, fullText } from '../../ui/text';
import { lockedPart } from './prune';
import { table, type Column } from './facts';
import { noiseBars } from './noiseBars';

export function pruneSensitivityParts(
  units: readonly GroupSensitivity[],
  result: PruneSensitivityResult | undefined,
): TemplateResult {
  const sorted = [...units].sort((a, b) => (a.top1 ?? 0) - (b.top1 ?? 0) || a.alone.sqnrDb - b.alone.sqnrDb);
  const bar = noiseBars(sorted.map(({ alone }) => alone.sqnrDb));
  const scored: Column<GroupSensitivity>[] = sorted.some(({ top1 }) => top1 !== null)
    ? [{ name: 'Top-1', number: true, cell: ({ top1 }) => (top1 === null ? '–' : percent(top1)) }]
    : [];
  return html`<p class="muted small">
      ${
        result === undefined
          ? `${plural(units.length, 'group')} measured so far.`
          : `${plural(units.length, 'group')}, each alone without ${percent(result.ratio)} of its channels and without repair, on ${plural(result.samples, 'sample')}${result.top1 === null ? '' : `; the original has ${percent(result.top1)} top-1`}. The longer the bar, the more the outputs move.`
      }
    </p>
    ${table(
      [
        {
          name: 'Width of',
          cell: ({ name, layers }) =>
            html`<span title=${fullText(`Cut together: ${[name, ...layers].join(', ')}`)}
              >${elide(name, 36)}</span
            >`,
        },
        { name: 'Width', number: true, cell: ({ from, to }) => `${whole(from)} → ${whole(to)}` },
        {
          name: 'Error of the outputs',
          cell: ({ alone }) => bar(alone.sqnrDb),
        },
        {
          name: 'Alone, dB',
          title: 'Signal-to-noise ratio of the outputs when only this group is cut',
          number: true,
          cell: ({ alone }) => three(alone.sqnrDb),
        },
        ...scored,
      ],
      sorted,
      'Sensitivity of each group of channels',
    )}
    ${result === undefined ? html`` : lockedPart(result.locked)}`;
}
