// Whether a rewritten model still computes what the original does: both are run on the same generated inputs, at
// two sizes of the free dimensions, and on real data where there is some, and every output is compared in type,
// shape and values. Nothing is judged by eye: numbers may differ by rounding only, everything else not at all. One
// model after the other is loaded, so that a large one is not held twice. What is run is checkRuns.ts.

import { SlipwayError } from '../../base/errors';
import type { Task } from '../../base/task';
import { toNumbers } from '../../evaluate/convert';
import { workThreads } from '../../evaluate/evaluate';
import { withRunner } from '../../runtime/runner/runnerProcess';
import type { RunnerSession, TensorValue } from '../../runtime/runner/session';
import { refusalOf, runOriginal, type CheckOptions, type Expected } from './checkRuns';

export interface CheckedOutputs {
  /** Largest absolute difference of any output value. */
  readonly maxAbsError: number;
  /** Runs that were compared. */
  readonly runs: number;
  /** Sizes of free dimensions, one entry for each set of runs on generated inputs. */
  readonly sizes: readonly Readonly<Record<string, number>>[];
  /** Samples of real data that were compared; 0 when there was none. */
  readonly samples: number;
  /** Time of the check, loading included. */
  readonly seconds: number;
  /** Runs that were left out because the time was up; 0 when all were made. */
  readonly leftOut: number;
  /** Why real data that was found by its name could not be used. */
  readonly unusable?: string;
}

/** Differences that rounding explains, as a share of the largest value of the output. */
const tolerances: Readonly<Record<string, number>> = { float16: 2e-2, float32: 1e-3, float64: 1e-3 };

/** Why two outputs are not the same, in a few words; else their largest difference. */
function differenceOf(
  a: TensorValue | undefined,
  b: TensorValue | undefined,
  shapesOnly: boolean,
): string | number {
  if (!a || !b) return 'is missing';
  if (a.type !== b.type) return `has type ${b.type} instead of ${a.type}`;
  if (a.dims.join() !== b.dims.join())
    return `has shape [${b.dims.join(', ')}] instead of [${a.dims.join(', ')}]`;
  if (shapesOnly) return 0;
  if (a.type === 'string' || b.type === 'string') {
    return a.data.every((text, i) => text === b.data[i]) ? 0 : 'holds other texts';
  }
  const x = toNumbers(a.type, a.data);
  const y = toNumbers(b.type, b.data);
  let largest = 0;
  let most = 0;
  for (let i = 0; i < x.length; i += 1) {
    const p = x[i]!;
    const q = y[i]!;
    if (Object.is(p, q) || p === q) {
      if (Number.isFinite(p)) largest = Math.max(largest, Math.abs(p));
      continue;
    }
    if (!Number.isFinite(p) || !Number.isFinite(q)) return `holds ${q} where the original gives ${p}`;
    largest = Math.max(largest, Math.abs(p));
    most = Math.max(most, Math.abs(p - q));
  }
  const allowed = (tolerances[a.type] ?? 0) * largest;
  if (most > allowed)
    return `differs by ${most.toPrecision(3)} where values go up to ${largest.toPrecision(3)}`;
  return most;
}

async function compareRun(
  changed: RunnerSession,
  { feeds, outputs }: Expected,
  shapesOnly: boolean,
  task: Task,
): Promise<number> {
  const after = await changed.run(feeds, task);
  let most = 0;
  for (const [name, before] of Object.entries(outputs)) {
    const difference = differenceOf(before, after[name], shapesOnly);
    if (typeof difference === 'number') most = Math.max(most, difference);
    else throw new SlipwayError('runnerFailed', `Output "${name}" ${difference}.`);
  }
  return most;
}

/**
 * Compares the models at two paths on three generated inputs, on two more with every free dimension doubled, and on
 * up to 16 samples of real data. Throws `unsupported` when the original can be run on neither, `badRequest` when data
 * that the user named does not fit, `runnerFailed` with what differs when the changed model does not compute the same.
 */
export async function checkOutputs(
  original: string,
  changed: string,
  options: CheckOptions,
  task: Task,
): Promise<CheckedOutputs> {
  const started = performance.now();
  return withRunner(task, async (runner) => {
    const load = (path: string) => runner.load(path, { threads: workThreads() }, task);
    const a = await load(original).catch((error: unknown) => {
      throw new SlipwayError('unsupported', `The original cannot be run: ${refusalOf(error, task)}`);
    });
    const made = await runOriginal(a, options, task);
    const { expected, sizes, samples, unusable, leftOut } = made;
    if (expected.length === 0)
      throw new SlipwayError('unsupported', `The original takes no generated inputs: ${made.why}`);
    await a.release();
    const b = await load(changed);
    let most = 0;
    for (const [done, each] of expected.entries()) {
      task.report({ stage: 'Checking the outputs', done, total: expected.length });
      most = Math.max(most, await compareRun(b, each, options.shapesOnly === true, task));
    }
    return {
      maxAbsError: most,
      runs: expected.length,
      sizes,
      samples,
      seconds: (performance.now() - started) / 1000,
      leftOut,
      ...(unusable === undefined ? {} : { unusable }),
    };
  });
}
