// What an evaluation costs beside the inference in it. The inference is the sum of the runs of the same batches, timed inside
// a runner that is warm: nothing but ONNX Runtime. The evaluation is the whole of evaluateModel (loading, data, transport,
// scores, intervals), once in a process that is started for it and once in one that is there.

import { basename, join } from 'node:path';
import { silentTask } from '../../../daemon/base/task';
import { loadDataset, type Batch } from '../../../daemon/evaluate/dataset';
import { evaluateModel, evaluationSession } from '../../../daemon/evaluate/evaluate';
import { suitableBatch } from '../../../daemon/evaluate/predict';
import { withRunner } from '../../../daemon/runtime/runner/runnerProcess';
import { median } from '../../../daemon/runtime/statistics';
import { repository, sharedFolder } from '../../support/paths';
import type { BenchRow } from '../row';

/** Rounds in which all are taken in turn; runs of a second need more of them than runs of ten. */
const rounds: Readonly<Record<string, number>> = { bert: 3 };
const mostRounds = 9;

/** Two rows for each model: the median ratios of the rounds. */
export async function evaluation(): Promise<BenchRow[]> {
  const shared = sharedFolder();
  const folders = shared
    ? ['resnet', 'bert'].map((name) => join(shared, 'models', name))
    : [join(repository, 'examples')];
  const rows: BenchRow[] = [];
  for (const folder of folders) rows.push(...(await costOf(folder)));
  return rows;
}

interface Round {
  readonly inference: number;
  readonly there: number;
  readonly started: number;
  readonly start: number;
}

async function costOf(folder: string): Promise<BenchRow[]> {
  const model = basename(folder) === 'examples' ? 'resnet' : basename(folder);
  const path = join(folder, `${model}.onnx`);
  const data = join(folder, `${model}_validation.npz`);
  return withRunner(silentTask, async (runner) => {
    const session = await runner.load(path, evaluationSession(), silentTask);
    const dataset = await loadDataset(data, session.inputs, {}, silentTask);
    const batches: Batch[] = [];
    for await (const batch of dataset.batches(suitableBatch(dataset))) batches.push(batch);
    const times: Round[] = [];
    const evaluate = (given?: typeof runner) =>
      evaluateModel({ path, data, metric: 'top1' }, silentTask, given);
    for (let round = 0; round < (rounds[model] ?? mostRounds); round += 1) {
      let inference = 0;
      for (const { feeds } of batches) {
        const [time = 0] = await session.timeRuns(feeds, { runs: 1, maxMs: 600_000 }, silentTask);
        inference += time;
      }
      const there = await timeOf(() => evaluate(runner));
      const started = await timeOf(() => evaluate());
      const start = await timeOf(() => withRunner(silentTask, (other) => other.rssBytes()));
      times.push({ inference, there, started, start });
    }
    const of = (key: keyof Round) => median(times.map((round) => round[key]));
    const row = (key: 'there' | 'started', where: string, more: string): BenchRow => {
      const ratios = times.map((round) => round[key] / round.inference);
      const value = median(ratios);
      return {
        name: `${model}: evaluation of ${dataset.samples} samples over the inference in it, ${where}`,
        value,
        unit: '×',
        goal: '≤ 1.15',
        holds: value <= 1.15 && dataset.samples >= 2000,
        detail: `${of(key).toFixed(0)} ms against ${of('inference').toFixed(0)} ms, median of ${times.length} rounds from ${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}${more}`,
      };
    };
    return [
      row('there', 'in a process that is there', '; the session is created for it'),
      row(
        'started',
        'with a process of its own',
        `; starting and ending one takes ${of('start').toFixed(0)} ms`,
      ),
    ];
  });
}

async function timeOf(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}
