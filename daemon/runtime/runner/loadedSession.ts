// A model that a runner has loaded, as its owner sees it: feeds are checked here, before they go to the runner.

import { badRequest } from '../../base/errors';
import type { Task } from '../../base/task';
import { checkFeeds } from './feedCheck';
import type { RunnerCall, RunnerCalls } from './runnerMessages';
import type { Feeds, RunnerSession } from './session';

/** Asks the runner; a task that is cancelled rejects the call. `extraMs` is what the call may take beyond the usual. */
export type CallRunner = <C extends RunnerCall>(
  name: C,
  params: RunnerCalls[C]['params'],
  task: Task | undefined,
  extraMs?: number,
) => Promise<RunnerCalls[C]['result']>;

/** The session that a runner answered `load` with. `alive` says whether there is still a runner to release it. */
export function loadedSession(
  call: CallRunner,
  model: string,
  { session, inputs, outputs, loadMs }: RunnerCalls['load']['result'],
  alive: () => boolean,
): RunnerSession {
  const outputNames = new Set(outputs.map((output) => output.name));
  let timed: Feeds | undefined;
  return {
    inputs,
    outputs,
    loadMs,
    async run(feeds, task, fetches) {
      checkFeeds(model, inputs, feeds);
      const unknown = fetches?.find((name) => !outputNames.has(name));
      if (unknown !== undefined) throw badRequest(`${model} has no output "${unknown}".`);
      return call('run', { session, feeds, ...(fetches ? { fetches } : {}) }, task);
    },
    async timeRuns(feeds, limits, task) {
      const again = timed === feeds;
      if (!again) checkFeeds(model, inputs, feeds);
      const params = { session, ...limits, ...(again ? {} : { feeds }) };
      const times = await call('timeRuns', params, task, limits.maxMs);
      timed = feeds;
      return times;
    },
    async countValues(feeds, names, task, keep = []) {
      checkFeeds(model, inputs, feeds);
      return call('countValues', { session, feeds, names, keep }, task);
    },
    countedValues: (task) => call('countedValues', { session }, task),
    endProfile: () => call('endProfile', { session }, undefined),
    async release() {
      if (alive()) await call('release', { session }, undefined);
    },
  };
}
