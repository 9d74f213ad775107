// Writes an int8 version of a model.

import { basename } from 'node:path';
import { Quantize } from '../protocol/quantize';
import { requireAbsolute } from '../workspace/uris';
import { handler } from './handler';

export const quantize = handler(Quantize, async ({ uri, revision, ...options }, task, { workspace }) => {
  const { output, calibration, validation, calibrationCache, overrides, state } = options;
  requireAbsolute({ output, calibration, validation, calibrationCache, overrides, state });
  const { path } = await workspace.models.get(uri, revision, task);
  return workspace.jobs.heavy(`quantization of ${basename(path)}`, task, async () => {
    const { quantize } = await import('../recipes/quantize/quantize');
    return quantize(path, options, task);
  });
});
