// Measures models side by side.

import { basename } from 'node:path';
import { Benchmark } from '../protocol/benchmark';
import { pathOfUri } from '../workspace/uris';
import { handler } from './handler';

export const benchmark = handler(Benchmark, ({ uris, ...options }, task, { workspace }) => {
  const models = uris.map((uri) => ({ path: pathOfUri(uri) }));
  return workspace.jobs.heavy(`benchmark of ${basename(models[0]!.path)}`, task, async () => {
    const { benchmark } = await import('../runtime/benchmark');
    return benchmark(models, options, task);
  });
});
