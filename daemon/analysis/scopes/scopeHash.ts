// A number for the structure of every scope: the operators in it in file order, where below it they stand, and how
// they are wired among each other. Equal numbers mean equal structure (up to a collision of 52 bits).

import type { Steps } from '../../base/task';
import type { Node } from '../../ir/model';

interface Groups {
  /** Innermost group of each node, -1 for none. */
  readonly of: Int32Array;
  /** Groups in an order in which each comes before those inside it, without others in between. */
  readonly list: readonly { id: number; name: string; parent: { id: number } | undefined }[];
}

/** The structure number of each group, in steps. Attributes and weights do not count, only what a picture shows. */
export function* hashScopes(
  nodes: readonly Node[],
  { of, list }: Groups,
  source: ArrayLike<number>,
  target: ArrayLike<number>,
): Steps<number[]> {
  const groups = list.length;
  const parent = Int32Array.from(list, (group) => group.parent?.id ?? -1);
  // Groups are numbered depth first: those inside g are g … last[g].
  const last = Int32Array.from(list, (_, id) => id);
  for (let g = groups - 1; g >= 0; g--) {
    const p = parent[g]!;
    if (p >= 0) last[p] = Math.max(last[p]!, last[g]!);
  }
  const names = list.map(({ name }) => hashText(name));
  const low = new Int32Array(groups);
  const high = new Int32Array(groups);
  const start = new Int32Array(nodes.length + 1);
  for (let e = 0; e < target.length; e++) if (isNode(e)) start[target[e]! + 1]!++;
  for (let n = 0; n < nodes.length; n++) start[n + 1]! += start[n]!;
  const from = new Int32Array(start[nodes.length]!);
  const next = start.slice(0, nodes.length);
  for (let e = 0; e < target.length; e++) if (isNode(e)) from[next[target[e]!]!++] = source[e]!;

  const ops = new Map<string, number>();
  yield;
  for (let n = 0; n < nodes.length; n++) {
    if (n % 512 === 511) yield;
    const { opType } = nodes[n]!;
    let op = ops.get(opType);
    if (op === undefined) ops.set(opType, (op = hashText(opType)));
    let below = 0;
    for (let g = of[n]!; g >= 0; g = parent[g]!) {
      let token = mix(op, below);
      for (let i = start[n]!; i < start[n + 1]!; i++) {
        const at = of[from[i]!]!;
        token = mix(token, at >= g && at <= last[g]! ? n - from[i]! : -1);
      }
      low[g] = mix(low[g]!, token);
      high[g] = mix(high[g]! ^ 0x5bd1e995, token);
      below = mix(below, names[g]!);
    }
  }
  return Array.from(low, (value, g) => (high[g]! & 0xfffff) * 2 ** 32 + (value >>> 0));

  function isNode(e: number): boolean {
    return source[e]! < nodes.length && target[e]! < nodes.length;
  }
}

const mix = (hash: number, value: number): number => {
  const mixed = Math.imul(hash ^ value, 0x9e3779b1);
  return (mixed ^ (mixed >>> 15)) + Math.imul(value, 0x85ebca6b);
};

function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash;
}
