// What static quantization of an opened source starts with: scheme, calibrator, what stays in float, overrides, the cache
// of ranges, and the recovery of accuracy that was asked for.

import { badRequest } from '../../base/errors';
import type { Task } from '../../base/task';
import type { Model } from '../../ir/model';
import { hasDirectKernels, weightRange } from '../../passes/quantize/scheme';
import { selectNodes } from '../../passes/quantize/selection';
import { instructionSetsHere } from '../../runtime/machine';
import { correctBiasesInTurn } from './iterativeBias';
import { noOverrides, readOverrides } from './overrides';
import { comparedSamples } from './quantizeCheck';
import type { QuantizeOptions } from './quantizeOptions';
import { recover } from './recover';
import type { RecoverMethod } from './recoverMethods';
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

/** The same after the accuracy recovery that was asked for, which changes the model that ranges are measured on. */
export async function recoveredWork(
  source: Source,
  options: QuantizeOptions,
  task: Task,
): Promise<StaticWork> {
  const work = await staticWork(source, options);
  return options.recover?.length ? recoverWork(source, work, options.recover, options, task) : work;
}

/** The same source after these recoveries, as work of its own. */
export async function recoverWork(
  source: Source,
  work: StaticWork,
  methods: readonly RecoverMethod[],
  options: QuantizeOptions,
  task: Task,
): Promise<StaticWork> {
  const { scheme, exclude } = work.options;
  // A cache of ranges belongs to the model as it was.
  const fresh = { ...options, calibrationCache: undefined };
  const settings = {
    methods,
    integers: weightRange(scheme),
    perTensor: !scheme.perChannel,
    exclude,
    runner: source.runner,
  };
  const recovered = await recover(source.simplified, source.read, source.dataset!, settings, task);
  // Its outputs are no longer the original's.
  const result = await staticWork({ ...source, simplified: recovered.model }, fresh, 0);
  result.notes.push(...recovered.notes);
  if (!methods.includes('bias-iterative')) return result;
  const corrected = await correctBiasesInTurn(result, options.calibrator ?? 'minmax', task);
  const last = await staticWork({ ...source, simplified: corrected.model }, fresh, 0);
  const message = `The biases of ${corrected.layers.size} layers were corrected, one after another, for what the quantized layers lose on average.`;
  last.notes.push(...recovered.notes, { id: 'quantize/recover', severity: 'info', message });
  return last;
}

/** What the search for accuracy tries of itself: what suits convolutions, or the products of transformers. */
export const suitable = (model: Model): RecoverMethod[] =>
  model.graph.nodes.some(({ opType }) => opType === 'Conv')
    ? ['cle', 'adaround', 'bias']
    : ['smooth', 'adaround', 'bias'];
