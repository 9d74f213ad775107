// The longest common subsequence of two lists: what is left of two graphs, in an order that depends on structure
// alone, is laid beside each other as text comparison does it.

/** Pairs of positions with equal keys, growing on both sides. Quadratic, so the lists are short: see `mostCells`. */
export function commonSubsequence(
  a: readonly number[],
  b: readonly number[],
): (readonly [a: number, b: number])[] {
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start += 1;
  let tail = 0;
  while (
    tail < a.length - start &&
    tail < b.length - start &&
    a[a.length - 1 - tail] === b[b.length - 1 - tail]
  )
    tail += 1;
  const rows = a.length - start - tail;
  const columns = b.length - start - tail;
  const pairs: (readonly [number, number])[] = [];
  for (let at = 0; at < start; at += 1) pairs.push([at, at]);
  if (rows > 0 && columns > 0 && rows * columns <= mostCells) {
    const width = columns + 1;
    const best = new Uint32Array((rows + 1) * width);
    for (let i = rows - 1; i >= 0; i -= 1) {
      for (let j = columns - 1; j >= 0; j -= 1) {
        best[i * width + j] =
          a[start + i] === b[start + j]
            ? best[(i + 1) * width + j + 1]! + 1
            : Math.max(best[(i + 1) * width + j]!, best[i * width + j + 1]!);
      }
    }
    for (let i = 0, j = 0; i < rows && j < columns;) {
      if (a[start + i] === b[start + j]) {
        pairs.push([start + i, start + j]);
        i += 1;
        j += 1;
      } else if (best[(i + 1) * width + j]! >= best[i * width + j + 1]!) i += 1;
      else j += 1;
    }
  }
  for (let at = tail; at > 0; at -= 1) pairs.push([a.length - at, b.length - at]);
  return pairs;
}

/** 4 million cells take about 20 ms. */
export const mostCells = 4_000_000;

/** Positions of a longest run of growing values (patience sorting); the rest cross it. */
export function longestGrowing(values: readonly number[]): number[] {
  const tails: number[] = [];
  const before = new Int32Array(values.length).fill(-1);
  values.forEach((value, at) => {
    let low = 0;
    let high = tails.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (values[tails[middle]!]! < value) low = middle + 1;
      else high = middle;
    }
    if (low > 0) before[at] = tails[low - 1]!;
    tails[low] = at;
  });
  const run: number[] = [];
  for (let at = tails.at(-1) ?? -1; at >= 0; at = before[at]!) run.push(at);
  return run.reverse();
}
