// Counts of true against predicted classes, from which precision, recall and F1 come.

import { requireSameLength } from './sampled';

/** How the figures of the classes become one: each class alike, by its samples, or over all decisions. */
export type Average = 'macro' | 'weighted' | 'micro';

/** What was decided about the classes, each once or `counts[i]` times. */
export interface ClassCounts {
  /** Samples of the class. */
  readonly actual: Float64Array;
  /** Times that the class was named. */
  readonly named: Float64Array;
  /** Times that it was named rightly. */
  readonly right: Float64Array;
}

/** Counts by class; a predicted −1 (the model gave no number) is a miss of the true class and names no class. */
export function classCounts(
  predicted: Int32Array,
  labels: Int32Array,
  classes: number,
  counts?: Uint32Array,
): ClassCounts {
  requireSameLength(predicted, labels);
  const made = {
    actual: new Float64Array(classes),
    named: new Float64Array(classes),
    right: new Float64Array(classes),
  };
  for (let i = 0; i < labels.length; i += 1) {
    const times = counts ? counts[i]! : 1;
    const [label, named] = [labels[i]!, predicted[i]!];
    made.actual[label]! += times;
    if (named >= 0) made.named[named]! += times;
    if (named === label) made.right[label]! += times;
  }
  return made;
}

/** Rows are true classes, columns predicted ones; samples without a prediction are in no column. */
export function confusionMatrix(predicted: Int32Array, labels: Int32Array, classes: number): number[][] {
  requireSameLength(predicted, labels);
  const matrix = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  for (let i = 0; i < labels.length; i += 1) if (predicted[i]! >= 0) matrix[labels[i]!]![predicted[i]!]! += 1;
  return matrix;
}

/**
 * One figure from those of the classes. Classes that neither occur nor are named do not count; a class whose
 * figure is not defined (nothing named, nothing there) counts as 0, as scikit-learn does.
 */
export function averaged(
  { actual, named, right }: ClassCounts,
  average: Average,
  figure: (right: number, named: number, actual: number) => number,
): number {
  const sum = (values: Float64Array) => values.reduce((all, one) => all + one, 0);
  if (average === 'micro') return figure(sum(right), sum(named), sum(actual));
  let total = 0;
  let weights = 0;
  for (let i = 0; i < actual.length; i += 1) {
    if (actual[i] === 0 && named[i] === 0) continue;
    const weight = average === 'weighted' ? actual[i]! : 1;
    total += weight * figure(right[i]!, named[i]!, actual[i]!);
    weights += weight;
  }
  return weights > 0 ? total / weights : 0;
}
