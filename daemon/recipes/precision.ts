// Makes a half-precision version of a model file: read, measure ranges where data is given, convert or store, write,
// and then check what was made by running it. How nodes are chosen and rewritten is in passes/precision; the model
// itself is never written over.

import { mkdtemp, rm, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import type { Diagnostic } from '../base/diagnostic';
import { messageOf, SlipwayError, unsupported } from '../base/errors';
import { silentTask, throwIfCancelled, type Task } from '../base/task';
import { loadDataset, type Dataset } from '../evaluate/dataset';
import { workThreads } from '../evaluate/evaluate';
import {
  compareOutputs,
  compareSessions,
  type ComparedBatch,
  type OutputError,
} from '../evaluate/outputError';
import { suitableBatch } from '../evaluate/predict';
import type { Model } from '../ir/model';
import { readTensorBytes } from '../onnx/tensorData';
import { writeModel } from '../onnx/writeModel';
import { inferTypes } from '../passes/facts';
import { runPass } from '../passes/pass';
import { convertToHalf, type HalfOptions, type HalfOutcome } from '../passes/precision/convert';
import { bfloat16, float16 } from '../passes/precision/format';
import { idlePatterns } from '../passes/precision/patterns';
import { searchHalf } from '../passes/precision/search';
import { storeAsHalf } from '../passes/precision/storage';
import { inlineFunctions } from '../passes/simplify/inlineFunctions';
import { initializersOutOfInputs } from '../passes/simplify/initializersOutOfInputs';
import type { TensorReader } from '../passes/tensorReader';
import { collectRanges, type ValueRange } from '../runtime/calibrate';
import { generateInputs } from '../runtime/generateInputs';
import { withRunner, type RunnerProcess } from '../runtime/runnerProcess';
import type { Feeds, SessionValue } from '../runtime/session';
import { checkOutput, readSound } from './modelFiles';
import type { Quantized } from './quantize';

export interface PrecisionOptions {
  readonly method: 'fp16' | 'bf16';
  /**
   * `storage` (when absent): weights in half, arithmetic in float32; `compute`: nodes compute in half; `search`:
   * compute, and find the nodes that must stay float32 for the outputs to be near enough.
   */
  readonly mode?: 'storage' | 'compute' | 'search' | undefined;
  /** Path to write. */
  readonly output: string;
  /** Operator types, node names or patterns that stay float32. */
  readonly keep?: readonly string[] | undefined;
  /** Inputs and outputs become half as well. */
  readonly halfIo?: boolean | undefined;
  /** Path of an .npz file; ranges are measured on it, and the error. */
  readonly calibration?: string | undefined;
  readonly calibrationSamples?: number | undefined;
  /** `search`: signal-to-noise ratio that the outputs must have, dB; 50 when absent. */
  readonly minSqnrDb?: number | undefined;
  /** `search`: trials at the most; 60 when absent. */
  readonly maxTrials?: number | undefined;
  /** Replace an existing output (never the model or the data). */
  readonly overwrite?: boolean | undefined;
}

const defaultSqnrDb = 50;
const defaultTrials = 60;
/** Outputs are compared on at most this many samples, in the search on fewer. */
const comparedSamples = 64;
const searchSamples = 16;
/** Inputs that are made up where there is no data. */
const generatedSamples = 4;
/** Operators that are put back to float32 because ONNX Runtime refuses them, at the most. */
const mostRefusals = 8;

interface Work {
  readonly path: string;
  readonly model: Model;
  readonly read: TensorReader;
  readonly inputs: readonly SessionValue[];
  readonly dataset: Dataset | undefined;
  readonly options: PrecisionOptions;
  readonly notes: Diagnostic[];
}

/**
 * Writes a half-precision version of the model at `path`. Throws `invalidModel`, `badRequest` when data does not
 * fit, `conflict` when the output exists, `unsupported` when there is nothing to convert or the operator set is too
 * old, `runnerFailed` when ONNX Runtime refuses the original or what was made.
 */
export async function convertPrecision(
  path: string,
  options: PrecisionOptions,
  task: Task,
): Promise<Quantized> {
  const output = resolve(options.output);
  checkOutput(path, output, options);
  task.report({ stage: 'Reading' });
  const { model, diagnostics, fileBytes, externalBytes } = await readSound(path, 'converted', task);
  const inputs = await withRunner(task, async (runner) => (await runner.load(path, {}, task)).inputs);
  const dataset =
    options.calibration === undefined
      ? undefined
      : await loadDataset(options.calibration, inputs, { maxSamples: options.calibrationSamples }, task);
  const inlined = await runPass(model, inlineFunctions, task);
  const plain = await runPass(inlined.model, initializersOutOfInputs, task);
  const notes: Diagnostic[] = [...(inlined.notes ?? [])];
  for (const pattern of idlePatterns(options.keep ?? [], model.graph.nodes))
    notes.push({
      id: 'precision/idle-pattern',
      severity: 'warning',
      message: `"${pattern}" names no operator and no node of the main graph, so it kept nothing in float32.`,
    });
  const read: TensorReader = (tensor) => readTensorBytes(tensor, undefined, task);
  const work: Work = { path, model: plain.model, read, inputs, dataset, options, notes };
  const outcome = await convert(work, task);
  if (!outcome.modified) throw nothing(options, outcome);

  task.report({ stage: 'Writing' });
  const written = await writeModel(outcome.model, output, { overwrite: options.overwrite === true }, task);
  task.report({ stage: 'Checking' });
  const error = isStorage(options)
    ? await outputError(work, output, written.files, task)
    : await emulatedError(work, outcome, task);
  return {
    output,
    before: { fileBytes: fileBytes + externalBytes },
    after: { fileBytes: written.fileBytes },
    quantizedNodes: outcome.converted.length,
    fusion: {
      integer: 0,
      float: isStorage(options) ? model.graph.nodes.length : outcome.converted.length + outcome.left.length,
      left: outcome.left.map((each) => ({ ...each })),
    },
    error,
    diagnostics: [
      ...diagnostics,
      ...(plain.notes ?? []),
      ...(dataset?.notes ?? []).map((message): Diagnostic => ({
        id: 'data/note',
        severity: 'info',
        message,
      })),
      ...notes,
      ...(outcome.notes ?? []),
    ],
  };
}

const isStorage = ({ mode }: PrecisionOptions) => mode === undefined || mode === 'storage';

function nothing({ method, mode }: PrecisionOptions, outcome: HalfOutcome): SlipwayError {
  const why = outcome.left[0]?.why;
  const what = mode === undefined || mode === 'storage' ? 'no float32 weight' : 'no float32 node';
  return unsupported(
    `There is nothing to convert to ${method}: the model has ${what} that can be.${why === undefined ? '' : ` ${outcome.left[0]!.node}: ${why}`}`,
  );
}

async function convert(work: Work, task: Task): Promise<HalfOutcome> {
  const { options, model, read, notes } = work;
  const format = options.method === 'fp16' ? float16 : bfloat16;
  const keep = options.keep ?? [];
  if (isStorage(options)) return runPass(model, storeAsHalf(read, { format, keep }), task);
  const ranges =
    work.dataset && options.method === 'fp16' ? await measure(work, work.dataset, task) : undefined;
  const half: HalfOptions = {
    format,
    keep,
    ...(options.halfIo === undefined ? {} : { halfIo: options.halfIo }),
    ...(ranges === undefined ? {} : { ranges }),
  };
  if (options.method === 'bf16') {
    notes.push({
      id: 'precision/not-run',
      severity: 'warning',
      message:
        "ONNX Runtime's CPU provider has no bfloat16 kernels, so the converted model was not run here and its error is a CPU's emulation; use it with a provider that has them, or store weights as bfloat16 instead.",
    });
    return runPass(model, convertToHalf(read, half), task);
  }
  notes.push({
    id: 'precision/cpu',
    severity: 'info',
    message:
      'The model computes in float16, which is for GPUs and NPUs: on a CPU, ONNX Runtime casts around most operators and is not faster. For a CPU, float16 storage gives the same size at full speed.',
  });
  const folder = await mkdtemp(join(tmpdir(), 'slipway-precision-'));
  try {
    const trial = join(folder, 'model.onnx');
    const first = await loadable(work, half, trial, task);
    return options.mode === 'search' ? await search(work, half, first, trial, task) : first.outcome;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Smallest and largest value of every float value of the main graph. */
async function measure(
  { model, read, notes }: Work,
  dataset: Dataset,
  task: Task,
): Promise<ReadonlyMap<string, ValueRange>> {
  const types = await inferTypes(model, read);
  const constants = new Set(model.graph.initializers.map((tensor) => tensor.name));
  const values = [
    ...model.graph.inputs.map((input) => input.name),
    ...model.graph.nodes.filter(({ opType }) => opType !== 'Constant').flatMap(({ outputs }) => outputs),
  ].filter((name) => name !== '' && !constants.has(name) && types.types.get(name)?.dtype === 'float');
  const size = dataset.fixedBatch ?? suitableBatch(dataset);
  const total = Math.ceil(dataset.samples / size);
  const options = { total, threads: workThreads() };
  const { ranges, diagnostics } = await collectRanges(model, values, feedsOf(dataset, size), options, task);
  notes.push(...diagnostics);
  return ranges;
}

async function* feedsOf(dataset: Dataset, size: number): AsyncGenerator<Feeds> {
  for await (const { feeds } of dataset.batches(size)) yield feeds;
}

interface Loadable {
  readonly outcome: HalfOutcome;
  /** The block list with what ONNX Runtime refused. */
  readonly keep: readonly string[];
}

/** Converts, and puts operators that ONNX Runtime does not load in half back to float32. */
async function loadable(work: Work, half: HalfOptions, trial: string, task: Task): Promise<Loadable> {
  const keep = [...(half.keep ?? [])];
  for (;;) {
    const outcome = await runPass(work.model, convertToHalf(work.read, { ...half, keep }), task);
    if (!outcome.modified) return { outcome, keep };
    const refused = await refusal(outcome.model, trial, task);
    if (refused === undefined) return { outcome, keep };
    const op = refusedOperator(refused, outcome);
    if (op === undefined || keep.includes(op) || keep.length > mostRefusals)
      throw new SlipwayError('runnerFailed', `The float16 model does not load: ${refused}`);
    keep.push(op);
    work.notes.push({
      id: 'precision/refused',
      severity: 'info',
      message: `${op} stays float32: ONNX Runtime does not load it in float16 on this machine.`,
    });
  }
}

const quiet = (task: Task): Task => ({ ...silentTask, signal: task.signal });

/** Why ONNX Runtime does not load the model; undefined when it does. */
async function refusal(model: Model, trial: string, task: Task): Promise<string | undefined> {
  await writeModel(model, trial, { overwrite: true }, quiet(task));
  try {
    await withRunner(task, (runner) => runner.load(trial, {}, task));
    return undefined;
  } catch (error) {
    throwIfCancelled(task);
    if (error instanceof SlipwayError && error.kind === 'runnerFailed') return error.message;
    throw error;
  }
}

/** The converted operator type that an error message names. */
function refusedOperator(message: string, { model, converted }: HalfOutcome): string | undefined {
  const names = new Set(converted);
  const types = new Set(
    model.graph.nodes
      .filter((node) => names.has(node.name) || names.has(node.outputs[0] ?? ''))
      .map(({ opType }) => opType),
  );
  return [...message.matchAll(/\b[A-Z][A-Za-z0-9]+\b/gu)]
    .map(([word]) => word)
    .find((word) => types.has(word));
}

/** Bisects for the nodes that must stay float32, judging each trial by the outputs. */
async function search(
  work: Work,
  half: HalfOptions,
  first: Loadable,
  trial: string,
  task: Task,
): Promise<HalfOutcome> {
  const { options, notes } = work;
  const least = options.minSqnrDb ?? defaultSqnrDb;
  const budget = options.maxTrials ?? defaultTrials;
  const make = (only: ReadonlySet<string>, emulate: boolean) =>
    runPass(work.model, convertToHalf(work.read, { ...half, keep: first.keep, only, emulate }), task);
  return withRunner(task, async (runner) => {
    const original = await runner.load(work.path, { threads: workThreads() }, task);
    const accept = async (only: ReadonlySet<string>) => {
      const outcome = await make(only, true);
      if (!outcome.modified) return true;
      await writeModel(outcome.model, trial, { overwrite: true }, quiet(task));
      return (await sqnrOf(work, runner, original, trial, task)) >= least;
    };
    const found = await searchHalf(first.outcome.converted, accept, { budget }, task);
    const back = first.outcome.converted.length - found.accepted.size;
    notes.push({
      id: 'precision/search',
      severity: found.complete ? 'info' : 'warning',
      message: `${found.trials === 1 ? 'One trial' : `${found.trials} trials`}: ${found.accepted.size} nodes compute in float16 and ${back} went back to float32, so that the outputs keep ${least} dB.${found.complete ? '' : ' The trials ran out; allow more for fewer float32 nodes.'}`,
    });
    return make(found.accepted, false);
  });
}

async function sqnrOf(
  work: Work,
  runner: RunnerProcess,
  original: Awaited<ReturnType<RunnerProcess['load']>>,
  trial: string,
  task: Task,
): Promise<number> {
  try {
    const changed = await runner.load(trial, { threads: workThreads() }, task);
    try {
      const batches = batchesOf(work, searchSamples);
      return (await compareSessions(original, changed, batches, { label: basename(trial) }, quiet(task)))
        .sqnrDb;
    } finally {
      await changed.release();
    }
  } catch (error) {
    throwIfCancelled(task);
    // A model that does not load, or that gives NaN, is not good enough.
    if (error instanceof SlipwayError && error.kind === 'runnerFailed') return -Infinity;
    throw error;
  }
}

async function* batchesOf({ dataset, inputs }: Work, most: number): AsyncGenerator<ComparedBatch> {
  if (!dataset) {
    for (let seed = 1; seed <= generatedSamples; seed += 1) {
      const { feeds, batch } = generateInputs(inputs, { seed });
      yield { feeds, count: batch };
    }
    return;
  }
  let left = most;
  for await (const { feeds, count } of dataset.batches(Math.min(most, suitableBatch(dataset)))) {
    yield { feeds, count: Math.min(count, left) };
    left -= count;
    if (left <= 0) return;
  }
}

/** How far the outputs moved; null, with a note, when that cannot be measured. */
async function outputError(
  work: Work,
  output: string,
  files: readonly string[],
  task: Task,
): Promise<OutputError | null> {
  try {
    return await compareOutputs(work.path, output, batchesOf(work, comparedSamples), task);
  } catch (error) {
    throwIfCancelled(task);
    if (!(error instanceof SlipwayError)) throw error;
    await withRunner(task, (runner) => runner.load(output, {}, task)).catch(async (refused: unknown) => {
      // What does not load is no result.
      for (const file of files) await unlink(file).catch(() => undefined);
      throw refused;
    });
    work.notes.push({
      id: 'precision/no-comparison',
      severity: 'warning',
      message: `The outputs could not be compared with the original's: ${messageOf(error)}`,
    });
    return null;
  }
}

/** The error that a device with half kernels would make: the same nodes, rounded after each, on this machine. */
async function emulatedError(work: Work, outcome: HalfOutcome, task: Task): Promise<OutputError | null> {
  const folder = await mkdtemp(join(tmpdir(), 'slipway-precision-'));
  try {
    const format = work.options.method === 'fp16' ? float16 : bfloat16;
    const only = new Set(outcome.converted);
    const { model } = await runPass(
      work.model,
      convertToHalf(work.read, { format, only, emulate: true }),
      task,
    );
    const trial = join(folder, basename(work.options.output));
    const { files } = await writeModel(model, trial, {}, quiet(task));
    return await outputError(work, trial, files, task);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
