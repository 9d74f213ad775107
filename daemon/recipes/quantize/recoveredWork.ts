// Accuracy recovery before static quantization, step by step: each step is tried, the model quantized with and without it
// and compared with the original on samples, and the step is kept only where the outputs come nearer. A mean over rows,
// pixels or tokens that do not matter alike (a transformer's first token decides, all the others are averaged) makes a
// correction lose, and no figure of a single layer tells. The steps themselves are recover.ts and iterativeBias.ts.

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { SlipwayError } from '../../base/errors';
import { throwIfCancelled, type Task } from '../../base/task';
import { workThreads } from '../../evaluate/evaluate';
import { compareSessions } from '../../evaluate/outputError';
import { temporaryFolder } from '../../host/temporaryFolder';
import type { Model } from '../../ir/model';
import { weightRange } from '../../passes/quantize/scheme';
import type { Calibrator } from '../../runtime/calibrate/calibrateBy';
import { sleepingThreads } from '../../runtime/runner/session';
import { writeWorkingCopy } from '../../runtime/runner/workingCopy';
import { correctBiasesInTurn } from './iterativeBias';
import type { Source } from './openSource';
import { samplesOf } from './quantizeCheck';
import type { QuantizeOptions } from './quantizeOptions';
import { recoverBy, type RecoverStep } from './recover';
import type { RecoverMethod } from './recoverMethods';
import { smoothAlphas } from './smoothAlphas';
import { staticWork } from './staticSource';
import type { StaticWork } from './staticWork';

/** Samples on which a step must gain. */
const judgedSamples = 64;

type Step = RecoverStep | 'bias-iterative';

const titles: Readonly<Record<Step, string>> = {
  cle: 'evening out neighbouring layers',
  smooth: 'smoothing',
  adaround: 'rounding by data',
  bias: 'bias correction',
  'adaround and bias': 'rounding by data with bias correction',
  'bias-iterative': 'bias correction in turn',
};

/** What the search for accuracy tries of itself: what suits convolutions, or the products of transformers. */
export const suitable = (model: Model): RecoverMethod[] =>
  model.graph.nodes.some(({ opType }) => opType === 'Conv')
    ? ['cle', 'adaround', 'bias']
    : ['smooth', 'adaround', 'bias'];

/** The steps of these methods in the order in which they help each other; of one row the best is taken. */
function stepsOf(methods: readonly RecoverMethod[]): Step[][] {
  const wants = (method: RecoverMethod) => methods.includes(method);
  const both: Step[] = ['adaround and bias', 'adaround', 'bias'];
  const one: Step[] = wants('adaround') ? ['adaround'] : wants('bias') ? ['bias'] : [];
  const rounding = wants('adaround') && wants('bias') ? both : one;
  const rows: Step[][] = [
    wants('cle') ? ['cle'] : [],
    wants('smooth') ? ['smooth'] : [],
    rounding,
    wants('bias-iterative') ? ['bias-iterative'] : [],
  ];
  return rows.filter((row) => row.length > 0);
}

/** The work on this source after the recovery that was asked for, which changes the model that ranges are measured on. */
export async function recoveredWork(
  source: Source,
  options: QuantizeOptions,
  task: Task,
): Promise<StaticWork> {
  const work = await staticWork(source, options);
  return options.recover?.length ? recoverWork(source, work, options.recover, options, task) : work;
}

/** The same source after those of these recoveries that bring its outputs nearer, as work of its own. */
export async function recoverWork(
  source: Source,
  work: StaticWork,
  methods: readonly RecoverMethod[],
  options: QuantizeOptions,
  task: Task,
): Promise<StaticWork> {
  const folder = await temporaryFolder('recover');
  try {
    return await new Recovery(source, options, folder, task).run(work, stepsOf(methods));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

interface Tried {
  readonly step: Step;
  readonly said: string;
  readonly work: StaticWork;
  /** Nearness of the quantized model's outputs; undefined where it cannot be measured. */
  readonly db: number | undefined;
}

class Recovery {
  private readonly quiet: Task;
  private readonly calibrator: Calibrator;
  private readonly said: string[] = [];

  constructor(
    private readonly source: Source,
    private readonly options: QuantizeOptions,
    private readonly folder: string,
    private readonly task: Task,
  ) {
    this.quiet = { signal: task.signal, report: () => undefined };
    this.calibrator = options.calibrator ?? 'minmax';
  }

  async run(start: StaticWork, rows: readonly (readonly Step[])[]): Promise<StaticWork> {
    let current = start;
    let db = await this.nearness(start);
    for (const row of rows) {
      const tried: Tried[] = [];
      for (const step of row) {
        const made = await this.tried(step, current);
        if (made) tried.push(made);
      }
      const [best] = tried.sort((a, b) => (b.db ?? -Infinity) - (a.db ?? -Infinity));
      if (!best) continue;
      const change =
        best.db === undefined || db === undefined ? '' : ` (${decibels(db)} → ${decibels(best.db)})`;
      const gains = change === '' || best.db! > db!;
      // An α that was given is a wish, whatever it costs.
      const wished = best.step === 'smooth' && this.options.smoothAlpha !== undefined;
      if (gains || wished) {
        current = best.work;
        db = best.db;
        this.said.push(`${best.said}${change}`);
      } else this.said.push(`${titles[best.step]} was left out, as the outputs come no nearer${change}`);
    }
    if (this.said.length > 0) {
      const measured =
        db === undefined
          ? ''
          : ` Signal to noise of the outputs over ${Math.min(judgedSamples, this.source.dataset!.samples)} samples decides.`;
      const message = `Before quantizing: ${this.said.join('; ')}.${measured}`;
      current.notes.push({ id: 'quantize/recover', severity: 'info', message });
    }
    return current;
  }

  private async tried(step: Step, before: StaticWork): Promise<Tried | undefined> {
    const { model, said } = await this.apply(step, before);
    if (model === before.model) {
      this.said.push(said);
      return undefined;
    }
    // A cache of ranges belongs to the model as it was, and its outputs are no longer the original's.
    const fresh = { ...this.options, calibrationCache: undefined };
    const work = await staticWork({ ...this.source, simplified: model }, fresh, 0);
    return { step, said, work, db: await this.nearness(work) };
  }

  private async apply(step: Step, { model, options }: StaticWork) {
    const { source, task } = this;
    if (step === 'bias-iterative') {
      const fresh = { ...this.options, calibrationCache: undefined };
      const work = await staticWork({ ...source, simplified: model }, fresh, 0);
      const corrected = await correctBiasesInTurn(work, this.calibrator, task);
      const said = `the biases of ${corrected.layers.size} layers were corrected, one after another, for what the quantized layers lose on average`;
      return { model: corrected.layers.size > 0 ? corrected.model : model, said };
    }
    const { scheme, exclude } = options;
    const settings = {
      integers: weightRange(scheme),
      perTensor: !scheme.perChannel,
      exclude,
      alphaOf: smoothAlphas(this.options.smoothAlpha, model),
      runner: source.runner,
    };
    const result = await recoverBy(step, model, source.read, source.dataset!, settings, task);
    return { model: result.modified ? result.model : model, said: result.said };
  }

  /** Signal to noise of the quantized model's outputs, dB. */
  private async nearness(work: StaticWork): Promise<number | undefined> {
    const { source, quiet } = this;
    const { runner, path, dataset } = source;
    const options = { threads: workThreads(), config: sleepingThreads };
    try {
      const { model } = await work.plainOutcome(this.calibrator, undefined, this.task);
      const file = join(this.folder, 'candidate.onnx');
      await writeWorkingCopy(model, file, quiet);
      const float = await runner.load(path, options, quiet);
      const quantized = await runner.load(file, options, quiet);
      const samples = samplesOf(dataset!, 'static', judgedSamples);
      const { sqnrDb } = await compareSessions(float, quantized, samples, { label: 'the candidate' }, quiet);
      await quantized.release();
      await float.release();
      return sqnrDb;
    } catch (error) {
      throwIfCancelled(this.task);
      // What cannot be quantized or run is told where it is done for good.
      if (error instanceof SlipwayError && ['unsupported', 'runnerFailed'].includes(error.kind))
        return undefined;
      throw error;
    }
  }
}

const decibels = (value: number) => `${value.toFixed(1)} dB`;
