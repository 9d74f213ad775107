// Makes a model file sparse without changing its shapes: read, measure what layers read where there is data, set
// zeros, check, write. Says plainly that ONNX Runtime's dense kernels run it no faster.

import { resolve } from 'node:path';
import type { Diagnostic } from '../base/diagnostic';
import { badRequest, unsupported } from '../base/errors';
import type { Task } from '../base/task';
import { workThreads } from '../evaluate/evaluate';
import { readTensorBytes } from '../onnx/tensorData';
import { writeModel } from '../onnx/writeModel';
import { runPasses } from '../passes/pass';
import { makeSparse, sparseLayers, type SparseOptions } from '../passes/prune/sparse';
import { constantsToInitializers } from '../passes/simplify/constantsToInitializers';
import type { TensorReader } from '../passes/tensorReader';
import { collectGrams } from '../runtime/gram';
import { withRunner } from '../runtime/runnerProcess';
import { checkRuns } from './checkShapes';
import { checkOutput, readSound } from './modelFiles';
import { openData, sizeOf, type Pruned } from './prune';
import { outputError } from './quantizeCheck';

export interface SparseFileOptions {
  /** Path to write. */
  readonly output: string;
  readonly pattern: SparseOptions['pattern'];
  /** `sparsegpt` when there is data, else `magnitude`. */
  readonly criterion?: SparseOptions['criterion'] | undefined;
  readonly calibration?: string | undefined;
  readonly calibrationSamples?: number | undefined;
  readonly overwrite?: boolean | undefined;
}

const mostRows = 50_000;

const noFaster: Diagnostic = {
  id: 'prune/no-faster',
  severity: 'info',
  message:
    'The zeros make the model neither faster nor, uncompressed, its file smaller: ONNX Runtime has dense kernels only. They help when the file is compressed, or on devices with sparse kernels. For speed, prune channels.',
};

/** `groups` counts numbers that are not zero, layer by layer. Throws as `pruneChannels` does. */
export async function pruneSparse(path: string, options: SparseFileOptions, task: Task): Promise<Pruned> {
  const { pattern, calibration } = options;
  if ('ratio' in pattern && !(pattern.ratio > 0 && pattern.ratio < 1))
    throw badRequest(`The ratio is the share of zeros, above 0 and below 1; ${pattern.ratio} was given.`);
  if ('of' in pattern && !(pattern.keep >= 1 && pattern.keep < pattern.of && pattern.of <= 64))
    throw badRequest(
      `The pattern N:M keeps N of every M, N below M; ${pattern.keep}:${pattern.of} was given.`,
    );
  const criterion = options.criterion ?? (calibration === undefined ? 'magnitude' : 'sparsegpt');
  if (calibration === undefined && criterion !== 'magnitude')
    throw badRequest(
      `The criterion "${criterion}" is measured on data. Name calibration data (.npz), or choose magnitude.`,
    );
  const output = resolve(options.output);
  checkOutput(path, output, options);
  task.report({ stage: 'Reading' });
  const original = await readSound(path, 'pruned', task);
  const inputs = await withRunner(task, async (runner) => (await runner.load(path, {}, task)).inputs);
  const data = await openData(options, inputs, task);
  const read: TensorReader = (tensor) => readTensorBytes(tensor, undefined, task);
  const { model } = await runPasses(original.model, [constantsToInitializers], task);
  const names = sparseLayers(model).map(({ name }) => name);
  if (names.length === 0)
    throw unsupported(`${path} has no Conv, Gemm or MatMul with float weights of its own.`);
  const grams =
    data && criterion !== 'magnitude'
      ? await collectGrams(
          model,
          names,
          data.feeds,
          { maxRows: mostRows, total: data.total, threads: workThreads() },
          task,
        )
      : undefined;
  const made = await makeSparse(model, { pattern, criterion, grams }, read, task);
  await checkRuns(path, made.model, 'pruned', task);
  task.report({ stage: 'Writing' });
  const written = await writeModel(made.model, output, { overwrite: options.overwrite === true }, task);
  task.report({ stage: 'Checking' });
  const diagnostics = [...original.diagnostics, noFaster];
  const error = await outputError(path, output, 'static', inputs, data, diagnostics, task);
  const size = await sizeOf(original.model, read);
  return {
    output,
    before: { ...size, fileBytes: original.fileBytes + original.externalBytes },
    after: { ...size, fileBytes: written.fileBytes },
    groups: made.layers.map(({ name, elements, zeros }) => ({
      name,
      from: elements,
      to: elements - zeros,
      layers: [name],
    })),
    locked: [],
    repaired: 0,
    error,
    diagnostics,
  };
}
