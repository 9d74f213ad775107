// Splits the layers of a model file into thinner ones: read, measure what layers read where there is data, split where
// it saves, check, write. The model itself is never written over.

import type { Diagnostic } from '../base/diagnostic';
import { badRequest, unsupported } from '../base/errors';
import type { Task } from '../base/task';
import type { OutputError } from '../evaluate/outputError';
import { factorable, lowRank, type LowRankLayer } from '../passes/lowRank/lowRank';
import { runPasses } from '../passes/pass';
import { nameOf, quantizedHint } from '../passes/quantize/outcome';
import { constantsToInitializers } from '../passes/simplify/constantsToInitializers';
import { unusedInitializers } from '../passes/simplify/unusedInitializers';
import { gramsOf, openRework, writeRework, type ModelSize, type ReworkOptions } from './reworkFile';

export interface LowRankFileOptions extends ReworkOptions {
  /** Share of the energy that each layer keeps, above 0 and at most 1; or `maxError`. */
  readonly energy?: number | undefined;
  /** Largest error of each layer's output on the data, as a share of its size (root mean squares); needs data. */
  readonly maxError?: number | undefined;
}

export interface LowRankMade {
  output: string;
  before: ModelSize;
  after: ModelSize;
  layers: LowRankLayer[];
  error: OutputError | null;
  diagnostics: Diagnostic[];
}

/** Throws as `pruneChannels` does; `unsupported` when there is no layer that could be split. */
export async function lowRankFile(
  path: string,
  options: LowRankFileOptions,
  task: Task,
): Promise<LowRankMade> {
  const energy = energyOf(options);
  const work = await openRework(path, options, 'split', task);
  const { data, read, diagnostics, original, before } = work;
  const { model } = await runPasses(original, [constantsToInitializers], task);
  const found = factorable(model);
  if (found.length === 0)
    throw unsupported(
      `Nothing in ${path} can be split: it has no MatMul, Gemm or 1×1 Conv of one group with float weights of its own.${quantizedHint(original)}`,
    );
  const grams = await gramsOf(
    model,
    found.map(({ node }) => nameOf(node)),
    data,
    task,
  );
  const made = await lowRank(model, { energy, grams }, read, task);
  const result = made.modified ? (await runPasses(made.model, [unusedInitializers], task)).model : original;
  if (!made.modified)
    diagnostics.push({
      id: 'low-rank/nothing-split',
      severity: 'warning',
      message: `No layer becomes smaller at ${(energy * 100).toFixed(2)} % of its energy, so the model is as it was. Ask for less, or prune channels.`,
    });
  const { after, error } = await writeRework(work, result, task);
  return { output: work.output, before, after, layers: [...made.layers], error, diagnostics };
}

function energyOf({ energy, maxError, calibration }: LowRankFileOptions): number {
  if ((energy === undefined) === (maxError === undefined))
    throw badRequest(
      'Give either the share of energy that each layer keeps (0.99, say) or, with calibration data, its largest error (0.05, say).',
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
