// Writes a version of a model with zeros in its weights.

import { basename } from 'node:path';
import { PruneWeights } from '../protocol/pruneWeights';
import { handler } from './handler';

export const pruneWeights = handler(
  PruneWeights,
  async ({ uri, revision, ratio, pattern, ...options }, task, { workspace }) => {
    const { path } = await workspace.models.get(uri, revision, task);
    return workspace.jobs.heavy(`pruning of ${basename(path)}`, task, async () => {
      const { patternFrom, pruneSparse } = await import('../recipes/prune/pruneSparse');
      return pruneSparse(path, { ...options, pattern: patternFrom({ ratio, pattern }) }, task);
    });
  },
);
