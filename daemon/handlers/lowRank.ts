// Writes a version of a model with layers split into thinner ones.

import { basename } from 'node:path';
import { LowRank } from '../protocol/lowRank';
import { handler } from './handler';

export const lowRank = handler(LowRank, async ({ uri, revision, ...options }, task, { workspace }) => {
  const { path } = await workspace.models.get(uri, revision, task);
  return workspace.jobs.heavy(`splitting of ${basename(path)}`, task, async () => {
    const { lowRankFile } = await import('../recipes/lowRank');
    const made = await lowRankFile(path, options, task);
    return { ...made, layers: made.layers.map((layer) => ({ ...layer })) };
  });
});
