// The class that a model names for each sample, and how often it is the label.

import { badRequest, unsupported } from '../base/errors';
import type { TensorValue } from '../runtime/runner/session';
import { toNumbers } from './convert';
import { wilson } from './wilson';

/** A metric with its interval. */
export interface Evaluation {
  readonly metric: 'top1' | 'agreement';
  /** 0 to 1. */
  readonly value: number;
  /** Ends of the 95 % Wilson interval. */
  readonly low: number;
  readonly high: number;
  readonly samples: number;
}

/**
 * Index of the largest score in each row of an output of shape samples × classes (dimensions of one may follow);
 * −1 for a row with a NaN. Throws `unsupported` when the output is no row of class scores per sample.
 */
export function topClasses(name: string, output: TensorValue, batch: number): Int32Array {
  const [rows, classes, ...rest] = output.dims;
  const scores = ['float32', 'float64', 'float16'].includes(output.type);
  if (!scores || rows !== batch || classes === undefined || classes < 2 || rest.some((dim) => dim !== 1))
    throw unsupported(
      `The first output "${name}" (${output.type}, ${output.dims.join(' × ') || 'a single value'}) is not a row of class scores for each sample, so the most likely class is not defined. Top-1 and agreement need an output of samples × classes.`,
    );
  const values = toNumbers(output.type, output.data);
  const top = new Int32Array(batch);
  for (let row = 0; row < batch; row += 1) {
    let best = 0;
    for (let i = 0; i < classes; i += 1) {
      const value = values[row * classes + i]!;
      if (Number.isNaN(value)) {
        best = -1;
        break;
      }
      if (value > values[row * classes + best]!) best = i;
    }
    top[row] = best;
  }
  return top;
}

/** Throws `badRequest` when a label is no class of the model. */
export function checkLabel(label: number, sample: number, classes: number): void {
  if (label < 0 || label >= classes)
    throw badRequest(
      `The label ${label} of sample ${sample} is none of the model's ${classes} classes (0 to ${classes - 1}). Check that the data belongs to this model.`,
    );
}

/** Share of samples whose predicted class is the label. Throws `badRequest` when a label is no class of the model. */
export function topOne(predicted: Int32Array, labels: Int32Array, classes: number): Evaluation {
  let hits = 0;
  for (let i = 0; i < predicted.length; i += 1) {
    const label = labels[i]!;
    checkLabel(label, i, classes);
    if (predicted[i] === label) hits += 1;
  }
  return { metric: 'top1', ...wilson(hits, predicted.length), samples: predicted.length };
}
