// What an evaluation costs beside the inference in it: the whole of evaluateModel (process, loading, data, scores,
// intervals) over a loop that only runs the same batches, held in memory, in a runner that is already loaded.

import { join } from 'node:path';
import { silentTask } from '../../../daemon/base/task';
import { loadDataset, type Batch } from '../../../daemon/evaluate/dataset';
import { evaluateModel, evaluationSession } from '../../../daemon/evaluate/evaluate';
import { suitableBatch } from '../../../daemon/evaluate/predict';
import { withRunner } from '../../../daemon/runtime/runnerProcess';
import { median } from '../../../daemon/runtime/statistics';
import { repository, sharedFolder } from '../../support/paths';
import type { BenchRow } from '../row';

const rounds = 5;

/** One row: the median ratio of rounds in which both are taken in turn. */
export async function evaluation(): Promise<BenchRow[]> {
  const shared = sharedFolder();
  const folder = shared ? join(shared, 'models', 'resnet') : join(repository, 'examples');
  const path = join(folder, 'resnet.onnx');
  const data = join(folder, 'resnet_validation.npz');
  const { ratios, samples, loop, whole } = await withRunner(silentTask, async (runner) => {
    const session = await runner.load(path, evaluationSession(), silentTask);
    const dataset = await loadDataset(data, session.inputs, {}, silentTask);
    const batches: Batch[] = [];
    for await (const batch of dataset.batches(suitableBatch(dataset))) batches.push(batch);
    const times: { loop: number; whole: number }[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const begun = performance.now();
      for (const { feeds } of batches) await session.run(feeds, silentTask);
      const between = performance.now();
      await evaluateModel({ path, data, metric: 'top1' }, silentTask);
      times.push({ loop: between - begun, whole: performance.now() - between });
    }
    return {
      samples: dataset.samples,
      ratios: times.map((time) => time.whole / time.loop),
      loop: median(times.map((time) => time.loop)),
      whole: median(times.map((time) => time.whole)),
    };
  });
  const value = median(ratios);
  return [
    {
      name: `evaluation of ${samples} samples over the inference in it`,
      value,
      unit: '×',
      goal: '≤ 1.15',
      holds: value <= 1.15 && samples >= 2000,
      detail: `${whole.toFixed(0)} ms against ${loop.toFixed(0)} ms; ${rounds} rounds from ${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}`,
    },
  ];
}
