// Pruning until the model is fast enough here (Yang et al. 2018, NetAdapt): the table of this machine gives the order in
// which channels go, the model cut so far is measured beside the original, and how far to go is searched between what
// was measured to be too slow and what was fast enough.

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '../../host/temporaryFolder';
import type { Task } from '../../base/task';
import { writeModel } from '../../onnx/writeModel';
import type { Component, Structure } from '../../passes/prune/channels/analyse';
import { chooseComponents, stepsAfter, type Budget, type Step } from '../../passes/prune/channels/budget';
import { cutModel } from '../../passes/prune/channels/cut';
import type { Scores } from '../../passes/prune/channels/importance';
import type { TensorReader } from '../../passes/tensorReader';
import { benchmark } from '../../runtime/benchmark/benchmark';
import type { InputSource } from '../../runtime/benchmark/benchmarkInputs';
import { generateInputs } from '../../runtime/generateInputs';
import type { Feeds, SessionValue } from '../../runtime/runner/session';
import { latencyTable } from './latencyTable';

/** p50 of the model and of what was made of it, measured in turn, of the runs that nothing disturbed. */
export interface MeasuredLatency {
  beforeMs: number;
  afterMs: number;
  /** Before over after, with the 95 % interval. */
  ratio: number;
  low: number;
  high: number;
  threads: number;
}

export interface LatencyGoal {
  /** Share of the time that may be left; or `ms`. */
  readonly share?: number | undefined;
  readonly ms?: number | undefined;
  readonly threads: number;
}

export interface LatencyInput {
  /** The original file. */
  readonly path: string;
  readonly inputs: readonly SessionValue[];
  /** Real inputs; generated when absent. */
  readonly source: InputSource | undefined;
  readonly read: TensorReader;
}

/** What was chosen, and whether the model that it leaves was measured to be within the goal. */
export interface LatencyChoice {
  readonly removed: readonly Component[];
  readonly within: boolean;
  /** Share of the time that was measured for it. */
  readonly share: number;
  /** Time of one run of the original. */
  readonly denseMs: number;
}

/** Models that are cut and measured at the most. */
const mostRounds = 8;
/** Shares of what is wanted that end the search: refitting may add biases, and no two measurements agree exactly. */
const near = { low: 0.95, middle: 0.97, high: 0.988 };

/** Chooses components so that the cut model was measured to be within the goal, or as near as it gets. */
export async function chooseByLatency(
  structure: Structure,
  scores: Scores,
  budget: Omit<Budget, 'ratio' | 'target'>,
  goal: LatencyGoal,
  input: LatencyInput,
  task: Task,
): Promise<LatencyChoice> {
  const { threads } = goal;
  const { path, source } = input;
  const quiet: Task = { signal: task.signal, report: () => undefined };
  task.report({ stage: 'Measuring the model' });
  const { beforeMs: denseMs } = await measureLatency([path], { threads, source }, quiet);
  const wanted = goal.ms === undefined ? (goal.share ?? 1) : goal.ms / denseMs;
  if (wanted >= 1) return { removed: [], within: true, share: 1, denseMs };
  const bind = await bindingsOf(input, task);
  const { price } = await latencyTable(structure, { denseMs, threads, align: budget.align, bind }, task);
  const all = { ...budget, target: { price, amount: 0 } };
  const { path: steps } = await chooseComponents(structure, scores, all, task);
  if (steps.length === 0) return { removed: [], within: false, share: 1, denseMs };
  const folder = await temporaryFolder('latency');
  try {
    const tries: Try[] = [{ taken: [], predicted: 1, share: 1 }];
    const measureCut = async (taken: readonly Step[]): Promise<Try> => {
      const last = tries.length > 1 ? `, ${tries.at(-1)!.share.toFixed(2)} in the last round` : '';
      const stage = `Searching for ${wanted.toFixed(2)} of the time${last}`;
      task.report({ stage, done: tries.length - 1, total: mostRounds });
      const removed = taken.flatMap(({ components }) => components);
      const { model } = await cutModel(structure, removed, input.read, task);
      const file = join(folder, 'model.onnx');
      await writeModel(model, file, { overwrite: true }, quiet);
      const { ratio } = await measureNear([path, file], wanted, { threads, source }, quiet);
      const made = { taken, predicted: taken.at(-1)!.left / price.total, share: 1 / ratio };
      tries.push(made);
      return made;
    };
    const after = (taken: readonly Step[]) => stepsAfter(structure, scores, budget, price, taken);
    await search(steps, price.total, wanted, measureCut, after);
    const fast = tries.filter(({ share }) => share <= wanted * near.high);
    const best = fast.sort((a, b) => b.share - a.share)[0] ?? tries.sort((a, b) => a.share - b.share)[0]!;
    return {
      removed: best.taken.flatMap(({ components }) => components),
      within: best.share <= wanted * near.high,
      share: best.share,
      denseMs,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A model that was cut and measured. */
export interface Try {
  readonly taken: readonly Step[];
  /** Share of the time that the table gives. */
  readonly predicted: number;
  /** Share that was measured. */
  readonly share: number;
}

/**
 * Measures until one model is near enough, in at most `mostRounds` rounds. First how many of the steps are taken; where
 * one step more is too much and one less too little, a smaller step of another layer takes its place.
 */
export async function search(
  steps: readonly Step[],
  total: number,
  wanted: number,
  measure: (taken: readonly Step[]) => Promise<Try>,
  after: (taken: readonly Step[]) => readonly Step[],
): Promise<void> {
  let slow: Try = { taken: [], predicted: 1, share: 1 };
  let fast: Try | undefined;
  let next: readonly Step[] | undefined = steps.slice(0, firstBelow(steps, total * wanted * near.middle));
  for (let round = 0; round < mostRounds && next; round += 1) {
    const made = await measure(next);
    if (made.share >= wanted * near.low && made.share <= wanted * near.high) return;
    if (made.share > wanted * near.high) slow = made;
    else fast = made;
    const aim = total * aimBetween(slow, fast, wanted * near.middle, round % 3 === 2);
    if (!fast && slow.taken.length >= steps.length) return;
    if (!fast) {
      next = steps.slice(0, Math.max(slow.taken.length + 1, firstBelow(steps, aim)));
      continue;
    }
    const between = fast.taken.length - slow.taken.length;
    if (between > 1) {
      const count = Math.max(slow.taken.length + 1, firstBelow(steps, aim));
      next = steps.slice(0, Math.min(fast.taken.length - 1, count));
      continue;
    }
    // Neighbours: one of the other steps that come next, the one that leaves most nearly what is aimed at.
    const [low, high] = [fast.predicted * total, slow.predicted * total];
    const other = after(slow.taken)
      .filter(({ left }) => left > low * (1 + 1e-9) && left < high * (1 - 1e-9))
      .sort((a, b) => Math.abs(a.left - aim) - Math.abs(b.left - aim))[0];
    next = other && [...slow.taken, other];
  }
}

/** How many steps it takes until no more than this is left; all when it never is. */
function firstBelow(steps: readonly Step[], amount: number): number {
  const at = steps.findIndex(({ left }) => left <= amount);
  return at < 0 ? steps.length : at + 1;
}

/**
 * The share to ask the table for: on the line between the measured ones around the goal, or, while none was fast
 * enough, by the saving that the last gave for the saving that it promised. `half` takes the middle, which a bent
 * line needs now and then.
 */
function aimBetween(slow: Try, fast: Try | undefined, wanted: number, half: boolean): number {
  if (!fast) {
    const worth = (1 - slow.share) / Math.max(1e-3, 1 - slow.predicted);
    return worth > 0.1 ? Math.max(0.02, 1 - (1 - wanted) / worth) : slow.predicted * 0.8;
  }
  const along = half ? 0.5 : (slow.share - wanted) / Math.max(1e-6, slow.share - fast.share);
  return slow.predicted + (fast.predicted - slow.predicted) * Math.min(1, Math.max(0, along));
}

interface MeasureOptions {
  readonly threads: number;
  readonly source: InputSource | undefined;
}

/** Time of each model and processes of it. */
const effort = {
  quick: { maxSeconds: 0.5, launches: 1 },
  fair: { maxSeconds: 1.5, launches: 3 },
  long: { maxSeconds: 4, launches: 5 },
} as const;

/** Shares of what is wanted between which a quick measurement does not do. */
const doubtful = { low: 0.85, high: 1.15 };
/** Interval over ratio that a result may be told with. */
const goodWidth = 0.06;

/** Measured quickly when that tells on which side of the goal it is. */
async function measureNear(
  paths: readonly [string, string],
  wanted: number,
  options: MeasureOptions,
  task: Task,
): Promise<MeasuredLatency> {
  const first = await measure(paths, options, 'quick', task);
  const is = 1 / first.ratio / wanted;
  return is < doubtful.low || is > doubtful.high ? first : measure(paths, options, 'fair', task);
}

/** p50 of one model, or of two in turn, in several processes of each; longer where other work disturbs it. */
export async function measureLatency(
  paths: readonly string[],
  options: MeasureOptions,
  task: Task,
): Promise<MeasuredLatency> {
  const first = await measure(paths, options, 'fair', task);
  return first.high - first.low <= goodWidth * first.ratio ? first : measure(paths, options, 'long', task);
}

async function measure(
  paths: readonly string[],
  { threads, source }: MeasureOptions,
  how: keyof typeof effort,
  task: Task,
): Promise<MeasuredLatency> {
  const models = paths.map((path) => ({ path }));
  const settings = { threads, inputs: source, ...effort[how] };
  const { results, ratios } = await benchmark(models, settings, task);
  const beforeMs = results[0]!.undisturbed.p50Ms;
  const afterMs = results[1]?.undisturbed.p50Ms ?? beforeMs;
  const { p50Ratio = 1, low = 1, high = 1 } = ratios[0] ?? {};
  return { beforeMs, afterMs, ratio: p50Ratio, low, high, threads };
}

/** Values of free dimensions in the inputs that are measured with. */
async function bindingsOf(
  { path, inputs, source }: LatencyInput,
  task: Task,
): Promise<Record<string, number>> {
  const feeds: Feeds = source
    ? (await source(path, inputs, undefined, task)).feeds
    : generateInputs(inputs, {}).feeds;
  const bind: Record<string, number> = {};
  for (const { name, dims } of inputs) {
    for (const [axis, dim] of dims.entries()) {
      const size = feeds[name]?.dims[axis];
      if (size !== undefined && typeof dim !== 'number') bind[dim ?? `${name}[${axis}]`] = size;
    }
  }
  return bind;
}
