// Precision: how many of those named a class belong to it. C. J. van Rijsbergen, "Information Retrieval",
// 2nd edition (1979), chapter 7; averages over classes as in D. D. Lewis, "Evaluating text categorization" (1991).

import { averaged, classCounts, type Average } from './confusion';
import type { Sampled } from './sampled';

/** Precision of one class from its counts; 0 when it was never named. */
export const precisionOf = (right: number, named: number): number => (named > 0 ? right / named : 0);

/** Precision over samples; labels and predictions are class indices below `classes`. */
export const precision = (
  predicted: Int32Array,
  labels: Int32Array,
  classes: number,
  average: Average,
): Sampled => ({
  samples: labels.length,
  value: (counts) => averaged(classCounts(predicted, labels, classes, counts), average, precisionOf),
});
