// The search for a quantized model that loses no more than allowed: the calibrator that was asked for, then the
// others, then the best of them after accuracy recovery, then layers given back to float, the most sensitive first, in
// doubling steps and by halving the last one; those of them that turn out not to be needed return (bringBack.ts). The best so far is written at every step; scores are kept in a state file, so that a search that was
// stopped goes on where it was. Budgets end it early with the best it has.

import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '../../host/temporaryFolder';
import { throwIfCancelled, type Task } from '../../base/task';
import type { Dataset } from '../../evaluate/dataset';
import { requireLabels, workThreads } from '../../evaluate/evaluate';
import { predictClasses } from '../../evaluate/predict';
import { topOne } from '../../evaluate/topOne';
import { writeModel } from '../../onnx/writeModel';
import type { QuantizeOutcome } from '../../passes/quantize/outcome';
import { calibrators, type Calibrator } from '../../runtime/calibrate/calibrateBy';
import { withRunner } from '../../runtime/runner/runnerProcess';
import type { Runner } from '../../runtime/runner/session';
import { bringBack } from './bringBack';
import { writeJson } from './calibrationCache';
import type { AccuracyResult } from './quantizeOptions';
import { measureSensitivity } from './sensitivity';
import type { StaticWork } from './staticWork';

export interface AccuracyOptions {
  /** Path of the float model. */
  readonly path: string;
  readonly validation: Dataset;
  readonly maxDrop: number;
  readonly calibrator: Calibrator;
  readonly maxSeconds?: number | undefined;
  readonly maxEvaluations?: number | undefined;
  /** Where scores are kept, and what they are valid for. */
  readonly state?: { readonly path: string; readonly key: string } | undefined;
  /** The same model after accuracy recovery, which is asked for when no calibrator is enough; undefined for none. */
  readonly recovered?: ((task: Task) => Promise<StaticWork>) | undefined;
  /** Called with each new best. */
  readonly save: (outcome: QuantizeOutcome) => Promise<void>;
}

interface Configuration {
  readonly calibrator: Calibrator;
  /** Whether the weights went through accuracy recovery that was not asked for. */
  readonly recovered: boolean;
  readonly reverted: readonly string[];
}

interface Scored extends Configuration {
  readonly top1: number;
  readonly holds: boolean;
}

/** Samples of the calibration data that layers are ranked on. */
const rankingSamples = 64;
/** The calibrator that helps most often first. */
const preference: readonly Calibrator[] = ['mse', 'percentile', 'minmax', 'entropy'];
const stateFormat = 'slipway accuracy search 1';

class OutOfBudget extends Error {
  constructor(readonly which: 'seconds' | 'evaluations') {
    super(which);
  }
}

/** Searches until the loss is at most `maxDrop`; see the head of this file. Throws what measuring throws. */
export async function accuracyLoop(
  work: StaticWork,
  options: AccuracyOptions,
  task: Task,
): Promise<AccuracyResult> {
  const folder = await temporaryFolder('accuracy');
  try {
    return await withRunner(task, (runner) => new Search(work, options, folder, runner, task).run());
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

class Search {
  private readonly started = performance.now();
  private evaluations = 0;
  private best: Scored | undefined;
  private scores = new Map<string, number>();
  private ranking: readonly string[] | undefined;
  private float = 0;

  constructor(
    private readonly work: StaticWork,
    private readonly options: AccuracyOptions,
    private readonly folder: string,
    private readonly runner: Runner,
    private readonly task: Task,
  ) {}

  async run(): Promise<AccuracyResult> {
    await this.readState();
    this.float = this.scores.get('float') ?? (await this.scoreOf(this.options.path, 'the float model'));
    this.scores.set('float', this.float);
    let stopped: AccuracyResult['stopped'] = 'done';
    try {
      await this.search();
      if (this.best?.holds !== true) stopped = 'exhausted';
    } catch (error) {
      if (!(error instanceof OutOfBudget)) throw error;
      stopped = error.which;
    }
    const best = this.best!;
    return {
      float: this.float,
      quantized: best.top1,
      drop: this.float - best.top1,
      maxDrop: this.options.maxDrop,
      holds: best.holds,
      evaluations: this.evaluations,
      calibrator: best.calibrator,
      recovered: best.recovered,
      reverted: [...best.reverted],
      stopped,
    };
  }

  private async search(): Promise<void> {
    const first = this.options.calibrator;
    if ((await this.attempt({ calibrator: first, recovered: false, reverted: [] })).holds) return;
    for (const calibrator of preference.filter((each) => each !== first && calibrators.includes(each)))
      if ((await this.attempt({ calibrator, recovered: false, reverted: [] })).holds) return;
    if (this.options.recovered) {
      const { calibrator } = this.best!;
      if ((await this.attempt({ calibrator, recovered: true, reverted: [] })).holds) return;
    }
    const { calibrator, recovered } = this.best!;
    this.ranking ??= await this.rank(calibrator, await this.workOf(recovered));
    await this.writeState();
    const ranking = this.ranking;
    const without = async (reverted: readonly string[]) =>
      (await this.attempt({ calibrator, recovered, reverted })).holds;
    const withReverted = (count: number) => without(ranking.slice(0, count));
    // One layer must stay in integers: without any there is nothing to write.
    const most = ranking.length - 1;
    let failing = 0;
    let count = 1;
    for (; count < most && !(await withReverted(count)); count *= 2) failing = count;
    let holding = Math.min(count, most);
    if (holding < 1 || (holding === most && !(await withReverted(most)))) return;
    while (holding - failing > 1) {
      const middle = (holding + failing) >> 1;
      if (await withReverted(middle)) holding = middle;
      else failing = middle;
    }
    await bringBack(ranking.slice(0, holding), without);
  }

  private repaired: StaticWork | undefined;

  private async workOf(recovered: boolean): Promise<StaticWork> {
    if (!recovered) return this.work;
    this.repaired ??= await this.options.recovered!(this.task);
    return this.repaired;
  }

  private async rank(calibrator: Calibrator, work: StaticWork): Promise<string[]> {
    const { layers } = await measureSensitivity(work, { calibrator, samples: rankingSamples }, this.task);
    return layers.map(({ node }) => node);
  }

  private checkBudget(): void {
    // The first result is always made: a budget must not end without one.
    if (!this.best) return;
    const { maxSeconds, maxEvaluations } = this.options;
    if (maxSeconds !== undefined && performance.now() - this.started > maxSeconds * 1000)
      throw new OutOfBudget('seconds');
    if (maxEvaluations !== undefined && this.evaluations >= maxEvaluations)
      throw new OutOfBudget('evaluations');
  }

  private async attempt(configuration: Configuration): Promise<Scored> {
    throwIfCancelled(this.task);
    const { calibrator, recovered, reverted } = configuration;
    const key = `${calibrator}${recovered ? ' recovered' : ''}: ${reverted.join(' ')}`;
    const known = this.scores.get(key);
    if (known === undefined) this.checkBudget();
    this.task.report({
      stage: `Trying ${calibrator}${recovered ? ' after recovery' : ''} with ${reverted.length} layers in float`,
      done: this.evaluations,
    });
    const work = await this.workOf(recovered);
    const back = {
      names: new Set(reverted),
      why: 'It went back to float in the search for a small enough loss.',
    };
    const outcome = await work.outcome(calibrator, back, this.task);
    let top1 = known;
    if (top1 === undefined) {
      const path = join(this.folder, 'candidate.onnx');
      await writeModel(outcome.model, path, { overwrite: true }, this.quiet());
      top1 = await this.scoreOf(path, this.versionText(reverted.length));
      this.evaluations += 1;
      this.scores.set(key, top1);
      await this.writeState();
    }
    const scored = { ...configuration, top1, holds: this.float - top1 <= this.options.maxDrop + 1e-9 };
    if (this.isBetter(scored)) {
      this.best = scored;
      await this.options.save(outcome);
    }
    return scored;
  }

  /** What holds beats what does not; of two that hold the one with more in integers, else the more accurate. */
  private isBetter(scored: Scored): boolean {
    const { best } = this;
    if (!best || scored.holds !== best.holds) return !best || scored.holds;
    if (!scored.holds) return scored.top1 > best.top1;
    return (
      scored.reverted.length - best.reverted.length < 0 ||
      (scored.reverted.length === best.reverted.length && scored.top1 > best.top1)
    );
  }

  /** Which version is scored, and how far the search has come: how many will follow is not known. */
  private versionText(inFloat: number): string {
    const lost = this.best === undefined ? undefined : (100 * (this.float - this.best.top1)).toFixed(2);
    const float = inFloat === 0 ? '' : `, ${inFloat} in float`;
    return `version ${this.evaluations + 1}${float}${lost === undefined ? '' : `; best so far loses ${lost} points`}`;
  }

  private async scoreOf(path: string, label: string): Promise<number> {
    const { validation } = this.options;
    const labels = requireLabels(validation);
    const session = await this.runner.load(path, { threads: workThreads() }, this.task);
    try {
      const { classes, classCount } = await predictClasses(session, validation, { label }, this.task);
      return topOne(classes, labels, classCount).value;
    } finally {
      await session.release();
    }
  }

  private quiet(): Task {
    return { signal: this.task.signal, report: () => undefined };
  }

  private async readState(): Promise<void> {
    const { state } = this.options;
    if (!state) return;
    try {
      const file = JSON.parse(await readFile(state.path, 'utf8')) as Record<string, unknown> | null;
      if (file?.['format'] !== stateFormat || file['key'] !== state.key) return;
      this.scores = new Map(Object.entries(file['scores'] as Record<string, number>));
      this.ranking = file['ranking'] as string[] | undefined;
    } catch {
      // No state yet, or none that can be read: the search starts anew.
    }
  }

  private async writeState(): Promise<void> {
    const { state } = this.options;
    if (!state) return;
    const scores = Object.fromEntries(this.scores);
    const ranking = this.ranking ? { ranking: this.ranking } : {};
    await writeJson(state.path, { format: stateFormat, key: state.key, scores, ...ranking }, this.quiet());
  }
}
