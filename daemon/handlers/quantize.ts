// Writes an int8 version of a model.

import { basename } from 'node:path';
import { Quantize } from '../protocol/quantize';
import { handler } from './handler';

export const quantize = handler(Quantize, async ({ uri, revision, ...options }, task, { workspace }) => {
  const { path } = await workspace.models.get(uri, revision, task);
  return workspace.jobs.heavy(`quantization of ${basename(path)}`, task, async () => {
    const { quantize } = await import('../recipes/quantize');
    return quantize(path, options, task);
  });
});
