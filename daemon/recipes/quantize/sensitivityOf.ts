// Sensitivity of a model file: opens model and data as quantizing does, and measures its layers.

import type { Diagnostic } from '../../base/diagnostic';
import type { Task } from '../../base/task';
import type { Selection } from '../../passes/quantize/selection';
import { withRunner } from '../../runtime/runner/runnerProcess';
import { openSource } from './openSource';
import { staticWork } from './staticSource';
import type { StaticSettings } from './quantizeOptions';
import { measureSensitivity, type LayerSensitivity } from './sensitivity';

export interface SensitivityOptions extends StaticSettings, Selection {
  readonly calibration: string;
  /** Ranges are measured on at most this many samples; all when absent. */
  readonly calibrationSamples?: number | undefined;
  /** Samples that each layer is measured on; 64 when absent. */
  readonly samples?: number | undefined;
}

export interface Sensitivity {
  /** The most sensitive first. */
  layers: LayerSensitivity[];
  samples: number;
  diagnostics: Diagnostic[];
}

/** Measures every layer of the model at `path`; throws as `quantize` does. */
export async function sensitivityOf(
  path: string,
  { samples = 64, ...settings }: SensitivityOptions,
  task: Task<LayerSensitivity>,
): Promise<Sensitivity> {
  const options = { ...settings, method: 'static', output: '' } as const;
  return withRunner(task, async (runner) => {
    const source = await openSource(runner, path, options, task);
    const work = await staticWork(source, options);
    const measured = { calibrator: options.calibrator ?? 'minmax', samples, together: true } as const;
    const layers = await measureSensitivity(work, measured, task);
    return {
      layers,
      samples: Math.min(samples, work.dataset.samples),
      diagnostics: [...source.notes, ...work.notes],
    };
  });
}
