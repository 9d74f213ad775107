// Whether a rewritten model still computes what the original does: both are run on the same generated inputs, at
// two sizes of the free dimensions, and on real data where there is some, and every output is compared in type,
// shape and values. Nothing is judged by eye: numbers may differ by rounding only, everything else not at all. One
// model after the other is loaded, so that a large one is not held twice.

import { SlipwayError, messageOf } from '../base/errors';
import { throwIfCancelled, type Task } from '../base/task';
import { toNumbers } from '../evaluate/convert';
import { loadDataset } from '../evaluate/dataset';
import { suitableBatch } from '../evaluate/predict';
import { generateInputs } from '../runtime/generateInputs';
import { withRunner } from '../runtime/runnerProcess';
import type { Feeds, RunnerSession, SessionValue, TensorValue } from '../runtime/session';

export interface CheckedOutputs {
  /** Largest absolute difference of any output value. */
  readonly maxAbsError: number;
  /** Runs that were compared. */
  readonly runs: number;
  /** Sizes of free dimensions, one entry for each set of runs on generated inputs. */
  readonly sizes: readonly Readonly<Record<string, number>>[];
  /** Samples of real data that were compared; 0 when there was none. */
  readonly samples: number;
  /** Why real data that was found by its name could not be used. */
  readonly unusable?: string;
}

export interface CheckOptions {
  /** Free dimensions that the rewritten model has fixed. */
  readonly bind?: Readonly<Record<string, number>> | undefined;
  /** Compare types and shapes only: the model draws random numbers. */
  readonly shapesOnly?: boolean | undefined;
  /** Real data: its path, and whether the user named it (then it must fit) or it was found beside the model. */
  readonly data?: { readonly path: string; readonly named: boolean } | undefined;
}

/** What the original gave for some inputs. */
interface Expected {
  readonly feeds: Feeds;
  readonly outputs: Feeds;
}

/** Tried for free dimensions other than the first, until the original takes one. */
const ladder = [8, 32, 64, 224, 1];
const seeds = [1, 2, 3];
/** Differences that rounding explains, as a share of the largest value of the output. */
const tolerances: Readonly<Record<string, number>> = { float16: 2e-2, float32: 1e-3, float64: 1e-3 };

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

/** A failure that belongs to the model and the inputs, not to us or to a cancelled task. */
function refusalOf(error: unknown, task: Task): string {
  throwIfCancelled(task);
  if (error instanceof SlipwayError && error.kind === 'runnerFailed') return messageOf(error);
  throw error;
}

/** Real samples that are compared, and bytes of their outputs that are held meanwhile, at the most. */
const mostSamples = 16;
const mostHeldBytes = 2 ** 28;

const bytesOf = (values: Feeds) =>
  Object.values(values).reduce((sum, { data }) => sum + ('byteLength' in data ? data.byteLength : data.length * 16), 0); // prettier-ignore

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
  return withRunner(task, async (runner) => {
    const a = await runner.load(original, {}, task).catch((error: unknown) => {
      throw new SlipwayError('unsupported', `The original cannot be run: ${refusalOf(error, task)}`);
    });
    const generated = await runGenerated(a, options.bind ?? {}, task);
    const real = await runData(a, options, task);
    if (generated.expected.length + real.expected.length === 0)
      throw new SlipwayError('unsupported', `The original takes no generated inputs: ${generated.why}`);
    await a.release();
    const b = await runner.load(changed, {}, task);
    const expected = [...generated.expected, ...real.expected];
    let most = 0;
    for (const [done, each] of expected.entries()) {
      task.report({ stage: 'Checking the outputs', done, total: expected.length });
      most = Math.max(most, await compareRun(b, each, options.shapesOnly === true, task));
    }
    const { sizes } = generated;
    const { samples, unusable } = real;
    return {
      maxAbsError: most,
      runs: expected.length,
      sizes,
      samples,
      ...(unusable === undefined ? {} : { unusable }),
    };
  });
}

/** Runs the original on generated inputs at the first sizes that it takes, and at the double. */
async function runGenerated(a: RunnerSession, bind: Readonly<Record<string, number>>, task: Task) {
  const inputs = named(a.inputs);
  const feedsAt = (sizes: Record<string, number>, seed: number) =>
    generateInputs(inputs, { bind: sizes, seed }).feeds;
  const attempt = async (feeds: Feeds): Promise<Feeds | string> =>
    a.run(feeds, task).catch((error: unknown) => refusalOf(error, task));

  let base: { sizes: Record<string, number>; others: number } | undefined;
  let why = '';
  for (const others of ladder) {
    const sizes = sizesFor(inputs, 1, others, bind);
    const given = await attempt(feedsAt(sizes, 1));
    if (typeof given === 'string') why = given;
    else {
      base = { sizes, others };
      break;
    }
  }
  const expected: Expected[] = [];
  const compared: Record<string, number>[] = [];
  if (!base) return { expected, sizes: compared, why };
  const doubled = sizesFor(inputs, 2, 2 * base.others, bind);
  const isOther = Object.entries(doubled).some(([name, size]) => base.sizes[name] !== size);
  const plan = [
    ...seeds.map((seed) => ({ sizes: base.sizes, seed })),
    ...[4, 5].map((seed) => ({ sizes: isOther ? doubled : base.sizes, seed })),
  ];
  for (const [done, { sizes, seed }] of plan.entries()) {
    task.report({ stage: 'Running the original', done, total: plan.length });
    const feeds = feedsAt(sizes, seed);
    const outputs = await attempt(feeds);
    // Some models state a dimension as free that they do not take in another size.
    if (typeof outputs === 'string') continue;
    expected.push({ feeds, outputs });
    if (!compared.includes(sizes)) compared.push(sizes);
  }
  return { expected, sizes: compared, why };
}

/** Runs the original on real samples. */
async function runData(a: RunnerSession, { data, bind = {} }: CheckOptions, task: Task) {
  const expected: Expected[] = [];
  if (!data) return { expected, samples: 0 };
  let samples = 0;
  let held = 0;
  try {
    const inputs = a.inputs.map((input) => ({
      ...input,
      dims: input.dims.map((dim) => (typeof dim === 'string' ? (bind[dim] ?? dim) : dim)),
    }));
    const dataset = await loadDataset(data.path, inputs, { maxSamples: mostSamples }, task);
    for await (const { feeds, count } of dataset.batches(Math.min(8, suitableBatch(dataset)))) {
      task.report({ stage: 'Running the original', done: samples, total: dataset.samples });
      const outputs = await a.run(feeds, task);
      expected.push({ feeds, outputs });
      samples += count;
      held += bytesOf(outputs);
      if (held > mostHeldBytes) break;
    }
    return { expected, samples };
  } catch (error) {
    throwIfCancelled(task);
    if (data.named || !(error instanceof SlipwayError)) throw error;
    return { expected, samples, unusable: messageOf(error) };
  }
}
