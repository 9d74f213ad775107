// How often two models name the same class.

import { badRequest } from '../base/errors';
import type { Evaluation } from './topOne';
import { wilson } from './wilson';

/** Share of samples for which both models' largest output is the same class; a NaN (−1) agrees with nothing. */
export function agreement(predicted: Int32Array, reference: Int32Array): Evaluation {
  if (predicted.length !== reference.length)
    throw badRequest('The models were run on different numbers of samples, so they cannot be compared.');
  let hits = 0;
  for (let i = 0; i < predicted.length; i += 1)
    if (predicted[i] === reference[i] && predicted[i]! >= 0) hits += 1;
  return { metric: 'agreement', ...wilson(hits, predicted.length), samples: predicted.length };
}
