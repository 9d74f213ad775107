// Says how large a version of a model would be.

import { EstimateSize } from '../protocol/estimate';
import { handler } from './handler';
import { modelOf } from './inspect';

export const estimate = handler(EstimateSize, async ({ uri, revision, ...change }, task, { workspace }) => {
  const opened = await workspace.models.get(uri, revision, task);
  const { estimateSize } = await import('../analysis/estimateSize');
  return estimateSize(modelOf(opened), opened.read.fileBytes + opened.read.externalBytes, change);
});
