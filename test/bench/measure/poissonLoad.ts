// Whether a real session under Poisson load waits as long as queueing theory says.

import { join } from 'node:path';
import { silentTask } from '../../../daemon/base/task';
import { runLoad } from '../../../daemon/runtime/load/load';
import { median } from '../../../daemon/runtime/statistics';
import { writeDenseModel } from '../../support/denseModel';
import type { BenchRow } from '../row';
import type { Models } from './models';

/** Mean wait of a real session at half its capacity, against what theory says of its own service times. */
export async function poissonLoad(_models: Models, folder: string): Promise<BenchRow[]> {
  const model = join(folder, 'queue.onnx');
  await writeDenseModel(model, 12, 1024);
  const alone = await runLoad(model, { pattern: 'single-stream', maxSeconds: 3 }, silentTask);
  const rate = 0.5 * alone.queriesPerSecond;
  const ratios: number[] = [];
  let said = '';
  for (let run = 0; run < 3; run++) {
    const found = await runLoad(
      model,
      { pattern: 'server', rate, maxSeconds: 10, seed: run + 1 },
      silentTask,
    );
    ratios.push(found.waitMs.mean / (found.expectedWaitMs ?? Number.NaN));
    said = `${found.waitMs.mean.toFixed(3)} ms against ${found.expectedWaitMs?.toFixed(3) ?? '–'} ms, service ${found.serviceMs.mean.toFixed(2)} ± ${found.serviceMs.stddev.toFixed(2)} ms, ${found.queries} queries`;
  }
  const value = median(ratios);
  return [
    {
      name: 'mean wait under Poisson load over Pollaczek–Khinchine',
      value,
      unit: '×',
      goal: 'within 20 % of 1',
      holds: Math.abs(value - 1) <= 0.2,
      detail: `real session at half its capacity, median of 3 (${ratios.map((ratio) => ratio.toFixed(2)).join(', ')}); last: ${said}. In virtual time the generator agrees with M/D/1 within 5 % (unit test)`,
    },
  ];
}
