// Writes a pruned version of a model.

import { basename } from 'node:path';
import { Prune } from '../protocol/prune';
import { handler } from './handler';

export const prune = handler(Prune, async ({ uri, revision, ...options }, task, { workspace }) => {
  const { path } = await workspace.models.get(uri, revision, task);
  return workspace.jobs.heavy(`pruning of ${basename(path)}`, task, async () => {
    const { pruneChannels } = await import('../recipes/prune/prune');
    return pruneChannels(path, options, task);
  });
});
