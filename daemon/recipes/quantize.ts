// Makes an int8 version of a model file: read, simplify, calibrate, quantize, write, and then check what was
// made: which nodes run in integers, and how far the outputs moved. How each of these is done is decided
// elsewhere (passes/, runtime/, evaluate/); the model itself is never written over.

import { existsSync } from 'node:fs';
import { unlink } from 'node:fs/promises';
import { resolve } from 'node:path';
import { hasErrors, type Diagnostic } from '../base/diagnostic';
import { badRequest, conflict, messageOf, SlipwayError } from '../base/errors';
import { throwIfCancelled, type Task } from '../base/task';
import { loadDataset, type Dataset } from '../evaluate/dataset';
import { workThreads } from '../evaluate/evaluate';
import { compareOutputs, type ComparedBatch, type OutputError } from '../evaluate/outputError';
import { suitableBatch } from '../evaluate/predict';
import { sameFile } from '../host/files';
import type { Model } from '../ir/model';
import { readModel, type ReadResult } from '../onnx/readModel';
import { readTensorBytes } from '../onnx/tensorData';
import { writeModel } from '../onnx/writeModel';
import { runPass, runPasses } from '../passes/pass';
import { dynamicOpset, quantizeDynamic } from '../passes/quantize/dynamic';
import { refusal, type QuantizeOutcome } from '../passes/quantize/outcome';
import { quantizeStatic, staticOpset, valuesToCalibrate } from '../passes/quantize/static';
import { simplifyPasses } from '../passes/simplify/simplify';
import type { TensorReader } from '../passes/tensorReader';
import { collectRanges } from '../runtime/calibrate';
import { dimsText } from '../runtime/feedCheck';
import { fusionReport, type FusionReport } from '../runtime/fusionReport';
import { generateInputs } from '../runtime/generateInputs';
import { withRunner } from '../runtime/runnerProcess';
import type { Feeds, SessionValue } from '../runtime/session';

export interface QuantizeOptions {
  readonly method: 'dynamic' | 'static';
  /** Path to write. */
  readonly output: string;
  /** Path of an .npz file with arrays named like the inputs; `static` needs it. */
  readonly calibration?: string | undefined;
  /** At most this many samples of it; all when absent. */
  readonly calibrationSamples?: number | undefined;
  /** Replace an existing output (never the model or the data). */
  readonly overwrite?: boolean | undefined;
}

export interface Quantized {
  output: string;
  before: { fileBytes: number };
  after: { fileBytes: number };
  /** Nodes that were given integer weights or inputs. */
  quantizedNodes: number;
  fusion: FusionReport;
  /** Difference of the outputs; null when it could not be measured. */
  error: OutputError | null;
  diagnostics: Diagnostic[];
}

/** Outputs are compared on at most this many samples. */
const comparedSamples = 64;
/** Inputs that are made up where there is no data. */
const generatedSamples = 8;

const words = { static: 'Static int8', dynamic: 'Dynamic int8' } as const;
const layers = { static: ['Conv', 'Gemm', 'MatMul'], dynamic: ['Gemm', 'MatMul'] } as const;
const minimumOpset = { static: staticOpset, dynamic: dynamicOpset } as const;

/**
 * Quantizes the model at `path` and writes `options.output`. Throws `invalidModel` with the diagnostics of a
 * broken model, `unsupported` when it cannot be quantized this way, `badRequest` when calibration data is
 * missing or does not fit, `conflict` when the output exists, `runnerFailed` when ONNX Runtime refuses the model.
 */
export async function quantize(path: string, options: QuantizeOptions, task: Task): Promise<Quantized> {
  const output = resolve(options.output);
  checkPaths(path, output, options);
  task.report({ stage: 'Reading' });
  const { model, diagnostics, fileBytes, externalBytes } = await readSound(path, task);
  const { method } = options;
  const refused = refusal(model, `${method} int8`, layers[method]);
  if (refused !== undefined) throw new SlipwayError('unsupported', refused);
  const inputs = await withRunner(task, async (runner) => (await runner.load(path, {}, task)).inputs);
  const dataset = await openData(options, inputs, task);

  task.report({ stage: 'Simplifying' });
  const read: TensorReader = (tensor) => readTensorBytes(tensor, undefined, task);
  const upgrade = { minimum: minimumOpset[method], purpose: words[method] };
  const simplified = await runPasses(model, simplifyPasses(read, upgrade), task);

  const notes: Diagnostic[] = [];
  const outcome =
    method === 'dynamic' || !dataset
      ? await runPass(simplified.model, quantizeDynamic(read), task)
      : await quantizeWithData(simplified.model, read, dataset, notes, task);

  task.report({ stage: 'Writing' });
  const written = await writeModel(outcome.model, output, { overwrite: options.overwrite === true }, task);
  const fusion = await checkFusion(model, outcome, written.files, task);
  task.report({ stage: 'Checking' });
  const error = await outputError(path, output, method, inputs, dataset, notes, task);
  return {
    output,
    before: { fileBytes: fileBytes + externalBytes },
    after: { fileBytes: written.fileBytes },
    quantizedNodes: outcome.quantizedNodes.length,
    fusion,
    error,
    diagnostics: [
      ...diagnostics,
      ...simplified.notes,
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

/** Refuses before any work what writing would refuse after it. */
function checkPaths(path: string, output: string, { calibration, overwrite }: QuantizeOptions): void {
  if (output === resolve(path) || sameFile(output, path))
    throw conflict(`${output} is the model itself, which is never written over. Choose another name.`);
  if (calibration !== undefined && (output === resolve(calibration) || sameFile(output, calibration)))
    throw conflict(`${output} is the calibration data, which is never written over. Choose another name.`);
  if (overwrite !== true && existsSync(output))
    throw conflict(`${output} already exists. Choose another name, or allow overwriting.`);
}

async function readSound(path: string, task: Task): Promise<ReadResult & { readonly model: Model }> {
  const result = await readModel(path, task);
  const { model, diagnostics } = result;
  if (model && !hasErrors(diagnostics)) return { ...result, model };
  const why = diagnostics.find(({ severity }) => severity === 'error')?.message ?? 'It is empty.';
  throw new SlipwayError('invalidModel', `${path} cannot be quantized: ${why}`, { data: { diagnostics } });
}

async function openData(
  { method, calibration, calibrationSamples }: QuantizeOptions,
  inputs: readonly SessionValue[],
  task: Task,
): Promise<Dataset | undefined> {
  if (calibration !== undefined)
    return loadDataset(calibration, inputs, { maxSamples: calibrationSamples }, task);
  if (method === 'dynamic') return undefined;
  const arrays = inputs.map(({ name, type, dims }) => {
    const perSample = dims.length > 0 ? ['samples', ...dims.slice(1)] : dims;
    return `"${name}" (${type}, ${dimsText(perSample)})`;
  });
  throw badRequest(
    `Static int8 needs calibration data: an .npz file with the ${arrays.length === 1 ? 'array' : 'arrays'} ${arrays.join(', ')}. ` +
      'A hundred real samples are enough. Or choose the method dynamic, which needs none.',
  );
}

async function quantizeWithData(
  model: Model,
  read: TensorReader,
  dataset: Dataset,
  notes: Diagnostic[],
  task: Task,
): Promise<QuantizeOutcome> {
  const values = await valuesToCalibrate(model, read);
  const size = dataset.fixedBatch ?? suitableBatch(dataset);
  const total = Math.ceil(dataset.samples / size);
  task.report({ stage: 'Calibrating', done: 0, total });
  const calibration = await collectRanges(
    model,
    values,
    feedsOf(dataset, size),
    { total, threads: workThreads() },
    task,
  );
  notes.push(...calibration.diagnostics);
  task.report({ stage: 'Quantizing' });
  return runPass(model, quantizeStatic(read, { ranges: calibration.ranges }), task);
}

async function* feedsOf(dataset: Dataset, size: number): AsyncGenerator<Feeds> {
  for await (const { feeds } of dataset.batches(size)) yield feeds;
}

/** The fusion report; a file that ONNX Runtime cannot load is taken away again. */
async function checkFusion(
  original: Model,
  outcome: QuantizeOutcome,
  files: readonly string[],
  task: Task,
): Promise<FusionReport> {
  const planned = new Map(outcome.left.map(({ node, why }) => [node, why]));
  try {
    return await fusionReport(original, files[0]!, task, planned);
  } catch (error) {
    if (error instanceof SlipwayError && error.kind === 'runnerFailed') {
      for (const file of files) await unlink(file).catch(() => undefined);
    }
    throw error;
  }
}

/** How far the outputs moved; null, with a note, when one of the models cannot be run on the samples. */
async function outputError(
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

/** Dynamic ranges are taken over a whole batch: one sample at a time gives what a service will give. */
async function* samplesOf(
  dataset: Dataset,
  method: QuantizeOptions['method'],
): AsyncGenerator<ComparedBatch> {
  let left = comparedSamples;
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
