// A profile: where a run's time goes, by operator, along the run, against what the machine allows, and against a
// second model.

import { html, nothing, type TemplateResult } from 'lit';
import type { ProfileResult } from '../../../daemon/protocol/profile';
import { barGroups } from '../../charts/bars';
import { flameChart } from '../../charts/flame';
import { colours, type Colour } from '../../charts/frame';
import { rooflineChart } from '../../charts/roofline';
import { inUnit, percent, plural, three } from '../../ui/format';
import { elide, fullText, visible } from '../../ui/text';
import { nameOf, warningList } from './benchmark';
import { roofWords } from './roofWords';
import { factList, fold, table, type Fact } from './facts';

const us = (value: number) => inUnit(value, 'µs');
const signedUs = (value: number) => `${value > 0 ? '+' : value < 0 ? '−' : ''}${us(Math.abs(value))}`;

export function profileParts(profile: ProfileResult, width: number): TemplateResult {
  const { byOp, nodes, fallback } = profile;
  // The slowest operators have colours of their own, the same in bars and flames.
  const colourOfOp = new Map(byOp.slice(0, colours.length).map(({ name }, i) => [name, colours[i]!]));
  const colour = (op: string): Colour | 'series-none' => colourOfOp.get(op) ?? 'series-none';
  const facts: Fact[] = [
    { name: 'One run', value: `${us(profile.runUs)} without profiling` },
    {
      name: 'In its nodes',
      value: `${us(profile.sumUs)}, ${percent(profile.sumUs / Math.max(1e-9, profile.runUs))} of it`,
      title: `${signedUs(profile.betweenUs)} between the nodes`,
    },
    {
      name: 'Profiling adds',
      value: percent(profile.overhead),
      title: `Profiled mean over plain mean, less 1; it is not in the numbers here${(profile.slowdown ?? 1) > 1.005 ? `, nor is that recorded nodes took ${percent((profile.slowdown ?? 1) - 1)} longer` : ''}`,
    },
    {
      name: 'Measured',
      value: `${plural(profile.runs, 'profiled run')} on ${visible(profile.device)}, ${plural(profile.threads, 'thread')}, batch ${profile.batch}`,
    },
  ];
  if (fallback !== null)
    facts.push({
      name: 'Ran elsewhere',
      value: `${percent(fallback.nodeShare)} of the nodes, ${percent(fallback.timeShare)} of the time`,
      title: fullText(fallback.nodes.join(', ')),
    });
  // A panel that is being laid out has no width yet.
  const whole = Math.max(280, width);
  // The chart and its words stand beside each other where both have room.
  const besides = whole >= 760;
  const chart = Math.min(besides ? whole - 344 : whole, 640);
  return html`${warningList(profile.warnings)} ${factList(facts)} ${difference(profile)}
    <h3>By operator</h3>
    ${barGroups(
      byOp.slice(0, 12).map(({ name, nodes: count, meanUs, share }) => ({
        label: name,
        bars: [
          {
            colour: colour(name),
            value: meanUs,
            text: `${us(meanUs)}, ${percent(share)}`,
            title: plural(count, 'node'),
          },
        ],
      })),
      whole,
    )}
    <div class="charts">${flameChart(profile.flame, whole, (node) => colour(nodes[node]?.op ?? ''))}</div>
    <div class="roof ${besides ? 'beside' : ''}">${rooflineChart(profile, chart)} ${roofWords(profile)}</div>
    ${fold(
      `All ${plural(nodes.length, 'node')}, the slowest first`,
      table(
        [
          {
            name: 'Node',
            cell: ({ name, source }) =>
              html`<span title=${fullText(source ?? name)}>${elide(source ?? name, 48)}</span>`,
          },
          { name: 'Ran as', cell: ({ op }) => elide(op, 32) },
          { name: 'Provider', cell: ({ provider }) => visible(provider.replace('ExecutionProvider', '')) },
          { name: 'Time', number: true, cell: ({ meanUs }) => us(meanUs) },
          { name: 'Share', number: true, cell: ({ share }) => percent(share) },
        ],
        [...nodes].sort((a, b) => b.meanUs - a.meanUs),
        'Nodes by time',
      ),
      nodes.length <= 30,
    )}`;
}

function difference({ difference: found, against, model }: ProfileResult) {
  if (found === undefined || against === undefined) return nothing;
  const rows = found.byOp.filter(({ differenceUs }) => Math.abs(differenceUs) >= 0.05);
  return html`<h3>Against ${elide(nameOf(against.model), 48)}</h3>
    <p class="muted small">
      A run takes ${three(found.runRatio)}× the time. Green is time that ${elide(nameOf(model), 40)} saves.
    </p>
    ${table(
      [
        { name: 'Operator', cell: ({ name }) => elide(name, 40) },
        { name: 'Here', number: true, cell: ({ meanUs }) => us(meanUs) },
        { name: 'There', number: true, cell: ({ againstUs }) => us(againstUs) },
        {
          name: 'Difference',
          number: true,
          cell: ({ differenceUs }) =>
            html`<span class="verdict-${differenceUs < 0 ? 'better' : 'worse'}"
              >${signedUs(differenceUs)}</span
            >`,
        },
      ],
      rows,
      'Difference by operator',
    )}`;
}
