// Smallest and largest value that each float value of a model takes over calibration data. ONNX Runtime
// does the work: reductions are added to a copy of the graph, so only two numbers a value leave a run.

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '../../host/temporaryFolder';
import type { Diagnostic } from '../../base/diagnostic';
import { badRequest } from '../../base/errors';
import { breathe, type Task } from '../../base/task';
import type { Model } from '../../ir/model';
import { chooseBatch, type SizedBatches } from './calibrationBatch';
import { measuredGraph } from './calibrationGraph';
import { OutputKeeper, type KeptOutputs } from './keptOutputs';
import { useRunner } from '../runner/runnerProcess';
import { sleepingThreads, type Feeds, type Runner } from '../runner/session';
import { writeWorkingCopy } from '../runner/workingCopy';

export interface ValueRange {
  readonly min: number;
  readonly max: number;
}

export interface CalibrationOptions {
  /** Batches that will come, for progress; for batches of any size the samples that will. */
  readonly total?: number;
  /** Threads inside an operator; 1 when absent. */
  readonly threads?: number;
  /** Follow the batches' ranges with this weight of the newest, instead of taking the widest. */
  readonly movingAverage?: number;
  /** Measure how many elements each value has in a batch. */
  readonly withSizes?: boolean;
  /** A runner to use; one of its own when absent. */
  readonly runner?: Runner | undefined;
  /** Keep the model's outputs for this many of the first samples, where they take less than 16 MiB. */
  readonly keepOutputs?: number | undefined;
}

export interface Calibration {
  /** By value name; a value that was not finite, or always empty, is missing. */
  readonly ranges: Map<string, ValueRange>;
  /** Values whose range is not finite. */
  readonly diagnostics: Diagnostic[];
  /** Most elements that each value had in a batch; empty unless they were asked for. */
  readonly elements: Map<string, number>;
  /** Batches that were run. */
  readonly batches: number;
  /** Samples in each of them; absent when the caller made the batches. */
  readonly batchSize?: number;
  /** Present when they were asked for and were not too large. */
  readonly kept?: KeptOutputs | undefined;
}

/**
 * Runs the model over batches of inputs and returns each value's range. `values` are names of float
 * tensors of the main graph: inputs, outputs or any between. Memory does not grow with the data; batches that
 * may have any size get one by the memory that the model takes for a sample.
 * Throws `badRequest` when there is no batch or a batch does not fit the inputs (by name, shape and dtype),
 * `runnerFailed` when ONNX Runtime cannot run the model.
 */
export async function collectRanges(
  model: Model,
  values: readonly string[],
  batches: AsyncIterable<Feeds> | SizedBatches,
  options: CalibrationOptions,
  task: Task,
): Promise<Calibration> {
  // Data that can be asked for again lets the first pass look for NaN at the model's ends only.
  const again = Symbol.asyncIterator in batches ? undefined : batches;
  const first = await measure(model, values, batches, { ...options, lean: again !== undefined }, task);
  if (again === undefined || !first.lost) return first;
  return measure(model, values, again, { ...options, lean: false }, task);
}

async function measure(
  model: Model,
  values: readonly string[],
  batches: AsyncIterable<Feeds> | SizedBatches,
  options: CalibrationOptions & { readonly lean: boolean },
  task: Task,
): Promise<Calibration & { readonly lost: boolean }> {
  const names = [...new Set(values)];
  const found = new Map<string, { min: number; max: number; broken: boolean }>();
  for (const name of names) found.set(name, { min: Infinity, max: -Infinity, broken: false });
  const measured = measuredGraph(model, names, { sizes: options.withSizes, lean: options.lean });
  const elements = new Map<string, number>();
  const folder = await temporaryFolder('calibrate');
  let done = 0;
  let missed = 0;
  let batchSize: number | undefined;
  const keeper = new OutputKeeper(model, options.keepOutputs ?? 0);
  try {
    const path = join(folder, 'model.onnx');
    await writeWorkingCopy(measured.model, path, task);
    await useRunner(options.runner, task, async (runner) => {
      // The values that are reduced stay, whatever is fused around them.
      const session = await runner.load(
        path,
        { threads: options.threads ?? 1, config: sleepingThreads },
        task,
      );
      const sized = Symbol.asyncIterator in batches ? undefined : batches;
      batchSize = sized && (await chooseBatch(sized, runner, session, model, measured.outputs, task));
      const source = Symbol.asyncIterator in batches ? batches : batches.of(batchSize!);
      for await (const feeds of source) {
        await breathe(task);
        const results = await session.run(feeds, task, [...measured.outputs, ...keeper.wanted(batchSize)]);
        keeper.take(results);
        names.forEach((name, index) => {
          const range = found.get(name)!;
          const { min, max, size, finite } = measured.scalars(results, index);
          if (size !== undefined) elements.set(name, Math.max(size, elements.get(name) ?? 0));
          if (!finite) range.broken = true;
          follow(range, min, max, options.movingAverage);
        });
        if (measured.lostElsewhere(results)) missed += 1;
        done += 1;
        const { total } = options;
        const reached = total === undefined ? done : Math.min(total, done * (batchSize ?? 1));
        task.report({ stage: 'Calibrating', done: reached, ...(total === undefined ? {} : { total }) });
      }
      await session.release();
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  if (done === 0) throw badRequest('The calibration set is empty; give at least one sample.');

  const ranges = new Map<string, ValueRange>();
  const diagnostics: Diagnostic[] = [];
  for (const [name, { min, max, broken }] of found) {
    if (broken) diagnostics.push(notFinite(name));
    // A value that was empty in every batch has no range.
    else if (min <= max) ranges.set(name, { min, max });
  }
  return {
    ranges,
    diagnostics,
    elements,
    batches: done,
    lost: missed > 0 || diagnostics.length > 0,
    ...(batchSize === undefined ? {} : { batchSize, kept: keeper.kept(batchSize) }),
  };
}

/** Widens a range by that of a batch, or moves it towards it; an empty batch changes nothing. */
function follow(
  range: { min: number; max: number },
  min: number,
  max: number,
  weight: number | undefined,
): void {
  if (!(min <= max)) return;
  if (weight === undefined || range.min > range.max) {
    range.min = Math.min(range.min, min);
    range.max = Math.max(range.max, max);
    return;
  }
  range.min += weight * (min - range.min);
  range.max += weight * (max - range.max);
}

/** A value that quantizing must leave alone. */
export const notFinite = (name: string): Diagnostic => ({
  id: 'calibrate/not-finite',
  severity: 'warning',
  message: `Value "${name}" became infinite or not a number on the calibration data; what depends on its range stays in float. Check the samples and the model.`,
  where: { value: name },
});
