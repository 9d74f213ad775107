// Writes a version of a model with clustered weights.

import { basename } from 'node:path';
import { Cluster } from '../protocol/cluster';
import { handler } from './handler';

export const cluster = handler(Cluster, async ({ uri, revision, ...options }, task, { workspace }) => {
  const { path } = await workspace.models.get(uri, revision, task);
  return workspace.jobs.heavy(`clustering of ${basename(path)}`, task, async () => {
    const { cluster } = await import('../recipes/cluster');
    return cluster(path, options, task);
  });
});
