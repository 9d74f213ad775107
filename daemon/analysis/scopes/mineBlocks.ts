// Finds repeated blocks in a list of operators that says nothing of its structure: the period with which operator
// types repeat, and the offset at which the fewest values cross from one block into the next. Linear for each
// period that is tried.

import type { Steps } from '../../base/task';

export interface Blocks {
  /** First node of the first block. */
  readonly start: number;
  /** Nodes of each block. */
  readonly period: number;
  readonly count: number;
}

const longestPeriod = 600;
const shortestPeriod = 4;
/** Repetitions that make a pattern. */
const fewestBlocks = 3;
/** A value with more readers than this belongs to no block (a mask, a rotary table). */
const hub = 8;
const nodesInStep = 200_000;

/**
 * The longest run of equal blocks, or undefined; in steps of some periods. `tokens` is one number for each node, equal for equal operator
 * types; edges go from node `source[e]` to node `target[e]` (others than nodes are ignored).
 */
export function* mineBlocks(
  tokens: Int32Array,
  source: ArrayLike<number>,
  target: ArrayLike<number>,
): Steps<Blocks | undefined> {
  const nodes = tokens.length;
  let tried = 0;
  let best: { from: number; to: number; period: number } | undefined;
  for (let period = shortestPeriod; period <= Math.min(longestPeriod, nodes / fewestBlocks); period++) {
    // Runs in which every node equals the one a period later.
    let from = 0;
    for (let i = 0; i + period <= nodes; i++) {
      if (i + period < nodes && tokens[i] === tokens[i + period]) continue;
      const to = i + period;
      const covers = to - from;
      // A longer period must explain clearly more: multiples of the true one explain as much.
      if (covers >= fewestBlocks * period && covers > 1.05 * (best ? best.to - best.from : 0)) {
        if (variety(tokens, from, period) > 2) best = { from, to, period };
      }
      from = i + 1;
    }
    tried += nodes;
    if (tried < nodesInStep) continue;
    tried = 0;
    yield;
  }
  if (best === undefined) return undefined;
  const { from, to, period } = best;
  const crossing = crossingEdges(nodes, source, target);
  let start = from;
  let fewest = Infinity;
  for (let offset = 0; offset < period; offset++) {
    const count = Math.floor((to - from - offset) / period);
    if (count < fewestBlocks) break;
    let sum = 0;
    for (let k = 0; k <= count; k++) sum += crossing[from + offset + k * period] ?? 0;
    if (sum / (count + 1) < fewest) {
      fewest = sum / (count + 1);
      start = from + offset;
    }
  }
  return { start, period, count: Math.floor((to - start) / period) };
}

/** Different operator types in one period: a row of ten Relus is no block structure. */
function variety(tokens: Int32Array, from: number, period: number): number {
  return new Set(tokens.subarray(from, from + period)).size;
}

/** Number of values that cross from before node i to node i or later. */
function crossingEdges(nodes: number, source: ArrayLike<number>, target: ArrayLike<number>): Int32Array {
  const readers = new Int32Array(nodes);
  for (let e = 0; e < source.length; e++) if (source[e]! < nodes) readers[source[e]!]!++;
  const change = new Int32Array(nodes + 2);
  for (let e = 0; e < source.length; e++) {
    const [from, to] = [source[e]!, target[e]!];
    if (from >= nodes || to >= nodes || from >= to || readers[from]! > hub) continue;
    change[from + 1]!++;
    change[to + 1]!--;
  }
  for (let i = 1; i < change.length; i++) change[i]! += change[i - 1]!;
  return change;
}
