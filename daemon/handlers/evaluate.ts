// Runs a model over data and computes a metric.

import { basename } from 'node:path';
import { Evaluate } from '../protocol/evaluate';
import { pathOfUri, requireAbsolute } from '../workspace/uris';
import { handler } from './handler';

const pathOf = (uri: string | undefined) => (uri === undefined ? undefined : pathOfUri(uri));

export const evaluate = handler(Evaluate, ({ uri, reference, against, ...options }, task, { workspace }) => {
  requireAbsolute({ data: options.data, tokenizer: options.tokenizer });
  const path = pathOfUri(uri);
  const others = { reference: pathOf(reference), against: pathOf(against) };
  return workspace.jobs.heavy(`evaluation of ${basename(path)}`, task, async () => {
    const { evaluateModel } = await import('../evaluate/evaluate');
    return evaluateModel({ ...options, path, ...others }, task);
  });
});
