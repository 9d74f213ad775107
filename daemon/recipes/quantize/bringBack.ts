// Which of the layers that were given back to float need not be: a ranking finds how many of the most sensitive must go,
// and some among them cost time in float without giving accuracy. Pure; what "holds" means is the caller's.

/** Versions that are tried at the most. */
export const mostReturns = 16;

/**
 * The part of `reverted` (worst first) that is left when layers return to integers as long as `holds` says that the model
 * without them is good enough: halves first, then ever smaller parts, the least sensitive before the others. Asks at the
 * most `most` times, never for all layers in integers, and gives back what held last.
 */
export async function bringBack(
  reverted: readonly string[],
  holds: (reverted: readonly string[]) => Promise<boolean>,
  most = mostReturns,
): Promise<readonly string[]> {
  let kept = reverted;
  let asked = 0;
  let size = Math.ceil(reverted.length / 2);
  while (size >= 1) {
    for (let to = kept.length; to > 0; to -= size) {
      const rest = [...kept.slice(0, Math.max(0, to - size)), ...kept.slice(to)];
      if (rest.length === 0) continue;
      if (asked === most) return kept;
      asked += 1;
      if (await holds(rest)) kept = rest;
    }
    if (size === 1) break;
    size = Math.ceil(size / 2);
  }
  return kept;
}
