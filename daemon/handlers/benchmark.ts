// Measures models side by side.

import { basename } from 'node:path';
import { Benchmark } from '../protocol/benchmark';
import { pathOfUri } from '../workspace/uris';
import { handler } from './handler';

export const benchmark = handler(Benchmark, ({ uris, data, ...options }, task, { workspace }) => {
  const models = uris.map((uri) => ({ path: pathOfUri(uri) }));
  return workspace.jobs.heavy(`benchmark of ${basename(models[0]!.path)}`, task, async () => {
    const { benchmarkSweep } = await import('../runtime/benchmark/benchmarkSweep');
    const { inputsFrom } = await import('../recipes/benchmarkData');
    return benchmarkSweep(models, { ...options, inputs: inputsFrom(data) }, task);
  });
});
