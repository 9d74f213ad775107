// Makes a half-precision version of a model file: read, measure ranges where data is given, convert or store, write,
// and then check what was made by running it. How nodes are chosen and rewritten is in passes/precision; what the
// search measures is precisionJudge.ts; the model itself is never written over.

import { rm, unlink } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { temporaryFolder } from '../../host/temporaryFolder';
import type { Diagnostic } from '../../base/diagnostic';
import { messageOf, SlipwayError, unsupported } from '../../base/errors';
import { silentTask, throwIfCancelled, type Task } from '../../base/task';
import { loadDataset, type Dataset } from '../../evaluate/dataset';
import { workThreads } from '../../evaluate/evaluate';
import { compareOutputs, type ComparedBatch, type OutputError } from '../../evaluate/outputError';
import { suitableBatch } from '../../evaluate/predict';
import { refuseNaN } from '../../evaluate/refuseNaN';
import type { Model } from '../../ir/model';
import { readTensorBytes } from '../../onnx/tensorData';
import { writeModel } from '../../onnx/writeModel';
import { inferTypes } from '../../passes/facts';
import { runPass } from '../../passes/pass';
import { convertToHalf, tooOld, type HalfOptions, type HalfOutcome } from '../../passes/precision/convert';
import { bfloat16, float16 } from '../../passes/precision/format';
import { idlePatterns } from '../../passes/precision/patterns';
import { storeAsHalf } from '../../passes/precision/storage';
import { inlineFunctions } from '../../passes/simplify/inlineFunctions';
import { initializersOutOfInputs } from '../../passes/simplify/initializersOutOfInputs';
import type { TensorReader } from '../../passes/tensorReader';
import { collectRanges, type ValueRange } from '../../runtime/calibrate/calibrate';
import { generateInputs } from '../../runtime/generateInputs';
import { withRunner } from '../../runtime/runner/runnerProcess';
import type { Feeds, SessionValue } from '../../runtime/runner/session';
import { checkOutput, readSound } from '../modelFiles';
import { measuredText } from './precisionJudge';
import { loadable } from './precisionLoads';
import { raisedForBfloat16 } from './precisionOpset';
import {
  checkOptions,
  modeOf,
  type Converted,
  type PrecisionOptions,
  type PrecisionSearch,
} from './precisionOptions';
import { searchPrecision } from './precisionSearch';

export type { PrecisionOptions } from './precisionOptions';

/** Outputs are compared on at most this many samples. */
const comparedSamples = 64;
/** Inputs that are made up where there is no data. */
const generatedSamples = 4;

interface Work {
  readonly path: string;
  readonly model: Model;
  readonly read: TensorReader;
  readonly inputs: readonly SessionValue[];
  /** What ranges and errors are measured on. */
  readonly dataset: Dataset | undefined;
  readonly validation: Dataset | undefined;
  readonly options: PrecisionOptions;
  readonly notes: Diagnostic[];
}

interface Made {
  readonly outcome: HalfOutcome;
  readonly search?: PrecisionSearch;
}

/**
 * Writes a half-precision version of the model at `path`; a search writes its best at every step, and one that is
 * cancelled leaves it. Throws `invalidModel`, `badRequest` when options or data do not fit, `conflict` when the output
 * exists, `unsupported` when there is nothing to convert, nothing that keeps what was asked for, or the operator set is
 * too old, `runnerFailed` when ONNX Runtime refuses the original or what was made.
 */
export async function convertPrecision(
  path: string,
  options: PrecisionOptions,
  task: Task,
): Promise<Converted> {
  const output = resolve(options.output);
  checkOutput(path, output, options);
  checkOptions(options);
  task.report({ stage: 'Reading' });
  const { model, diagnostics, fileBytes, externalBytes } = await readSound(path, 'converted', task);
  const inputs = await withRunner(task, async (runner) => (await runner.load(path, {}, task)).inputs);
  const open = async (data: string | undefined, maxSamples: number | undefined) =>
    data === undefined ? undefined : loadDataset(data, inputs, { maxSamples }, task);
  const dataset = await open(options.calibration, options.calibrationSamples);
  if (dataset) await refuseNaN(dataset, task);
  const validation = await open(options.validation, options.validationSamples);
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
  const half =
    options.method === 'bf16' && modeOf(options) !== 'storage'
      ? await raisedForBfloat16(plain.model, read, task)
      : { model: plain.model, notes: [] };
  notes.push(...half.notes);
  const work: Work = { path, model: half.model, read, inputs, dataset, validation, options, notes };
  let saved = false;
  const save = async (made: Model) => {
    const overwrite = saved || options.overwrite === true;
    const written = await writeModel(made, output, { overwrite }, task);
    saved = true;
    return written;
  };
  const { outcome, search } = await convert(work, save, task);
  if (!outcome.modified) throw nothing(options, outcome, model);

  task.report({ stage: 'Writing' });
  const written = await save(outcome.model);
  task.report({ stage: 'Checking' });
  const storage = modeOf(options) === 'storage';
  const error = storage
    ? await outputError(work, output, written.files, task)
    : await emulatedError(work, outcome, task);
  const said = [...(dataset?.notes ?? []), ...(validation?.notes ?? [])];
  return {
    output,
    before: { fileBytes: fileBytes + externalBytes },
    after: { fileBytes: written.fileBytes },
    quantizedNodes: outcome.converted.length,
    fusion: {
      integer: 0,
      float: storage ? model.graph.nodes.length : outcome.converted.length + outcome.left.length,
      left: outcome.left.map((each) => ({ ...each })),
    },
    error,
    search: search ?? null,
    diagnostics: [
      ...diagnostics,
      ...(plain.notes ?? []),
      ...said.map((message): Diagnostic => ({ id: 'data/note', severity: 'info', message })),
      ...notes,
      ...(outcome.notes ?? []),
    ],
  };
}

function nothing(options: PrecisionOptions, outcome: HalfOutcome, { graph }: Model): SlipwayError {
  const why = outcome.left[0]?.why;
  const what = modeOf(options) === 'storage' ? 'no float32 weight' : 'no float32 node';
  const integers = graph.nodes.some(({ opType }) =>
    /^DequantizeLinear$|Integer$|^QLinear|NBits$/u.test(opType),
  );
  if (modeOf(options) === 'storage' && integers)
    return unsupported(
      `There is nothing to convert to ${options.method}: the weights of the model are integers already. Convert the float model that it was made from.`,
    );
  return unsupported(
    `There is nothing to convert to ${options.method}: the model has ${what} that can be.${why === undefined ? '' : ` ${outcome.left[0]!.node}: ${why}`}`,
  );
}

const formatOf = ({ method }: PrecisionOptions) => (method === 'fp16' ? float16 : bfloat16);

async function convert(work: Work, save: (model: Model) => Promise<unknown>, task: Task): Promise<Made> {
  const { options, model, read, notes } = work;
  const format = formatOf(options);
  const keep = options.keep ?? [];
  if (modeOf(options) === 'storage')
    return { outcome: await runPass(model, storeAsHalf(read, { format, keep }), task) };
  const refused = tooOld(model, format);
  if (refused !== undefined) throw unsupported(refused);
  const limit = options.maxMagnitude;
  const bounded = options.method === 'fp16' || limit !== undefined;
  const ranges = work.dataset && bounded ? await measure(work, work.dataset, task) : undefined;
  const half: HalfOptions = {
    format,
    ...(options.halfIo === undefined ? {} : { halfIo: options.halfIo }),
    ...(ranges === undefined ? {} : { ranges }),
    ...(limit === undefined ? {} : { limit }),
  };
  const make = (more: Partial<HalfOptions>, own = task) =>
    runPass(model, convertToHalf(read, { ...half, ...more }), own);
  notes.push(options.method === 'bf16' ? notRun : forGpus);
  const folder = await temporaryFolder('precision');
  try {
    const trial = join(folder, 'model.onnx');
    const first =
      options.method === 'bf16'
        ? { outcome: await make({ keep }), keep, refused: [] }
        : await loadable(keep, trial, (all) => make({ keep: all }), task);
    for (const op of first.refused)
      notes.push({
        id: 'precision/refused',
        severity: 'info',
        message: `${op} stays float32: ONNX Runtime does not load it in float16 on this machine.`,
      });
    if (modeOf(options) === 'compute' || !first.outcome.modified) return first;
    const made = await searchPrecision(
      {
        path: work.path,
        options,
        candidates: first.outcome.converted,
        data: { validation: work.validation, compared: () => batchesOf(work) },
        trial,
        make: (only, emulate, own) => make({ keep: first.keep, only, emulate }, own),
        save,
      },
      task,
    );
    notes.push(searchNote(made.search, made.outcome, options));
    return made;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const notRun: Diagnostic = {
  id: 'precision/not-run',
  severity: 'warning',
  message:
    "ONNX Runtime's CPU provider has no bfloat16 kernels, so the converted model was not run here and its error is a CPU's emulation; use it with a provider that has them, or store weights as bfloat16 instead.",
};

const forGpus: Diagnostic = {
  id: 'precision/cpu',
  severity: 'info',
  message:
    'The model computes in float16, which is for GPUs and NPUs: on a CPU, ONNX Runtime casts around most operators and is not faster. For a CPU, float16 storage gives the same size at full speed.',
};

function searchNote(
  { evaluations, float, stopped, measured }: PrecisionSearch,
  { converted }: HalfOutcome,
  { method }: PrecisionOptions,
): Diagnostic {
  const trials = evaluations === 1 ? 'One trial' : `${evaluations} trials`;
  const why = { done: '', evaluations: 'The trials ran out', seconds: 'The time ran out' }[stopped];
  return {
    id: 'precision/search',
    severity: stopped === 'done' ? 'info' : 'warning',
    message: `${trials}: ${converted.length} nodes compute in ${method} and ${float.length} went back to float32; ${measured.map(measuredText).join(', ')}.${why === '' ? '' : ` ${why}; allow more for fewer float32 nodes.`}`,
  };
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

const quiet = (task: Task): Task => ({ ...silentTask, signal: task.signal });

async function* batchesOf(work: Work): AsyncGenerator<ComparedBatch> {
  const { inputs } = work;
  const dataset = work.dataset ?? work.validation;
  if (!dataset) {
    for (let seed = 1; seed <= generatedSamples; seed += 1) {
      const { feeds, batch } = generateInputs(inputs, { seed });
      yield { feeds, count: batch };
    }
    return;
  }
  let left = comparedSamples;
  for await (const { feeds, count } of dataset.batches(Math.min(comparedSamples, suitableBatch(dataset)))) {
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
    return await compareOutputs(work.path, output, batchesOf(work), task);
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
  const folder = await temporaryFolder('precision');
  try {
    const format = formatOf(work.options);
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
