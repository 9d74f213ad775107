// F1: the harmonic mean of precision and recall. C. J. van Rijsbergen, "Information Retrieval", 2nd edition
// (1979), chapter 7, with both weighing alike. The macro average is the mean of the classes' F1.

import { averaged, classCounts, type Average } from './confusion';
import type { Sampled } from './sampled';

/** F1 of one class from its counts; 0 when it neither occurs nor is named. */
export const f1Of = (right: number, named: number, actual: number): number =>
  named + actual > 0 ? (2 * right) / (named + actual) : 0;

/** F1 over samples; labels and predictions are class indices below `classes`. */
export const f1 = (
  predicted: Int32Array,
  labels: Int32Array,
  classes: number,
  average: Average,
): Sampled => ({
  samples: labels.length,
  value: (counts) => averaged(classCounts(predicted, labels, classes, counts), average, f1Of),
});
