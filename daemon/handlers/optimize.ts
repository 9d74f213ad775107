// Writes a smaller model that computes the same.

import { basename } from 'node:path';
import { Optimize } from '../protocol/optimize';
import { requireAbsolute } from '../workspace/uris';
import { handler } from './handler';

export const optimize = handler(Optimize, async ({ uri, revision, ...options }, task, { workspace }) => {
  requireAbsolute({ output: options.output, data: options.data });
  const { path } = await workspace.models.get(uri, revision, task);
  return workspace.jobs.heavy(`optimization of ${basename(path)}`, task, async () => {
    const { optimize } = await import('../recipes/optimize');
    return optimize(path, options, task);
  });
});
