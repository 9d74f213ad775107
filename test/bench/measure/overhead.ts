// What the harness adds to a bare loop that knows nothing of it.

import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { silentTask } from '../../../daemon/base/task';
import { benchmark } from '../../../daemon/runtime/benchmark';
import { median } from '../../../daemon/runtime/statistics';
import { writeDenseModel } from '../../support/denseModel';
import { repository } from '../../support/paths';
import { bareLoop } from '../harness';
import type { BenchRow } from '../row';
import { nameOf, type Models } from './models';

const rounds = 7;

/** Our p50 against that of a bare loop in a process of its own, taken in turn. */
export async function overhead(models: Models, folder: string): Promise<BenchRow[]> {
  const script = join(folder, 'bareLoop.js');
  writeFileSync(script, bareLoop);
  const runtime = createRequire(join(repository, 'package.json')).resolve('onnxruntime-node');
  const bare = async (model: string): Promise<number> => {
    const args = [script, runtime, model, '500'];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    return Number(stdout);
  };
  const rows: BenchRow[] = [];
  const large = join(folder, 'overhead.onnx');
  await writeDenseModel(large, 12, 1024);
  for (const model of [models.small, models.medium, large]) {
    const differences: number[] = [];
    const loops: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const before = [await bare(model), await bare(model)];
      const { results } = await benchmark([{ path: model }], { maxSeconds: 2 }, silentTask);
      const loop = median([...before, await bare(model), await bare(model)]);
      loops.push(loop);
      differences.push(results[0]!.latencyMs.p50 - loop);
    }
    const loopMs = median(loops);
    const extraMs = median(differences);
    const above = loopMs > 1;
    const value = above ? (extraMs / loopMs) * 100 : extraMs * 1000;
    rows.push({
      name: `overhead over a bare loop, ${nameOf(model)}`,
      value,
      unit: above ? '%' : 'µs',
      goal: above ? '≤ 2 %' : '≤ 20 µs',
      holds: value <= (above ? 2 : 20),
      detail: `bare p50 ${loopMs.toFixed(4)} ms; median of ${rounds} rounds from ${(Math.min(...differences) * 1000).toFixed(1)} to ${(Math.max(...differences) * 1000).toFixed(1)} µs`,
    });
  }
  return rows;
}
