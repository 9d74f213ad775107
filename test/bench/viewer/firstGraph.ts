// Seconds until the first graph is on screen.

import type { Pages } from '../../support/webPage';
import type { BenchRow } from '../row';
import { count, decoder, listed, quantile, row } from './figures';
import { openPage } from './openPage';

const sizes = [
  { nodes: 1000, most: 0.5, runs: 9 },
  { nodes: 10_000, most: 1, runs: 7 },
  { nodes: 100_000, most: 3, runs: 5 },
] as const;

export async function firstGraph(pages: Pages, folder: string): Promise<BenchRow[]> {
  const rows: BenchRow[] = [];
  for (const { nodes, most, runs } of sizes) {
    const path = await decoder(folder, nodes);
    const seconds: number[] = [];
    for (let run = 0; run < runs; run++) {
      const opened = await openPage(pages, folder, path);
      if (opened.refusal !== undefined) throw new Error(opened.refusal);
      seconds.push(opened.seconds);
      await opened.close();
    }
    const detail = `median of ${runs} new daemons and pages, reading included; ${listed(seconds)} s`;
    rows.push(row(`first graph on screen, ${count(nodes)} nodes`, quantile(seconds, 0.5), 's', most, detail));
  }
  return rows;
}
