// Refits the layers of a pruned model one after another, each on what the layers before it now give. Which sums are
// measured and what is solved is in passes/prune; ONNX Runtime does the measuring.

import { workThreads } from '../../evaluate/evaluate';
import type { Task } from '../../base/task';
import type { Model } from '../../ir/model';
import type { Kept } from '../../passes/prune/channels/context';
import { layersToRepair, repairGraph, repairNode } from '../../passes/prune/repairGraph';
import { refitLayer } from '../../passes/prune/repairSolve';
import type { TensorReader } from '../../passes/tensorReader';
import { collectGrams } from '../../runtime/calibrate/gram';
import { withRunner } from '../../runtime/runner/runnerProcess';
import type { Feeds } from '../../runtime/runner/session';

export interface RepairInput {
  readonly data: { readonly feeds: () => AsyncGenerator<Feeds>; readonly total: number };
  readonly read: TensorReader;
  /** Rows of a layer's input to measure. */
  readonly mostRows: number;
}

/** The pruned model refitted to its original, and how many layers that took. */
export async function repairPruned(
  original: Model,
  cut: { readonly model: Model; readonly kept: Kept },
  order: readonly number[],
  { data, read, mostRows }: RepairInput,
  task: Task,
): Promise<{ model: Model; repaired: number }> {
  let { model } = cut;
  let repaired = 0;
  const quiet: Task = { signal: task.signal, report: () => undefined };
  const layers = layersToRepair(model, cut.kept, order);
  if (layers.length === 0) return { model, repaired };
  return withRunner(task, async (runner) => {
    for (const [done, layer] of layers.entries()) {
      task.report({ stage: 'Repairing by least squares', done, total: layers.length });
      const beside = repairGraph(original, model, layer, cut.kept);
      const options = { maxRows: mostRows, total: data.total, threads: workThreads(), runner };
      const sums = (await collectGrams(beside, [repairNode], data.feeds, options, quiet)).get(repairNode);
      if (!sums) continue;
      const next = await refitLayer(model, layer, sums, read, task);
      if (next !== model) repaired += 1;
      model = next;
    }
    return { model, repaired };
  });
}
