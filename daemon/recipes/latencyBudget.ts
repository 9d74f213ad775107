// Pruning until the model is fast enough here (Yang et al. 2018, NetAdapt): choose by the table of this machine, cut,
// measure the whole model beside the original, and correct the aim by what was measured, until it is within the target.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Task } from '../base/task';
import { writeModel } from '../onnx/writeModel';
import type { Structure } from '../passes/prune/channels/analyse';
import { chooseComponents, type Budget, type Choice } from '../passes/prune/channels/budget';
import { cutModel } from '../passes/prune/channels/cut';
import type { Scores } from '../passes/prune/channels/importance';
import type { TensorReader } from '../passes/tensorReader';
import { benchmark } from '../runtime/benchmark';
import type { InputSource } from '../runtime/benchmarkInputs';
import { generateInputs } from '../runtime/generateInputs';
import type { Feeds, SessionValue } from '../runtime/session';
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
  readonly removed: Choice['removed'];
  readonly within: boolean;
  /** Share of the time that was measured last for it. */
  readonly share: number;
  readonly rounds: number;
}

const mostRounds = 6;
/** A result between this and the goal is near enough. */
const near = 0.92;
/** The final measurement will not be exactly this one. */
const margin = 0.98;

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
  const quiet: Task = { signal: task.signal, report: () => undefined };
  task.report({ stage: 'Measuring the model' });
  const dense = await measureLatency([input.path], { threads, source: input.source, quick: true }, quiet);
  const denseMs = dense.beforeMs;
  const wanted = goal.ms === undefined ? (goal.share ?? 1) : goal.ms / denseMs;
  if (wanted >= 1) return { removed: [], within: true, share: 1, rounds: 0 };
  const bind = await bindingsOf(input, task);
  const { price } = await latencyTable(structure, { denseMs, threads, align: budget.align, bind }, task);
  const folder = await mkdtemp(join(tmpdir(), 'slipway-latency-'));
  try {
    const tries: Try[] = [];
    let aim = wanted * margin;
    for (let round = 0; round < mostRounds; round += 1) {
      task.report({ stage: 'Measuring what is left', done: round, total: mostRounds });
      const target = { price, amount: aim * price.total };
      const choice = await chooseComponents(structure, scores, { ...budget, target }, task);
      const { model } = await cutModel(structure, choice.removed, input.read, task);
      const path = join(folder, 'model.onnx');
      await writeModel(model, path, { overwrite: true }, quiet);
      const options = { threads, source: input.source, quick: true };
      const { afterMs, ratio } = await measureLatency([input.path, path], options, quiet);
      const share = goal.ms === undefined ? 1 / ratio : afterMs / denseMs;
      const made = { choice, predicted: choice.left / price.total, share, within: share <= wanted * margin };
      tries.push(made);
      if (made.within && share >= wanted * near) break;
      if (!made.within && !choice.reached) break;
      const next = nextAim(tries, wanted * margin);
      if (Math.abs(next - aim) < 0.004) break;
      aim = next;
    }
    const within = tries.filter((each) => each.within).sort((a, b) => b.share - a.share)[0];
    const best = within ?? tries.sort((a, b) => a.share - b.share)[0]!;
    return {
      removed: best.choice.removed,
      within: best.within,
      share: best.share,
      rounds: tries.length,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

interface Try {
  readonly choice: Choice;
  /** Share of the time that the table gives. */
  readonly predicted: number;
  /** Share that was measured. */
  readonly share: number;
  readonly within: boolean;
}

/** The share to ask the table for next: by the saving that the last try gave for the saving it promised, between the tries around the goal. */
function nextAim(tries: readonly Try[], wanted: number): number {
  const last = tries.at(-1)!;
  const worth = (1 - last.share) / Math.max(1e-3, 1 - last.predicted);
  const aim = worth > 0.1 ? 1 - (1 - wanted) / worth : last.predicted * 0.8;
  const slow = Math.min(...tries.filter(({ within }) => !within).map(({ predicted }) => predicted), 1);
  const fast = Math.max(...tries.filter(({ within }) => within).map(({ predicted }) => predicted), 0.02);
  if (fast >= slow) return Math.max(0.02, slow * 0.95);
  return aim > fast && aim < slow ? aim : (fast + slow) / 2;
}

/** p50 of one model, or of two in turn. `quick` takes a second or two, else several processes of each are measured. */
export async function measureLatency(
  paths: readonly string[],
  {
    threads,
    source,
    quick,
  }: { readonly threads: number; readonly source: InputSource | undefined; readonly quick: boolean },
  task: Task,
): Promise<MeasuredLatency> {
  const { results, ratios } = await benchmark(
    paths.map((path) => ({ path })),
    {
      threads,
      inputs: source,
      maxSeconds: quick ? 0.6 : 1.5,
      ...(quick ? { launches: 1 } : { launches: 3 }),
    },
    task,
  );
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
