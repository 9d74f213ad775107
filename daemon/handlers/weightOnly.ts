// Writes a version of a model with weights of few bits.

import { basename } from 'node:path';
import { QuantizeWeights } from '../protocol/weightOnly';
import { requireAbsolute } from '../workspace/uris';
import { handler } from './handler';

export const quantizeWeights = handler(
  QuantizeWeights,
  async ({ uri, revision, ...options }, task, { workspace }) => {
    requireAbsolute({ output: options.output, calibration: options.calibration });
    const { path } = await workspace.models.get(uri, revision, task);
    return workspace.jobs.heavy(`quantization of ${basename(path)}`, task, async () => {
      const { quantizeWeights: quantize } = await import('../recipes/weightOnly/weightOnly');
      return quantize(path, options, task);
    });
  },
);
