// The steps that make a float model lose less when it is quantized: evening out channels (cle), smoothing activations
// (smooth), rounding weights by data (adaround), correcting biases for what rounding the weights takes (bias). The passes
// are in passes/recover; here data is run for them. Which of them are kept is decided in recoveredWork.ts.

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

/** What is done at once: rounding by data leaves the mean to the bias where both are done. */
export type RecoverStep = 'cle' | 'smooth' | 'adaround' | 'bias' | 'adaround and bias';

export interface RecoverOptions {
  /** The integers that weights will have; [−127, 127] when absent. */
  readonly integers?: IntegerRange | undefined;
  readonly perTensor?: boolean | undefined;
  /** Names of layers that stay float. */
  readonly exclude?: ReadonlySet<string> | undefined;
  /** The α of SmoothQuant for layers with these names; chosen by error where it gives none. */
  readonly alphaOf?: ((nodes: readonly string[]) => number | undefined) | undefined;
  /** A runner to measure with; one of its own for each measurement when absent. */
  readonly runner?: Runner | undefined;
}

export interface Recovered {
  readonly model: Model;
  readonly modified: boolean;
  /** What was done, half a sentence. */
  readonly said: string;
}

/** Longer rows would take minutes and gigabytes to weigh. */
const longestRow = 4096;
/** Bytes of Gram matrices that are held at a time. */
const gramBytes = 256 * 2 ** 20;

/** Applies one step to a simplified float model. */
export async function recoverBy(
  step: RecoverStep,
  model: Model,
  read: TensorReader,
  dataset: Dataset,
  options: RecoverOptions,
  task: Task,
): Promise<Recovered> {
  if (step === 'cle') return evenOut(model, read, task);
  if (step === 'smooth') return smooth(model, read, dataset, options, task);
  if (step === 'bias') return correctBiases(model, read, dataset, options, task);
  return roundWeights(model, read, dataset, step === 'adaround and bias', options, task);
}

async function evenOut(model: Model, read: TensorReader, task: Task): Promise<Recovered> {
  task.report({ stage: 'Evening out channels between layers' });
  const result = await runPass(model, crossLayerEqualize(read), task);
  const said = result.modified
    ? 'ranges of neighbouring layers were evened out'
    : 'no pair of layers could be evened out';
  return { model: result.model, modified: result.modified, said };
}

async function smooth(
  model: Model,
  read: TensorReader,
  dataset: Dataset,
  { runner, alphaOf }: RecoverOptions,
  task: Task,
): Promise<Recovered> {
  const names = valuesToSmooth(model);
  if (names.length === 0)
    return { model, modified: false, said: 'no activation of a matrix product could be smoothed' };
  const values = inputsOf(model).filter(({ name }) => names.includes(name));
  const statistics = await channels(model, values, dataset, runner, task);
  const result = await runPass(model, smoothQuant(read, { statistics, alphaOf }), task);
  const { smoothed } = result;
  const by = smoothed
    .slice(0, 3)
    .map(
      ({ nodes, alpha }) => `${nodes[0]}${nodes.length > 1 ? ' and others' : ''} by α ${alpha.toFixed(2)}`,
    );
  const muls = smoothed.filter(({ inserted }) => inserted).length;
  const said = [
    `${smoothed.length} of ${names.length} activations were smoothed`,
    ...(by.length > 0 ? [`(${by.join(', ')}${smoothed.length > by.length ? ', …' : ''})`] : []),
    ...(muls > 0 ? [`, ${muls} of them by a Mul of its own`] : []),
  ];
  return { model: result.model, modified: result.modified, said: said.join(' ').replace(' ,', ',') };
}

async function roundWeights(
  model: Model,
  read: TensorReader,
  dataset: Dataset,
  correctBias: boolean,
  { integers, perTensor, exclude, runner }: RecoverOptions,
  task: Task,
): Promise<Recovered> {
  const layers = layersOf(model).filter(
    (layer) => layer.k <= longestRow && exclude?.has(nameOf(layer.node)) !== true,
  );
  const sampled = { ...gramOptions(dataset), runner };
  let current = model;
  let rounded = 0;
  for (const chunk of chunksOf(layers)) {
    const moments = await collectGrams(current, chunk, () => feedsOf(dataset), sampled, task);
    const pass = roundByData(read, { integers, perTensor, exclude, moments, correctBias });
    const result = await runPass(current, pass, task);
    current = result.model;
    rounded += result.layers.length;
  }
  const said = `the weights of ${rounded} layers were rounded by data${correctBias ? ' and their biases corrected' : ''}`;
  return { model: current, modified: rounded > 0, said };
}

async function correctBiases(
  model: Model,
  read: TensorReader,
  dataset: Dataset,
  { integers, perTensor, exclude, runner }: RecoverOptions,
  task: Task,
): Promise<Recovered> {
  const measured = await channels(model, inputsOf(model), dataset, runner, task);
  const moments = new Map(
    layersOf(model).flatMap((layer): [string, Moments][] => {
      const mean = measured.get(layer.node.inputs[0] ?? '')?.mean;
      return mean?.length === layer.inputs ? [[nameOf(layer.node), meansOf(layer, mean)]] : [];
    }),
  );
  const result = await runPass(model, biasCorrect(read, { integers, perTensor, exclude, moments }), task);
  const said = `the biases of ${result.layers.length} layers were corrected`;
  return { model: result.model, modified: result.modified, said };
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
