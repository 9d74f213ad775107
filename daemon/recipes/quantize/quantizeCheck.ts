// What is checked of a quantized file: which nodes run in integers, how far its outputs moved, and how far they
// would move on another processor.

import { rm, unlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { temporaryFolder } from '../../host/temporaryFolder';
import type { Diagnostic } from '../../base/diagnostic';
import { messageOf, SlipwayError } from '../../base/errors';
import { throwIfCancelled, type Task } from '../../base/task';
import type { Dataset } from '../../evaluate/dataset';
import { workThreads } from '../../evaluate/evaluate';
import {
  compareOutputs,
  compareSessions,
  type ComparedBatch,
  type OutputError,
  type OutputSource,
} from '../../evaluate/outputError';
import { suitableBatch } from '../../evaluate/predict';
import type { Model } from '../../ir/model';
import { emulateSaturation } from '../../passes/quantize/emulateSaturation';
import type { QuantizeOutcome } from '../../passes/quantize/outcome';
import type { TensorReader } from '../../passes/tensorReader';
import type { KeptOutputs } from '../../runtime/calibrate/keptOutputs';
import { fusionReport, type FusionReport } from '../../runtime/fusion/fusionReport';
import { generateInputs } from '../../runtime/generateInputs';
import {
  sleepingThreads,
  type Runner,
  type RunnerSession,
  type SessionValue,
} from '../../runtime/runner/session';
import { withMappedModel, writeWorkingCopy } from '../../runtime/runner/workingCopy';
import { signedAsOnArm, withModelFile } from './integerOperators';
import type { Emulation, QuantizeOptions } from './quantizeOptions';

/** Outputs are compared on at most this many samples, a few at a time. */
export const comparedSamples = 32;
const comparedBatch = 8;
/** Inputs that are made up where there is no data. */
const generatedSamples = 8;

/** What is known of a quantized file. */
export interface Checked {
  readonly fusion: FusionReport;
  /** Null, with a note, when the outputs could not be compared. */
  readonly error: OutputError | null;
}

export interface CheckInput {
  /** Path of the original. */
  readonly path: string;
  readonly original: Model;
  readonly outcome: QuantizeOutcome;
  /** Files that were written, the model first. */
  readonly files: readonly string[];
  readonly method: QuantizeOptions['method'];
  readonly inputs: readonly SessionValue[];
  readonly dataset: Dataset | undefined;
  /** Whether `files` hold fused operators, whose names tell nothing: then the steps they were made of are looked at. */
  readonly fused: boolean;
  /** Whether what runs in integers is asked for an ARM processor, wherever this is. */
  readonly forArm: boolean;
  /** What calibration saw the float model give. */
  readonly kept?: KeptOutputs | undefined;
  /** Whether calibration ran the original just as it is. */
  readonly untouched: boolean;
}

/**
 * The fusion report and the error of the outputs, from one session of the quantized file and one of the original.
 * A file that ONNX Runtime cannot load is taken away again.
 */
export async function checkQuantized(
  input: CheckInput,
  notes: Diagnostic[],
  runner: Runner,
  task: Task,
): Promise<Checked> {
  const { path, original, outcome, files, method, inputs, dataset } = input;
  const planned = new Map(outcome.left.map(({ node, why }) => [node, why]));
  const given = outcome.model.graph;
  const threads = workThreads();
  const label = basename(files[0]!);
  // Before the quantized model is there, so that two sessions are not held at once.
  const earlier = await noted(notes, task, async () => ({
    kept: dataset && (await earlierOutputs(input, dataset, runner, task)),
  }));
  const compare = async (changed: RunnerSession) =>
    earlier &&
    noted(notes, task, async () => {
      if (dataset && earlier.kept) {
        const { source, size } = earlier.kept;
        const batches = samplesOf(dataset, method, comparedSamples, size);
        return compareSessions(source, changed, batches, { label }, task);
      }
      const session = await runner.load(path, { threads, config: sleepingThreads }, task);
      const batches = dataset ? samplesOf(dataset, method) : generatedBatches(inputs);
      const error = await compareSessions(session, changed, batches, { label }, task);
      await session.release();
      return error;
    });
  let error: OutputError | null = null;
  const config = input.fused || input.forArm ? signedAsOnArm : undefined;
  const report = async (file: string, use?: (session: RunnerSession) => Promise<void>) =>
    fusionReport(original, file, { planned, given, runner, threads, config, use }, task);
  const whole = async (session: RunnerSession) => {
    error = await compare(session);
  };
  try {
    if (!input.fused) return { fusion: await report(files[0]!, whole), error };
    const fusion = await withModelFile(outcome.model, (file) => report(file), task);
    await whole(await runner.load(files[0]!, { threads, config: sleepingThreads }, task));
    return { fusion, error };
  } catch (failure) {
    throwIfCancelled(task);
    if (failure instanceof SlipwayError && failure.kind === 'runnerFailed') {
      for (const file of files) await unlink(file).catch(() => undefined);
    }
    throw failure;
  }
}

/** Two runs of the same float model in other batches, or with folded constants, agree at least so far. */
const sameDb = 60;

/**
 * The float model's outputs as calibration saw them, with the size of its batches. A model that was simplified for it
 * must first give on one batch what the original gives; undefined when it does not, or when nothing was kept.
 */
async function earlierOutputs(
  { kept, untouched, original, path }: CheckInput,
  dataset: Dataset,
  runner: Runner,
  task: Task,
): Promise<{ readonly source: OutputSource; readonly size: number } | undefined> {
  const [first] = kept?.batches ?? [];
  if (!kept || !first) return undefined;
  const outputs = Object.keys(first).map((name) => ({ name }));
  const size = kept.batchSize;
  const given = (): OutputSource => {
    let next = 0;
    return { outputs, run: () => Promise.resolve(kept.batches[next++]!) };
  };
  if (!untouched) {
    const some = samplesOf(dataset, 'static', 1, size);
    const label = 'the simplified model';
    const { sqnrDb } = await onOriginal(original, path, runner, task, (session) =>
      compareSessions(session, given(), some, { label }, task),
    );
    if (sqnrDb < sameDb) return undefined;
  }
  return { source: given(), size };
}

/** For a run or two: what a session prepares takes longer than it saves, and a large model's weights are mapped. */
async function onOriginal<T>(
  original: Model,
  path: string,
  runner: Runner,
  task: Task,
  work: (session: RunnerSession) => Promise<T>,
): Promise<T> {
  const config = { ...sleepingThreads, 'session.disable_prepacking': '1' };
  const options = { graphOptimization: 'disabled', threads: workThreads(), config } as const;
  return withMappedModel(original, path, task, async (file) => {
    const session = await runner.load(file, options, task);
    const result = await work(session);
    await session.release();
    return result;
  });
}

/** What `compare` finds, or null with a note when one of the models cannot be run on the samples. */
async function noted<T>(notes: Diagnostic[], task: Task, compare: () => Promise<T>): Promise<T | null> {
  try {
    return await compare();
  } catch (error) {
    throwIfCancelled(task);
    if (!(error instanceof SlipwayError) || error.kind === 'cancelled') throw error;
    notes.push({
      id: 'quantize/no-comparison',
      severity: 'warning',
      message: `The outputs could not be compared with the original's: ${messageOf(error)}`,
    });
    return null;
  }
}

/** How far the outputs moved; null, with a note, when one of the models cannot be run on the samples. */
export async function outputError(
  original: string,
  changed: string,
  method: QuantizeOptions['method'],
  inputs: readonly SessionValue[],
  dataset: Dataset | undefined,
  notes: Diagnostic[],
  task: Task,
): Promise<OutputError | null> {
  return noted(notes, task, () =>
    compareOutputs(original, changed, dataset ? samplesOf(dataset, method) : generatedBatches(inputs), task),
  );
}

/** The first samples in batches. Dynamic ranges are taken over a whole batch: one at a time gives what a service will give. */
export async function* samplesOf(
  dataset: Dataset,
  method: QuantizeOptions['method'],
  limit = comparedSamples,
  batch = comparedBatch,
): AsyncGenerator<ComparedBatch> {
  let left = limit;
  const size = method === 'dynamic' ? 1 : Math.min(batch, suitableBatch(dataset));
  for await (const { feeds, count } of dataset.batches(size)) {
    yield { feeds, count: Math.min(count, left) };
    left -= count;
    if (left <= 0) return;
  }
}

/** Made-up inputs, where there is no data. */
export function* generatedBatches(inputs: readonly SessionValue[]): Generator<ComparedBatch> {
  for (let seed = 1; seed <= generatedSamples; seed += 1) {
    const { feeds, batch } = generateInputs(inputs, { seed });
    yield { feeds, count: batch };
  }
}

/** Runs the quantized model as AVX2 without VNNI would, and compares with the original. */
export async function emulate(
  original: string,
  quantized: Model,
  read: TensorReader,
  dataset: Dataset,
  runner: Runner,
  task: Task,
): Promise<Emulation> {
  task.report({ stage: 'Emulating AVX2' });
  const made = await emulateSaturation(quantized, read, task);
  const folder = await temporaryFolder('emulate');
  try {
    const path = join(folder, 'model.onnx');
    await writeWorkingCopy(made.model, path, task);
    const a = await runner.load(original, {}, task);
    // Fusing would bring this machine's own arithmetic back.
    const b = await runner.load(path, { graphOptimization: 'disabled' }, task);
    const label = 'the AVX2 emulation';
    const error = await compareSessions(a, b, samplesOf(dataset, 'static'), { label }, task);
    return { target: 'avx2', dangerousPairs: made.dangerous, pairs: made.pairs, error };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
