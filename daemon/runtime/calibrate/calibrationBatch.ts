// How many samples calibration runs at once: as many as the model's values fit into a budget of memory, found by
// running a few and looking at what the process took for them. Larger batches are faster, up to a point.

import type { Task } from '../../base/task';
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

/** Runs a pilot batch and gives the size for the others, a power of two. */
export async function chooseBatch(
  { of, largest, fixed }: SizedBatches,
  runner: Runner,
  session: RunnerSession,
  fetches: readonly string[],
  task: Task,
): Promise<number> {
  if (fixed !== undefined) return fixed;
  const limit = Math.min(mostSamples, largest);
  if (limit <= pilot) return Math.max(1, limit);
  const before = await runner.rssBytes();
  for await (const feeds of of(pilot)) {
    await session.run(feeds, task, fetches);
    break;
  }
  const grown = (await runner.rssBytes()) - before;
  const perSample = Math.max(1, grown / pilot);
  const fits = 2 ** Math.floor(Math.log2(Math.max(1, budgetBytes / perSample)));
  return Math.max(1, Math.min(limit, fits));
}
