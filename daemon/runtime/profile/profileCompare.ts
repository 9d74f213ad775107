// What differs between the profiles of two models: operator by operator, and node by node where both have the
// node. Pure.

import type { ModelProfile } from './profile';

export interface PartDifference {
  name: string;
  /** Microseconds in the profiled model; 0 when it has none. */
  meanUs: number;
  /** Microseconds in the model it is compared with. */
  againstUs: number;
  /** `meanUs` − `againstUs`: below 0 where the profiled model is faster. */
  differenceUs: number;
}

export interface ProfileDifference {
  /** The model's run over the other's: below 1 when the profiled model is faster. */
  runRatio: number;
  /** The largest difference first. */
  byOp: PartDifference[];
  byProvider: PartDifference[];
  /** By the name in the model file; nodes without one are left out. */
  nodes: PartDifference[];
}

/** Compares two profiles that were taken in turn. */
export function compareProfiles(one: ModelProfile, other: ModelProfile): ProfileDifference {
  const named = ({ nodes }: ModelProfile) =>
    nodes.flatMap(({ source, meanUs }) => (source === null ? [] : [{ name: source, meanUs }]));
  return {
    runRatio: one.runUs / other.runUs,
    byOp: differences(one.byOp, other.byOp),
    byProvider: differences(one.byProvider, other.byProvider),
    nodes: differences(named(one), named(other)),
  };
}

interface Timed {
  readonly name: string;
  readonly meanUs: number;
}

function differences(one: readonly Timed[], other: readonly Timed[]): PartDifference[] {
  const rows = new Map<string, PartDifference>();
  const rowOf = (name: string) => {
    const row = rows.get(name) ?? { name, meanUs: 0, againstUs: 0, differenceUs: 0 };
    rows.set(name, row);
    return row;
  };
  for (const { name, meanUs } of one) rowOf(name).meanUs += meanUs;
  for (const { name, meanUs } of other) rowOf(name).againstUs += meanUs;
  for (const row of rows.values()) row.differenceUs = row.meanUs - row.againstUs;
  return [...rows.values()].sort((a, b) => Math.abs(b.differenceUs) - Math.abs(a.differenceUs));
}
