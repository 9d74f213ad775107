// What is checked of a quantized file: which nodes run in integers, how far its outputs moved, and how far they
// would move on another processor.

import { mkdtemp, rm, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Diagnostic } from '../base/diagnostic';
import { messageOf, SlipwayError } from '../base/errors';
import { throwIfCancelled, type Task } from '../base/task';
import type { Dataset } from '../evaluate/dataset';
import {
  compareOutputs,
  compareSessions,
  type ComparedBatch,
  type OutputError,
} from '../evaluate/outputError';
import { suitableBatch } from '../evaluate/predict';
import type { Model } from '../ir/model';
import { writeModel } from '../onnx/writeModel';
import { emulateSaturation } from '../passes/quantize/emulateSaturation';
import type { QuantizeOutcome } from '../passes/quantize/outcome';
import type { TensorReader } from '../passes/tensorReader';
import { fusionReport, type FusionReport } from '../runtime/fusionReport';
import { generateInputs } from '../runtime/generateInputs';
import { withRunner } from '../runtime/runnerProcess';
import type { SessionValue } from '../runtime/session';
import type { Emulation, QuantizeOptions } from './quantizeOptions';

/** Outputs are compared on at most this many samples. */
const comparedSamples = 64;
/** Inputs that are made up where there is no data. */
const generatedSamples = 8;

/** The fusion report; a file that ONNX Runtime cannot load is taken away again. */
export async function checkFusion(
  original: Model,
  outcome: QuantizeOutcome,
  files: readonly string[],
  task: Task,
): Promise<FusionReport> {
  const planned = new Map(outcome.left.map(({ node, why }) => [node, why]));
  try {
    return await fusionReport(original, files[0]!, task, planned);
  } catch (error) {
    throwIfCancelled(task);
    if (error instanceof SlipwayError && error.kind === 'runnerFailed') {
      for (const file of files) await unlink(file).catch(() => undefined);
    }
    throw error;
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
  try {
    const batches = dataset ? samplesOf(dataset, method) : generatedBatches(inputs);
    return await compareOutputs(original, changed, batches, task);
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

/** The first samples in batches. Dynamic ranges are taken over a whole batch: one at a time gives what a service will give. */
export async function* samplesOf(
  dataset: Dataset,
  method: QuantizeOptions['method'],
  limit = comparedSamples,
): AsyncGenerator<ComparedBatch> {
  let left = limit;
  for await (const { feeds, count } of dataset.batches(method === 'dynamic' ? 1 : suitableBatch(dataset))) {
    yield { feeds, count: Math.min(count, left) };
    left -= count;
    if (left <= 0) return;
  }
}

function* generatedBatches(inputs: readonly SessionValue[]): Generator<ComparedBatch> {
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
  task: Task,
): Promise<Emulation> {
  task.report({ stage: 'Emulating AVX2' });
  const made = await emulateSaturation(quantized, read, task);
  const folder = await mkdtemp(join(tmpdir(), 'slipway-emulate-'));
  try {
    const path = join(folder, 'model.onnx');
    await writeModel(made.model, path, {}, { signal: task.signal, report: () => undefined });
    const error = await withRunner(task, async (runner) => {
      const a = await runner.load(original, {}, task);
      // Fusing would bring this machine's own arithmetic back.
      const b = await runner.load(path, { graphOptimization: 'disabled' }, task);
      return compareSessions(a, b, samplesOf(dataset, 'static'), { label: 'the AVX2 emulation' }, task);
    });
    return { target: 'avx2', dangerousPairs: made.dangerous, pairs: made.pairs, error };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
