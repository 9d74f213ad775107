// The limit under which so many numbers lie, found by counting instead of sorting: a layer has millions of weights.

import { breathe, type Task } from '../../base/task';

const piece = 1 << 16;

/**
 * The `count`-th smallest of non-negative numbers, rounded to float32, and how many numbers of exactly that size
 * belong to the smallest `count`. Bits of non-negative floats order as the floats do: two rounds of counting, first
 * the upper half of the bits, then the lower.
 */
export async function limitOf(
  values: Float32Array,
  count: number,
  task: Task,
): Promise<{ limit: number; ties: number }> {
  if (count <= 0) return { limit: -1, ties: 0 };
  if (count >= values.length) return { limit: Infinity, ties: 0 };
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const upper = new Uint32Array(1 << 16);
  for (let i = 0; i < bits.length; i += 1) {
    upper[bits[i]! >>> 16]! += 1;
    if (i % piece === 0) await breathe(task);
  }
  let left = count;
  let high = 0;
  while (upper[high]! < left) left -= upper[high++]!;
  const lower = new Uint32Array(1 << 16);
  for (let i = 0; i < bits.length; i += 1) {
    if (bits[i]! >>> 16 === high) lower[bits[i]! & 0xffff]! += 1;
    if (i % piece === 0) await breathe(task);
  }
  let low = 0;
  while (lower[low]! < left) left -= lower[low++]!;
  const limit = new Float32Array(Uint32Array.of(((high << 16) | low) >>> 0).buffer)[0]!;
  return { limit, ties: left };
}
