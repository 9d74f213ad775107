// What pruning, splitting and clustering of a file have in common: refuse what may not be written, read the model and
// the data, and in the end check that the result runs, write it and compare its outputs. What is done between is the
// recipe's. The model itself is never written over.

import { resolve } from 'node:path';
import { modelCost } from '../analysis/cost/cost';
import { summarize } from '../analysis/summary';
import type { Diagnostic } from '../base/diagnostic';
import type { Task } from '../base/task';
import { loadDataset, type Dataset } from '../evaluate/dataset';
import { workThreads } from '../evaluate/evaluate';
import type { OutputError } from '../evaluate/outputError';
import { suitableBatch } from '../evaluate/predict';
import { refuseNaN } from '../evaluate/refuseNaN';
import type { Model } from '../ir/model';
import type { ReadResult } from '../onnx/readModel';
import { readTensorBytes } from '../onnx/tensorData';
import { writeModel } from '../onnx/writeModel';
import { smallConstants } from '../passes/facts';
import type { TensorReader } from '../passes/tensorReader';
import { collectGrams, type Gram } from '../runtime/calibrate/gram';
import { withRunner } from '../runtime/runner/runnerProcess';
import type { Feeds, SessionValue } from '../runtime/runner/session';
import { checkRuns } from './verify/checkShapes';
import { checkOutput, readSound } from './modelFiles';
import { outputError } from './quantize/quantizeCheck';

export interface ReworkOptions {
  /** Path to write. */
  readonly output: string;
  /** Path of an .npz file with arrays named like the inputs; labels are not used. */
  readonly calibration?: string | undefined;
  /** At most this many samples; all when absent. */
  readonly calibrationSamples?: number | undefined;
  /** Replace an existing output (never the model or the data). */
  readonly overwrite?: boolean | undefined;
}

export interface ModelSize {
  parameters: number;
  /** For one sample; null when a dimension is unknown. */
  macs: number | null;
  fileBytes: number;
}

/** Calibration data with what iterating over it needs. */
export interface CalibrationData extends Dataset {
  readonly feeds: () => AsyncGenerator<Feeds>;
  /** Batches that `feeds` gives. */
  readonly total: number;
}

/** Rows of a layer's input that are summed at the most. */
export const mostRows = 50_000;

/** A model file with everything that working on its weights needs. */
export interface OpenModel {
  readonly path: string;
  readonly original: Model;
  readonly before: ModelSize;
  readonly inputs: readonly SessionValue[];
  readonly data: CalibrationData | undefined;
  readonly read: TensorReader;
  /** What was noticed so far. */
  readonly diagnostics: Diagnostic[];
}

/** A model file that is being reworked into another. */
export interface Rework extends OpenModel {
  readonly output: string;
  readonly overwrite: boolean;
  /** "pruned", "split". */
  readonly done: string;
}

/** Reads what is needed; throws `conflict`, `invalidModel`, `badRequest` (data that does not fit) and `runnerFailed`. */
export async function openRework(
  path: string,
  options: ReworkOptions,
  done: string,
  task: Task,
): Promise<Rework> {
  const output = resolve(options.output);
  checkOutput(path, output, options);
  return {
    ...(await openModel(path, options, done, task)),
    output,
    overwrite: options.overwrite === true,
    done,
  };
}

/** Reads a model and the data for it; `done` says what cannot be done with a broken one. */
export async function openModel(
  path: string,
  options: Pick<ReworkOptions, 'calibration' | 'calibrationSamples'>,
  done: string,
  task: Task,
): Promise<OpenModel> {
  task.report({ stage: 'Reading' });
  const found: ReadResult & { readonly model: Model } = await readSound(path, done, task);
  const inputs = await withRunner(task, async (runner) => (await runner.load(path, {}, task)).inputs);
  const data = await openData(options, inputs, task);
  const read: TensorReader = (tensor) => readTensorBytes(tensor, undefined, task);
  const fileBytes = found.fileBytes + found.externalBytes;
  return {
    path,
    original: found.model,
    before: { ...(await sizeOf(found.model, read)), fileBytes },
    inputs,
    data,
    read,
    diagnostics: [...found.diagnostics],
  };
}

/** Checks that the result runs (unless it is the original), writes it, and compares its outputs with the original's. */
export async function writeRework(
  work: Rework,
  result: Model,
  task: Task,
): Promise<{ after: ModelSize; error: OutputError | null }> {
  const { path, output, overwrite, inputs, data, diagnostics, read } = work;
  if (result !== work.original) await checkRuns(path, result, work.done, task);
  task.report({ stage: 'Writing' });
  const { fileBytes } = await writeModel(result, output, { overwrite }, task);
  task.report({ stage: 'Checking' });
  const error = await outputError(path, output, 'static', inputs, data, diagnostics, task);
  return { after: { ...(await sizeOf(result, read)), fileBytes }, error };
}

/** XᵀX of what the named layers read; undefined without data. */
export async function gramsOf(
  model: Model,
  layers: readonly string[],
  data: CalibrationData | undefined,
  task: Task,
): Promise<Map<string, Gram> | undefined> {
  if (!data) return undefined;
  const options = { maxRows: mostRows, total: data.total, threads: workThreads() };
  return collectGrams(model, layers, data.feeds, options, task);
}

async function openData(
  { calibration, calibrationSamples }: Pick<ReworkOptions, 'calibration' | 'calibrationSamples'>,
  inputs: readonly SessionValue[],
  task: Task,
): Promise<CalibrationData | undefined> {
  if (calibration === undefined) return undefined;
  const dataset = await loadDataset(calibration, inputs, { maxSamples: calibrationSamples }, task);
  await refuseNaN(dataset, task);
  const size = dataset.fixedBatch ?? suitableBatch(dataset);
  return {
    ...dataset,
    total: Math.ceil(dataset.samples / size),
    async *feeds() {
      for await (const { feeds } of dataset.batches(size)) yield feeds;
    },
  };
}

/** Parameters and multiply-accumulates of a model. */
async function sizeOf(
  model: Model,
  read: TensorReader,
): Promise<{ parameters: number; macs: number | null }> {
  const numbers = await smallConstants(model, read);
  const { macs } = modelCost(model, { constants: (tensor) => numbers.get(tensor) });
  return { parameters: summarize(model).parameters, macs };
}
