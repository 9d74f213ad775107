// One-dimensional weighted k-means of a tensor's values (Han et al. 2016, Deep Compression): Lloyd's iteration on a
// fine histogram, so that the time does not grow with clusters times elements. Zero stays zero.

import { breathe, type Task } from '../../base/task';

const bins = 1 << 16;
const mostRounds = 60;

/**
 * Ascending centroids (at most `count`), one of them exactly 0. `importance` weighs each value; undefined when a
 * value is not finite. All values equal to zero give the one centroid 0.
 */
export async function centroidsOf(
  values: Float32Array,
  importance: ((index: number) => number) | undefined,
  count: number,
  task: Task,
): Promise<Float32Array | undefined> {
  let [min, max, poison] = [0, 0, 0];
  for (let i = 0; i < values.length; i += 1) {
    const value = values[i]!;
    poison += value * 0;
    if (value < min) min = value;
    if (value > max) max = value;
    if (i % bins === 0) await breathe(task);
  }
  if (Number.isNaN(poison)) return undefined;
  if (min === max) return Float32Array.of(0);
  const step = (max - min) / bins;
  const mass = new Float64Array(bins + 1);
  const moment = new Float64Array(bins + 1);
  for (let i = 0; i < values.length; i += 1) {
    const value = values[i]!;
    const bin = Math.min(bins - 1, Math.floor((value - min) / step)) + 1;
    const weight = importance?.(i) ?? 1;
    mass[bin]! += weight;
    moment[bin]! += weight * value;
    if (i % bins === 0) await breathe(task);
  }
  for (let i = 1; i <= bins; i += 1) {
    mass[i]! += mass[i - 1]!;
    moment[i]! += moment[i - 1]!;
  }
  const place = (value: number) => Math.min(bins, Math.max(0, Math.round((value - min) / step)));
  let best: { centres: Float64Array; gain: number } | undefined;
  for (const start of [linear(min, max, count), byDensity(mass, min, step, count)]) {
    await breathe(task);
    const found = lloyd(start, mass, moment, place);
    if (!best || found.gain > best.gain) best = found;
  }
  const distinct = new Set(Float32Array.from(best?.centres ?? [0]));
  return Float32Array.from([...distinct].sort((a, b) => a - b));
}

const linear = (min: number, max: number, count: number) =>
  Float64Array.from({ length: count }, (_, i) => min + ((i + 0.5) * (max - min)) / count);

/** Equal shares of the mass. */
function byDensity(mass: Float64Array, min: number, step: number, count: number): Float64Array {
  const total = mass[bins]!;
  const centres = new Float64Array(count);
  let bin = 0;
  for (let i = 0; i < count; i += 1) {
    while (bin < bins && mass[bin]! < ((i + 0.5) / count) * total) bin += 1;
    centres[i] = min + bin * step;
  }
  return centres;
}

/** Moves centroids to the means of what is nearest to them; the one nearest to zero is zero throughout. */
function lloyd(
  centres: Float64Array,
  mass: Float64Array,
  moment: Float64Array,
  place: (value: number) => number,
): { centres: Float64Array; gain: number } {
  let zero = 0;
  for (const [i, centre] of centres.entries()) if (Math.abs(centre) < Math.abs(centres[zero]!)) zero = i;
  centres[zero] = 0;
  let gain = 0;
  for (let round = 0; round < mostRounds; round += 1) {
    gain = 0;
    let moved = 0;
    let from = 0;
    const old = Float64Array.from(centres);
    for (let i = 0; i < centres.length; i += 1) {
      const to = i + 1 < centres.length ? Math.max(from, place((old[i]! + old[i + 1]!) / 2)) : bins;
      const [weight, sum] = [mass[to]! - mass[from]!, moment[to]! - moment[from]!];
      from = to;
      if (!(weight > 0)) continue;
      const mean = i === zero ? 0 : sum / weight;
      // Σw(x−c)² falls by 2c·Σwx − c²·Σw.
      gain += 2 * mean * sum - mean * mean * weight;
      moved = Math.max(moved, Math.abs(mean - centres[i]!));
      centres[i] = mean;
    }
    centres.sort();
    zero = centres.indexOf(0);
    if (moved === 0) break;
  }
  return { centres, gain };
}

/** Index of the nearest of the ascending centroids, or of those from `from` to before `to`. */
export function nearestCentroid(
  centroids: Float32Array,
  value: number,
  from = 0,
  to = centroids.length,
): number {
  let [low, high] = [from, to - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (value > (centroids[middle]! + centroids[middle + 1]!) / 2) low = middle + 1;
    else high = middle;
  }
  return low;
}
