// SparseGPT in running order: each layer is fitted to the original's output on what the sparse layers before it now
// give, then made sparse. Errors are made up for where they arise instead of adding up.

import type { Task } from '../../base/task';
import { workThreads } from '../../evaluate/evaluate';
import type { Model } from '../../ir/model';
import { nameOf } from '../../passes/quantize/outcome';
import { fittableLayers, repairGraph, repairNode } from '../../passes/prune/repairGraph';
import {
  countZeros,
  makeSparse,
  sparseLayers,
  sparsifyLayer,
  type SparseLayer,
  type SparseOptions,
} from '../../passes/prune/sparse';
import { collectGrams } from '../../runtime/calibrate/gram';
import { withRunner } from '../../runtime/runner/runnerProcess';
import type { RepairInput } from './repairPruned';

/** `start` made sparse towards `original`, which has the same nodes; a layer that cannot be fitted goes by its own Gram matrix. */
export async function sparseInTurn(
  original: Model,
  start: Model,
  options: SparseOptions,
  { data, read, mostRows }: RepairInput,
  task: Task,
): Promise<{ model: Model; layers: SparseLayer[] }> {
  let model = start;
  const targets = sparseLayers(start);
  const fittable = fittableLayers(start);
  const quiet: Task = { signal: task.signal, report: () => undefined };
  return withRunner(task, async (runner) => {
    const settings = { maxRows: mostRows, total: data.total, threads: workThreads(), runner };
    for (const [done, target] of targets.entries()) {
      task.report({ stage: 'Choosing zeros', done, total: targets.length });
      const layer = fittable.get(target.position);
      if (layer) {
        const beside = repairGraph(original, model, layer, () => undefined);
        const sums = (await collectGrams(beside, [repairNode], data.feeds, settings, quiet)).get(repairNode);
        const made = sums && (await sparsifyLayer(model, layer, sums, options, read, task));
        if (made) {
          model = made;
          continue;
        }
      }
      const name = nameOf(model.graph.nodes[target.position]!);
      const grams = await collectGrams(model, [name], data.feeds, settings, quiet);
      model = (await makeSparse(model, { ...options, grams }, read, quiet, [target])).model;
    }
    return { model, layers: await countZeros(model, targets, read, task) };
  });
}
