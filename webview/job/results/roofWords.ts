// The roofline in words: how much of the time is bound by arithmetic, how much by memory, how much by neither, which
// nodes stand for it, and what would help them.

import { html, nothing, type TemplateResult } from 'lit';
import type { ProfileResult } from '../../../daemon/protocol/profile';
import { inUnit, percent, three } from '../../ui/format';
import { elide, fullText, visible } from '../../ui/text';

type Profile = Pick<ProfileResult, 'roofline' | 'nodes' | 'threads'>;
type Bound = 'arithmetic' | 'memory' | 'neither';

export interface RoofGroup {
  bound: Bound;
  /** Part of the time in nodes, 0 to 1. */
  share: number;
  /** The costliest first: index into the nodes, and what it reaches of what is allowed. */
  nodes: { node: number; reached: number }[];
  /** What would help, sentences. */
  advice: string[];
}

/** A node that reaches less of its roof than this is held back by something else. */
const low = 0.3;
/** More than this cannot be: the roof itself was measured too low. */
const above = 1.25;
const named = 3;

/** Groups with a share of the time, the largest first. Empty without a roofline. */
export function roofGroups({ roofline, nodes, threads }: Profile): RoofGroup[] {
  if (roofline === null) return [];
  const groups = new Map<Bound, RoofGroup>();
  for (const { node, gops, attainableGops, bound } of roofline.points) {
    const one = nodes[node];
    if (one === undefined || !(attainableGops > 0)) continue;
    const reached = gops / attainableGops;
    const kind: Bound = reached < low ? 'neither' : bound === 'compute' ? 'arithmetic' : 'memory';
    const group = groups.get(kind) ?? { bound: kind, share: 0, nodes: [], advice: [] };
    groups.set(kind, group);
    group.share += one.share;
    group.nodes.push({ node, reached });
  }
  const roofs = new Map(roofline.compute.map(({ name, gops }) => [name, gops]));
  const [float, integer] = [roofs.get('float'), roofs.get('integer')];
  for (const group of groups.values()) {
    group.nodes.sort((a, b) => nodes[b.node]!.share - nodes[a.node]!.share);
    const arithmetic = new Set(
      group.nodes.map(({ node }) => roofline.points.find((point) => point.node === node)?.arithmetic),
    );
    group.advice = adviceFor(group.bound, arithmetic.has('float'), float, integer, threads);
  }
  return [...groups.values()].filter(({ share }) => share >= 0.005).sort((a, b) => b.share - a.share);
}

function adviceFor(
  bound: Bound,
  floats: boolean,
  float: number | undefined,
  integer: number | undefined,
  threads: number,
): string[] {
  const gain = float !== undefined && integer !== undefined ? integer / float : undefined;
  switch (bound) {
    case 'arithmetic':
      return [
        ...(floats && gain !== undefined && gain > 1.2
          ? [`Quantize: integers reach ${three(gain)} times the operations per second of float here.`]
          : []),
        'Prune channels: fewer operations in the same layers.',
        ...(threads === 1 ? ['More threads: arithmetic grows with the cores.'] : []),
      ];
    case 'memory':
      return [
        ...(floats
          ? [
              'Smaller numbers: int8 moves a quarter of the bytes, and weights alone in int8 or int4 help where weights are most of them.',
            ]
          : []),
        'Fewer passes over memory: Optimize merges elementwise layers into the ones before them.',
        'A larger batch, where weights are most of the bytes: they are read once for all samples.',
      ];
    case 'neither':
      return [
        'These reach less than a third of what the machine allows: too small for their overhead, or a kernel that is not made for their shape. A larger batch or fewer, larger layers help; more threads do not.',
      ];
  }
}

const titles: Readonly<Record<Bound, string>> = {
  arithmetic: 'bound by arithmetic',
  memory: 'bound by memory',
  neither: 'held back by neither',
};
const marks: Readonly<Record<Bound, string>> = {
  arithmetic: 'series-a',
  memory: 'series-b',
  neither: 'series-none',
};

export function roofWords(profile: Profile): TemplateResult | typeof nothing {
  const groups = roofGroups(profile);
  if (groups.length === 0) return nothing;
  const told = groups.reduce((sum, { share }) => sum + share, 0);
  const { nodes } = profile;
  return html`<section class="roof-words" aria-labelledby="roof-words">
    <h2 id="roof-words">What holds it back</h2>
    ${groups.map(
      ({ bound, share, nodes: list, advice }) =>
        html`<h3>
            <span class="mark ${marks[bound]}" aria-hidden="true"></span>
            <span class="tabular">${percent(share)}</span> of the time is ${titles[bound]}
          </h3>
          <ul class="roof-nodes">
            ${list.slice(0, named).map(({ node, reached }) => {
              const { name, op, meanUs, source } = nodes[node]!;
              return html`<li>
                <span title=${fullText(source ?? name)}>${elide(source ?? name, 36)}</span>
                <span class="muted tabular"
                  >${visible(op)}, ${inUnit(meanUs, 'µs')}, ${reached >= 1 ? 'at' : `${percent(reached)} of`}
                  its roof</span
                >
              </li>`;
            })}
            ${list.length > named ? html`<li class="muted">and ${list.length - named} more</li>` : nothing}
          </ul>
          <ul class="advice">
            ${advice.map((text) => html`<li>${text}</li>`)}
          </ul>`,
    )}
    ${
      groups.some(({ nodes: list }) => list.some(({ reached }) => reached > above))
        ? html`<p class="muted small">
            Some nodes are faster than the roof that was measured: the machine was busy with something else
            just then. Profile again for a better roof.
          </p>`
        : nothing
    }
    ${
      told > 0.995
        ? nothing
        : html`<p class="muted small">
            The other ${percent(1 - told)} is in nodes that only move data or whose work is not known.
          </p>`
    }
  </section>`;
}
