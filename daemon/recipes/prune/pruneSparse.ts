// Makes a model file sparse without changing its shapes: read, measure what layers read where there is data, set
// zeros, pack, check, write. Says plainly that ONNX Runtime's dense kernels run it no faster.

import type { Diagnostic } from '../../base/diagnostic';
import { badRequest, unsupported } from '../../base/errors';
import type { Task } from '../../base/task';
import type { OutputError } from '../../evaluate/outputError';
import type { Model } from '../../ir/model';
import { runPasses } from '../../passes/pass';
import {
  makeSparse,
  sparseLayers,
  type Criterion,
  type SparseLayer,
  type SparseOptions,
} from '../../passes/prune/sparse';
import { quantizedHint } from '../../passes/quantize/outcome';
import { shareAfter, sharesByLayer } from '../../passes/prune/sparseSchedule';
import { packSparse, type StoredTensor } from '../../passes/prune/sparseStorage';
import { constantsToInitializers } from '../../passes/simplify/constantsToInitializers';
import { unusedInitializers } from '../../passes/simplify/unusedInitializers';
import type { TensorReader } from '../../passes/tensorReader';
import {
  gramsOf,
  mostRows,
  openRework,
  writeRework,
  type CalibrationData,
  type ModelSize,
  type ReworkOptions,
} from '../reworkFile';
import { sparseInTurn } from './sparseInTurn';

export interface SparseFileOptions extends ReworkOptions {
  readonly pattern: SparseOptions['pattern'];
  /** `sparsegpt` when there is data, else `magnitude`. */
  readonly criterion?: Criterion | undefined;
  /** The same share of zeros in every layer, or more where it costs less; for a ratio only. `global` when there is data. */
  readonly scope?: 'global' | 'layer' | undefined;
  /** Rounds in which the share grows, each measured on what the one before left; 1 when absent. For a ratio only. */
  readonly rounds?: number | undefined;
  /** `packed` makes the file smaller, `dense` keeps plain initializers for other tools; `packed` when absent. */
  readonly store?: 'packed' | 'dense' | undefined;
}

export interface SparsePruned {
  output: string;
  before: ModelSize;
  after: ModelSize;
  layers: SparseLayer[];
  /** How the weights that have zeros are stored. */
  stored: StoredTensor[];
  error: OutputError | null;
  diagnostics: Diagnostic[];
}

const mostRounds = 20;

const noFaster: Diagnostic = {
  id: 'prune/no-faster',
  severity: 'info',
  message:
    'The zeros do not make the model faster: ONNX Runtime has dense kernels only, and unpacks the weights once at load. They make the file smaller, and help devices with sparse kernels. For speed, prune channels.',
};

/** Throws as `pruneChannels` does. */
export async function pruneSparse(
  path: string,
  options: SparseFileOptions,
  task: Task,
): Promise<SparsePruned> {
  const criterion = options.criterion ?? (options.calibration === undefined ? 'magnitude' : 'sparsegpt');
  checkOptions(options, criterion);
  const work = await openRework(path, options, 'pruned', task);
  const { data, read, diagnostics, before } = work;
  const { model } = await runPasses(work.original, [constantsToInitializers], task);
  if (sparseLayers(model).length === 0)
    throw unsupported(
      `Nothing in ${path} can be made sparse: it has no Conv of one group, Gemm or MatMul with float weights of its own.${quantizedHint(work.original)}`,
    );
  const made = await sparseInRounds(model, options, criterion, data, read, task);
  const packed =
    options.store === 'dense' ? { model: made.model, tensors: [] } : await packSparse(made.model, read, task);
  diagnostics.push(noFaster);
  const { after, error } = await writeRework(work, packed.model, task);
  return {
    output: work.output,
    before,
    // As the running model has them: the weights are unpacked at load.
    after: { ...before, fileBytes: after.fileBytes },
    layers: [...made.layers],
    stored: packed.tensors.filter(({ zeros }) => zeros > 0),
    error,
    diagnostics,
  };
}

async function sparseInRounds(
  dense: Model,
  { pattern, scope, rounds = 1 }: SparseFileOptions,
  criterion: Criterion,
  data: CalibrationData | undefined,
  read: TensorReader,
  task: Task,
): Promise<{ model: Model; layers: readonly SparseLayer[] }> {
  let model = dense;
  let layers: readonly SparseLayer[] = [];
  const count = 'of' in pattern ? 1 : rounds;
  for (let round = 1; round <= count; round += 1) {
    const prefix = count === 1 ? '' : `Round ${round} of ${count}: `;
    const inRound: Task = {
      signal: task.signal,
      report: (each) => task.report({ ...each, stage: `${prefix}${each.stage}` }),
    };
    const now = 'of' in pattern ? pattern : { ratio: shareAfter(pattern.ratio, round, count) };
    const global = (scope ?? (data ? 'global' : 'layer')) === 'global' && 'ratio' in now;
    const measured = data && criterion !== 'magnitude' && (global || criterion === 'wanda');
    const names = sparseLayers(model).map(({ name }) => name);
    const grams = measured ? await gramsOf(model, names, data, inRound) : undefined;
    const shares = global ? await sharesByLayer(model, now.ratio, grams, read, inRound) : undefined;
    const options = { pattern: now, criterion, grams, shares };
    ({ model, layers } =
      data && criterion === 'sparsegpt'
        ? await sparseInTurn(dense, model, options, { data, read, mostRows }, inRound)
        : await makeSparse(model, options, read, inRound));
  }
  return { model: (await runPasses(model, [unusedInitializers], task)).model, layers };
}

/** A pattern from what a user gives: a ratio, or N:M as text. Throws `badRequest` when it is neither or both. */
export function patternFrom({
  ratio,
  pattern,
}: {
  readonly ratio?: number | undefined;
  readonly pattern?: string | undefined;
}): SparseFileOptions['pattern'] {
  if ((ratio === undefined) === (pattern === undefined))
    throw badRequest('Give either the ratio of zeros, as in 0.5, or a pattern N:M, as in 2:4.');
  if (pattern === undefined) return { ratio: ratio ?? 0 };
  const parts = /^(\d+):(\d+)$/.exec(pattern);
  if (!parts) throw badRequest(`A pattern is N:M, as in 2:4; "${pattern}" was given.`);
  return { keep: Number(parts[1]), of: Number(parts[2]) };
}

function checkOptions(
  { pattern, calibration, rounds, scope }: SparseFileOptions,
  criterion: Criterion,
): void {
  if ('ratio' in pattern && !(pattern.ratio > 0 && pattern.ratio < 1))
    throw badRequest(`The ratio is the share of zeros, above 0 and below 1; ${pattern.ratio} was given.`);
  if ('of' in pattern && !(pattern.keep >= 1 && pattern.keep < pattern.of && pattern.of <= 64))
    throw badRequest(
      `The pattern N:M keeps N of every M, N below M and M at most 64; ${pattern.keep}:${pattern.of} was given.`,
    );
  if ('of' in pattern && (scope === 'global' || (rounds ?? 1) > 1))
    throw badRequest(
      `The pattern ${pattern.keep}:${pattern.of} fixes the share of every layer, so scope and rounds do not apply. Give a ratio instead.`,
    );
  if (rounds !== undefined && !(Number.isInteger(rounds) && rounds >= 1 && rounds <= mostRounds))
    throw badRequest(`Rounds are counted from 1 to ${mostRounds}; ${rounds} was given.`);
  if (calibration === undefined && criterion !== 'magnitude')
    throw badRequest(
      `The criterion "${criterion}" is measured on data. Name calibration data (.npz), or choose magnitude.`,
    );
}
