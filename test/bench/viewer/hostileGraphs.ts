// Graphs that want to hurt: seconds until they are drawn or refused with a sentence, and whether the window still answers.

import { join } from 'node:path';
import { silentTask } from '../../../daemon/base/task';
import { writeModel } from '../../../daemon/onnx/writeModel';
import { cyclicModel, denseModel, longNamesModel, nestedModel } from '../../support/hostileModels';
import type { Pages } from '../../support/webPage';
import type { BenchRow } from '../row';
import { listed, quantile, row } from './figures';
import { openPage } from './openPage';

const runs = 3;
const cases = {
  'a million edges': () => denseModel(1414),
  cycles: () => cyclicModel(5000),
  'names of 100 KB': () => longNamesModel(50),
  'nested 200 deep': () => nestedModel(200),
};

export async function hostileGraphs(pages: Pages, folder: string): Promise<BenchRow[]> {
  const rows: BenchRow[] = [];
  for (const [name, build] of Object.entries(cases)) {
    const path = join(folder, `${name.replaceAll(' ', '-')}.onnx`);
    await writeModel(build(), path, {}, silentTask);
    const seconds: number[] = [];
    let outcome = 'drawn';
    let slowest = 0;
    for (let run = 0; run < runs; run++) {
      const opened = await openPage(pages, folder, path);
      seconds.push(opened.seconds);
      if (opened.refusal !== undefined) outcome = `refused: "${opened.refusal.slice(0, 90)}…"`;
      // The window is alive when it goes on painting, whatever the daemon is at.
      const start = performance.now();
      await opened.page.evaluate(() => new Promise((resolve) => requestAnimationFrame(resolve)));
      slowest = Math.max(slowest, performance.now() - start);
      await opened.close();
    }
    const detail = `${outcome}; median of ${runs}: ${listed(seconds)} s; the next frame within ${slowest.toFixed(0)} ms`;
    rows.push(row(`${name}: drawn or refused`, quantile(seconds, 0.5), 's', 1, detail));
  }
  return rows;
}
