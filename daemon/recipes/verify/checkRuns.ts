// What a rewritten model is compared on: the original is run on generated inputs, at two sizes of the free dimensions,
// and on real data where there is some. Runs that tell most come first; a model whose runs are slow gets as many of them
// as its time allows.

import { badRequest, messageOf, SlipwayError } from '../../base/errors';
import { throwIfCancelled, type Task } from '../../base/task';
import { loadDataset } from '../../evaluate/dataset';
import { suitableBatch } from '../../evaluate/predict';
import { generateInputs } from '../../runtime/generateInputs';
import type { Feeds, RunnerSession, SessionValue } from '../../runtime/runner/session';

export interface CheckOptions {
  /** Free dimensions that the rewritten model has fixed. */
  readonly bind?: Readonly<Record<string, number>> | undefined;
  /** Compare types and shapes only: the model draws random numbers. */
  readonly shapesOnly?: boolean | undefined;
  /**
   * Time for running the models; 4 s when absent. One run on generated inputs, one at doubled sizes where there are
   * free dimensions and the first took less than two seconds, and one on real data are made whatever it is.
   */
  readonly maxSeconds?: number | undefined;
  /** Real data: its path, and whether the user named it (then it must fit) or it was found beside the model. */
  readonly data?: { readonly path: string; readonly named: boolean } | undefined;
}

/** What the original gave for some inputs. */
export interface Expected {
  readonly feeds: Feeds;
  readonly outputs: Feeds;
}

/** Tried for free dimensions other than the first, until the original takes one. */
const ladder = [8, 32, 64, 224, 1];
const seeds = [1, 2, 3];
/** Unnamed dimensions get names, so that sizes can be given to all of them. */
const named = (inputs: readonly SessionValue[]): SessionValue[] =>
  inputs.map((input) => ({ ...input, dims: input.dims.map((dim, axis) => dim ?? `${input.name}[${axis}]`) }));

function sizesFor(
  inputs: readonly SessionValue[],
  first: number,
  others: number,
  bind: Readonly<Record<string, number>>,
): Record<string, number> {
  const sizes: Record<string, number> = {};
  for (const { dims } of inputs) if (typeof dims[0] === 'string') sizes[dims[0]] = first;
  for (const { dims } of inputs)
    for (const dim of dims.slice(1)) if (typeof dim === 'string') sizes[dim] = others;
  return {
    ...sizes,
    ...Object.fromEntries(Object.entries(bind).filter(([name]) => Object.hasOwn(sizes, name))),
  };
}

/** A failure that belongs to the model and the inputs, not to us or to a cancelled task. */
export function refusalOf(error: unknown, task: Task): string {
  throwIfCancelled(task);
  if (error instanceof SlipwayError && error.kind === 'runnerFailed') return messageOf(error);
  throw error;
}

export const defaultCheckSeconds = 4;

/** Real samples that are compared, and bytes of their outputs that are held meanwhile, at the most. */
const mostSamples = 16;
const mostHeldBytes = 2 ** 28;
/** Above this, real samples are run one at a time. */
const slowRunMs = 500;
/** Above this for the first run, one at doubled sizes, of several times as much work, is made only if there is time. */
const slowestDoubledMs = 2000;

const bytesOf = (values: Feeds) =>
  Object.values(values).reduce((sum, { data }) => sum + ('byteLength' in data ? data.byteLength : data.length * 16), 0); // prettier-ignore

/** Inputs for one run of the original. */
interface Planned {
  readonly feeds: () => Promise<Feeds | undefined>;
  /** Made also when the time is up. */
  readonly always: boolean;
  /** Sizes of free dimensions; undefined for real data. */
  readonly sizes?: Record<string, number>;
  /** Samples of real data in it. */
  readonly samples: number;
}

/** Runs the original as often as its half of the time allows; the other half is the changed model's. */
export async function runOriginal(a: RunnerSession, options: CheckOptions, task: Task) {
  const half = ((options.maxSeconds ?? defaultCheckSeconds) * 1000) / 2;
  const started = performance.now();
  const base = await firstRun(a, options.bind ?? {}, task);
  const real = await realRuns(a, options, performance.now() - started, task);
  const runs = [...(base.plan ?? []), ...real.plan].sort((x, y) => Number(y.always) - Number(x.always));
  const expected: Expected[] = base.expected ? [base.expected] : [];
  const sizes: Record<string, number>[] = base.sizes ? [base.sizes] : [];
  let samples = 0;
  let held = 0;
  let leftOut = 0;
  let slowest = 0;
  let unusable = real.unusable;
  for (const [done, run] of runs.entries()) {
    if (!run.sizes && (unusable !== undefined || held > mostHeldBytes)) continue;
    task.report({ stage: 'Running the original', done, total: runs.length });
    const now = performance.now();
    // A run that would end too late is not begun.
    if (!run.always && now - started + slowest > half) {
      leftOut += 1;
      continue;
    }
    const feeds = await run.feeds();
    if (!feeds) continue;
    const outputs = await attempt(a, feeds, task);
    slowest = Math.max(slowest, performance.now() - now);
    if (typeof outputs === 'string') {
      // Some models state a dimension as free that they do not take in another size.
      if (run.sizes) continue;
      if (options.data?.named === true)
        throw badRequest(`The model cannot be run on ${options.data.path}: ${outputs}`);
      unusable = outputs;
      continue;
    }
    expected.push({ feeds, outputs });
    samples += run.samples;
    held += bytesOf(outputs);
    if (run.sizes && !sizes.includes(run.sizes)) sizes.push(run.sizes);
  }
  return { expected, sizes, samples, leftOut, why: base.why, unusable };
}

const attempt = (a: RunnerSession, feeds: Feeds, task: Task): Promise<Feeds | string> =>
  a.run(feeds, task).catch((error: unknown) => refusalOf(error, task));

/** Finds the first sizes that the original takes, and plans what more is to be run on generated inputs. */
async function firstRun(a: RunnerSession, bind: Readonly<Record<string, number>>, task: Task) {
  const inputs = named(a.inputs);
  const feedsAt = (sizes: Record<string, number>, seed: number) =>
    generateInputs(inputs, { bind: sizes, seed }).feeds;
  let why = '';
  for (const others of ladder) {
    const sizes = sizesFor(inputs, 1, others, bind);
    const feeds = feedsAt(sizes, 1);
    const began = performance.now();
    const outputs = await attempt(a, feeds, task);
    const slow = performance.now() - began > slowestDoubledMs;
    if (typeof outputs === 'string') {
      why = outputs;
      continue;
    }
    const doubled = sizesFor(inputs, 2, 2 * others, bind);
    const isOther = Object.entries(doubled).some(([name, size]) => sizes[name] !== size);
    const planned = (seed: number, at: Record<string, number>, always: boolean): Planned => ({
      feeds: () => Promise.resolve(feedsAt(at, seed)),
      always,
      sizes: at,
      samples: 0,
    });
    const more = [4, 5].map((seed, i) =>
      planned(seed, isOther ? doubled : sizes, isOther && i === 0 && !slow),
    );
    const [, ...seedsLeft] = seeds;
    const plan = [...more, ...seedsLeft.map((seed) => planned(seed, sizes, false))];
    return { expected: { feeds, outputs } satisfies Expected, sizes, plan, why };
  }
  return { why };
}

/** Plans runs on real samples, fewer at once where one run takes `runMs` as long as that. */
async function realRuns(a: RunnerSession, { data, bind = {} }: CheckOptions, runMs: number, task: Task) {
  const plan: Planned[] = [];
  if (!data) return { plan, unusable: undefined };
  try {
    const inputs = a.inputs.map((input) => ({
      ...input,
      dims: input.dims.map((dim) => (typeof dim === 'string' ? (bind[dim] ?? dim) : dim)),
    }));
    const dataset = await loadDataset(data.path, inputs, { maxSamples: mostSamples }, task);
    const size = dataset.fixedBatch ?? (runMs > slowRunMs ? 1 : Math.min(8, suitableBatch(dataset)));
    const batches = dataset.batches(size)[Symbol.asyncIterator]();
    for (let from = 0; from < dataset.samples; from += size)
      plan.push({
        feeds: async () => {
          const next = await batches.next();
          return next.done === true ? undefined : next.value.feeds;
        },
        always: from === 0,
        samples: Math.min(size, dataset.samples - from),
      });
    return { plan, unusable: undefined };
  } catch (error) {
    throwIfCancelled(task);
    if (data.named || !(error instanceof SlipwayError)) throw error;
    return { plan, unusable: messageOf(error) };
  }
}
