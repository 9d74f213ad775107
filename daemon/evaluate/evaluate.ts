// Quality of a model on data: loads models and data, runs every sample, scores, and says how sure the score is.

import { availableParallelism } from 'node:os';
import { basename } from 'node:path';
import { badRequest, SlipwayError } from '../base/errors';
import type { Task } from '../base/task';
import { useRunner } from '../runtime/runner/runnerProcess';
import {
  sleepingThreads,
  type Runner,
  type RunnerSession,
  type SessionOptions,
} from '../runtime/runner/session';
import { ahead } from './data/rows';
import type { Dataset } from './dataset';
import { openBeside } from './earlyDataset';
import { bootstrapDifference, bootstrapInterval, type Estimate } from './metrics/bootstrap';
import type { BoxStyle } from './metrics/boxes';
import type { Average } from './metrics/confusion';
import { comparesValues, isLabelled, type MetricName } from './metrics/names';
import { pairedDifference } from './metrics/pairedShares';
import { suitableBatch } from './predict';
import { makeScorer, type Details, type Scorer, type Scores } from './scorer';
import { wilson } from './wilson';

export interface EvaluateOptions {
  /** Path of the model. */
  readonly path: string;
  /** Path of the model to agree with; needed for `agreement`, and gives the wanted values where data has none. */
  readonly reference?: string | undefined;
  /** Path of a model to hold the first against, on the same samples. */
  readonly against?: string | undefined;
  /** Path of the data; see dataset.ts for what it may be. */
  readonly data: string;
  readonly metric: MetricName;
  /** For `topk`; 5 when absent. */
  readonly k?: number | undefined;
  /** For `precision`, `recall`, `f1`; macro when absent. */
  readonly average?: Average | undefined;
  /** For `map`; coco when absent. */
  readonly boxStyle?: BoxStyle | undefined;
  /** Name of the output that is scored; the first when absent. */
  readonly output?: string | undefined;
  readonly maxSamples?: number | undefined;
  /** Samples run at once; chosen by their size when absent. */
  readonly batch?: number | undefined;
  /** How pictures or sound become tensors. */
  readonly preprocess?: string | undefined;
  /** Path of a tokenizer.json for text. */
  readonly tokenizer?: string | undefined;
}

/** A metric with its 95 % interval. */
export interface EvaluationResult extends Estimate {
  readonly metric: MetricName;
  readonly samples: number;
  /** How the interval was found: Wilson's for shares, else a seeded bootstrap over samples. */
  readonly interval: 'wilson' | 'bootstrap';
  readonly k?: number;
  readonly average?: Average;
  readonly boxStyle?: BoxStyle;
  readonly details?: Details;
  /** The other model on the same samples. */
  readonly against?: Estimate & { readonly model: string };
  /** The model minus the other, with the interval for the same samples (Newcombe's for shares, else bootstrap). */
  readonly difference?: Estimate;
  /** How the data was understood, where that should be said. */
  readonly notes: string[];
}

/** Threads for work whose time is not measured. */
export const workThreads = (): number => Math.max(1, Math.min(8, availableParallelism()));

/** How an evaluation loads models. */
export const evaluationSession = (): SessionOptions => ({ threads: workThreads(), config: sleepingThreads });

/** The labels of a data set; throws `badRequest` when it has none. */
export function requireLabels(dataset: Dataset): Int32Array {
  if (dataset.labels) return dataset.labels;
  throw badRequest(
    `${dataset.path} has no labels: top-1 needs an array "label" with the class of each sample as a whole number (top-k, precision, recall and F1 as well; in a table a column "label"). Without labels, measure agreement with a reference model.`,
  );
}

/**
 * Runs every sample and scores it; several models run on the same batches. Throws `badRequest` when the data does
 * not fit or lacks what the metric needs, and `unsupported` when the outputs are none that the metric is for. With a
 * `runner` no process is started for it, and its sessions are released.
 */
export async function evaluateModel(
  options: EvaluateOptions,
  task: Task,
  runner?: Runner,
): Promise<EvaluationResult> {
  const { metric } = options;
  if (metric === 'agreement' && options.reference === undefined)
    throw badRequest('Agreement needs a second model to agree with. Name it as the reference.');
  const { dataset, own, other } = await useRunner(runner, task, async (used) => {
    const sessions: RunnerSession[] = [];
    try {
      return await runAll(used, options, sessions, task);
    } finally {
      // A process of its own ends, and its sessions with it.
      if (runner) for (const session of sessions) await session.release();
    }
  });
  const own95 = await estimate(own, task);
  const compared = other && {
    against: { ...(await estimate(other, task)), model: options.against ?? '' },
    difference: await difference(own, other, task),
  };
  const shared = options.k ?? 5;
  return {
    metric,
    ...own95,
    samples: own.sampled.samples,
    interval: own.hits ? 'wilson' : 'bootstrap',
    ...(metric === 'topk' ? { k: shared } : {}),
    ...(metric === 'precision' || metric === 'recall' || metric === 'f1'
      ? { average: options.average ?? 'macro' }
      : {}),
    ...(metric === 'map' ? { boxStyle: options.boxStyle ?? 'coco' } : {}),
    ...(own.details ? { details: own.details } : {}),
    ...compared,
    notes: [...dataset.notes],
  };
}

async function estimate({ hits, sampled }: Scores, task: Task): Promise<Estimate> {
  if (hits)
    return wilson(
      hits.reduce((sum, hit) => sum + hit, 0),
      hits.length,
    );
  if (!Number.isFinite(sampled.value()))
    throw new SlipwayError(
      'runnerFailed',
      'The metric is not a number: an output holds NaN or infinity, gives a class the probability 0 that the data does not, or the data has nothing to find. Look at the outputs of single samples.',
    );
  return bootstrapInterval(sampled, {}, task);
}

const difference = (own: Scores, other: Scores, task: Task): Estimate | Promise<Estimate> =>
  own.hits && other.hits
    ? pairedDifference(own.hits, other.hits)
    : bootstrapDifference(own.sampled, other.sampled, {}, task);

interface Ran {
  readonly dataset: Dataset;
  readonly own: Scores;
  readonly other?: Scores;
}

async function runAll(
  runner: Runner,
  options: EvaluateOptions,
  sessions: RunnerSession[],
  task: Task,
): Promise<Ran> {
  const load = async (path: string) => {
    const session = await runner.load(path, evaluationSession(), task);
    sessions.push(session);
    return session;
  };
  const { data, path, maxSamples, preprocess, tokenizer } = options;
  const loading = load(path);
  const dataset = await openBeside(loading, path, data, { maxSamples, preprocess, tokenizer }, task);
  const session = await loading;
  const { metric } = options;
  if (isLabelled(metric)) requireLabels(dataset);
  const needsReference = metric === 'agreement' || comparesValues(metric);
  const reference =
    needsReference && options.reference !== undefined ? await load(options.reference) : undefined;
  const against = options.against === undefined ? undefined : await load(options.against);
  const settings = {
    metric,
    k: options.k ?? 5,
    average: options.average ?? ('macro' as const),
    boxStyle: options.boxStyle ?? ('coco' as const),
    output: options.output,
  };
  const own = { session, scorer: makeScorer(session.outputs, dataset, settings) };
  const other = against && { session: against, scorer: makeScorer(against.outputs, dataset, settings) };
  const scored = { samples: 0 };
  try {
    await runBatches(dataset, [own, ...(other ? [other] : [])], reference, options, scored, task);
  } catch (error) {
    throw withProgress(error, scored.samples, dataset.samples);
  }
  return { dataset, own: own.scorer.finish(), ...(other ? { other: other.scorer.finish() } : {}) };
}

/** A metric of a part of the data would be another metric; but where it ended says what to try. */
function withProgress(error: unknown, scored: number, samples: number): unknown {
  if (!(error instanceof SlipwayError) || error.kind !== 'runnerDied') return error;
  const at = `It ended after ${scored} of ${samples} samples; a smaller batch needs less memory (--batch 1).`;
  return new SlipwayError(error.kind, `${error.message} ${at}`, { cause: error, data: error.data });
}

async function runBatches(
  dataset: Dataset,
  models: readonly { readonly session: RunnerSession; readonly scorer: Scorer }[],
  reference: RunnerSession | undefined,
  options: EvaluateOptions,
  scored: { samples: number },
  task: Task,
): Promise<void> {
  const label = basename(options.path);
  // The runner gets the next batch before the outputs of the one before are looked at: it never waits for us.
  let before: (() => Promise<void>) | undefined;
  for await (const batch of ahead(dataset.batches(options.batch ?? suitableBatch(dataset)))) {
    const size = dataset.fixedBatch ?? batch.count;
    const wanted = reference?.run(batch.feeds, task);
    const running = models.map(({ session, scorer }) => session.run(batch.feeds, task, scorer.fetches));
    // After an error elsewhere nobody waits for these.
    for (const promise of [wanted, ...running]) promise?.catch(() => undefined);
    await before?.();
    before = async () => {
      for (const [i, { scorer }] of models.entries())
        scorer.add(batch, size, await running[i]!, await wanted);
      scored.samples = batch.from + batch.count;
      task.report({ stage: `Evaluating ${label}`, done: scored.samples, total: dataset.samples });
    };
  }
  await before?.();
}
