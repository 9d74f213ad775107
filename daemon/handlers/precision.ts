// Writes a half-precision version of a model.

import { basename } from 'node:path';
import { ConvertPrecision } from '../protocol/precision';
import { requireAbsolute } from '../workspace/uris';
import { handler } from './handler';

export const precision = handler(
  ConvertPrecision,
  async ({ uri, revision, ...options }, task, { workspace }) => {
    requireAbsolute({
      output: options.output,
      calibration: options.calibration,
      validation: options.validation,
    });
    const { path } = await workspace.models.get(uri, revision, task);
    return workspace.jobs.heavy(`conversion of ${basename(path)}`, task, async () => {
      const { convertPrecision } = await import('../recipes/precision/precision');
      return convertPrecision(path, options, task);
    });
  },
);
