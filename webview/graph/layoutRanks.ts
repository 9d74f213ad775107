// First half of the layout: which edges are drawn, and the rank (row) of each node.
// Tensors that feed very many nodes (a mask, a rotary table) would pull long lines through every rank and
// make the picture unreadable and the layout slow, so their edges become references (chips).

import { EdgeKind, groupEdges, type LayoutInput } from './layoutTypes';

/** A node with this many consumers or more is a hub. */
const hubConsumers = 8;
/** A hub's edge that passes more ranks than this becomes a reference. */
const hubSpan = 20;

export interface Ranked {
  readonly rank: Int32Array;
  readonly ranks: number;
  readonly edgeKind: Uint8Array;
}

/** Ranks by longest path, shortened afterwards; cycles are cut at their first node in file order. */
export function rankNodes({ widths, source, target }: LayoutInput): Ranked {
  const count = widths.length;
  const edgeKind = new Uint8Array(source.length);
  for (let e = 0; e < source.length; e++) if (source[e] === target[e]) edgeKind[e] = EdgeKind.loop;
  const hub = detachHubs(count, source, target, edgeKind);
  const order = cutCycles(count, source, target, edgeKind);

  const kept = (e: number) => edgeKind[e] === EdgeKind.line || edgeKind[e] === EdgeKind.back;
  const upper = (e: number) => (edgeKind[e] === EdgeKind.back ? target[e]! : source[e]!);
  const lower = (e: number) => (edgeKind[e] === EdgeKind.back ? source[e]! : target[e]!);
  const uppers = Int32Array.from(source, (_, e) => upper(e));
  const lowers = Int32Array.from(target, (_, e) => lower(e));
  const out = groupEdges(count, uppers, kept);
  const into = groupEdges(count, lowers, kept);

  const rank = new Int32Array(count);
  // 1 where nothing above feeds anything else: a tree that can go down as a whole, without longer edges in it.
  const free = new Uint8Array(count);
  for (const n of order) {
    free[n] = 1;
    for (let i = into.start[n]!; i < into.start[n + 1]!; i++) {
      const above = uppers[into.items[i]!]!;
      rank[n] = Math.max(rank[n]!, rank[above]! + 1);
      if (free[above] === 0 || out.start[above + 1]! - out.start[above]! > 1) free[n] = 0;
    }
  }
  // Shorten: such a tree, and a node with at least as many outputs as inputs, goes down to its nearest consumer.
  for (let k = count - 1; k >= 0; k--) {
    const n = order[k]!;
    const outs = out.start[n + 1]! - out.start[n]!;
    if (outs === 0 || (free[n] === 0 && outs < into.start[n + 1]! - into.start[n]!)) continue;
    let nearest = Infinity;
    for (let i = out.start[n]!; i < out.start[n + 1]!; i++) {
      nearest = Math.min(nearest, rank[lowers[out.items[i]!]!]!);
    }
    rank[n] = nearest - 1;
  }
  detachLong(count, uppers, lowers, rank, edgeKind, hub);
  return { ...closeGaps(rank), edgeKind };
}

/** Turns a hub's edges into references where the consumer hangs on another node as well. */
function detachHubs(count: number, source: Int32Array, target: Int32Array, kind: Uint8Array): Uint8Array {
  const consumers = new Int32Array(count);
  for (let e = 0; e < source.length; e++) if (kind[e] === EdgeKind.line) consumers[source[e]!]!++;
  const hub = Uint8Array.from(consumers, (n) => (n >= hubConsumers ? 1 : 0));
  const attached = new Uint8Array(count);
  for (let e = 0; e < source.length; e++) {
    if (kind[e] === EdgeKind.line && hub[source[e]!] === 0) attached[target[e]!] = 1;
  }
  for (let e = 0; e < source.length; e++) {
    if (kind[e] !== EdgeKind.line || hub[source[e]!] === 0) continue;
    if (attached[target[e]!] === 1) kind[e] = EdgeKind.reference;
    attached[target[e]!] = 1;
  }
  return hub;
}

/** A topological order; edges that would close a cycle are marked as running back. */
function cutCycles(count: number, source: Int32Array, target: Int32Array, kind: Uint8Array): Int32Array {
  const isLine = (e: number) => kind[e] === EdgeKind.line;
  const out = groupEdges(count, source, isLine);
  const missing = new Int32Array(count);
  for (let e = 0; e < source.length; e++) if (isLine(e)) missing[target[e]!]!++;
  const order = new Int32Array(count);
  const placed = new Uint8Array(count);
  let head = 0;
  let tail = 0;
  const place = (n: number) => {
    placed[n] = 1;
    order[tail++] = n;
  };
  for (let n = 0; n < count; n++) if (missing[n] === 0) place(n);
  let stuckAt = 0;
  for (;;) {
    while (head < tail) {
      const n = order[head++]!;
      for (let i = out.start[n]!; i < out.start[n + 1]!; i++) {
        const e = out.items[i]!;
        if (placed[target[e]!] === 1) kind[e] = EdgeKind.back;
        else if (--missing[target[e]!]! === 0) place(target[e]!);
      }
    }
    while (stuckAt < count && placed[stuckAt] === 1) stuckAt++;
    if (stuckAt === count) return order;
    place(stuckAt);
  }
}

/** Long edges cost one bend for each rank that they pass: hubs' long ones go first, then the longest. */
function detachLong(
  count: number,
  uppers: Int32Array,
  lowers: Int32Array,
  rank: Int32Array,
  kind: Uint8Array,
  hub: Uint8Array,
): void {
  const span = (e: number) => rank[lowers[e]!]! - rank[uppers[e]!]!;
  const long: number[] = [];
  let bends = 0;
  for (let e = 0; e < kind.length; e++) {
    if (kind[e] !== EdgeKind.line) continue;
    if (hub[uppers[e]!] === 1 && span(e) > hubSpan) {
      kind[e] = EdgeKind.reference;
      continue;
    }
    bends += span(e) - 1;
    if (span(e) > hubSpan) long.push(e);
  }
  const most = 4 * count + 4000;
  if (bends <= most) return;
  long.sort((a, b) => span(b) - span(a) || a - b);
  for (const e of long) {
    if (bends <= most) return;
    bends -= span(e) - 1;
    kind[e] = EdgeKind.reference;
  }
}

/** Ranks from 0 without empty ones. */
function closeGaps(rank: Int32Array): { rank: Int32Array; ranks: number } {
  let low = 0;
  let high = -1;
  for (const r of rank) {
    low = Math.min(low, r);
    high = Math.max(high, r);
  }
  const used = new Uint8Array(high - low + 1);
  for (const r of rank) used[r - low] = 1;
  const compact = new Int32Array(used.length);
  let ranks = 0;
  for (let r = 0; r < used.length; r++) {
    compact[r] = ranks;
    ranks += used[r]!;
  }
  return { rank: rank.map((r) => compact[r - low]!), ranks };
}
