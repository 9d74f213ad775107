// The viewer at any size, in parts that can be run alone (`viewer/frames`): time until the first graph is on screen,
// frames while panning and zooming beside those of an empty page, time to open a scope, large files, hostile graphs,
// and Netron over the same files. In headless Chromium without a graphics card, over a daemon process of its own for
// every page, so that nothing is remembered.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Pages } from '../support/webPage';
import type { BenchRow } from './row';
import { expansion } from './viewer/expansion';
import { firstGraph } from './viewer/firstGraph';
import { frames } from './viewer/frames';
import { hostileGraphs } from './viewer/hostileGraphs';
import { largeFiles } from './viewer/largeFiles';
import { netron } from './viewer/netron';

type Part = (pages: Pages, folder: string) => Promise<BenchRow[]>;

/** Each takes one to three minutes. */
const parts: Readonly<Record<string, Part>> = {
  first: firstGraph,
  frames,
  expand: expansion,
  large: largeFiles,
  hostile: hostileGraphs,
  netron,
};

/** All figures, or those of one part; a part that cannot be measured says why in its row. */
export async function bench(): Promise<BenchRow[]> {
  const only = process.env['SLIPWAY_BENCH_PART'] ?? '';
  if (only !== '' && !(only in parts))
    throw new Error(`There is no part "${only}". There are: ${Object.keys(parts).join(', ')}.`);
  const folder = mkdtempSync(join(tmpdir(), 'slipway-viewer-'));
  const pages = await Pages.start();
  const rows: BenchRow[] = [];
  try {
    for (const [name, part] of Object.entries(parts)) {
      if (only !== '' && name !== only) continue;
      try {
        rows.push(...(await part(pages, folder)));
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        rows.push({
          name,
          value: null,
          unit: '',
          goal: 'measured',
          holds: false,
          detail: `not measured: ${why}`,
        });
      }
    }
  } finally {
    await pages.stop();
    rmSync(folder, { recursive: true, force: true });
  }
  return rows;
}
