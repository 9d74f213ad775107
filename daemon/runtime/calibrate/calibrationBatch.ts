// How many samples calibration runs at once: as many as the model's values fit into a budget of memory, by their shapes,
// or where those are not known by running a sample and looking at what the process took for it. Larger batches are faster,
// up to a point.

import { peakActivationBytes } from '../../analysis/cost/cost';
import { inferShapes } from '../../analysis/shapes';
import type { Task } from '../../base/task';
import type { Model } from '../../ir/model';
import type { Feeds, Runner, RunnerSession } from '../runner/session';

/** The same data in batches of any size. */
export interface SizedBatches {
  /** Asked for once per pass over the data. */
  readonly of: (size: number) => AsyncIterable<Feeds>;
  /** The largest that may be asked for. */
  readonly largest: number;
  /** The only one that may be asked for. */
  readonly fixed?: number | undefined;
}

/** Memory that one batch may take, and the samples beyond which larger batches gain nothing. */
const budgetBytes = 12 * 2 ** 20;
export const mostSamples = 16;
const pilot = 1;

/** The size for the batches, a power of two; runs a pilot where shapes do not tell. */
export async function chooseBatch(
  { of, largest, fixed }: SizedBatches,
  runner: Runner,
  session: RunnerSession,
  model: Model,
  fetches: readonly string[],
  task: Task,
): Promise<number> {
  if (fixed !== undefined) return fixed;
  const limit = Math.min(mostSamples, largest);
  if (limit <= pilot) return Math.max(1, limit);
  let perSample = 1;
  for await (const feeds of of(pilot)) {
    const known = peakActivationBytes(inferShapes(model, { bind: dimensionsOf(model, feeds) }));
    if (known === null) {
      const before = await runner.rssBytes();
      await session.run(feeds, task, fetches);
      // What was free before is taken again unseen, so that this is the least.
      perSample = Math.max(1, (await runner.rssBytes()) - before);
    } else perSample = Math.max(1, known);
    break;
  }
  const fits = 2 ** Math.floor(Math.log2(Math.max(1, (budgetBytes * pilot) / perSample)));
  return Math.max(1, Math.min(limit, fits));
}

/** What the dimensions of a model's inputs are in these feeds, as shape inference takes it. */
export function dimensionsOf(model: Model, feeds: Feeds): Record<string, number> {
  const bind: Record<string, number> = {};
  for (const { name, type } of model.graph.inputs) {
    if (type?.kind !== 'tensor') continue;
    type.shape?.forEach(({ param }, axis) => {
      const dim = feeds[name]?.dims[axis];
      if (dim !== undefined) bind[param ?? `${name}[${axis}]`] = dim;
    });
  }
  return bind;
}
