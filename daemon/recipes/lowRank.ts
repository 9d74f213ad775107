// Splits the layers of a model file into thinner ones: read, measure what layers read where there is data, split where
// it saves, check, write. The model itself is never written over.

import { resolve } from 'node:path';
import type { Diagnostic } from '../base/diagnostic';
import { badRequest, unsupported } from '../base/errors';
import type { Task } from '../base/task';
import { workThreads } from '../evaluate/evaluate';
import type { OutputError } from '../evaluate/outputError';
import { readTensorBytes } from '../onnx/tensorData';
import { writeModel } from '../onnx/writeModel';
import { factorable, lowRank, type LowRankLayer } from '../passes/lowRank/lowRank';
import { runPasses } from '../passes/pass';
import { nameOf } from '../passes/quantize/outcome';
import { constantsToInitializers } from '../passes/simplify/constantsToInitializers';
import { unusedInitializers } from '../passes/simplify/unusedInitializers';
import type { TensorReader } from '../passes/tensorReader';
import { collectGrams } from '../runtime/gram';
import { withRunner } from '../runtime/runnerProcess';
import { checkRuns } from './checkShapes';
import { checkOutput, readSound } from './modelFiles';
import { openData, sizeOf, type PrunedSize } from './prune';
import { outputError } from './quantizeCheck';

export interface LowRankFileOptions {
  /** Path to write. */
  readonly output: string;
  /** Share of the energy that each layer keeps, above 0 and at most 1; or `maxError`. */
  readonly energy?: number | undefined;
  /** Largest error of each layer's output on the data, as a share of its size (root mean squares); needs data. */
  readonly maxError?: number | undefined;
  /** Path of an .npz file with arrays named like the inputs; labels are not used. */
  readonly calibration?: string | undefined;
  readonly calibrationSamples?: number | undefined;
  readonly overwrite?: boolean | undefined;
}

export interface LowRankMade {
  output: string;
  before: PrunedSize;
  after: PrunedSize;
  layers: LowRankLayer[];
  error: OutputError | null;
  diagnostics: Diagnostic[];
}

const mostRows = 50_000;

/** Throws as `pruneChannels` does; `unsupported` when there is no layer that could be split. */
export async function lowRankFile(
  path: string,
  options: LowRankFileOptions,
  task: Task,
): Promise<LowRankMade> {
  const energy = energyOf(options);
  const output = resolve(options.output);
  checkOutput(path, output, options);
  task.report({ stage: 'Reading' });
  const original = await readSound(path, 'split', task);
  const inputs = await withRunner(task, async (runner) => (await runner.load(path, {}, task)).inputs);
  const data = await openData(options, inputs, task);
  const read: TensorReader = (tensor) => readTensorBytes(tensor, undefined, task);
  const { model } = await runPasses(original.model, [constantsToInitializers], task);
  const found = factorable(model);
  if (found.length === 0)
    throw unsupported(
      `Nothing in ${path} can be split: it has no MatMul, Gemm or 1×1 Conv of one group with float weights of its own.`,
    );
  const settings = { maxRows: mostRows, total: data?.total ?? 0, threads: workThreads() };
  const names = found.map(({ node }) => nameOf(node));
  const grams = data && (await collectGrams(model, names, data.feeds, settings, task));
  const made = await lowRank(model, { energy, grams }, read, task);
  const result = made.modified
    ? (await runPasses(made.model, [unusedInitializers], task)).model
    : original.model;
  const diagnostics = [...original.diagnostics];
  if (made.modified) await checkRuns(path, result, 'split', task);
  else
    diagnostics.push({
      id: 'low-rank/nothing-split',
      severity: 'warning',
      message: `No layer becomes smaller at ${(energy * 100).toFixed(2)} % of its energy, so the model is as it was. Ask for less, or prune channels.`,
    });
  task.report({ stage: 'Writing' });
  const written = await writeModel(result, output, { overwrite: options.overwrite === true }, task);
  task.report({ stage: 'Checking' });
  const error = await outputError(path, output, 'static', inputs, data, diagnostics, task);
  return {
    output,
    before: {
      ...(await sizeOf(original.model, read)),
      fileBytes: original.fileBytes + original.externalBytes,
    },
    after: { ...(await sizeOf(result, read)), fileBytes: written.fileBytes },
    layers: [...made.layers],
    error,
    diagnostics,
  };
}

function energyOf({ energy, maxError, calibration }: LowRankFileOptions): number {
  if ((energy === undefined) === (maxError === undefined))
    throw badRequest(
      'Give either the share of energy that each layer keeps, as in 0.99, or its largest error.',
    );
  if (energy !== undefined) {
    if (!(energy > 0 && energy <= 1))
      throw badRequest(`The energy is the share to keep, above 0 and at most 1; ${energy} was given.`);
    return energy;
  }
  if (!(maxError! > 0 && maxError! < 1))
    throw badRequest(
      `The largest error is a share of the output, above 0 and below 1; ${maxError} was given.`,
    );
  if (calibration === undefined)
    throw badRequest('The error is measured on data. Name calibration data (.npz), or give the energy.');
  return 1 - maxError! ** 2;
}
