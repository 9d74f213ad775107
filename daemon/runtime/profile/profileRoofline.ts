// Where each node stands below the machine's roofs. Pure; the roofs are measured in profileRoofs.ts.

import type { Work } from './profileWork';
import type { Roofs } from './profileRoofs';

export interface RoofPoint {
  /** Index of the node. */
  node: number;
  /** Operations for each byte that it reads or writes. */
  intensity: number;
  /** Billions of operations per second that it reached. */
  gops: number;
  /** What it could reach at its intensity: the lower of both roofs. */
  attainableGops: number;
  /** Which roof is the lower: `compute`, or the `bandwidth` of the cache. */
  bound: 'compute' | 'bandwidth';
  arithmetic: Work['arithmetic'];
}

export interface Roofline extends Roofs {
  points: RoofPoint[];
}

interface Worked {
  readonly meanUs: number;
  readonly calls: number;
  /** Bytes of one call. */
  readonly bytes: number;
  /** Of one call. */
  readonly work: Work | null;
}

/** The most operations per second that a node with products in it reached, by arithmetic, in billions; 0 where none is known. */
export function reachedBy(nodes: readonly Worked[]): Record<'float' | 'integer', number> {
  const reached = { float: 0, integer: 0 };
  for (const { meanUs, calls, work } of nodes) {
    if (!work || meanUs < trusted * calls) continue;
    const gops = (work.operations * calls) / meanUs / 1000;
    reached[work.arithmetic] = Math.max(reached[work.arithmetic], gops);
  }
  return reached;
}

/** The rate of a shorter call, microseconds, is not known well enough to move a roof. */
const trusted = 10;

/** A point for each node whose work is known and that took at least a microsecond: shorter ones are mostly the call. */
export function rooflineOf(nodes: readonly Worked[], roofs: Roofs): Roofline {
  const best = Math.max(...roofs.bandwidth.map(({ gbPerS }) => gbPerS));
  const points = nodes.flatMap(({ meanUs, calls, bytes, work }, node): RoofPoint[] => {
    if (!work || work.operations === 0 || bytes === 0 || meanUs < calls) return [];
    const intensity = work.operations / bytes;
    const top = roofs.compute.find(({ name }) => name === work.arithmetic)?.gops ?? 0;
    const slope = intensity * best;
    return [
      {
        node,
        intensity,
        gops: (work.operations * calls) / meanUs / 1000,
        attainableGops: Math.min(top, slope),
        bound: slope < top ? 'bandwidth' : 'compute',
        arithmetic: work.arithmetic,
      },
    ];
  });
  return { ...roofs, points };
}
