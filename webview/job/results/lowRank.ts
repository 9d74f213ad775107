// What splitting gave: the rank of every layer before and after, and what of its energy is kept.

import { html, type TemplateResult } from 'lit';
import type { LowRankResult } from '../../../daemon/protocol/lowRank';
import { percent, plural, whole } from '../../ui/format';
import { elide, fullText } from '../../ui/text';
import { changeFact, errorFacts, factList, fold, table, widthBar, type Fact } from './facts';

export function lowRankParts({ before, after, layers, error }: LowRankResult): TemplateResult {
  const split = layers.filter(({ from, to }) => to < from);
  const facts: Fact[] = [{ name: 'Split', value: `${split.length} of ${plural(layers.length, 'layer')}` }];
  if (before.macs !== null && after.macs !== null) facts.push(changeFact('MACs', before.macs, after.macs));
  facts.push(changeFact('Parameters', before.parameters, after.parameters), ...errorFacts(error));
  const widest = Math.max(1, ...layers.map(({ from }) => from));
  return html`${factList(facts)}
  ${fold(
    `Rank of ${plural(layers.length, 'layer')}`,
    table(
      [
        { name: 'Layer', cell: ({ name }) => html`<span title=${fullText(name)}>${elide(name, 40)}</span>` },
        { name: 'Before and after', cell: ({ from, to }) => widthBar(from, to, widest) },
        { name: 'Before', number: true, cell: ({ from }) => whole(from) },
        { name: 'After', number: true, cell: ({ to }) => whole(to) },
        {
          name: 'Energy kept',
          number: true,
          title: 'Of its outputs on the data where there is some, else of its weights',
          cell: ({ from, to, energy }) => (to < from ? percent(energy) : 'whole'),
        },
      ],
      layers,
      'Rank of layers',
    ),
    layers.length <= 40,
  )}`;
}
