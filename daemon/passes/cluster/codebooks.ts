// Codebooks of one tensor: one for all of it, or one for each group of rows (slices of its first axis), so that layers
// whose rows differ in size lose less. Which value goes to which centroid beyond the nearest is fit.ts's business.

import { breathe, type Task } from '../../base/task';
import { centroidsOf, nearestCentroid } from './kMeans';

export interface Codebooks {
  readonly groups: number;
  /** Centroids of each group; where fewer differ, the last is repeated. */
  readonly count: number;
  /** Elements of each group; they follow each other. */
  readonly each: number;
  /** groups × count, ascending in each group, one of them exactly 0. */
  readonly values: Float32Array;
}

/** A codebook that saves less than this in a group is not worth its own. */
const fewestInGroup = 512;

/** Groups for a tensor: at most `wanted`, all of the same number of rows, none too small. */
export function groupsFor(dims: readonly number[], elements: number, wanted: number): number {
  const rows = dims[0] ?? 1;
  for (let groups = Math.min(wanted, rows); groups > 1; groups -= 1)
    if (rows % groups === 0 && elements / groups >= fewestInGroup) return groups;
  return 1;
}

/** k-means of every group; undefined when a value is not finite. */
export async function codebooksOf(
  values: Float32Array,
  importance: Float64Array | undefined,
  groups: number,
  count: number,
  task: Task,
): Promise<Codebooks | undefined> {
  const each = values.length / groups;
  const found: Float32Array[] = [];
  for (let group = 0; group < groups; group += 1) {
    await breathe(task);
    const from = group * each;
    const own = values.subarray(from, from + each);
    const weigh = importance && ((i: number) => importance[from + i]!);
    const centroids = await centroidsOf(own, weigh, count, task);
    if (!centroids) return undefined;
    found.push(centroids);
  }
  const width = Math.max(...found.map(({ length }) => length));
  const all = new Float32Array(groups * width);
  for (const [group, centroids] of found.entries()) {
    all.fill(centroids.at(-1)!, group * width, (group + 1) * width);
    all.set(centroids, group * width);
  }
  return { groups, count: width, each, values: all };
}

/** Place in `values` of the centroid that is nearest to a value at a place of the tensor. */
export function nearestIn({ each, count, values }: Codebooks, place: number, value: number): number {
  const from = Math.floor(place / each) * count;
  return nearestCentroid(values, value, from, from + count);
}

/** Values between two breaths. */
const stretch = 1 << 15;

/** The nearest centroid of every value. */
export async function nearestOfAll(
  { groups, each, count, values: centroids }: Codebooks,
  values: Float32Array,
  task: Task,
): Promise<Uint16Array> {
  const places = new Uint16Array(values.length);
  for (let group = 0; group < groups; group += 1) {
    const from = group * count;
    const end = (group + 1) * each;
    for (let begin = group * each; begin < end; begin += stretch) {
      await breathe(task);
      const until = Math.min(end, begin + stretch);
      for (let i = begin; i < until; i += 1)
        places[i] = nearestCentroid(centroids, values[i]!, from, from + count);
    }
  }
  return places;
}

/** Places counted from the first centroid of their own group, as they are stored. */
export function withinGroups({ groups, each, count }: Codebooks, places: Uint16Array): Uint8Array {
  const own = new Uint8Array(places.length);
  for (let group = 0; group < groups; group += 1)
    for (let i = group * each; i < (group + 1) * each; i += 1) own[i] = places[i]! - group * count;
  return own;
}
