// The search for the most nodes that can compute in half: candidates are judged by a device's arithmetic, emulated on
// this machine, and the best so far is handed out at every step, so that a search that is cancelled leaves it.

import { unsupported } from '../../base/errors';
import { silentTask, throwIfCancelled, type Task } from '../../base/task';
import type { Model } from '../../ir/model';
import { writeModel } from '../../onnx/writeModel';
import type { HalfOutcome } from '../../passes/precision/convert';
import { searchHalf } from '../../passes/precision/search';
import { withRunner } from '../../runtime/runner/runnerProcess';
import { holds, measuredText, PrecisionJudge, type JudgeData } from './precisionJudge';
import type { Measured, PrecisionOptions, PrecisionSearch } from './precisionOptions';

const defaultEvaluations = 60;

export interface SearchWork {
  /** The float32 model. */
  readonly path: string;
  readonly options: PrecisionOptions;
  /** Nodes that may be half, in running order. */
  readonly candidates: readonly string[];
  readonly data: JudgeData;
  /** A path that models may be written to and run from. */
  readonly trial: string;
  /** The model with exactly these nodes in half, or one that rounds as it would. */
  readonly make: (only: ReadonlySet<string>, emulate: boolean, task: Task) => Promise<HalfOutcome>;
  /** Called with each new best. */
  readonly save: (model: Model) => Promise<unknown>;
}

/**
 * Bisects for the nodes that must stay float32. Throws `unsupported` when no set of nodes was found that keeps what is
 * asked for, and what measuring throws.
 */
export async function searchPrecision(
  work: SearchWork,
  task: Task,
): Promise<{ outcome: HalfOutcome; search: PrecisionSearch }> {
  const { path, options, candidates, data, trial, make, save } = work;
  const started = performance.now();
  const { maxEvaluations = defaultEvaluations, maxSeconds } = options;
  return withRunner(task, async (runner) => {
    const judge = await PrecisionJudge.open(runner, path, options, data, task);
    let first: Measured[] | undefined;
    let best: { readonly outcome: HalfOutcome; readonly measured: Measured[] } | undefined;
    const late = new AbortController();
    // Ends a trial in its midst, and with it the runner: the search is over then. The first is always made.
    const trialTask = () => (first ? { ...task, signal: AbortSignal.any([task.signal, late.signal]) } : task);
    const accept = async (only: ReadonlySet<string>) => {
      const own = trialTask();
      try {
        return await judged(only, own);
      } catch (error) {
        throwIfCancelled(task);
        if (late.signal.aborted && own !== task) return undefined;
        throw error;
      }
    };
    const judged = async (only: ReadonlySet<string>, own: Task) => {
      const emulated = await make(only, true, own);
      await writeModel(emulated.model, trial, { overwrite: true }, { ...silentTask, signal: own.signal });
      const measured = await judge.measure(trial, own);
      first ??= measured ?? [];
      if (!measured || !holds(measured)) return false;
      // What was found good is kept, however late.
      const outcome = await make(only, false, task);
      best = { outcome, measured };
      await save(outcome.model);
      return true;
    };
    const limits = {
      budget: maxEvaluations,
      maxMs: maxSeconds === undefined ? undefined : maxSeconds * 1000,
    };
    const timer = limits.maxMs === undefined ? undefined : setTimeout(() => late.abort(), limits.maxMs);
    const found = await searchHalf(candidates, accept, limits, task).finally(() => clearTimeout(timer));
    if (!best) throw nothingHolds(found.trials, found.stopped, options.method, first ?? []);
    return {
      outcome: best.outcome,
      search: {
        measured: best.measured,
        float: candidates.filter((name) => !found.accepted.has(name)),
        evaluations: found.trials,
        seconds: (performance.now() - started) / 1000,
        stopped: found.stopped,
      },
    };
  });
}

function nothingHolds(trials: number, stopped: string, method: string, first: readonly Measured[]) {
  const all =
    first.length === 0
      ? 'With all of them in half the model gives no numbers'
      : `With all of them in half: ${first.map(measuredText).join(', ')}`;
  const next =
    stopped === 'done'
      ? 'Ask for less, or keep the model in float32 and store its weights in half.'
      : 'Allow more of both, or ask for less.';
  const spent = stopped === 'done' ? '' : ' before the search had to end';
  return unsupported(
    `No nodes were found that compute in ${method} and keep what was asked for, in ${trials === 1 ? 'one trial' : `${trials} trials`}${spent}. ${all}. ${next}`,
  );
}
