// Sensitivity of a model file: opens model and data as quantizing does, and measures its layers.

import type { Diagnostic } from '../../base/diagnostic';
import type { Task } from '../../base/task';
import type { Selection } from '../../passes/quantize/selection';
import { withRunner } from '../../runtime/runner/runnerProcess';
import { explained } from './explained';
import { openSource } from './openSource';
import { staticWork } from './staticSource';
import type { StaticSettings } from './quantizeOptions';
import { measureSensitivity, type LayerSensitivity, type OperatorError } from './sensitivity';

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
  /** The other quantized operators, the largest error first. */
  operators: OperatorError[];
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
    const onlyTogether: string[] = [];
    const calibrator = options.calibrator ?? 'minmax';
    const measured = { calibrator, samples, together: true, onlyTogether } as const;
    const { layers, operators } = await explained(runner, path, task, () =>
      measureSensitivity(work, measured, task),
    );
    if (onlyTogether.length > 0) work.notes.push(notAlone(onlyTogether));
    return {
      layers,
      operators,
      samples: Math.min(samples, work.dataset.samples),
      diagnostics: [...source.notes, ...work.notes],
    };
  });
}

/** Depthwise layers between float ones stay in float, so that there is nothing to measure of them alone. */
const notAlone = (nodes: readonly string[]): Diagnostic => ({
  id: 'sensitivity/only-together',
  severity: 'info',
  message: `${nodes.length === 1 ? 'One layer has' : `${nodes.length} layers have`} no figure of ${nodes.length === 1 ? 'its' : 'their'} own, because a depthwise convolution goes into integers only together with its neighbours: ${nodes
    .slice(0, 3)
    .map((name) => `"${name}"`)
    .join(', ')}${nodes.length > 3 ? ', …' : ''}. To keep one in float, exclude it by name.`,
});
