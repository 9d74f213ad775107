// What pruning gave: widths before and after as bars, and the layers that had to stay, with the reason.

import { html, nothing, svg, type TemplateResult } from 'lit';
import type { PruneResult } from '../../../daemon/protocol/prune';
import { count, plural, three, whole } from '../../ui/format';
import { elide, fullText, visible } from '../../ui/text';
import { errorFacts, factList, fold, table, type Fact } from './facts';

const barWidth = 160;

export function pruneParts(result: PruneResult): TemplateResult {
  const { before, after, groups, locked, repaired } = result;
  const facts: Fact[] = [];
  if (before.macs !== null && after.macs !== null) facts.push(change('MACs', before.macs, after.macs));
  facts.push(change('Parameters', before.parameters, after.parameters));
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
                cell: ({ from, to }) => widths(from, to, widest),
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
  ${
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
        )
  }`;
}

function change(name: string, before: number, after: number): Fact {
  return {
    name,
    value: html`${count(after)}<span class="muted"
        >, ${three(after / Math.max(1, before))} of ${count(before)}</span
      >`,
    title: `${whole(after)} of ${whole(before)}`,
  };
}

const widths = (from: number, to: number, widest: number): TemplateResult => {
  const scale = (value: number) => (value / widest) * barWidth;
  return html`<svg class="width-bar" width=${barWidth} height="12" aria-hidden="true">
    ${svg`<rect class="amount guess series-a" x="0.5" y="2.5" width=${Math.max(1, scale(from) - 1)} height="7"></rect>
      <rect class="amount series-b" x="0" y="2" width=${scale(to)} height="8"></rect>`}
  </svg>`;
};
