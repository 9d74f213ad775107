// Measures how much the rounding of each layer costs.

import { basename } from 'node:path';
import { Sensitivity } from '../protocol/sensitivity';
import { requireAbsolute } from '../workspace/uris';
import { handler } from './handler';

export const sensitivity = handler(
  Sensitivity,
  async ({ uri, revision, ...options }, task, { workspace }) => {
    const { calibration, calibrationCache, overrides } = options;
    requireAbsolute({ calibration, calibrationCache, overrides });
    const { path } = await workspace.models.get(uri, revision, task);
    return workspace.jobs.heavy(`sensitivity of ${basename(path)}`, task, async () => {
      const { sensitivityOf } = await import('../recipes/quantize/sensitivityOf');
      return sensitivityOf(path, options, task);
    });
  },
);
