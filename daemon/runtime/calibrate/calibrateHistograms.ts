// Where the values of each tensor fall over calibration data. Tensors are made outputs of a copy of the model, as
// many at a time as fit into a budget of bytes, and counted inside the runner process: memory grows neither with
// the samples nor with the model, and where all fit at once the data is run through once.

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '../../host/temporaryFolder';
import { inferShapes } from '../../analysis/shapes';
import { badRequest } from '../../base/errors';
import type { Diagnostic } from '../../base/diagnostic';
import { breathe, type Task } from '../../base/task';
import { valueInfo } from '../../ir/builder';
import { DataType } from '../../ir/dataType';
import type { Model } from '../../ir/model';
import type { Histogram } from '../../passes/quantize/histogramRange';
import { collectRanges, notFinite, type ValueRange } from './calibrate';
import { OutputKeeper, type KeptOutputs } from './keptOutputs';
import { dimensionsOf, mostSamples, type SizedBatches } from './calibrationBatch';
import { useRunner } from '../runner/runnerProcess';
import { sleepingThreads, type Feeds, type Runner, type ValueCounts } from '../runner/session';
import { writeWorkingCopy } from '../runner/workingCopy';

export interface HistogramOptions {
  readonly threads?: number | undefined;
  /** Batches of one pass, or samples for batches of any size, for progress. */
  readonly total?: number | undefined;
  /** Bytes of tensors that one run may give out; 16 MiB when absent. */
  readonly budgetBytes?: number | undefined;
  /** A runner to use; one of its own when absent. */
  readonly runner?: Runner | undefined;
  /** Samples in a batch, where the caller makes the batches. */
  readonly batchSize?: number | undefined;
  /** See CalibrationOptions. */
  readonly keepOutputs?: number | undefined;
}

export interface Counted {
  /** Observed ranges; a value that was not finite, or always empty, is missing. */
  readonly ranges: Map<string, ValueRange>;
  /** Of those values that are not always the same. */
  readonly histograms: Map<string, Histogram>;
  readonly diagnostics: Diagnostic[];
  /** Batches of one pass. */
  readonly batches: number;
  /** Present when they were asked for and were not too large. */
  readonly kept?: KeptOutputs | undefined;
}

const defaultBudget = 16 * 2 ** 20;
/** Beyond a few samples at a time memory is worth more than a little time. */
const enoughSamples = 8;
const budgetForMore = 4 * 2 ** 20;
const mostForOnePass = 160 * 2 ** 20;

/** Histograms of float values of the main graph. `batches` is asked for once for each group of tensors. */
export async function collectHistograms(
  model: Model,
  values: readonly string[],
  batches: (() => AsyncIterable<Feeds>) | SizedBatches,
  options: HistogramOptions,
  task: Task,
): Promise<Counted> {
  const { budgetBytes = defaultBudget, threads = 1, total } = options;
  const names = [...new Set(values)];
  const source = typeof batches === 'function' ? batches : () => batches.of(1);
  const sizes = await bytesOf(model, names, source, options, task);
  const all = names.reduce((sum, name) => sum + sizes.get(name)!, 0);
  const largest = typeof batches === 'function' ? 1 : Math.min(mostSamples, batches.largest);
  const fits = (bytes: number) => Math.min(largest, 2 ** Math.floor(Math.log2(Math.max(1, bytes / all))));
  const size =
    options.budgetBytes === undefined
      ? Math.max(fits(budgetForMore), Math.min(enoughSamples, fits(budgetBytes)))
      : fits(budgetBytes);
  const again = typeof batches === 'function' ? batches : () => batches.of(size);
  // Every pass runs the model again: where the values of a single sample fit, one pass is worth its memory.
  const onePass = size === 1 && options.budgetBytes === undefined ? mostForOnePass : 0;
  const groups = grouped(names, sizes, Math.max(budgetBytes / size, onePass));
  const counted = new Map<string, ValueCounts>();
  const batchSize = typeof batches === 'function' ? options.batchSize : size;
  const keeper = new OutputKeeper(model, options.keepOutputs ?? 0);
  const folder = await temporaryFolder('calibrate');
  let done = 0;
  try {
    await useRunner(options.runner, task, async (runner) => {
      for (const [i, group] of groups.entries()) {
        const path = join(folder, `part${i}.onnx`);
        // The first pass sees every sample, as the others do.
        const wanted = () => (i === 0 ? keeper.wanted(batchSize) : []);
        await writeWorkingCopy(withOutputs(model, group, wanted().length > 0), path, task);
        const session = await runner.load(path, { threads, config: sleepingThreads }, task);
        for await (const feeds of again()) {
          await breathe(task);
          keeper.take(await session.countValues(feeds, group, task, wanted()));
          done += 1;
          const most = total === undefined ? undefined : total * groups.length;
          const reached = Math.min(done * size, most ?? Infinity);
          task.report({
            stage: 'Calibrating',
            done: reached,
            ...(most === undefined ? {} : { total: most }),
          });
        }
        for (const [name, counts] of await session.countedValues(task)) counted.set(name, counts);
        await session.release();
        await rm(path, { force: true });
      }
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  const kept = batchSize === undefined ? undefined : keeper.kept(batchSize);
  return { ...toldApart(counted), batches: done / groups.length, kept };
}

function toldApart(counted: ReadonlyMap<string, ValueCounts>): Omit<Counted, 'batches' | 'kept'> {
  const ranges = new Map<string, ValueRange>();
  const histograms = new Map<string, Histogram>();
  const diagnostics: Diagnostic[] = [];
  for (const [name, { counts, zeros, from, to, min, max, finite }] of counted) {
    if (!finite) diagnostics.push(notFinite(name));
    else if (min <= max) ranges.set(name, { min, max });
    if (finite && min < max) histograms.set(name, { counts, zeros, min: from, max: to });
  }
  return { ranges, histograms, diagnostics };
}

/** Bytes of each value in the first batch: by its shape, or where that is not known by running it. */
async function bytesOf(
  model: Model,
  names: readonly string[],
  batches: () => AsyncIterable<Feeds>,
  options: HistogramOptions,
  task: Task,
): Promise<ReadonlyMap<string, number>> {
  const first = firstOf(batches());
  const feeds = await first.next();
  await first.return(undefined);
  if (feeds.done === true) throw badRequest('The calibration set is empty; give at least one sample.');
  const { types } = inferShapes(model, { bind: dimensionsOf(model, feeds.value) });
  const sizes = new Map<string, number>();
  for (const name of names) {
    const dims = types.get(name)?.dims;
    if (!dims?.every((dim) => typeof dim === 'number')) break;
    sizes.set(name, 4 * dims.reduce((a, b) => a * b, 1));
  }
  if (sizes.size === names.length) return sizes;
  const { threads, runner } = options;
  const pilot = { withSizes: true, runner, ...(threads === undefined ? {} : { threads }) };
  const quiet: Task = { signal: task.signal, report: () => undefined };
  const { elements } = await collectRanges(model, names, firstOf(batches()), pilot, quiet);
  return new Map(names.map((name) => [name, 4 * (elements.get(name) ?? 0)]));
}

async function* firstOf<T>(items: AsyncIterable<T>): AsyncGenerator<T, undefined> {
  for await (const item of items) {
    yield item;
    return undefined;
  }
  return undefined;
}

/** Neighbours together, up to the budget; a tensor that exceeds it alone goes alone. */
function grouped(names: readonly string[], sizes: ReadonlyMap<string, number>, budget: number): string[][] {
  const groups: string[][] = [];
  let room = 0;
  for (const name of names) {
    const size = sizes.get(name)!;
    if (groups.length === 0 || size > room) {
      groups.push([]);
      room = budget;
    }
    groups.at(-1)!.push(name);
    room -= size;
  }
  return groups;
}

/** A copy of the model whose outputs are these values, beside its own if they are wanted. */
function withOutputs(model: Model, names: readonly string[], own: boolean): Model {
  const counted = new Set(names);
  const outputs = [
    ...names.map((name) => valueInfo(name, DataType.FLOAT)),
    ...(own ? model.graph.outputs.filter(({ name }) => !counted.has(name)) : []),
  ];
  return { ...model, graph: { ...model.graph, outputs } };
}
