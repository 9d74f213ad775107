// The one click: makes int8 versions of a model, measures and evaluates them beside the original, and chooses.
// What cannot be made or measured keeps its row with the reason; the rest goes on. How to quantize, to time and
// to score is decided elsewhere (quantize.ts, runtime/benchmark/benchmark.ts, evaluate/).

import { existsSync } from 'node:fs';
import { access, constants, mkdir } from 'node:fs/promises';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { hasErrors, type Diagnostic } from '../base/diagnostic';
import { fileSystemError, messageOf, notFound, SlipwayError } from '../base/errors';
import { throwIfCancelled, type Progress, type Task } from '../base/task';
import { agreement } from '../evaluate/agreement';
import { loadDataset, type Dataset } from '../evaluate/dataset';
import type { Estimate } from '../evaluate/metrics/bootstrap';
import { pairedDifference } from '../evaluate/metrics/pairedShares';
import { agreementHits } from '../evaluate/metrics/topK';
import { workThreads } from '../evaluate/evaluate';
import type { OutputError } from '../evaluate/outputError';
import { predictClasses, type Predictions } from '../evaluate/predict';
import { topOne, type Evaluation } from '../evaluate/topOne';
import { freePath } from '../host/files';
import type { Model } from '../ir/model';
import { readModel } from '../onnx/readModel';
import { benchmark, type Measurement, type Ratio } from '../runtime/benchmark/benchmark';
import type { FusionReport } from '../runtime/fusion/fusionReport';
import { generateInputs } from '../runtime/generateInputs';
import { describeMachine, type Machine } from '../runtime/machine';
import { withRunner } from '../runtime/runner/runnerProcess';
import { choose } from './choose';
import { dataBeside } from './dataBeside';
import { quantize } from './quantize/quantize';

export interface CompressOptions {
  /** Where to write; the folder of the model when absent. Made when it does not exist. */
  readonly outputFolder?: string | undefined;
  /** Calibration data (.npz); found beside the model when absent. */
  readonly calibration?: string | undefined;
  /** Labelled validation data (.npz); found beside the model when absent. */
  readonly validation?: string | undefined;
  /** Largest loss of top-1 that is accepted; 0.01 when absent. */
  readonly maxDrop?: number | undefined;
  /** Threads of the measurement; 1 when absent. */
  readonly threads?: number | undefined;
  /** Time of the measurement for each version. */
  readonly maxSeconds?: number | undefined;
  readonly objective?: 'latency' | 'size' | undefined;
}

/** One version of the model; what is not known (yet) is null. */
export interface Variant {
  readonly recipe: string;
  readonly file: string;
  readonly fileBytes: number;
  readonly measurement: Measurement | null;
  readonly ratio: Ratio | null;
  readonly top1: Evaluation | null;
  /** Top-1 minus that of the original, with the 95 % interval for the same samples; absent without labels. */
  readonly top1Difference?: Estimate;
  readonly agreement: Evaluation | null;
  readonly fusion: FusionReport | null;
  readonly error: OutputError | null;
  readonly failed?: string;
}

export interface CompressResult {
  machine: Machine;
  /** The original first. */
  variants: Variant[];
  /** Path of the version to use. */
  chosen: string;
  calibration: string | null;
  /** Null when accuracy was not measured. */
  validation: string | null;
  /** What was left out, and why; usually empty. */
  diagnostics: Diagnostic[];
}

interface Plan {
  readonly recipe: string;
  readonly method: 'static' | 'dynamic';
  readonly file: string;
}

/** What a row shows before anything is known. */
const unknownVariant = {
  measurement: null,
  ratio: null,
  top1: null,
  agreement: null,
  fusion: null,
  error: null,
};

/**
 * Writes `NAME.int8.onnx` (with calibration data) and `NAME.int8-dynamic.onnx` (when weights of MatMul or Gemm
 * allow it) under free names, never over a file. Rows are versions as far as they are known. Throws for what
 * concerns the original, its data or the folder; cancelled, it keeps the files that were finished.
 */
export async function compress(
  modelPath: string,
  options: CompressOptions,
  task: Task<Variant>,
): Promise<CompressResult> {
  const path = resolve(modelPath);
  const { model, bytes } = await readOriginal(path, task);
  const calibration = given(options.calibration) ?? dataBeside(path, 'calibration');
  const folder = await outputFolder(options.outputFolder ?? dirname(path));
  const table = new Table(task);
  table.set({ ...unknownVariant, recipe: 'original', file: path, fileBytes: bytes });
  const planned = plans(model, path, folder, calibration);
  // All rows are there from the start: nothing jumps when a version is ready.
  for (const { recipe, file } of planned) table.set({ ...unknownVariant, recipe, file, fileBytes: 0 });
  const { data, calibrationFits, diagnostics } = await checkOriginal(path, options, calibration, table);

  for (const plan of planned) {
    throwIfCancelled(task);
    // Dynamic quantization only measures its error on the data: wrong data is no reason to leave it out.
    const usable = plan.method === 'static' || calibrationFits ? calibration : undefined;
    await make(path, plan, usable, table);
  }
  const machine = await measure(options, table);
  if (data) await evaluate(data, table, diagnostics);
  const chosen = choose(table.variants, {
    maxDrop: options.maxDrop ?? 0.01,
    objective: options.objective ?? 'latency',
  });
  return {
    machine,
    variants: table.variants,
    chosen: chosen.file,
    calibration: calibration ?? null,
    validation: data?.labels && table.variants[0]?.top1 ? data.path : null,
    diagnostics,
  };
}

/** The rows so far; every change is reported. */
class Table {
  readonly variants: Variant[] = [];
  constructor(private readonly task: Task<Variant>) {}

  set(variant: Variant, stage = 'Reading'): void {
    const index = this.variants.findIndex(({ file }) => file === variant.file);
    if (index < 0) this.variants.push(variant);
    else this.variants[index] = variant;
    this.task.report({ stage, row: variant });
  }

  update(file: string, change: Partial<Variant>, stage: string): void {
    const old = this.variants.find((variant) => variant.file === file);
    if (old) this.set({ ...old, ...change }, stage);
  }

  /** Those that work, the original first. */
  get working(): Variant[] {
    return this.variants.filter((variant) => variant.failed === undefined);
  }

  /** A task for one step, whose own rows are `onRow`'s. */
  step<Row>(onRow?: (row: Row, stage: string) => void): Task<Row> {
    return {
      signal: this.task.signal,
      report: ({ row, ...progress }: Progress<Row>) => {
        if (row !== undefined && onRow) onRow(row, progress.stage);
        this.task.report(progress);
      },
    };
  }
}

async function readOriginal(path: string, task: Task): Promise<{ model: Model; bytes: number }> {
  const { model, diagnostics, fileBytes, externalBytes } = await readModel(path, task);
  if (!model || hasErrors(diagnostics)) {
    const why = diagnostics.find((diagnostic) => hasErrors([diagnostic]))?.message ?? 'It is empty.';
    throw new SlipwayError('invalidModel', `${path} cannot be compressed: ${why}`, { data: { diagnostics } });
  }
  return { model, bytes: fileBytes + externalBytes };
}

/** A path that the caller named, which therefore must be there. */
function given(path: string | undefined): string | undefined {
  if (path !== undefined && !existsSync(path))
    throw notFound(`Cannot read ${path}: it does not exist. Check the path.`);
  return path;
}

async function outputFolder(folder: string): Promise<string> {
  try {
    await mkdir(folder, { recursive: true });
    await access(folder, constants.W_OK);
  } catch (error) {
    throw fileSystemError('write into', folder, error);
  }
  return folder;
}

/**
 * Runs the original once and reads the validation data, so that a model that does not run and wrong data are
 * told before any work. Data that was only found beside the model and does not fit is left aside, which is said.
 */
async function checkOriginal(
  modelPath: string,
  options: CompressOptions,
  calibration: string | undefined,
  table: Table,
): Promise<{ data?: Dataset; calibrationFits: boolean; diagnostics: Diagnostic[] }> {
  const diagnostics: Diagnostic[] = [];
  const task = table.step();
  const named = given(options.validation);
  // Agreement needs no labels, so that calibration data serves when there is nothing better.
  const path = named ?? dataBeside(modelPath, 'validation') ?? calibration;
  task.report({ stage: `Trying ${basename(modelPath)}` });
  return withRunner(task, async (runner) => {
    const session = await runner.load(modelPath, {}, task);
    await session.timeRuns(generateInputs(session.inputs).feeds, { runs: 1, maxMs: 1 }, task);
    const load = (data: string, maxSamples?: number) =>
      loadDataset(data, session.inputs, { maxSamples }, task);
    const calibrationFits = calibration !== undefined && (await succeeds(load(calibration, 1), task));
    if (path === undefined || (path === calibration && !calibrationFits))
      return { calibrationFits, diagnostics };
    try {
      const data = await load(path);
      if (path !== calibration && !data.labels) diagnostics.push(unlabelled(data.path));
      return { data: path === calibration ? withoutLabels(data) : data, calibrationFits, diagnostics };
    } catch (error) {
      if (named !== undefined || task.signal.aborted) throw error;
      diagnostics.push(leftAside(path, error));
      return { calibrationFits, diagnostics };
    }
  });
}

/** Data that was found by its name and cannot be used. */
const leftAside = (path: string, error: unknown): Diagnostic => ({
  id: 'compress/validationLeftAside',
  severity: 'warning',
  message: `${basename(path)} was found beside the model and is not used, so accuracy was not measured: ${messageOf(error)}`,
});

/** Top-1 is what data without labels cannot give; agreement with the original is measured instead. */
const unlabelled = (path: string): Diagnostic => ({
  id: 'compress/noLabels',
  severity: 'info',
  message: `${basename(path)} has no labels, so that top-1 was not measured: the versions were held to their agreement with the original.`,
});

const succeeds = (work: Promise<unknown>, task: Task): Promise<boolean> =>
  work.then(
    () => true,
    () => {
      throwIfCancelled(task);
      return false;
    },
  );

/** Top-1 on data that the ranges were fitted to would flatter. */
function withoutLabels({ path, samples, notes, fixedBatch, sampleBytes, batches }: Dataset): Dataset {
  const common = { path, samples, notes, sampleBytes, batches };
  return fixedBatch === undefined ? common : { ...common, fixedBatch };
}

function plans(model: Model, path: string, folder: string, calibration: string | undefined): Plan[] {
  const name = basename(path, extname(path));
  const at = (ending: string) => freePath(join(folder, `${name}.${ending}.onnx`));
  const made: Plan[] = [];
  if (calibration !== undefined) made.push({ recipe: 'int8 static', method: 'static', file: at('int8') });
  if (hasConstantMatMul(model))
    made.push({ recipe: 'int8 dynamic', method: 'dynamic', file: at('int8-dynamic') });
  return made;
}

/** Whether dynamic quantization has anything to do: a MatMul or Gemm whose weights are stored in the model. */
function hasConstantMatMul(model: Model): boolean {
  const stored = new Set(model.graph.initializers.map((tensor) => tensor.name));
  for (const node of model.graph.nodes)
    if (node.opType === 'Constant') for (const output of node.outputs) stored.add(output);
  return model.graph.nodes.some(
    ({ opType, domain, inputs }) =>
      domain === '' && (opType === 'MatMul' || opType === 'Gemm') && stored.has(inputs[1] ?? ''),
  );
}

/** Passes on that the job was cancelled; anything else is the failure of one version. */
function reason(error: unknown, task: Task): string {
  throwIfCancelled(task);
  if (error instanceof SlipwayError && error.kind === 'cancelled') throw error;
  if (!(error instanceof SlipwayError)) throw error;
  return messageOf(error);
}

async function make(path: string, plan: Plan, calibration: string | undefined, table: Table): Promise<void> {
  const task = table.step();
  const variant = { ...unknownVariant, recipe: plan.recipe, file: plan.file, fileBytes: 0 };
  const stage = `Making ${basename(plan.file)}`;
  try {
    const made = await quantize(
      path,
      {
        method: plan.method,
        output: plan.file,
        withoutSpeed: true,
        ...(calibration === undefined ? {} : { calibration }),
      },
      task,
    );
    const known = { ...variant, fileBytes: made.after.fileBytes, fusion: made.fusion, error: made.error };
    table.set(known, stage);
    if (made.quantizedNodes === 0)
      table.set({ ...known, failed: 'Nothing in this model could be quantized this way.' }, stage);
  } catch (error) {
    table.set({ ...variant, failed: reason(error, task) }, stage);
    return;
  }
  try {
    // A version that crashes must not take the common measurement with it.
    await withRunner(task, async (runner) => {
      const session = await runner.load(plan.file, {}, task);
      await session.timeRuns(generateInputs(session.inputs).feeds, { runs: 1, maxMs: 1 }, task);
    });
  } catch (error) {
    table.update(plan.file, { failed: reason(error, task) }, stage);
  }
}

/** Measures all versions in turn; the rows fill while it runs. */
async function measure(options: CompressOptions, table: Table): Promise<Machine> {
  const task = table.step<Measurement>((row, stage) => table.update(row.model, { measurement: row }, stage));
  const settings = { threads: options.threads, maxSeconds: options.maxSeconds };
  try {
    const models = table.working.map(({ file }) => ({ path: file }));
    const { machine, results, ratios } = await benchmark(models, settings, task);
    for (const result of results) {
      const ratio = ratios.find(({ model }) => model === result.model) ?? null;
      table.update(result.model, { measurement: result, ratio }, 'Benchmarking');
    }
    return machine;
  } catch (error) {
    const failed = reason(error, task);
    for (const { file } of table.working.slice(1)) table.update(file, { failed }, 'Benchmarking');
    return describeMachine(task);
  }
}

/** Top-1 (with labels) and agreement with the original, for every version that works. */
async function evaluate(data: Dataset, table: Table, diagnostics: Diagnostic[]): Promise<void> {
  const task = table.step();
  let original: Predictions | undefined;
  for (const { file, recipe } of table.working) {
    const label = basename(file);
    try {
      const predictions = await withRunner(task, async (runner) => {
        const session = await runner.load(file, { threads: workThreads() }, task);
        // Dynamic ranges are taken over a whole batch: only one sample at a time gives what a service will give.
        const batch = recipe === 'int8 dynamic' ? 1 : undefined;
        return predictClasses(session, data, { label, batch }, task);
      });
      const top1 = data.labels ? topOne(predictions.classes, data.labels, predictions.classCount) : null;
      const agrees = original ? agreement(predictions.classes, original.classes) : null;
      const compared =
        original && data.labels ? { top1Difference: top1Change(predictions, original, data.labels) } : {};
      original ??= predictions;
      table.update(file, { top1, agreement: agrees, ...compared }, `Evaluating ${label}`);
    } catch (error) {
      const failed = reason(error, task);
      // Without scores of the original there is nothing to hold the others to; speed and size still count.
      if (!original) {
        diagnostics.push({
          id: 'compress/notEvaluated',
          severity: 'warning',
          message: `Accuracy was not measured on ${basename(data.path)}: ${failed}`,
        });
        return;
      }
      table.update(file, { failed }, `Evaluating ${label}`);
    }
  }
}

/** Top-1 of a version minus that of the original, on the same samples. */
const top1Change = (version: Predictions, original: Predictions, labels: Int32Array): Estimate =>
  pairedDifference(agreementHits(version.classes, labels), agreementHits(original.classes, labels));
