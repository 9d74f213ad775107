// Iterative bias correction: from the inputs on, layers get back what their outputs lose on average in the quantized
// model, whose earlier layers are corrected already. It makes up for rounded values too, where the fast correction
// (passes/recover/rounding.ts) knows of rounded weights alone. Source: Nagel et al., Data-Free Quantization, 2019, §4.2.
// Layers one behind the other cannot share a step: the later one would make up for what the earlier one gives back.

import type { Task } from '../../base/task';
import { workThreads } from '../../evaluate/evaluate';
import { suitableBatch } from '../../evaluate/predict';
import type { Model } from '../../ir/model';
import { runPass } from '../../passes/pass';
import { nameOf } from '../../passes/quantize/outcome';
import { layersOf, type Layer } from '../../passes/recover/layers';
import { shiftBiases } from '../../passes/recover/rounding';
import type { Calibrator } from '../../runtime/calibrate/calibrateBy';
import { collectChannels } from '../../runtime/calibrate/channelStatistics';
import type { Feeds } from '../../runtime/runner/session';
import type { StaticWork } from './staticWork';

/** Samples that means are taken over: the quantized model is run on them once for every layer on its longest path. */
const mostSamples = 128;

/** Corrects the biases of the float model that `work` starts from; gives it back with the names of the layers. */
export async function correctBiasesInTurn(
  work: StaticWork,
  calibrator: Calibrator,
  task: Task,
): Promise<{ readonly model: Model; readonly layers: ReadonlySet<string> }> {
  const quiet: Task = { signal: task.signal, report: () => undefined };
  const { quantizedNodes } = await work.plainOutcome(calibrator, undefined, quiet);
  const taken = new Set(quantizedNodes);
  const layers = layersOf(work.model).filter(({ node }) => taken.has(nameOf(node)));
  const wanted = await meansOf(work.model, layers, work, quiet);
  const stages = stagesOf(work.model, layers);
  const corrected = new Set<string>();
  let model = work.model;
  for (const [done, stage] of stages.entries()) {
    task.report({ stage: 'Correcting biases', done, total: stages.length });
    const { model: quantized } = await work.withModel(model).plainOutcome(calibrator, undefined, quiet);
    const found = await meansOf(quantized, stage, work, quiet);
    const shifts = new Map<string, Float64Array>();
    for (const { node } of stage) {
      const before = wanted.get(nameOf(node));
      const after = found.get(nameOf(node));
      if (before && after?.length === before.length)
        shifts.set(
          nameOf(node),
          before.map((mean, channel) => mean - after[channel]!),
        );
    }
    const result = await runPass(model, shiftBiases(work.read, shifts), task);
    model = result.model;
    for (const name of result.layers) corrected.add(name);
  }
  return { model, layers: corrected };
}

/** Means of each output channel of the layers, by node name. */
async function meansOf(
  model: Model,
  layers: readonly Layer[],
  { dataset, options: { runner } }: StaticWork,
  task: Task,
): Promise<Map<string, Float64Array>> {
  const size = dataset.fixedBatch ?? suitableBatch(dataset);
  const total = Math.ceil(Math.min(dataset.samples, mostSamples) / size);
  async function* feeds(): AsyncGenerator<Feeds> {
    let left = total;
    for await (const batch of dataset.batches(size)) {
      yield batch.feeds;
      if ((left -= 1) <= 0) return;
    }
  }
  const values = layers.map(({ node, outputs }) => ({
    name: node.outputs[0] ?? '',
    channels: outputs,
    axis: node.opType === 'Conv' ? ('second' as const) : ('last' as const),
  }));
  const options = { total, threads: workThreads(), runner };
  const channels = await collectChannels(model, values, feeds(), options, task);
  return new Map(
    layers.flatMap(({ node }): [string, Float64Array][] => {
      const found = channels.get(node.outputs[0] ?? '');
      return found ? [[nameOf(node), found.mean]] : [];
    }),
  );
}

/** Layers by the number of layers before them. */
function stagesOf(model: Model, layers: readonly Layer[]): Layer[][] {
  const known = new Map(layers.map((layer) => [layer.node, layer]));
  const depths = new Map<string, number>();
  const byDepth: Layer[][] = [];
  for (const node of model.graph.nodes) {
    let depth = Math.max(0, ...node.inputs.map((name) => depths.get(name) ?? 0));
    const layer = known.get(node);
    if (layer) {
      (byDepth[depth] ??= []).push(layer);
      depth += 1;
    }
    for (const output of node.outputs) depths.set(output, depth);
  }
  return byDepth.filter((each) => each.length > 0);
}
