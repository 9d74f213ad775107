// Clusters the weights of a model file: read, measure what layers read where there is data, cluster, write, and check
// that the outputs stay near. The model itself is never written over.

import type { Diagnostic } from '../base/diagnostic';
import { badRequest, unsupported } from '../base/errors';
import type { Task } from '../base/task';
import type { OutputError } from '../evaluate/outputError';
import { clusterable, clusterWeights, type ClusteredTensor } from '../passes/cluster/clusterWeights';
import { runPasses } from '../passes/pass';
import { nameOf } from '../passes/quantize/outcome';
import { standardOpset } from '../passes/rewrite';
import { constantsToInitializers } from '../passes/simplify/constantsToInitializers';
import { gramsOf, openRework, writeRework, type ReworkOptions } from './reworkFile';

export interface ClusterFileOptions extends ReworkOptions {
  /** Centroids of a tensor, 2 to 256; 16 and fewer take half a byte each. */
  readonly clusters: number;
}

export interface Clustered {
  output: string;
  before: { parameters: number; fileBytes: number };
  after: { parameters: number; fileBytes: number };
  tensors: ClusteredTensor[];
  error: OutputError | null;
  diagnostics: Diagnostic[];
}

/** Throws as `pruneChannels` does; `unsupported` when no weight is large enough. */
export async function cluster(path: string, options: ClusterFileOptions, task: Task): Promise<Clustered> {
  const { clusters } = options;
  if (!Number.isInteger(clusters) || clusters < 2 || clusters > 256)
    throw badRequest(`Clusters are counted from 2 to 256; ${clusters} was given.`);
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
      `${path} has no float weight of 512 numbers or more, so clustering cannot make it smaller.`,
    );
  const measured = found.flatMap(({ tensor, reader }) =>
    reader && (reader.opType === 'Conv' || tensor.dims.length === 2) ? [nameOf(reader)] : [],
  );
  const grams = await gramsOf(model, measured, data, task);
  const result = await clusterWeights(model, { clusters, grams }, read, task);
  const { after, error } = await writeRework(work, result.model, task);
  const { parameters, fileBytes } = work.before;
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
