// What became of the nodes without a partner: connected ones are one region, and a region of A and one of B that feed
// the same place of the same pair are one replacement. A region without a counterpart whose readers now read a pair
// whose weights changed was fused into it; one whose readers now read a constant was folded.

import type { Steps } from '../../base/task';
import { Source, type DiffGraph } from './diffGraph';
import type { Matching } from './matching';

export interface Replacement {
  /** Node positions in A and in B; one of them may be empty. */
  readonly from: readonly number[];
  readonly to: readonly number[];
  readonly how: 'added' | 'removed' | 'fused' | 'split' | 'replaced' | 'folded' | 'moved';
  /** Fused: the node of B that does their work now. */
  readonly into?: number;
  /** Folded: the name of the constant of B that stands for them now. */
  readonly constant?: string;
}

/** In steps: sorts every unpaired node of both graphs into replacements. `weightsChanged` tells it of a pair, by the node of B. */
export function* replacements(
  matching: Matching,
  weightsChanged: (b: number) => boolean,
): Steps<Replacement[]> {
  const { a, b, ofA, ofB } = matching;
  const left = yield* regions(a, ofA);
  const right = yield* regions(b, ofB);
  /** "reader of B, slot" → region of B that feeds it. */
  const feeds = new Map<string, number>();
  right.list.forEach((_, region) => {
    for (const place of right.feeds[region]!) feeds.set(place, region);
  });
  // Regions of A that one region of B serves (three products behind one shared quantizer) are one replacement.
  const together = left.list.map((_, region) => region);
  const root = (region: number): number => {
    let at = region;
    while (together[at] !== at) at = together[at] = together[together[at]!]!;
    return at;
  };
  const claimed = new Map<number, number>();
  left.list.forEach((_, region) => {
    for (const place of placesInB(left.feeds[region]!, ofA)) {
      const found = feeds.get(place);
      if (found === undefined) continue;
      const first = claimed.get(found);
      if (first === undefined) claimed.set(found, region);
      else together[root(region)] = root(first);
    }
  });
  const result: Replacement[] = [];
  const toOf = new Map<number, number[]>();
  for (const [found, region] of claimed) {
    append(toOf, root(region), right.list[found]!);
  }
  const fromOf = new Map<number, number[]>();
  left.list.forEach((nodes, region) => append(fromOf, root(region), nodes));
  yield;
  for (const [region, nodes] of fromOf) {
    const to = toOf.get(region) ?? [];
    if (to.length === 0) {
      result.push(whereTo(matching, nodes, left.feeds[region]!, weightsChanged));
      continue;
    }
    const how =
      nodes.length === 1 && to.length > 1
        ? 'split'
        : nodes.length > 1 && to.length === 1
          ? 'fused'
          : 'replaced';
    result.push({ from: nodes, to, how, ...(how === 'fused' ? { into: to[0]! } : {}) });
  }
  right.list.forEach((nodes, region) => {
    if (claimed.has(region)) return;
    const moved =
      nodes.every((index) => isConstantNode(b, index)) && readsConstants(matching, right.feeds[region]!);
    result.push({ from: [], to: nodes, how: moved ? 'moved' : 'added' });
  });
  return result;
}

function append(lists: Map<number, number[]>, key: number, items: readonly number[]): void {
  const list = lists.get(key);
  if (!list) lists.set(key, [...items]);
  else for (const item of items) list.push(item);
}

const isConstantNode = ({ nodes }: DiffGraph, index: number) => nodes[index]!.opType === 'Constant';

/** Every place of B is a pair's, and its partner reads a constant there as well. */
const readsConstants = ({ a, ofB }: Matching, places: readonly string[]): boolean =>
  places.length > 0 &&
  places.every((place) => {
    const [reader, slot] = place.split(' ').map(Number) as [number, number];
    return reader >= 0 && skeletonAt(a, ofB[reader]!, slot)?.from === Source.constant;
  });

/** What the readers of a region without a counterpart read now. */
function whereTo(
  { a, b, ofA }: Matching,
  from: readonly number[],
  places: readonly string[],
  weightsChanged: (b: number) => boolean,
): Replacement {
  let source: number | undefined;
  let constant: string | undefined;
  for (const place of places) {
    const [reader, slot] = place.split(' ').map(Number) as [number, number];
    const at = reader < 0 ? b.outputs[slot] : skeletonAt(b, ofA[reader]!, slot);
    if (!at) continue;
    if (at.from >= 0) source = at.from;
    else if (at.from === Source.constant && reader >= 0) constant = b.constants[at.port]?.name;
  }
  const hiddenOnly = from.every((index) => a.hidden[index] === 1);
  if (constant !== undefined && source === undefined && from.every((index) => isConstantNode(a, index)))
    return { from, to: [], how: 'moved', constant };
  if (constant !== undefined && source === undefined && !hiddenOnly)
    return { from, to: [], how: 'folded', constant };
  if (source !== undefined && !hiddenOnly && weightsChanged(source))
    return { from, to: [], how: 'fused', into: source };
  return { from, to: [], how: 'removed' };
}

function skeletonAt(
  { skeleton }: DiffGraph,
  node: number,
  slot: number,
): { from: number; port: number } | undefined {
  const at = skeleton.start[node]! + slot;
  return at < skeleton.start[node + 1]! ? { from: skeleton.from[at]!, port: skeleton.port[at]! } : undefined;
}

/** Places in A as places in B, through the pairs. */
function placesInB(places: readonly string[], ofA: Int32Array): string[] {
  return places.map((place) => {
    const [reader, slot] = place.split(' ');
    return Number(reader) < 0 ? place : `${ofA[Number(reader)]!} ${slot}`;
  });
}

/**
 * Connected unpaired nodes, and the places that each region feeds: "reader slot", or "-1 position" for a graph output.
 * Visible nodes connect through the skeleton; hidden ones stay with the visible node that they serve, else alone.
 */
function* regions(
  { nodes, skeleton, raw, hidden, outputs }: DiffGraph,
  partner: Int32Array,
): Steps<{ list: number[][]; feeds: string[][] }> {
  const group = new Int32Array(nodes.length).map((_, index) => index);
  const root = (index: number): number => {
    let at = index;
    while (group[at] !== at) at = group[at] = group[group[at]!]!;
    return at;
  };
  const join = (x: number, y: number) => {
    group[root(x)] = root(y);
  };
  const open = (index: number) => partner[index] === -1;
  for (let index = 0; index < nodes.length; index += 1) {
    if (index % 1024 === 1023) yield;
    if (!open(index)) continue;
    for (let at = raw.start[index]!; at < raw.start[index + 1]!; at += 1) {
      const direct = raw.from[at]!;
      const seen = skeleton.from[at]!;
      if (hidden[index] === 0) {
        if (seen >= 0 && open(seen)) join(index, seen);
        // Constants that only this region reads go with it.
        if (direct >= 0 && open(direct) && hidden[direct] === 2) join(index, direct);
      } else if (hidden[index] === 2 && direct >= 0 && open(direct)) join(index, direct);
    }
  }
  const at = new Map<number, number>();
  const list: number[][] = [];
  for (let index = 0; index < nodes.length; index += 1) {
    if (index % 1024 === 1023) yield;
    if (!open(index)) continue;
    const own = root(index);
    const known = at.get(own);
    if (known === undefined) at.set(own, list.push([index]) - 1);
    else list[known]!.push(index);
  }
  const feeds: string[][] = list.map(() => []);
  for (let index = 0; index < nodes.length; index += 1) {
    if (index % 1024 === 1023) yield;
    if (open(index) || hidden[index]! > 0) continue;
    for (let slot = skeleton.start[index]!; slot < skeleton.start[index + 1]!; slot += 1) {
      const place = `${index} ${slot - skeleton.start[index]!}`;
      const seen = skeleton.from[slot]!;
      if (seen >= 0 && open(seen)) feeds[at.get(root(seen))!]!.push(place);
      const direct = raw.from[slot]!;
      if (direct >= 0 && direct !== seen && open(direct) && hidden[direct] === 2)
        feeds[at.get(root(direct))!]!.push(place);
    }
  }
  outputs.forEach(({ from, rawFrom }, position) => {
    for (const node of new Set([from, rawFrom]))
      if (node >= 0 && open(node)) feeds[at.get(root(node))!]!.push(`-1 ${position}`);
  });
  return { list, feeds };
}
