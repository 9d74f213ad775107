// Clusters the weights of a model file: read, measure what layers read where there is data, cluster, write, and check
// that the outputs stay near. The model itself is never written over.

import type { Diagnostic } from '../base/diagnostic';
import { badRequest, unsupported } from '../base/errors';
import type { Task } from '../base/task';
import type { OutputError } from '../evaluate/outputError';
import { clusterable, clusterWeights, type ClusteredTensor } from '../passes/cluster/clusterWeights';
import { runPasses } from '../passes/pass';
import { nameOf, quantizedHint } from '../passes/quantize/outcome';
import { standardOpset } from '../passes/rewrite';
import { constantsToInitializers } from '../passes/simplify/constantsToInitializers';
import { gramsOf, openRework, writeRework, type ReworkOptions } from './reworkFile';

export interface ClusterFileOptions extends ReworkOptions {
  /** Centroids of a tensor, 2 to 256; 16 and fewer take half a byte each. */
  readonly clusters: number;
  /** Codebooks of a tensor at the most, one for each group of its rows; 1 when absent. */
  readonly codebooks?: number | undefined;
}

export interface Clustered {
  output: string;
  before: { parameters: number; fileBytes: number };
  after: { parameters: number; fileBytes: number };
  tensors: ClusteredTensor[];
  error: OutputError | null;
  diagnostics: Diagnostic[];
}

const mostCodebooks = 512;

/** Throws as `pruneChannels` does; `unsupported` when no weight is large enough. */
export async function cluster(path: string, options: ClusterFileOptions, task: Task): Promise<Clustered> {
  const { clusters, codebooks } = options;
  if (!Number.isInteger(clusters) || clusters < 2 || clusters > 256)
    throw badRequest(`Clusters are counted from 2 to 256; ${clusters} was given.`);
  if (
    codebooks !== undefined &&
    !(Number.isInteger(codebooks) && codebooks >= 1 && codebooks <= mostCodebooks)
  )
    throw badRequest(`Codebooks of a weight are counted from 1 to ${mostCodebooks}; ${codebooks} was given.`);
  const work = await openRework(path, options, 'clustered', task);
  const { original, data, read, diagnostics } = work;
  if (standardOpset(original) < 9)
    throw unsupported(
      `Clustering needs operator set 9 or newer, and this model uses ${standardOpset(original)}. Export it again with opset 13 or newer.`,
    );
  const { model } = await runPasses(original, [constantsToInitializers], task);
  const found = clusterable(model);
  if (found.length === 0)
    throw unsupported(
      `${path} has no float weight of 512 numbers or more, so clustering cannot make it smaller.${quantizedHint(original)}`,
    );
  const measured = found.flatMap(({ tensor, reader }) =>
    reader && (reader.opType === 'Conv' || tensor.dims.length === 2) ? [nameOf(reader)] : [],
  );
  const grams = await gramsOf(model, measured, data, task);
  const result = await clusterWeights(model, { clusters, codebooks, grams }, read, task);
  const { after, error } = await writeRework(work, result.model, task);
  const { parameters, fileBytes } = work.before;
  if (after.fileBytes >= fileBytes)
    diagnostics.push({
      id: 'cluster/not-smaller',
      severity: 'warning',
      message: `The file has ${after.fileBytes} bytes and did not become smaller than its ${fileBytes}: its weights are small, or stored in few bits already. Keep the original.`,
    });
  return {
    output: work.output,
    before: { parameters, fileBytes },
    // As the running model has them: the codebooks are unpacked at load.
    after: { parameters, fileBytes: after.fileBytes },
    tensors: [...result.tensors],
    error,
    diagnostics,
  };
}
