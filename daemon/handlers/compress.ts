// The one click: quantize, measure, evaluate, choose.

import { basename } from 'node:path';
import { Compress } from '../protocol/compress';
import { requireAbsolute } from '../workspace/uris';
import { handler } from './handler';

export const compress = handler(Compress, async ({ uri, revision, ...options }, task, { workspace }) => {
  const { outputFolder, calibration, validation } = options;
  requireAbsolute({ outputFolder, calibration, validation });
  const { path } = await workspace.models.get(uri, revision, task);
  return workspace.jobs.heavy(`compression of ${basename(path)}`, task, async () => {
    const { compress } = await import('../recipes/compress');
    return compress(path, options, task);
  });
});
