// A profile as overlays for the picture of the graph: time, provider, what the machine would allow, and the
// difference to a second profile. Pure.

import type { Overlay, OverlayEntry } from '../../base/overlay';
import type { ModelProfile } from './profile';
import type { ProfileDifference } from './profileCompare';

/** Node by node of the model file; nodes that ONNX Runtime fused away into another have no entry of their own. */
export function profileOverlays(profile: ModelProfile, difference?: ProfileDifference): Overlay[] {
  const overlays: Overlay[] = [time(profile), provider(profile)];
  const reached = efficiency(profile);
  if (reached.entries.length > 0) overlays.push(reached);
  if (difference) overlays.push(slower(difference));
  return overlays;
}

const us = (value: number) => `${value < 10 ? value.toFixed(1) : value.toFixed(0)} µs`;
const percent = (share: number) => `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;

/** The nodes of a profile by the nodes of the file that they stand for. */
function bySource(profile: ModelProfile): Map<string, number[]> {
  const found = new Map<string, number[]>();
  profile.nodes.forEach(({ source }, index) => {
    if (source === null) return;
    const list = found.get(source);
    if (list) list.push(index);
    else found.set(source, [index]);
  });
  return found;
}

function time(profile: ModelProfile): Overlay {
  const entries = [...bySource(profile)].map(([node, indices]): OverlayEntry => {
    const rows = indices.map((index) => profile.nodes[index]!);
    const value = rows.reduce((sum, { meanUs }) => sum + meanUs, 0);
    const share = rows.reduce((sum, row) => sum + row.share, 0);
    const ran = [...new Set(rows.map(({ op }) => op))].join(', ');
    return { node, value, text: `${us(value)}, ${percent(share)} of the run, ran as ${ran}` };
  });
  return { name: 'profile.time', title: 'Time', unit: 'µs', kind: 'sequential', entries, higherIs: 'worse' };
}

function provider(profile: ModelProfile): Overlay {
  const entries = [...bySource(profile)].map(([node, indices]): OverlayEntry => {
    const category = [...new Set(indices.map((index) => profile.nodes[index]!.provider))].join(', ');
    return { node, category: category.replaceAll('ExecutionProvider', '') };
  });
  return { name: 'profile.provider', title: 'Provider', unit: '', kind: 'category', entries };
}

/** Percent of what the lower roof allows; the slowest of the nodes that one of the file became. */
function efficiency(profile: ModelProfile): Overlay {
  const best = new Map<string, OverlayEntry>();
  for (const { node: index, gops, attainableGops, bound } of profile.roofline?.points ?? []) {
    const node = profile.nodes[index]!.source;
    if (node === null || attainableGops === 0) continue;
    const value = Math.min(100, (gops / attainableGops) * 100);
    if ((best.get(node)?.value ?? Infinity) <= value) continue;
    const text = `${gops.toFixed(1)} of ${attainableGops.toFixed(1)} Gop/s, bound by ${bound}`;
    best.set(node, { node, value, text });
  }
  return {
    name: 'profile.efficiency',
    title: 'Share of the roof',
    unit: '%',
    kind: 'sequential',
    entries: [...best.values()],
    higherIs: 'better',
    combine: 'mean',
  };
}

function slower({ nodes }: ProfileDifference): Overlay {
  const entries = nodes.map(({ name, meanUs, againstUs, differenceUs }): OverlayEntry => ({
    node: name,
    value: differenceUs,
    text: `${us(meanUs)} against ${us(againstUs)}`,
  }));
  return {
    name: 'profile.difference',
    title: 'Time against the other model',
    unit: 'µs',
    kind: 'diverging',
    entries,
    higherIs: 'worse',
    combine: 'sum',
  };
}
