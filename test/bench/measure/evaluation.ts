// What an evaluation costs beside the inference in it: the whole of evaluateModel (process, loading, data, scores,
// intervals) over a loop that only runs the same batches, held in memory, in a runner that is already loaded.

import { basename, join } from 'node:path';
import { silentTask } from '../../../daemon/base/task';
import { loadDataset, type Batch } from '../../../daemon/evaluate/dataset';
import { evaluateModel, evaluationSession } from '../../../daemon/evaluate/evaluate';
import { suitableBatch } from '../../../daemon/evaluate/predict';
import { withRunner } from '../../../daemon/runtime/runnerProcess';
import { median } from '../../../daemon/runtime/statistics';
import { repository, sharedFolder } from '../../support/paths';
import type { BenchRow } from '../row';

const rounds = 5;

/** A row for each model: the median ratio of rounds in which both are taken in turn. */
export async function evaluation(): Promise<BenchRow[]> {
  const shared = sharedFolder();
  const folders = shared
    ? ['resnet', 'bert'].map((name) => join(shared, 'models', name))
    : [join(repository, 'examples')];
  const rows: BenchRow[] = [];
  for (const folder of folders) rows.push(await costOf(folder));
  return rows;
}

async function costOf(folder: string): Promise<BenchRow> {
  const model = basename(folder) === 'examples' ? 'resnet' : basename(folder);
  const path = join(folder, `${model}.onnx`);
  const data = join(folder, `${model}_validation.npz`);
  const { ratios, samples, loop, whole, start } = await withRunner(silentTask, async (runner) => {
    const session = await runner.load(path, evaluationSession(), silentTask);
    const dataset = await loadDataset(data, session.inputs, {}, silentTask);
    const batches: Batch[] = [];
    for await (const batch of dataset.batches(suitableBatch(dataset))) batches.push(batch);
    const times: { loop: number; whole: number; start: number }[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const begun = performance.now();
      for (const { feeds } of batches) await session.run(feeds, silentTask);
      const between = performance.now();
      await evaluateModel({ path, data, metric: 'top1' }, silentTask);
      const after = performance.now();
      await withRunner(silentTask, (other) => other.load(path, evaluationSession(), silentTask));
      const start = performance.now() - after;
      times.push({ loop: between - begun, whole: after - between, start });
    }
    return {
      samples: dataset.samples,
      ratios: times.map((time) => time.whole / time.loop),
      loop: median(times.map((time) => time.loop)),
      whole: median(times.map((time) => time.whole)),
      start: median(times.map((time) => time.start)),
    };
  });
  const value = median(ratios);
  return {
    name: `${model}: evaluation of ${samples} samples over the inference in it`,
    value,
    unit: '×',
    goal: '≤ 1.15',
    holds: value <= 1.15 && samples >= 2000,
    detail: `${whole.toFixed(0)} ms against ${loop.toFixed(0)} ms, of which starting a process with the model takes ${start.toFixed(0)} ms; ${rounds} rounds from ${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}`,
  };
}
