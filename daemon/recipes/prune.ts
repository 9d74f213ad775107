// Prunes a model file: read, find what can go, choose, cut, repair by least squares, check that the result runs and
// gives the original's shapes at two batch sizes, and only then write. The model itself is never written over.

import { resolve } from 'node:path';
import { modelCost } from '../analysis/cost';
import { summarize } from '../analysis/summary';
import type { Diagnostic } from '../base/diagnostic';
import { badRequest, unsupported } from '../base/errors';
import type { Task } from '../base/task';
import { loadDataset, type Dataset } from '../evaluate/dataset';
import { workThreads } from '../evaluate/evaluate';
import type { OutputError } from '../evaluate/outputError';
import { suitableBatch } from '../evaluate/predict';
import type { Model } from '../ir/model';
import { readTensorBytes } from '../onnx/tensorData';
import { writeModel } from '../onnx/writeModel';
import { smallConstants } from '../passes/facts';
import { runPasses } from '../passes/pass';
import { analyseChannels, type LockedLayer, type Structure } from '../passes/prune/channels/analyse';
import { chooseComponents } from '../passes/prune/channels/budget';
import { cutModel } from '../passes/prune/channels/cut';
import { readersOfUnits, scoreComponents, type Importance } from '../passes/prune/channels/importance';
import { nameOf } from '../passes/quantize/outcome';
import { constantsToInitializers } from '../passes/simplify/constantsToInitializers';
import { deadNodes } from '../passes/simplify/deadNodes';
import { initializersOutOfInputs } from '../passes/simplify/initializersOutOfInputs';
import { unusedInitializers } from '../passes/simplify/unusedInitializers';
import type { TensorReader } from '../passes/tensorReader';
import { collectGrams } from '../runtime/gram';
import { describeMachine } from '../runtime/machine';
import { withRunner } from '../runtime/runnerProcess';
import type { Feeds, SessionValue } from '../runtime/session';
import { checkRuns } from './checkShapes';
import { checkOutput, readSound } from './modelFiles';
import { outputError } from './quantizeCheck';
import { repairPruned } from './repairPruned';

export interface PruneOptions {
  /** Path to write. */
  readonly output: string;
  /** Share of the channels that goes, at least 0 and below 1; or `targetMacs`. */
  readonly ratio?: number | undefined;
  /** Share of the multiply-accumulates that stays, above 0 and below 1. */
  readonly targetMacs?: number | undefined;
  /** The same share of every layer, or where it costs least; `global` when there is data, else `layer`. */
  readonly scope?: 'global' | 'layer' | undefined;
  /** `error` when there is data, else `l2`. */
  readonly importance?: Importance | undefined;
  /** Path of an .npz file with arrays named like the inputs; labels are not used. */
  readonly calibration?: string | undefined;
  readonly calibrationSamples?: number | undefined;
  /** Refit the layers by least squares; when there is data, unless false. */
  readonly repair?: boolean | undefined;
  /** Widths are multiples of this where they can; the host's vector width when absent. */
  readonly align?: number | undefined;
  /** Replace an existing output (never the model or the data). */
  readonly overwrite?: boolean | undefined;
}

export interface PrunedSize {
  parameters: number;
  /** For one sample; null when a dimension is unknown. */
  macs: number | null;
  fileBytes: number;
}

export interface PrunedGroup {
  /** The layer whose channels they are. */
  name: string;
  from: number;
  to: number;
  /** Layers that were cut with it. */
  layers: string[];
}

export interface Pruned {
  output: string;
  before: PrunedSize;
  after: PrunedSize;
  groups: PrunedGroup[];
  /** Layers whose channels had to stay, with the reason. */
  locked: LockedLayer[];
  /** Layers that were refitted. */
  repaired: number;
  error: OutputError | null;
  diagnostics: Diagnostic[];
}

/** Rows of a layer's input that least squares is given. */
const mostRows = 50_000;

/**
 * Removes channels, heads and hidden widths. Throws `badRequest` for a ratio that is none or when data is missing,
 * `unsupported` with the reasons when nothing can go, `invalidModel`, `conflict` and `runnerFailed` as for quantizing.
 */
export async function pruneChannels(path: string, options: PruneOptions, task: Task): Promise<Pruned> {
  checkOptions(options);
  const output = resolve(options.output);
  checkOutput(path, output, options);
  task.report({ stage: 'Reading' });
  const original = await readSound(path, 'pruned', task);
  const inputs = await withRunner(task, async (runner) => (await runner.load(path, {}, task)).inputs);
  const data = await openData(options, inputs, task);
  const read: TensorReader = (tensor) => readTensorBytes(tensor, undefined, task);
  const diagnostics = [...original.diagnostics];
  const before = {
    ...(await sizeOf(original.model, read)),
    fileBytes: original.fileBytes + original.externalBytes,
  };

  task.report({ stage: 'Finding what can go' });
  const { model } = await runPasses(original.model, [constantsToInitializers, initializersOutOfInputs], task);
  const structure = await analyseChannels(model, await smallConstants(model, read), task);
  if (structure.units.length === 0) throw unsupported(nothingToPrune(path, structure));
  const share = options.targetMacs ?? options.ratio ?? 0;
  const asIs = options.targetMacs === undefined && share === 0;
  const removed = asIs ? [] : await choose(structure, options, data, read, diagnostics, task);
  let result = original.model;
  let repaired = 0;
  const groups = groupsOf(structure, new Set(removed));
  if (removed.length > 0) {
    task.report({ stage: 'Cutting' });
    const cut = await cutModel(structure, removed, read, task);
    result = cut.model;
    if (data && options.repair !== false) {
      const made = await repairPruned(model, cut, structure.shapes.order, { data, read, mostRows }, task);
      result = made.model;
      repaired = made.repaired;
    }
    result = (await runPasses(result, [deadNodes, unusedInitializers], task)).model;
    await checkRuns(path, result, 'pruned', task);
  } else if (!asIs) {
    diagnostics.push(
      note(
        'prune/nothing-removed',
        'warning',
        'No layer is wide enough to lose that share; nothing was removed.',
      ),
    );
  }
  task.report({ stage: 'Writing' });
  const written = await writeModel(result, output, { overwrite: options.overwrite === true }, task);
  task.report({ stage: 'Checking' });
  const error = await outputError(path, output, 'static', inputs, data, diagnostics, task);
  return {
    output,
    before,
    after: { ...(await sizeOf(result, read)), fileBytes: written.fileBytes },
    groups,
    locked: [...structure.locked],
    repaired,
    error,
    diagnostics,
  };
}

const note = (id: string, severity: Diagnostic['severity'], message: string): Diagnostic => ({
  id,
  severity,
  message,
});

function checkOptions({ ratio, targetMacs, importance, calibration, repair }: PruneOptions): void {
  if (ratio !== undefined && !(ratio >= 0 && ratio < 1))
    throw badRequest(`The ratio is the share of channels to remove, from 0 to below 1; ${ratio} was given.`);
  if (targetMacs !== undefined && !(targetMacs > 0 && targetMacs < 1))
    throw badRequest(
      `The target is the share of multiply-accumulates to keep, above 0 and below 1; ${targetMacs} was given.`,
    );
  if ((ratio === undefined) === (targetMacs === undefined))
    throw badRequest(
      'Give either the ratio of channels to remove or the share of multiply-accumulates to keep.',
    );
  if (calibration !== undefined) return;
  if (importance === 'energy' || importance === 'error')
    throw badRequest(
      `The importance "${importance}" is measured on data. Name calibration data (.npz), or choose l1, l2 or bn-scale.`,
    );
  if (repair === true)
    throw badRequest(
      'Repair by least squares is fitted to data. Name calibration data (.npz); labels are not needed.',
    );
}

/** Calibration data with what iterating over it needs. */
export interface CalibrationData extends Dataset {
  readonly feeds: () => AsyncGenerator<Feeds>;
  readonly total: number;
}

/** The data that was named, with a way to run over it again and again. */
export async function openData(
  { calibration, calibrationSamples }: Pick<PruneOptions, 'calibration' | 'calibrationSamples'>,
  inputs: readonly SessionValue[],
  task: Task,
): Promise<CalibrationData | undefined> {
  if (calibration === undefined) return undefined;
  const dataset = await loadDataset(calibration, inputs, { maxSamples: calibrationSamples }, task);
  const size = dataset.fixedBatch ?? suitableBatch(dataset);
  return {
    ...dataset,
    total: Math.ceil(dataset.samples / size),
    async *feeds() {
      for await (const { feeds } of dataset.batches(size)) yield feeds;
    },
  };
}

async function choose(
  structure: Structure,
  options: PruneOptions,
  data: CalibrationData | undefined,
  read: TensorReader,
  diagnostics: Diagnostic[],
  task: Task,
) {
  const importance = options.importance ?? (data ? 'error' : 'l2');
  const measured = data && (importance === 'error' || importance === 'energy');
  const grams = measured
    ? await collectGrams(
        structure.model,
        readersOfUnits(structure).map(nameOf),
        data.feeds,
        { maxRows: mostRows, total: data.total, threads: workThreads() },
        task,
      )
    : undefined;
  task.report({ stage: 'Choosing what goes' });
  const scores = await scoreComponents(structure, importance, grams, read, task);
  const choice = await chooseComponents(
    structure,
    scores,
    {
      ratio: options.ratio,
      targetMacs: options.targetMacs,
      scope: options.scope ?? (data ? 'global' : 'layer'),
      align: options.align ?? (await hostAlignment(task)),
    },
    task,
  );
  if (!choice.reached)
    diagnostics.push(
      note(
        'prune/target-missed',
        'warning',
        `The target cannot be reached: ${(choice.macsShare * 100).toFixed(1)} % of the multiply-accumulates stay, because the other channels are locked or their layers would become too narrow.`,
      ),
    );
  return choice.removed;
}

/** Floats in a vector register of this machine. */
async function hostAlignment(task: Task): Promise<number> {
  const { instructionSets } = await describeMachine(task);
  if (instructionSets.some((set) => set.startsWith('avx512'))) return 16;
  return instructionSets.some((set) => set.startsWith('avx')) ? 8 : 4;
}

function nothingToPrune(path: string, { locked, model }: Structure): string {
  const first = locked[0];
  if (first)
    return `Nothing in ${path} can be pruned: all ${locked.length} layers are locked. The first, "${first.name}", because ${first.reason}.`;
  const shapes =
    model.graph.nodes.length === 0
      ? 'It has no nodes.'
      : 'It has no Conv, Gemm or MatMul with weights of its own.';
  return `Nothing in ${path} can be pruned. ${shapes}`;
}

const groupsOf = (structure: Structure, removed: ReadonlySet<unknown>): PrunedGroup[] =>
  structure.units.map(({ name, components, outputs, layers }) => ({
    name,
    from: components.length * outputs,
    to: components.filter((each) => !removed.has(each)).length * outputs,
    layers: [...layers],
  }));

/** Parameters and multiply-accumulates of a model. */
export async function sizeOf(
  model: Model,
  read: TensorReader,
): Promise<{ parameters: number; macs: number | null }> {
  const numbers = await smallConstants(model, read);
  const { macs } = modelCost(model, { constants: (tensor) => numbers.get(tensor) });
  return { parameters: summarize(model).parameters, macs };
}
