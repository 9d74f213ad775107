// Where the axis of run times ends, so that a long tail does not squeeze what matters, and what is left out then.

import type { Measurement } from '../../daemon/protocol/benchmark';

/** Right end of what is drawn: near p99, three medians at the most, never before p90; milliseconds. */
export function clippedEnd({ histogram, latencyMs: { p50, p90, p99 } }: Measurement): number {
  return Math.min(histogram.toMs, Math.max(p90 * 1.05, Math.min(p99, 3 * p50)));
}

/** Runs that are slower than `edge`, as far as the bins tell. */
export function beyondEdge({ histogram }: Measurement, edge: number): number {
  const { fromMs, toMs, counts, beyond = 0 } = histogram;
  const bin = (toMs - fromMs) / Math.max(1, counts.length);
  let slower = beyond;
  counts.forEach((count, i) => {
    if (fromMs + i * bin < edge) return;
    slower += i === counts.length - 1 ? Math.max(0, count - beyond) : count;
  });
  return slower;
}
