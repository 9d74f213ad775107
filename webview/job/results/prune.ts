// What pruning gave: widths before and after as bars, and the layers that had to stay, with the reason.

import { html, nothing, type TemplateResult } from 'lit';
import type { PruneResult } from '../../../daemon/protocol/prune';
import { milliseconds, plural, three, whole } from '../../ui/format';
import { elide, fullText, visible } from '../../ui/text';
import { changeFact, errorFacts, factList, fold, table, widthBar, type Fact } from './facts';

export function pruneParts(result: PruneResult): TemplateResult {
  const { before, after, groups, locked, repaired } = result;
  const facts: Fact[] = [];
  if (before.macs !== null && after.macs !== null) facts.push(changeFact('MACs', before.macs, after.macs));
  facts.push(changeFact('Parameters', before.parameters, after.parameters));
  // A result of the history may be older than this field.
  if (result.latency) {
    const { beforeMs, afterMs, ratio, low, high, threads } = result.latency;
    facts.push({
      name: 'One run',
      value: html`${milliseconds(afterMs)}<span class="muted"
          >, ${three(ratio)}× as fast (${three(low)}–${three(high)}) as ${milliseconds(beforeMs)}</span
        >`,
      title: `Median, measured in turn with the original, ${plural(threads, 'thread')}`,
    });
  }
  facts.push({
    name: 'Refitted',
    value: repaired === 0 ? 'no layer' : plural(repaired, 'layer'),
    title: 'Layers whose weights were fitted again by least squares, so that the outputs move less',
  });
  facts.push(...errorFacts(result.error));
  const cut = groups.filter(({ from, to }) => to < from);
  const widest = Math.max(1, ...groups.map(({ from }) => from));
  return html`${factList(facts)}
  ${
    groups.length === 0
      ? nothing
      : fold(
          `${cut.length} of ${plural(groups.length, 'group')} of channels cut`,
          table(
            [
              {
                name: 'Width of',
                cell: ({ name, layers }) =>
                  html`<span
                    title=${fullText(layers.length > 0 ? `Cut together: ${layers.join(', ')}` : name)}
                    >${elide(name, 40)}</span
                  >`,
              },
              {
                name: 'Before and after',
                cell: ({ from, to }) => widthBar(from, to, widest),
              },
              { name: 'Before', number: true, cell: ({ from }) => whole(from) },
              { name: 'After', number: true, cell: ({ to }) => whole(to) },
            ],
            groups,
            'Groups of channels',
          ),
          groups.length <= 40,
        )
  }
  ${lockedPart(locked)}`;
}

/** The layers that had to stay, with the reason. */
export const lockedPart = (locked: PruneResult['locked']): TemplateResult | typeof nothing =>
  locked.length === 0
    ? nothing
    : fold(
        `${plural(locked.length, 'layer')} had to stay`,
        table(
          [
            {
              name: 'Layer',
              cell: ({ name }) => html`<span title=${fullText(name)}>${elide(name, 40)}</span>`,
            },
            { name: 'Width', number: true, cell: ({ width }) => whole(width) },
            { name: 'Why', cell: ({ reason }) => visible(reason) },
          ],
          locked,
          'Layers that had to stay',
        ),
        locked.length <= 12,
      );
