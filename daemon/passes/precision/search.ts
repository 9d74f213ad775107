// Finds which nodes can be half while a validator is satisfied: segments of the graph, in running order, are tried
// whole and halved when they fail. Needs about 2·k·log2(n) trials for k nodes that must stay float32.

import { throwIfCancelled, type Task } from '../../base/task';

export interface SearchOptions {
  /** Trials at the most. */
  readonly budget: number;
}

export interface SearchResult {
  /** The largest accepted set that was found. */
  readonly accepted: ReadonlySet<string>;
  readonly trials: number;
  /** False when the budget ended the search; what was not tried is not accepted. */
  readonly complete: boolean;
}

/**
 * `names` are the candidates in running order; `accept` says whether a model with exactly these in half is good
 * enough. The empty set counts as accepted. What is accepted is always a set that `accept` has seen and taken.
 */
export async function searchHalf(
  names: readonly string[],
  accept: (half: ReadonlySet<string>) => Promise<boolean>,
  options: SearchOptions,
  task: Task,
): Promise<SearchResult> {
  let accepted: ReadonlySet<string> = new Set();
  let trials = 0;
  let complete = true;
  const pending: (readonly string[])[] = names.length > 0 ? [names] : [];
  for (let segment = pending.pop(); segment; segment = pending.pop()) {
    throwIfCancelled(task);
    if (trials >= options.budget) {
      complete = false;
      break;
    }
    const trial = new Set([...accepted, ...segment]);
    trials += 1;
    task.report({ stage: 'Searching for nodes that must stay float32', done: trials, total: options.budget });
    if (await accept(trial)) {
      accepted = trial;
    } else if (segment.length > 1) {
      const middle = segment.length >> 1;
      // The earlier part is tried first.
      pending.push(segment.slice(middle), segment.slice(0, middle));
    }
  }
  return { accepted, trials, complete };
}
