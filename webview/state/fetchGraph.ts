// Gets a graph of the open model from the host, as a table.

import { ErrorCode } from '../../daemon/protocol/errors';
import { readModelTable, type ModelTable } from '../graph/modelTable';
import type { EditorHost } from '../host';
import { errorOf } from './errorOf';

export interface FetchedGraph {
  readonly scope: string;
  readonly revision: string;
  /** False when shapes were not inferred yet. */
  readonly inferred: boolean;
  readonly model: ModelTable;
}

/**
 * The graph at `scope`, or the main graph where there is none; the options are those of `slipway/graph`. With `fold`, Q
 * and DQ nodes lie in the operators that they belong to.
 */
export async function fetchGraph(
  host: EditorHost,
  scope: string,
  options: { quick: boolean; bind?: Record<string, number> },
  fold: boolean,
): Promise<FetchedGraph> {
  try {
    const params = { ...options, ...(scope === '' ? {} : { scope }) };
    const { columns, revision, inferred } = await host.request('graph', params);
    return { scope, revision, inferred, model: readModelTable(columns, fold) };
  } catch (error) {
    // A nested graph that was shown before may be gone from a changed file.
    if (scope === '' || errorOf(error).code === ErrorCode.unsupported) throw error;
    return fetchGraph(host, '', options, fold);
  }
}
