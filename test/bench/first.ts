// The figures of the first slip: opening a large model, static int8, the daemon's latency, honesty of the
// benchmark, and what JSON costs a server.

import { benchmarkHonesty } from './harness';
import { daemonLatency } from './daemonLatency';
import { openLargeModel } from './open2gb';
import type { BenchRow } from './row';
import { serveOverhead } from './serveOverhead';
import { staticInt8 } from './staticInt8';

/** Runs the parts one after another; a part that cannot be measured says why in its row. */
export async function bench(): Promise<BenchRow[]> {
  const rows: BenchRow[] = [];
  for (const part of [openLargeModel, staticInt8, daemonLatency, benchmarkHonesty, serveOverhead]) {
    try {
      rows.push(...(await part()));
    } catch (error) {
      rows.push({
        name: part.name,
        value: null,
        unit: '',
        goal: '',
        holds: false,
        detail: `not measured: ${error instanceof Error ? error.message : String(error)}`,
      });
    }
  }
  return rows;
}
