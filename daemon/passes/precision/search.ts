// Finds which nodes can be half while a validator is satisfied: segments of the graph, in running order, are tried
// whole and halved when they fail, the largest first, so that a search that is ended early has decided about most of
// the graph. Needs about 2·k·log2(n) trials for k nodes that must stay float32.

import { throwIfCancelled, type Task } from '../../base/task';

export interface SearchOptions {
  /** Trials at the most. */
  readonly budget: number;
  /** Milliseconds after which no new trial is begun; no limit when absent. `accept` may end one that is under way. */
  readonly maxMs?: number | undefined;
}

export interface SearchResult {
  /** The largest accepted set that was found. */
  readonly accepted: ReadonlySet<string>;
  readonly trials: number;
  /** What ended the search; what was not tried then is not accepted. */
  readonly stopped: 'done' | 'evaluations' | 'seconds';
}

/**
 * `names` are the candidates in running order; `accept` says whether a model with exactly these in half is good
 * enough. The empty set counts as accepted. What is accepted is always a set that `accept` has seen and taken, and
 * each that it takes holds all that it took before. The first trial is made whatever the time; `accept` gives undefined for
 * one that it had to leave, which ends the search.
 */
export async function searchHalf(
  names: readonly string[],
  accept: (half: ReadonlySet<string>) => Promise<boolean | undefined>,
  options: SearchOptions,
  task: Task,
): Promise<SearchResult> {
  const started = performance.now();
  let accepted: ReadonlySet<string> = new Set();
  let trials = 0;
  const pending: (readonly string[])[] = names.length > 0 ? [names] : [];
  for (let segment = pending.shift(); segment; segment = pending.shift()) {
    throwIfCancelled(task);
    if (trials >= options.budget) return { accepted, trials, stopped: 'evaluations' };
    if (trials > 0 && performance.now() - started > (options.maxMs ?? Infinity))
      return { accepted, trials, stopped: 'seconds' };
    const trial = new Set([...accepted, ...segment]);
    trials += 1;
    task.report({ stage: 'Searching for nodes that must stay float32', done: trials, total: options.budget });
    const taken = await accept(trial);
    if (taken === undefined) return { accepted, trials: trials - 1, stopped: 'seconds' };
    if (taken) {
      accepted = trial;
    } else if (segment.length > 1) {
      const middle = segment.length >> 1;
      pending.push(segment.slice(0, middle), segment.slice(middle));
    }
  }
  return { accepted, trials, stopped: 'done' };
}
