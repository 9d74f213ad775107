// Runs a model over data and computes a metric.

import { basename } from 'node:path';
import { Evaluate } from '../protocol/evaluate';
import { pathOfUri } from '../workspace/uris';
import { handler } from './handler';

export const evaluate = handler(Evaluate, ({ uri, reference, ...options }, task, { workspace }) => {
  const path = pathOfUri(uri);
  const other = reference === undefined ? undefined : pathOfUri(reference);
  return workspace.jobs.heavy(`evaluation of ${basename(path)}`, task, async () => {
    const { evaluateModel } = await import('../evaluate/evaluate');
    return evaluateModel({ ...options, path, reference: other }, task);
  });
});
