// What converting a file to half precision can be told, and which of it goes together. Doing it is precision.ts.

import { badRequest } from '../../base/errors';
import type { Quantized } from '../quantize/quantizeOptions';

/** What the outputs of a model must keep for `search` to take it; all that is given must hold. */
export interface PrecisionCriteria {
  /** Largest loss of top-1 on labelled data, or, without labels, of agreement with the float32 model (0.003 is 0.3 points). */
  readonly maxDrop?: number | undefined;
  /** Least cosine similarity of the outputs with those of the float32 model. */
  readonly minCosine?: number | undefined;
  /** Least signal-to-noise ratio of the outputs, dB; 50 when no other criterion is given. */
  readonly minSqnrDb?: number | undefined;
}

export interface PrecisionOptions extends PrecisionCriteria {
  readonly method: 'fp16' | 'bf16';
  /**
   * `storage`: weights in half, arithmetic in float32; `compute`: nodes compute in half; `search`: compute, and find
   * the nodes that must stay float32 for the outputs to be near enough. `search` when a criterion is given, else `storage`.
   */
  readonly mode?: 'storage' | 'compute' | 'search' | undefined;
  /** Path to write. */
  readonly output: string;
  /** Operator types, node names or patterns that stay float32. */
  readonly keep?: readonly string[] | undefined;
  /** Inputs and outputs become half as well. */
  readonly halfIo?: boolean | undefined;
  /** Path of data; ranges are measured on it, and the error. */
  readonly calibration?: string | undefined;
  readonly calibrationSamples?: number | undefined;
  /** A node that touches a value measured larger than this stays float32; a quarter of the format's largest when absent. */
  readonly maxMagnitude?: number | undefined;
  /** Data that `maxDrop` is measured on. */
  readonly validation?: string | undefined;
  readonly validationSamples?: number | undefined;
  /** `search`: models that are measured at the most; 60 when absent. */
  readonly maxEvaluations?: number | undefined;
  /** `search`: ends after this time with the best so far. */
  readonly maxSeconds?: number | undefined;
  /** Replace an existing output (never the model or the data). */
  readonly overwrite?: boolean | undefined;
}

/** A criterion, and what the written model keeps of it. */
export interface Measured {
  metric: 'top1' | 'agreement' | 'cosine' | 'sqnr';
  /** Top-1 of the float32 model; null for what compares with it. */
  float: number | null;
  value: number;
  /** The least value that holds. */
  least: number;
}

/** What the search found. */
export interface PrecisionSearch {
  measured: Measured[];
  /** Nodes that went back to float32 for it. */
  float: string[];
  evaluations: number;
  seconds: number;
  stopped: 'done' | 'seconds' | 'evaluations';
}

export interface Converted extends Quantized {
  /** Null without a search. */
  search: PrecisionSearch | null;
}

/** The mode that was asked for or that the criteria mean. */
export const modeOf = (options: PrecisionOptions): 'storage' | 'compute' | 'search' =>
  options.mode ?? (hasCriteria(options) ? 'search' : 'storage');

const hasCriteria = ({ maxDrop, minCosine, minSqnrDb }: PrecisionCriteria) =>
  maxDrop !== undefined || minCosine !== undefined || minSqnrDb !== undefined;

/** Throws `badRequest` for options that do not go together. */
export function checkOptions(options: PrecisionOptions): void {
  const { maxDrop, validation, calibration, maxMagnitude, maxSeconds, maxEvaluations } = options;
  const mode = modeOf(options);
  if (mode !== 'search' && (hasCriteria(options) || maxSeconds !== undefined || maxEvaluations !== undefined))
    throw badRequest(
      `What the outputs must keep and how long to look for it belong to the mode search; ${mode} converts once. Choose search, or leave them out.`,
    );
  if (maxDrop !== undefined && validation === undefined)
    throw badRequest(
      'A largest drop needs data to measure it on: labelled data for top-1, or data without labels for agreement with the float32 model. Name the validation data.',
    );
  if (maxDrop === undefined && validation !== undefined)
    throw badRequest(
      'The validation data is for a largest drop, and none is given. Name the largest drop too.',
    );
  if (maxDrop !== undefined && !(maxDrop >= 0 && maxDrop < 1))
    throw badRequest(`The largest drop is a share of 1 (0.003 is 0.3 points); ${maxDrop} was given.`);
  if (maxMagnitude !== undefined && (mode === 'storage' || calibration === undefined))
    throw badRequest(
      'The largest magnitude is measured on calibration data for nodes that compute in half. Name the data, and choose compute or search.',
    );
}
