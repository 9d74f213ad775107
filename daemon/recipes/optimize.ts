// Makes a smaller model that computes the same: read, rewrite to a fixed point, write to a folder of its own, check
// the outputs against the original's, and only then write what was asked for. The rewrites are in
// passes/simplify; the model itself is never written over.

import { rm } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { temporaryFolder } from '../host/temporaryFolder';
import { allGraphs } from '../analysis/scopes/scopes';
import { summarize } from '../analysis/summary';
import type { Diagnostic } from '../base/diagnostic';
import { SlipwayError } from '../base/errors';
import { throwIfCancelled, type Task } from '../base/task';
import type { Model } from '../ir/model';
import { readTensorBytes } from '../onnx/tensorData';
import { writeModel } from '../onnx/writeModel';
import type { Pass } from '../passes/pass';
import { constantsToInitializers } from '../passes/simplify/constantsToInitializers';
import { fixDimensions } from '../passes/simplify/fixDimensions';
import { initializersOutOfInputs } from '../passes/simplify/initializersOutOfInputs';
import { inlineFunctions } from '../passes/simplify/inlineFunctions';
import { isRandom } from '../passes/simplify/randomOperators';
import { optimizePasses, runToFixedPoint } from '../passes/simplify/simplify';
import { raiseOpset } from '../passes/simplify/raiseOpset';
import { upgradeOpset } from '../passes/simplify/upgradeOpset';
import type { TensorReader } from '../passes/tensorReader';
import { checkOutputs, type CheckedOutputs } from './verify/checkOutputs';
import { defaultCheckSeconds } from './verify/checkRuns';
import { checkBindings } from './checkBindings';
import { dataBeside } from './dataBeside';
import { withEvaluator } from './foldWithRuntime';
import { checkOutput, readSound } from './modelFiles';
import { tensorDigests } from './tensorDigest';

export interface OptimizeOptions {
  /** Path to write. */
  readonly output: string;
  /** Free dimensions of the inputs that become numbers, by name; an unnamed one as `input[axis]`. */
  readonly bind?: Readonly<Record<string, number>> | undefined;
  /** Models below operator set 20 are brought there first: it has operators for patterns that older ones write out. */
  readonly upgrade?: boolean | undefined;
  /** Real data for the check; `NAME_calibration.npz` beside the model when absent. */
  readonly data?: string | undefined;
  /** Time for running both models in the check; 4 s when absent. */
  readonly checkSeconds?: number | undefined;
  /** Write also where the original cannot be run, so that the outputs cannot be compared. */
  readonly unchecked?: boolean | undefined;
  /** Replace an existing output (never the model itself). */
  readonly overwrite?: boolean | undefined;
}

export interface ModelSize {
  /** Nodes of the main graph and of the bodies inside it. */
  nodes: number;
  /** External data included. */
  fileBytes: number;
}

export interface Optimized {
  output: string;
  before: ModelSize;
  after: ModelSize;
  passes: { name: string; changed: boolean }[];
  /** Largest absolute difference of the outputs; null when they could not be compared. */
  maxAbsError: number | null;
  /** Runs that were compared, with the sizes of free dimensions, and samples of real data among them. */
  checked: {
    runs: number;
    sizes: Record<string, number>[];
    samples: number;
    data: string | null;
    seconds: number;
    /** Whether the time was up before all runs were made. */
    cutShort: boolean;
  };
  diagnostics: Diagnostic[];
}

/**
 * Optimises the model at `path` and writes `options.output`. Throws `invalidModel` with the diagnostics of a
 * broken model, `badRequest` for a dimension that does not exist, `conflict` when the output exists,
 * `unsupported` when the original cannot be run and `unchecked` is not set, and `runnerFailed`, with nothing
 * written, when the outputs are not the same.
 */
export async function optimize(path: string, options: OptimizeOptions, task: Task): Promise<Optimized> {
  const output = resolve(options.output);
  checkOutput(path, output, options);
  task.report({ stage: 'Reading' });
  const { model, diagnostics, fileBytes, externalBytes } = await readSound(path, 'optimized', task);
  checkBindings(path, model, options.bind ?? {});
  const notes: Diagnostic[] = [];
  const simplified = await rewritten(model, options, task);
  const checked = await checkBeforeWriting(path, model, simplified.model, options, notes, task);
  task.report({ stage: 'Writing' });
  const written = await writeModel(simplified.model, output, { overwrite: options.overwrite === true }, task);
  return {
    output,
    before: { nodes: summarize(model).nodes, fileBytes: fileBytes + externalBytes },
    after: { nodes: summarize(simplified.model).nodes, fileBytes: written.fileBytes },
    passes: simplified.passes.map((each) => ({ ...each })),
    maxAbsError: checked?.maxAbsError ?? null,
    checked: {
      runs: checked?.runs ?? 0,
      sizes: (checked?.sizes ?? []).map((each) => ({ ...each })),
      samples: checked?.samples ?? 0,
      seconds: checked?.seconds ?? 0,
      cutShort: (checked?.leftOut ?? 0) > 0,
      data: checked && checked.samples > 0 ? (options.data ?? dataBeside(path, 'calibration') ?? null) : null,
    },
    diagnostics: [...diagnostics, ...simplified.notes, ...notes],
  };
}

/** The model after all rewrites. */
function rewritten(model: Model, options: OptimizeOptions, task: Task) {
  const read: TensorReader = (tensor) => readTensorBytes(tensor, undefined, task);
  const first: Pass[] = [];
  if (options.bind) first.push(fixDimensions(options.bind));
  if (options.upgrade) {
    first.push(inlineFunctions, constantsToInitializers, initializersOutOfInputs);
    first.push(
      upgradeOpset(read, { minimum: 13, purpose: 'The upgrade' }),
      raiseOpset(read, { target: 20, purpose: 'The upgrade', otherwise: 'Optimize it without the upgrade.' }),
    );
  }
  return withEvaluator((evaluate) => {
    const passes = optimizePasses({ read, digest: tensorDigests(task), evaluate });
    return runToFixedPoint(model, [...first, ...passes], task);
  });
}

const drawsRandomNumbers = (model: Model) =>
  [...allGraphs(model)].some(({ graph }) => graph.nodes.some(isRandom));

async function checkBeforeWriting(
  path: string,
  original: Model,
  changed: Model,
  { bind, unchecked, data, checkSeconds }: OptimizeOptions,
  notes: Diagnostic[],
  task: Task,
): Promise<CheckedOutputs | undefined> {
  const shapesOnly = drawsRandomNumbers(original);
  const folder = await temporaryFolder('optimize');
  try {
    const candidate = join(folder, 'candidate.onnx');
    await writeModel(changed, candidate, {}, task);
    const found = data ?? dataBeside(path, 'calibration');
    const real = found === undefined ? undefined : { path: found, named: data !== undefined };
    const checked = await checkOutputs(
      path,
      candidate,
      { bind, shapesOnly, data: real, maxSeconds: checkSeconds },
      task,
    );
    if (checked.unusable !== undefined)
      notes.push({
        id: 'optimize/data-unused',
        severity: 'info',
        message: `The outputs were compared on generated inputs alone: ${basename(found ?? '')} beside the model does not fit. ${checked.unusable}`,
      });
    if (checked.leftOut > 0)
      notes.push({
        id: 'optimize/check-cut-short',
        severity: 'info',
        message: `The check was ended by its time of ${checkSeconds ?? defaultCheckSeconds} s: ${checked.runs === 1 ? 'one run was' : `${checked.runs} runs were`} compared, and ${checked.leftOut} more had been planned. Give the check more seconds to compare them all.`,
      });
    if (!shapesOnly) return checked;
    notes.push(note('info', 'The model draws random numbers, so only shapes of the outputs were compared.'));
    return undefined;
  } catch (error) {
    throwIfCancelled(task);
    if (!(error instanceof SlipwayError)) throw error;
    if (error.kind === 'runnerFailed')
      throw new SlipwayError(
        'runnerFailed',
        `The optimized model does not give the outputs of ${basename(path)}, so nothing was written: ${error.message} This is a fault of Slipway; please report it with the model.`,
      );
    if (error.kind !== 'unsupported') throw error;
    if (unchecked !== true)
      throw new SlipwayError(
        'unsupported',
        `The outputs cannot be compared, so nothing was written: ${error.message} Allow an unchecked result to write it all the same.`,
      );
    notes.push(note('warning', `The outputs were not compared: ${error.message}`));
    return undefined;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const note = (severity: Diagnostic['severity'], message: string): Diagnostic => ({
  id: 'optimize/not-compared',
  severity,
  message,
});
