// Second part of the layout: the order within each rank. Barycenter sweeps down and up, then swaps of
// neighbours; the order with the fewest crossings seen is kept (Sugiyama, Tagawa and Toda 1981; crossings
// counted with a tree as in Barth, Jünger and Mutzel 2002).

import type { Layers } from './layoutLayers';

/** Reorders `layers.rows` in place and returns the number of crossings that are left. */
export function orderRows(layers: Layers): number {
  const position = new Int32Array(layers.vertices);
  const number = (row: Int32Array) => {
    for (let i = 0; i < row.length; i++) position[row[i]!] = i;
  };
  layers.rows.forEach(number);
  const sweeps = layers.vertices < 4000 ? 16 : layers.vertices < 40_000 ? 6 : 3;
  let best = layers.rows.map((row) => row.slice());
  let fewest = crossings(layers, position);
  for (let sweep = 0; sweep < sweeps && fewest > 0; sweep++) {
    const down = sweep % 2 === 0;
    const last = layers.rows.length - 1;
    for (let r = 1; r <= last; r++) {
      const row = layers.rows[down ? r : last - r]!;
      sortRow(layers, row, position, down, sweep % 4 >= 2);
      number(row);
    }
    if (layers.vertices < 20_000) for (const row of layers.rows) swapNeighbours(layers, row, position);
    const now = crossings(layers, position);
    if (now < fewest) {
      fewest = now;
      best = layers.rows.map((row) => row.slice());
    }
  }
  best.forEach((row, r) => layers.rows[r]!.set(row));
  return fewest;
}

/** Sorts a row by the mean position of the neighbours above (or below). */
function sortRow(
  layers: Layers,
  row: Int32Array,
  position: Int32Array,
  down: boolean,
  flipTies: boolean,
): void {
  const lists = down ? layers.into : layers.out;
  const ends = down ? layers.upper : layers.lower;
  const wish = new Float64Array(row.length);
  let changed = false;
  for (let i = 0; i < row.length; i++) {
    const v = row[i]!;
    const from = lists.start[v]!;
    const to = lists.start[v + 1]!;
    let sum = 0;
    for (let k = from; k < to; k++) sum += position[ends[lists.items[k]!]!]!;
    // A vertex without neighbours on that side stays about where it is.
    wish[i] = to > from ? sum / (to - from) : i;
    if (i > 0 && (wish[i]! < wish[i - 1]! || (flipTies && wish[i] === wish[i - 1]))) changed = true;
  }
  if (!changed) return;
  const tie = flipTies ? -1 : 1;
  const order = Array.from(row.keys()).sort((a, b) => wish[a]! - wish[b]! || tie * (a - b));
  row.set(order.map((i) => row[i]!));
}

/** Swaps neighbours as long as that removes crossings; a few passes. */
function swapNeighbours(layers: Layers, row: Int32Array, position: Int32Array): void {
  for (let pass = 0; pass < 4; pass++) {
    let improved = false;
    for (let i = 0; i + 1 < row.length; i++) {
      const left = row[i]!;
      const right = row[i + 1]!;
      const gain =
        pairGain(layers.into.start, layers.into.items, layers.upper, left, right, position) +
        pairGain(layers.out.start, layers.out.items, layers.lower, left, right, position);
      if (gain <= 0) continue;
      row[i] = right;
      row[i + 1] = left;
      position[right] = i;
      position[left] = i + 1;
      improved = true;
    }
    if (!improved) return;
  }
}

/** Crossings between the segments of two neighbours now, less those after a swap. */
function pairGain(
  start: Int32Array,
  items: Int32Array,
  ends: Int32Array,
  left: number,
  right: number,
  position: Int32Array,
): number {
  const lefts = start[left + 1]! - start[left]!;
  const rights = start[right + 1]! - start[right]!;
  // Two very wide vertices would cost a product of their widths; the sweeps have placed them already.
  if (lefts * rights > 4096) return 0;
  let gain = 0;
  for (let a = start[left]!; a < start[left + 1]!; a++) {
    const pa = position[ends[items[a]!]!]!;
    for (let b = start[right]!; b < start[right + 1]!; b++) {
      const pb = position[ends[items[b]!]!]!;
      if (pa > pb) gain++;
      else if (pa < pb) gain--;
    }
  }
  return gain;
}

/** Number of crossings between all neighbouring ranks. */
export function crossings(layers: Layers, position: Int32Array): number {
  let total = 0;
  for (let r = 0; r + 1 < layers.rows.length; r++) {
    const below = layers.rows[r + 1]!.length;
    const tree = new Int32Array(below + 1);
    let seen = 0;
    for (const v of layers.rows[r]!) {
      const ends: number[] = [];
      for (let i = layers.out.start[v]!; i < layers.out.start[v + 1]!; i++) {
        ends.push(position[layers.lower[layers.out.items[i]!]!]!);
      }
      for (const end of ends) {
        let atMost = 0;
        for (let k = end + 1; k > 0; k -= k & -k) atMost += tree[k]!;
        total += seen - atMost;
      }
      for (const end of ends) for (let k = end + 1; k <= below; k += k & -k) tree[k]!++;
      seen += ends.length;
    }
  }
  return total;
}
