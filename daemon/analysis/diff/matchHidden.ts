// Pairs the nodes that the skeleton looks through (casts, quantizers, constants): back from every pair along the edges
// as they are written, and forward to the graph's outputs.

import type { Steps } from '../../base/task';
import { operatorName } from './nodeLabels';
import type { Sides } from './propagate';
import type { Matching } from './matching';
import { isCommutative } from './structureHashes';

/** In steps: pairs hidden nodes of the same operator that stand in the same place of paired readers, or behind paired sources. */
export function* matchHidden(matching: Matching, labels: Sides): Steps<void> {
  const { a, b, ofA } = matching;
  const work: [number, number][] = [];
  ofA.forEach((y, x) => {
    if (y >= 0) work.push([x, y]);
  });
  const readersA = hiddenReaders(matching.a);
  const readersB = hiddenReaders(matching.b);
  const tryPair = (x: number, y: number): boolean => {
    if (x < 0 || y < 0 || a.hidden[x] === 0 || b.hidden[y] === 0 || !matching.free(x, y)) return false;
    if (operatorName(a.nodes[x]!) !== operatorName(b.nodes[y]!)) return false;
    matching.pair(x, y);
    work.push([x, y]);
    return true;
  };
  a.outputs.forEach(({ rawFrom }, at) => {
    const other = b.outputs[at];
    if (other) tryPair(rawFrom, other.rawFrom);
  });
  yield;
  let done = 0;
  for (let next = work.pop(); next; next = work.pop()) {
    if ((done += 1) % 256 === 0) yield;
    const [x, y] = next;
    const slots = Math.min(a.raw.start[x + 1]! - a.raw.start[x]!, b.raw.start[y + 1]! - b.raw.start[y]!);
    for (let slot = 0; slot < slots; slot += 1) {
      const left = a.raw.from[a.raw.start[x]! + slot]!;
      const right = b.raw.from[b.raw.start[y]! + slot]!;
      if (tryPair(left, right)) continue;
      if (isCommutative(a.nodes[x]!.opType) && slots === 2)
        tryPair(left, b.raw.from[b.raw.start[y]! + 1 - slot]!);
      pairChains(matching, left, right, tryPair);
    }
    for (const reader of readersA[x]!) {
      const alike = readersB[y]!.filter(
        (other) =>
          matching.ofB[other] === -1 && operatorName(b.nodes[other]!) === operatorName(a.nodes[reader]!),
      );
      if (alike.length === 1) tryPair(reader, alike[0]!);
    }
  }
  if (matching.count < a.nodes.length) pairUnread(matching, labels, rawReaders(a));
}

/** Nodes that read each node directly. */
function rawReaders({ nodes, raw }: Matching['a']): readonly (readonly number[])[] {
  const readers: number[][] = nodes.map(() => []);
  for (let index = 0; index < nodes.length; index += 1)
    for (let at = raw.start[index]!; at < raw.start[index + 1]!; at += 1)
      if (raw.from[at]! >= 0) readers[raw.from[at]!]!.push(index);
  return readers;
}

/** Hidden nodes that nobody reads have no place; equal ones are paired in their order. */
function pairUnread(matching: Matching, labels: Sides, readers: readonly (readonly number[])[]): void {
  const { a, b, ofA, ofB } = matching;
  const unread = new Map<number, number[]>();
  b.nodes.forEach((_, y) => {
    if (ofB[y] !== -1 || b.hidden[y] === 0) return;
    const list = unread.get(labels.b.full[y]!);
    if (list) list.push(y);
    else unread.set(labels.b.full[y]!, [y]);
  });
  // The first of them comes out first.
  for (const list of unread.values()) list.reverse();
  a.nodes.forEach((_, x) => {
    if (ofA[x] !== -1 || a.hidden[x] === 0 || readers[x]!.length > 0) return;
    const found = unread.get(labels.a.full[x]!)?.pop();
    if (found !== undefined) matching.pair(x, found);
  });
}

/** Up two chains of see-through nodes, one of which may have more of them. */
function pairChains(
  { a, b }: Matching,
  left: number,
  right: number,
  tryPair: (x: number, y: number) => boolean,
): void {
  let y = right;
  for (let x = left, steps = 0; x >= 0 && a.hidden[x] === 1 && steps < 6; steps += 1) {
    for (let other = y, more = 0; other >= 0 && b.hidden[other] === 1 && more < 6; more += 1) {
      const up = b.raw.from[b.raw.start[other]!] ?? -1;
      if (tryPair(x, other)) {
        y = up;
        break;
      }
      other = up;
    }
    x = a.raw.from[a.raw.start[x]!] ?? -1;
  }
}

/** Hidden nodes that read each node directly. */
function hiddenReaders({ nodes, raw, hidden }: Matching['a']): readonly (readonly number[])[] {
  const readers: number[][] = nodes.map(() => []);
  for (let index = 0; index < nodes.length; index += 1) {
    if (hidden[index] === 0) continue;
    for (let at = raw.start[index]!; at < raw.start[index + 1]!; at += 1)
      if (raw.from[at]! >= 0) readers[raw.from[at]!]!.push(index);
  }
  return readers;
}
