// Models whose weights are much larger than memory should be asked for: time until the first graph, and the daemon's peak.

import { join } from 'node:path';
import type { Pages } from '../../support/webPage';
import { writeExternalModel } from '../externalModel';
import { writeLargeModel } from '../open2gb';
import type { BenchRow } from '../row';
import { count, listed, quantile, row } from './figures';
import { openPage } from './openPage';

const runs = 5;

export async function largeFiles(pages: Pages, folder: string): Promise<BenchRow[]> {
  const single = join(folder, 'large.onnx');
  const { fileBytes, nodes } = await writeLargeModel(single);
  const external = await writeExternalModel(join(folder, 'external'));
  const cases = [
    { path: single, name: '2 GB file', what: `${count(nodes)} nodes, ${(fileBytes / 1e9).toFixed(2)} GB` },
    {
      path: external.path,
      name: '20 GB of external data',
      what: `${count(external.nodes)} nodes, ${(external.dataBytes / 1e9).toFixed(1)} GB, sparse`,
    },
  ];
  const rows: BenchRow[] = [];
  for (const { path, name, what } of cases) {
    const seconds: number[] = [];
    const peaks: number[] = [];
    for (let run = 0; run < runs; run++) {
      const opened = await openPage(pages, folder, path);
      if (opened.refusal !== undefined) throw new Error(opened.refusal);
      seconds.push(opened.seconds);
      await opened.settled();
      const peak = opened.peak();
      if (peak !== undefined) peaks.push(peak);
      await opened.close();
    }
    const detail = `median of ${runs} new daemons and pages; ${what}; ${listed(seconds)} s`;
    rows.push(row(`${name}: first graph on screen`, quantile(seconds, 0.5), 's', 1.5, detail));
    const memory = `${name}: daemon's peak resident memory`;
    if (peaks.length === 0) {
      const missing = 'not measured: this system does not tell the peak of another process';
      rows.push({ name: memory, value: null, unit: 'MB', goal: '≤ 150 MB', holds: false, detail: missing });
    } else {
      const all = `largest of ${runs} daemons, the picture drawn and the whole inspection done; ${what}`;
      rows.push(row(memory, Math.max(...peaks), 'MB', 150, all));
    }
  }
  return rows;
}
