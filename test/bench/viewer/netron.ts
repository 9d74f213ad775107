// Netron over the same files in the same browser, with ours before and after it.

import type { Pages } from '../../support/webPage';
import type { BenchRow } from '../row';
import { count, decoder, listed } from './figures';
import { netronName, netronSeconds } from './netronPage';
import { openPage } from './openPage';

const sizes = [
  { nodes: 1000, limit: 60 },
  { nodes: 10_000, limit: 180 },
] as const;

export async function netron(pages: Pages, folder: string): Promise<BenchRow[]> {
  const rows: BenchRow[] = [];
  for (const { nodes, limit } of sizes) {
    const path = await decoder(folder, nodes);
    const ours = [await once(pages, folder, path)];
    const seconds = await netronSeconds(pages.browser, path, limit);
    ours.push(await once(pages, folder, path));
    const measured = typeof seconds === 'number' && Number.isFinite(seconds);
    rows.push({
      name: `${netronName}: first graph on screen, ${count(nodes)} nodes`,
      value: measured ? seconds : null,
      unit: 's',
      goal: '',
      holds: false,
      detail: measured
        ? `one run, from the start of its page to its graph; Slipway before and after: ${listed(ours)} s`
        : typeof seconds === 'number'
          ? `no graph after ${limit} s, given up; Slipway before and after: ${listed(ours)} s`
          : `not measured: ${seconds.missing}`,
    });
  }
  return rows;
}

async function once(pages: Pages, folder: string, path: string): Promise<number> {
  const opened = await openPage(pages, folder, path);
  await opened.close();
  return opened.seconds;
}
