// Gives back accuracy before quantizing: evens out channels (cle), smooths activations (smooth), rounds weights by
// data (adaround), and corrects biases for what rounding the weights takes (bias). The passes are in passes/recover;
// here data is run for them.

import type { Diagnostic } from '../../base/diagnostic';
import type { Task } from '../../base/task';
import type { Dataset } from '../../evaluate/dataset';
import { workThreads } from '../../evaluate/evaluate';
import { suitableBatch } from '../../evaluate/predict';
import type { Model } from '../../ir/model';
import { runPass } from '../../passes/pass';
import { nameOf } from '../../passes/quantize/outcome';
import type { IntegerRange } from '../../passes/quantize/params';
import { crossLayerEqualize } from '../../passes/recover/crossLayerEqualize';
import { layersOf, type Layer } from '../../passes/recover/layers';
import { biasCorrect, roundByData, type Moments } from '../../passes/recover/rounding';
import { smoothQuant, valuesToSmooth } from '../../passes/recover/smoothQuant';
import type { TensorReader } from '../../passes/tensorReader';
import { collectChannels, type ChannelValue } from '../../runtime/calibrate/channelStatistics';
import { collectGrams } from '../../runtime/calibrate/gram';
import type { Feeds, Runner } from '../../runtime/runner/session';
import type { RecoverMethod } from './recoverMethods';

export interface RecoverOptions {
  readonly methods: readonly RecoverMethod[];
  /** The integers that weights will have; [−127, 127] when absent. */
  readonly integers?: IntegerRange | undefined;
  readonly perTensor?: boolean | undefined;
  /** Names of layers that stay float. */
  readonly exclude?: ReadonlySet<string> | undefined;
  /** A runner to measure with; one of its own for each measurement when absent. */
  readonly runner?: Runner | undefined;
}

export interface Recovered {
  readonly model: Model;
  readonly notes: readonly Diagnostic[];
}

/** Longer rows would take minutes and gigabytes to weigh. */
const longestRow = 4096;
/** Bytes of Gram matrices that are held at a time. */
const gramBytes = 256 * 2 ** 20;

/** Applies the methods, in the order in which they help each other, to a simplified float model. */
export async function recover(
  model: Model,
  read: TensorReader,
  dataset: Dataset,
  options: RecoverOptions,
  task: Task,
): Promise<Recovered> {
  const { runner } = options;
  const wants = (method: RecoverMethod) => options.methods.includes(method);
  const said: string[] = [];
  let current = model;
  if (wants('cle')) {
    task.report({ stage: 'Evening out channels between layers' });
    const result = await runPass(current, crossLayerEqualize(read), task);
    current = result.model;
    said.push(
      result.modified
        ? 'ranges of neighbouring layers were evened out'
        : 'no pair of layers could be evened out',
    );
  }
  if (wants('smooth')) {
    const names = valuesToSmooth(current);
    const values = inputsOf(current).filter(({ name }) => names.includes(name));
    const statistics =
      values.length > 0 ? await channels(current, values, dataset, runner, task) : new Map<string, never>();
    const result = await runPass(current, smoothQuant(read, { statistics }), task);
    current = result.model;
    said.push(`${result.smoothed.length} of ${names.length} activations that can be smoothed were`);
  }
  const { integers, perTensor, exclude } = options;
  const rounding = { integers, perTensor, exclude };
  if (wants('adaround')) {
    const layers = layersOf(current).filter(
      (layer) => layer.k <= longestRow && exclude?.has(nameOf(layer.node)) !== true,
    );
    let rounded = 0;
    for (const chunk of chunksOf(layers)) {
      const grams = await collectGrams(
        current,
        chunk,
        () => feedsOf(dataset),
        { ...gramOptions(dataset), runner },
        task,
      );
      const pass = roundByData(read, { ...rounding, moments: grams, correctBias: wants('bias') });
      const result = await runPass(current, pass, task);
      current = result.model;
      rounded += result.layers.length;
    }
    said.push(`the weights of ${rounded} layers were rounded by data`);
  } else if (wants('bias')) {
    const measured = await channels(current, inputsOf(current), dataset, runner, task);
    const moments = new Map(
      layersOf(current).flatMap((layer): [string, Moments][] => {
        const mean = measured.get(layer.node.inputs[0] ?? '')?.mean;
        return mean?.length === layer.inputs ? [[nameOf(layer.node), meansOf(layer, mean)]] : [];
      }),
    );
    const result = await runPass(current, biasCorrect(read, { ...rounding, moments }), task);
    current = result.model;
    said.push(`the biases of ${result.layers.length} layers were corrected`);
  }
  const note = {
    id: 'quantize/recover',
    severity: 'info',
    message: `Before quantizing: ${said.join('; ')}.`,
  } as const;
  return { model: current, notes: said.length > 0 ? [note] : [] };
}

const batchOf = (dataset: Dataset) => dataset.fixedBatch ?? suitableBatch(dataset);

async function* feedsOf(dataset: Dataset): AsyncGenerator<Feeds> {
  for await (const { feeds } of dataset.batches(batchOf(dataset))) yield feeds;
}

const gramOptions = (dataset: Dataset) => ({
  total: Math.ceil(dataset.samples / batchOf(dataset)),
  threads: workThreads(),
  maxRows: 100_000,
});

const channels = (
  model: Model,
  values: readonly ChannelValue[],
  dataset: Dataset,
  runner: Runner | undefined,
  task: Task,
) => collectChannels(model, values, feedsOf(dataset), { ...gramOptions(dataset), runner }, task);

/** What layers read, each value once. */
function inputsOf(model: Model): ChannelValue[] {
  const found = new Map<string, ChannelValue>();
  for (const { node, inputs } of layersOf(model)) {
    const name = node.inputs[0] ?? '';
    found.set(name, { name, channels: inputs, axis: node.opType === 'Conv' ? 'second' : 'last' });
  }
  return [...found.values()];
}

/** Names of layers in groups whose Gram matrices fit into memory together. */
function chunksOf(layers: readonly Layer[]): string[][] {
  const chunks: string[][] = [];
  let bytes = Infinity;
  for (const { node, k, groups } of layers) {
    const own = 8 * k * k * groups;
    if (bytes + own > gramBytes) {
      chunks.push([]);
      bytes = 0;
    }
    chunks.at(-1)!.push(nameOf(node));
    bytes += own;
  }
  return chunks;
}

/** The mean of a layer's rows from the means of the channels it reads; borders of images are not counted apart. */
function meansOf(layer: Layer, channelMeans: Float64Array): Moments {
  const { k, groups, outputs } = layer;
  const mean = new Float64Array(groups * k);
  for (let group = 0; group < groups; group += 1)
    for (let index = 0; index < k; index += 1)
      mean[group * k + index] = channelMeans[layer.inputOf((group * outputs) / groups, index)]!;
  return { k, groups, rows: 0, gram: new Float64Array(0), mean };
}
