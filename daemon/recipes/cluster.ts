// Clusters the weights of a model file: read, measure what layers read where there is data, cluster, write, and check
// that the outputs stay near. The model itself is never written over.

import { resolve } from 'node:path';
import { summarize } from '../analysis/summary';
import type { Diagnostic } from '../base/diagnostic';
import { badRequest, unsupported } from '../base/errors';
import type { Task } from '../base/task';
import { loadDataset } from '../evaluate/dataset';
import { workThreads } from '../evaluate/evaluate';
import type { OutputError } from '../evaluate/outputError';
import { suitableBatch } from '../evaluate/predict';
import { readTensorBytes } from '../onnx/tensorData';
import { writeModel } from '../onnx/writeModel';
import { clusterable, clusterWeights, type ClusteredTensor } from '../passes/cluster/clusterWeights';
import { runPasses } from '../passes/pass';
import { nameOf } from '../passes/quantize/outcome';
import { standardOpset } from '../passes/rewrite';
import { constantsToInitializers } from '../passes/simplify/constantsToInitializers';
import type { TensorReader } from '../passes/tensorReader';
import { collectGrams } from '../runtime/gram';
import { withRunner } from '../runtime/runnerProcess';
import { checkRuns } from './checkShapes';
import { checkOutput, readSound } from './modelFiles';
import { outputError } from './quantizeCheck';

export interface ClusterFileOptions {
  /** Path to write. */
  readonly output: string;
  /** Centroids of a tensor, 2 to 256; 16 and fewer take half a byte each. */
  readonly clusters: number;
  /** Path of an .npz file with arrays named like the inputs; the clusters are then fitted to layer outputs. */
  readonly calibration?: string | undefined;
  readonly calibrationSamples?: number | undefined;
  /** Replace an existing output (never the model or the data). */
  readonly overwrite?: boolean | undefined;
}

export interface Clustered {
  output: string;
  before: { parameters: number; fileBytes: number };
  after: { parameters: number; fileBytes: number };
  tensors: ClusteredTensor[];
  error: OutputError | null;
  diagnostics: Diagnostic[];
}

const mostRows = 50_000;

/** Throws as `pruneChannels` does; `unsupported` when no weight is large enough. */
export async function cluster(path: string, options: ClusterFileOptions, task: Task): Promise<Clustered> {
  const { clusters, calibration } = options;
  if (!Number.isInteger(clusters) || clusters < 2 || clusters > 256)
    throw badRequest(`Clusters are counted from 2 to 256; ${clusters} was given.`);
  const output = resolve(options.output);
  checkOutput(path, output, options);
  task.report({ stage: 'Reading' });
  const original = await readSound(path, 'clustered', task);
  if (standardOpset(original.model) < 9)
    throw unsupported(
      `Clustering needs operator set 9 or newer, and this model uses ${standardOpset(original.model)}. Export it again with opset 13 or newer.`,
    );
  const inputs = await withRunner(task, async (runner) => (await runner.load(path, {}, task)).inputs);
  const dataset =
    calibration === undefined
      ? undefined
      : await loadDataset(calibration, inputs, { maxSamples: options.calibrationSamples }, task);
  const read: TensorReader = (tensor) => readTensorBytes(tensor, undefined, task);
  const { model } = await runPasses(original.model, [constantsToInitializers], task);
  const found = clusterable(model);
  if (found.length === 0)
    throw unsupported(
      `${path} has no float weight of 512 numbers or more, so clustering cannot make it smaller.`,
    );
  const size = dataset && (dataset.fixedBatch ?? suitableBatch(dataset));
  const measured = found.flatMap(({ tensor, reader }) =>
    reader && (reader.opType === 'Conv' || tensor.dims.length === 2) ? [nameOf(reader)] : [],
  );
  const grams =
    dataset && size !== undefined
      ? await collectGrams(
          model,
          measured,
          async function* () {
            for await (const { feeds } of dataset.batches(size)) yield feeds;
          },
          { maxRows: mostRows, total: Math.ceil(dataset.samples / size), threads: workThreads() },
          task,
        )
      : undefined;
  const result = await clusterWeights(model, { clusters, grams }, read, task);
  await checkRuns(path, result.model, 'clustered', task);
  task.report({ stage: 'Writing' });
  const written = await writeModel(result.model, output, { overwrite: options.overwrite === true }, task);
  task.report({ stage: 'Checking' });
  const diagnostics = [...original.diagnostics];
  const error = await outputError(path, output, 'static', inputs, dataset, diagnostics, task);
  const { parameters } = summarize(model);
  return {
    output,
    before: { parameters, fileBytes: original.fileBytes + original.externalBytes },
    after: { parameters, fileBytes: written.fileBytes },
    tensors: [...result.tensors],
    error,
    diagnostics,
  };
}
