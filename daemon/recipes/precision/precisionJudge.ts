// Whether a model with half floats is near enough to the float32 one: by top-1 on labelled data, by agreement on data
// without labels, by cosine or signal-to-noise ratio of the outputs. The float32 model stays loaded and is scored once.

import { SlipwayError } from '../../base/errors';
import { silentTask, throwIfCancelled, type Task } from '../../base/task';
import { agreement } from '../../evaluate/agreement';
import type { Dataset } from '../../evaluate/dataset';
import { workThreads } from '../../evaluate/evaluate';
import { compareSessions, type ComparedBatch } from '../../evaluate/outputError';
import { predictClasses } from '../../evaluate/predict';
import { topOne } from '../../evaluate/topOne';
import type { Runner, RunnerSession } from '../../runtime/runner/session';
import type { Measured, PrecisionCriteria } from './precisionOptions';

const defaultSqnrDb = 50;

export interface JudgeData {
  /** What `maxDrop` is measured on. */
  readonly validation: Dataset | undefined;
  /** What outputs are compared on. */
  readonly compared: () => AsyncIterable<ComparedBatch>;
}

const quiet = (task: Task): Task => ({ ...silentTask, signal: task.signal });

export class PrecisionJudge {
  private constructor(
    private readonly runner: Runner,
    private readonly original: RunnerSession,
    private readonly criteria: PrecisionCriteria,
    private readonly data: JudgeData,
    /** Classes that the float32 model names. */
    private readonly classes: Int32Array | undefined,
    private readonly top1: number | undefined,
  ) {}

  /** Loads the float32 model at `path` and scores it. Throws what evaluating throws. */
  static async open(
    runner: Runner,
    path: string,
    criteria: PrecisionCriteria,
    data: JudgeData,
    task: Task,
  ): Promise<PrecisionJudge> {
    const original = await runner.load(path, { threads: workThreads() }, task);
    const { validation } = data;
    if (!validation) return new PrecisionJudge(runner, original, criteria, data, undefined, undefined);
    const { classes, classCount } = await predictClasses(original, validation, { label: 'float32' }, task);
    const top1 = validation.labels && topOne(classes, validation.labels, classCount).value;
    return new PrecisionJudge(runner, original, criteria, data, classes, top1);
  }

  /** What the model at `path` keeps; undefined when it cannot be run, or gives NaN where the original gives numbers. */
  async measure(path: string, task: Task): Promise<Measured[] | undefined> {
    try {
      const changed = await this.runner.load(path, { threads: workThreads() }, task);
      try {
        const outputs = await this.outputsOf(changed, task);
        // A few samples are compared first: what fails there need not be run on all the labelled ones.
        return holds(outputs) ? [...(await this.classesOf(changed, task)), ...outputs] : outputs;
      } finally {
        await changed.release();
      }
    } catch (error) {
      throwIfCancelled(task);
      if (error instanceof SlipwayError && error.kind === 'runnerFailed') return undefined;
      throw error;
    }
  }

  private async classesOf(changed: RunnerSession, task: Task): Promise<Measured[]> {
    const { maxDrop } = this.criteria;
    const { validation } = this.data;
    if (maxDrop === undefined || !validation || !this.classes) return [];
    const { classes, classCount } = await predictClasses(changed, validation, { label: 'half' }, quiet(task));
    if (this.top1 === undefined || !validation.labels) {
      const { value } = agreement(classes, this.classes);
      return [{ metric: 'agreement', float: null, value, least: 1 - maxDrop }];
    }
    const { value } = topOne(classes, validation.labels, classCount);
    return [{ metric: 'top1', float: this.top1, value, least: this.top1 - maxDrop }];
  }

  private async outputsOf(changed: RunnerSession, task: Task): Promise<Measured[]> {
    const { maxDrop, minCosine, minSqnrDb } = this.criteria;
    const other = maxDrop !== undefined || minCosine !== undefined;
    const sqnr = minSqnrDb ?? (other ? undefined : defaultSqnrDb);
    if (sqnr === undefined && minCosine === undefined) return [];
    const label = { label: 'the model in half' };
    const error = await compareSessions(this.original, changed, this.data.compared(), label, quiet(task));
    const found: Measured[] = [];
    if (minCosine !== undefined)
      found.push({ metric: 'cosine', float: null, value: error.cosine, least: minCosine });
    if (sqnr !== undefined) found.push({ metric: 'sqnr', float: null, value: error.sqnrDb, least: sqnr });
    return found;
  }
}

/** Whether every criterion is met. */
export const holds = (measured: readonly Measured[]): boolean =>
  measured.every(({ value, least }) => value >= least - 1e-9);

/** `top-1 94.55 % → 94.40 % (at least 94.25 %)`. */
export function measuredText({ metric, float, value, least }: Measured): string {
  const percent = (share: number) => `${(share * 100).toFixed(2)} %`;
  if (metric === 'sqnr') return `signal-to-noise ratio ${value.toFixed(1)} dB (at least ${least})`;
  if (metric === 'cosine') return `cosine ${value.toFixed(6)} (at least ${least})`;
  const name = metric === 'top1' ? 'top-1' : 'agreement with float32';
  return `${name} ${float === null ? '' : `${percent(float)} → `}${percent(value)} (at least ${percent(least)})`;
}
