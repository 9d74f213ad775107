// Recall: how many of a class were named it. C. J. van Rijsbergen, "Information Retrieval", 2nd edition (1979),
// chapter 7; averages over classes as in D. D. Lewis, "Evaluating text categorization" (1991).

import { averaged, classCounts, type Average } from './confusion';
import type { Sampled } from './sampled';

/** Recall of one class from its counts; 0 when it does not occur. */
export const recallOf = (right: number, _named: number, actual: number): number =>
  actual > 0 ? right / actual : 0;

/** Recall over samples; labels and predictions are class indices below `classes`. */
export const recall = (
  predicted: Int32Array,
  labels: Int32Array,
  classes: number,
  average: Average,
): Sampled => ({
  samples: labels.length,
  value: (counts) => averaged(classCounts(predicted, labels, classes, counts), average, recallOf),
});
