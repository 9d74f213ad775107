// What is slower in integers than in float on this machine, by measuring: parts of the model are given back to
// float one after another, and each change stays only when the whole model became faster. Parts are the first
// layers, which work on many pixels and few channels, and kinds of nodes.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SlipwayError } from '../base/errors';
import { throwIfCancelled, type Task } from '../base/task';
import { intAttribute } from '../ir/attributes';
import type { Model, Node } from '../ir/model';
import { nameOf, type QuantizeOutcome } from '../passes/quantize/outcome';
import type { Calibrator } from '../runtime/calibrateBy';
import { generateInputs } from '../runtime/generateInputs';
import { useRunner } from '../runtime/runnerProcess';
import type { RunnerSession } from '../runtime/session';
import { median } from '../runtime/statistics';
import { writeWorkingCopy } from '../runtime/workingCopy';
import type { StaticWork } from './staticWork';

export interface Reverted {
  /** Nodes to keep in float. */
  readonly exclude: readonly string[];
  readonly outcome: QuantizeOutcome;
  /** What was given back, with the time saved. */
  readonly said: readonly string[];
}

/** Most rounds of turns, fewest when they all agree, and length of a turn: enough to tell three percent on a busy machine. */
const rounds = 24;
const fewestRounds = 6;
const turnMs = 10;
/** A change must save this share of the time to stay. */
const worthwhile = 0.03;

/** Shares of the layers, from the input on, that are tried in float. */
const beginnings = [1 / 8, 1 / 4, 1 / 3, 3 / 8, 1 / 2];

/** Whether measuring is worth its time unasked: gates (HardSwish) cost much on large images. */
export const hasGates = (model: Model): boolean =>
  model.graph.nodes.some(({ opType }) => opType === 'HardSigmoid');

/**
 * Tries the beginnings of the model in float, and with `kinds` each kind of quantized node too; `outcome` is the
 * model with none of them.
 */
export async function revertSlow(
  work: StaticWork,
  calibrator: Calibrator,
  outcome: QuantizeOutcome,
  kinds: boolean,
  task: Task,
): Promise<Reverted> {
  const folder = await mkdtemp(join(tmpdir(), 'slipway-tune-'));
  const quiet: Task = { signal: task.signal, report: () => undefined };
  try {
    return await useRunner(work.options.runner, task, async (runner) => {
      const load = async (model: Model, name: string) => {
        const path = join(folder, name);
        await writeWorkingCopy(model, path, quiet);
        return runner.load(path, {}, quiet);
      };
      let best = outcome;
      let session = await load(best.model, 'best.onnx');
      let exclude: readonly string[] = [];
      const said: string[] = [];
      const parts = [...beginningsOf(work.model, outcome), ...(kinds ? kindsOf(work.model, outcome) : [])];
      for (const [done, [kind, names]] of parts.entries()) {
        task.report({ stage: `Measuring ${kind} in float`, done, total: parts.length });
        const tried = [...exclude, ...names];
        const other = await without(work, calibrator, tried, quiet);
        if (!other) continue;
        const rival = await load(other.model, 'rival.onnx');
        const ratio = await timeRatio(session, rival, quiet);
        if (ratio > 1 + worthwhile) {
          said.push(
            `${kind} went back to float, which makes the model ${((1 - 1 / ratio) * 100).toFixed(0)} % faster here.`,
          );
          exclude = tried;
          best = other;
          await session.release();
          session = rival;
        } else {
          await rival.release();
        }
      }
      await session.release();
      return { exclude, outcome: best, said };
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function without(
  work: StaticWork,
  calibrator: Calibrator,
  exclude: readonly string[],
  task: Task,
): Promise<QuantizeOutcome | undefined> {
  try {
    return await work.outcome(calibrator, exclude, task);
  } catch (error) {
    throwIfCancelled(task);
    if (error instanceof SlipwayError && error.kind === 'unsupported') return undefined;
    throw error;
  }
}

/** Names of all nodes before some of the layers. */
function beginningsOf(
  model: Model,
  { quantizedNodes }: QuantizeOutcome,
): (readonly [string, readonly string[]])[] {
  const taken = new Set(quantizedNodes);
  const { nodes } = model.graph;
  const layers = [...nodes.keys()].filter(
    (i) => ['Conv', 'Gemm', 'MatMul'].includes(nodes[i]!.opType) && taken.has(nameOf(nodes[i]!)),
  );
  const counts = new Set(beginnings.map((share) => Math.round(share * layers.length)));
  return [...counts]
    .filter((count) => count > 0 && count < layers.length)
    .map((count) => [`The first ${count} layers`, nodes.slice(0, layers[count]).map(nameOf)]);
}

/** Names of quantized nodes by kind; depthwise convolutions and the first layer are kinds of their own. */
function kindsOf(
  model: Model,
  { quantizedNodes }: QuantizeOutcome,
): (readonly [string, readonly string[]])[] {
  const taken = new Set(quantizedNodes);
  const kinds = new Map<string, string[]>();
  let first = true;
  for (const node of model.graph.nodes) {
    if (!taken.has(nameOf(node)) || ['Relu', 'Clip'].includes(node.opType)) continue;
    const kind = isDepthwise(node) ? 'Depthwise Conv' : first ? 'The first layer' : node.opType;
    first = false;
    kinds.set(kind, [...(kinds.get(kind) ?? []), nameOf(node)]);
  }
  return [...kinds];
}

const isDepthwise = (node: Node) => node.opType === 'Conv' && intAttribute(node, 'group', 1) > 1;

/**
 * Time of `a` over that of `b` on the same inputs, in turns. It ends early when every round says the same of whether
 * the change is worthwhile.
 */
async function timeRatio(a: RunnerSession, b: RunnerSession, task: Task): Promise<number> {
  const { feeds } = generateInputs(a.inputs);
  const turn = async (session: RunnerSession, maxMs: number) =>
    median([...(await session.timeRuns(feeds, { runs: 1000, maxMs }, task))]);
  for (const session of [a, b]) await turn(session, turnMs * 2);
  const ratios: number[] = [];
  while (ratios.length < rounds) {
    ratios.push((await turn(a, turnMs)) / (await turn(b, turnMs)));
    const worth = ratios.filter((ratio) => ratio > 1 + worthwhile).length;
    if (ratios.length >= fewestRounds && (worth === 0 || worth === ratios.length)) break;
  }
  return median(ratios);
}
