// What static quantization of an opened source starts with: scheme, calibrator, what stays in float, overrides, and the
// cache of ranges. What is done to the model before is recoveredWork.ts.

import { badRequest } from '../../base/errors';
import type { Model } from '../../ir/model';
import { hasDirectKernels } from '../../passes/quantize/scheme';
import { selectNodes } from '../../passes/quantize/selection';
import { instructionSetsHere } from '../../runtime/machine';
import { noOverrides, readOverrides } from './overrides';
import { comparedSamples } from './quantizeCheck';
import type { QuantizeOptions } from './quantizeOptions';
import { resolveScheme } from './resolveScheme';
import { StaticWork } from './staticWork';
import type { Source } from './openSource';

/** Names of the nodes that were told to stay in float. Throws `badRequest` for words that fit no node. */
export function excluded(model: Model, options: QuantizeOptions): ReadonlySet<string> {
  const { exclude, unmatched } = selectNodes(model.graph, options);
  if (unmatched.length === 0) return exclude;
  const quoted = unmatched.map((word) => `"${word}"`).join(', ');
  throw badRequest(
    `No node of the model fits ${quoted}. Name nodes or outputs as they are listed by inspect, with * for any text; operators by their type (Conv, MatMul).`,
  );
}

/** What static quantization of this source starts from; throws `badRequest` for options that fit nothing. */
export async function staticWork(
  source: Source,
  options: QuantizeOptions,
  keepOutputs = comparedSamples,
): Promise<StaticWork> {
  const { path, runner } = source;
  const { scheme, target, notes } = resolveScheme(options, await instructionSetsHere());
  const { calibration, calibrationCache } = options;
  const work = new StaticWork(source.simplified, source.read, source.dataset!, {
    scheme,
    runner,
    settings: {
      calibrator: options.calibrator ?? 'minmax',
      percentile: options.percentile,
      momentum: options.momentum,
    },
    keepOutputs,
    blockColumns: hasDirectKernels(target, scheme),
    exclude: excluded(source.simplified, options),
    overrides: options.overrides === undefined ? noOverrides : await readOverrides(options.overrides),
    ...(calibrationCache === undefined || calibration === undefined
      ? {}
      : { cache: { path: calibrationCache, files: [path, calibration] } }),
  });
  work.notes.push(...notes);
  return work;
}
