// Netron over the same files in the same browser, with ours before and after it.

import type { Pages } from '../../support/webPage';
import type { BenchRow } from '../row';
import { count, decoder, listed, quantile } from './figures';
import { netronName, netronSeconds } from './netronPage';
import { openPage } from './openPage';

const sizes = [
  { nodes: 1000, limit: 60, rounds: 3 },
  { nodes: 10_000, limit: 180, rounds: 1 },
] as const;

export async function netron(pages: Pages, folder: string): Promise<BenchRow[]> {
  const rows: BenchRow[] = [];
  for (const { nodes, limit, rounds } of sizes) {
    const path = await decoder(folder, nodes);
    // In turn, so that the machine's mood meets both.
    const ours = [await once(pages, folder, path)];
    const theirs: number[] = [];
    let instead: string | undefined;
    for (let round = 0; round < rounds && instead === undefined; round++) {
      const seconds = await netronSeconds(pages.browser, path, limit);
      if (typeof seconds === 'number') theirs.push(seconds);
      else instead = 'instead' in seconds ? seconds.instead : `not measured: ${seconds.missing}`;
      ours.push(await once(pages, folder, path));
    }
    const measured = instead === undefined;
    const beside = `Slipway before and after: ${listed(ours)} s`;
    rows.push({
      name: `${netronName}: first graph on screen, ${count(nodes)} nodes`,
      value: measured ? quantile(theirs, 0.5) : null,
      unit: 's',
      goal: '',
      holds: false,
      detail:
        instead === undefined
          ? `median of ${rounds}, from the start of its page to its graph: ${listed(theirs)} s; ${beside}`
          : `${instead}; ${beside}`,
    });
  }
  return rows;
}

async function once(pages: Pages, folder: string, path: string): Promise<number> {
  const opened = await openPage(pages, folder, path);
  await opened.close();
  return opened.seconds;
}
