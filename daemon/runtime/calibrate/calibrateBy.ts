// Ranges by the calibrator that was asked for, from one pass over the data: its smallest and largest values, or where
// all of them fall (calibrateHistograms.ts).

import { badRequest } from '../../base/errors';
import { breathe, type Task } from '../../base/task';
import type { Model } from '../../ir/model';
import {
  entropyRange,
  mseRange,
  percentileRange,
  type Histogram,
} from '../../passes/quantize/histogramRange';
import { collectRanges, type Calibration, type ValueRange } from './calibrate';
import { collectHistograms } from './calibrateHistograms';
import type { SizedBatches } from './calibrationBatch';
import type { Feeds, Runner } from '../runner/session';

export const calibrators = ['minmax', 'moving-average', 'percentile', 'entropy', 'mse'] as const;
export type Calibrator = (typeof calibrators)[number];

export interface CalibratorSettings {
  readonly calibrator: Calibrator;
  /** Percent of the values that `percentile` keeps; 99.999 when absent. */
  readonly percentile?: number | undefined;
  /** Weight of the newest batch for `moving-average`; 0.01 when absent. */
  readonly momentum?: number | undefined;
  /** Integers that a range is divided into; 256 when absent. */
  readonly levels?: number | undefined;
}

export interface CalibrateByOptions extends CalibratorSettings {
  readonly total?: number;
  readonly threads?: number;
  /** See HistogramOptions. */
  readonly budgetBytes?: number;
  /** A runner to use; one of its own for each pass when absent. */
  readonly runner?: Runner | undefined;
  /** See CalibrationOptions. */
  readonly keepOutputs?: number | undefined;
}

/**
 * Ranges of float values of the main graph over all batches; `batches` is asked for as often as there are
 * passes. Throws as `collectRanges` does, and `badRequest` for settings out of their limits.
 */
export async function calibrateBy(
  model: Model,
  values: readonly string[],
  batches: (() => AsyncIterable<Feeds>) | SizedBatches,
  options: CalibrateByOptions,
  task: Task,
): Promise<Calibration> {
  const { calibrator, percentile = 99.999, momentum = 0.01, levels = 256, total, threads } = options;
  if (!(percentile > 50 && percentile <= 100))
    throw badRequest(`The percentile must lie above 50 and at most at 100; ${percentile} was given.`);
  if (!(momentum > 0 && momentum <= 1))
    throw badRequest(
      `The weight of the newest batch must lie above 0 and at most at 1; ${momentum} was given.`,
    );
  const counts = calibrator !== 'minmax' && calibrator !== 'moving-average';
  const known = {
    ...(total === undefined ? {} : { total }),
    ...(threads === undefined ? {} : { threads }),
    runner: options.runner,
  };
  if (!counts)
    return collectRanges(
      model,
      values,
      typeof batches === 'function' ? batches() : batches,
      {
        ...known,
        keepOutputs: options.keepOutputs,
        ...(calibrator === 'moving-average' ? { movingAverage: momentum } : {}),
      },
      task,
    );
  const fixed = typeof batches === 'function' ? undefined : batches.fixed;
  const { budgetBytes, keepOutputs } = options;
  const counting = { ...known, budgetBytes, keepOutputs, batchSize: fixed };
  const source = typeof batches === 'function' || fixed === undefined ? batches : () => batches.of(fixed);
  const counted = await collectHistograms(model, values, source, counting, task);
  const ranges = new Map<string, ValueRange>(counted.ranges);
  let done = 0;
  for (const [name, histogram] of counted.histograms) {
    task.report({ stage: 'Choosing ranges', done, total: counted.histograms.size });
    done += 1;
    await breathe(task);
    const { min, max } = chosenRange(histogram, calibrator, percentile, levels);
    // Bins end a little beyond what was observed.
    const seen = ranges.get(name)!;
    ranges.set(name, {
      min: Math.max(min, Math.min(0, seen.min)),
      max: Math.min(max, Math.max(0, seen.max)),
    });
  }
  const { diagnostics, kept } = counted;
  return { ranges, diagnostics, batches: counted.batches, elements: new Map(), kept };
}

function chosenRange(histogram: Histogram, calibrator: Calibrator, percentile: number, levels: number) {
  switch (calibrator) {
    case 'percentile':
      return percentileRange(histogram, percentile);
    case 'entropy':
      return entropyRange(histogram, levels);
    default:
      return mseRange(histogram, levels);
  }
}
