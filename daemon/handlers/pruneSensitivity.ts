// Measures how much pruning costs, one group of channels at a time.

import { basename } from 'node:path';
import { PruneSensitivity } from '../protocol/pruneSensitivity';
import { requireAbsolute } from '../workspace/uris';
import { handler } from './handler';

export const pruneSensitivity = handler(
  PruneSensitivity,
  async ({ uri, revision, ...options }, task, { workspace }) => {
    requireAbsolute({ calibration: options.calibration, validation: options.validation });
    const { path } = await workspace.models.get(uri, revision, task);
    return workspace.jobs.heavy(`sensitivity of ${basename(path)}`, task, async () => {
      const { pruneSensitivity } = await import('../recipes/prune/pruneSensitivity');
      return pruneSensitivity(path, options, task);
    });
  },
);
