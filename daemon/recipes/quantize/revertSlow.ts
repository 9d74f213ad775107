// What is slower in integers than in float on this machine, by measuring: versions of the model with parts given back
// to float race against the one with none, and the fastest stays when it gains enough. Parts are the first layers,
// which work on many pixels and few channels, and kinds of nodes.

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '../../host/temporaryFolder';
import { SlipwayError } from '../../base/errors';
import { throwIfCancelled, type Task } from '../../base/task';
import { intAttribute } from '../../ir/attributes';
import type { Model, Node } from '../../ir/model';
import { nameOf, type QuantizeOutcome } from '../../passes/quantize/outcome';
import type { Calibrator } from '../../runtime/calibrate/calibrateBy';
import { useRunner } from '../../runtime/runner/runnerProcess';
import type { Feeds, Runner, RunnerSession } from '../../runtime/runner/session';
import { writeWorkingCopy } from '../../runtime/runner/workingCopy';
import { race } from '../race';
import type { StaticWork } from './staticWork';

export interface Reverted {
  /** Nodes to keep in float. */
  readonly exclude: readonly string[];
  readonly outcome: QuantizeOutcome;
  /** What was given back, with the time saved. */
  readonly said: readonly string[];
}

const limits = { turnMs: 3, rounds: 24, fewest: 6 };
/** A change must save this share of the time to stay. */
const worthwhile = 0.03;
/** Versions together are at most so large; beyond they race two by two. */
const mostBytes = 64 * 2 ** 20;

/** Shares of the layers, from the input on, that are tried in float. */
const beginnings = [1 / 8, 1 / 4, 1 / 3, 3 / 8, 1 / 2];

type Part = readonly [kind: string, names: readonly string[]];

/** A version of the model, loaded. */
interface Version {
  readonly kind: string;
  readonly exclude: readonly string[];
  readonly outcome: QuantizeOutcome;
  readonly session: RunnerSession;
}

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
  const folder = await temporaryFolder('tune');
  try {
    return await useRunner(work.options.runner, task, async (runner) => {
      const tuning = new Tuning(work, calibrator, folder, runner, task);
      const best = await tuning.start(outcome);
      const first = await tuning.fastest(best, beginningsOf(work.model, outcome));
      // Kinds are told apart one after another: each may gain on top of the others.
      const parts = kinds ? kindsOf(work.model, outcome) : [];
      let last = first;
      for (const part of parts) last = await tuning.fastest(last, [part]);
      await last.session.release();
      return { exclude: last.exclude, outcome: last.outcome, said: tuning.said };
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

class Tuning {
  readonly said: string[] = [];
  private readonly quiet: Task;
  private files = 0;
  private bytes = 0;

  constructor(
    private readonly work: StaticWork,
    private readonly calibrator: Calibrator,
    private readonly folder: string,
    private readonly runner: Runner,
    private readonly task: Task,
  ) {
    this.quiet = { signal: task.signal, report: () => undefined };
  }

  /** The version with nothing in float. */
  async start(outcome: QuantizeOutcome): Promise<Version> {
    return { kind: '', exclude: [], outcome, session: await this.load(outcome.model) };
  }

  /** The fastest of `best` and the versions with one part more in float; the others are released. */
  async fastest(best: Version, parts: readonly Part[]): Promise<Version> {
    let winner = best;
    const together = Math.max(1, Math.floor(mostBytes / Math.max(this.bytes, 1)) - 1);
    for (let from = 0; from < parts.length; from += together) {
      const some = parts.slice(from, from + together);
      const what = some.length === 1 ? some[0]![0] : 'the first layers';
      this.task.report({ stage: `Measuring ${what} in float`, done: from, total: parts.length });
      const rivals: Version[] = [];
      for (const part of some) {
        const rival = await this.without(part, best.exclude);
        if (rival) rivals.push(rival);
      }
      winner = await this.raced(winner, rivals);
    }
    return winner;
  }

  private async raced(best: Version, rivals: readonly Version[]): Promise<Version> {
    if (rivals.length === 0) return best;
    const versions = [best, ...rivals];
    const feeds = await this.sample();
    const racers = await race(
      versions.map(({ session }) => session),
      feeds,
      limits,
      this.quiet,
    );
    const ratios = racers.map(({ ratio }) => ratio);
    const at = ratios.indexOf(Math.max(...ratios));
    const winner = ratios[at]! > 1 + worthwhile ? versions[at]! : best;
    if (winner !== best)
      this.said.push(
        `${winner.kind} went back to float, which makes the model ${((1 - 1 / ratios[at]!) * 100).toFixed(0)} % faster here.`,
      );
    for (const version of versions) if (version !== winner) await version.session.release();
    return winner;
  }

  private async sample(): Promise<Feeds> {
    const { dataset } = this.work;
    for await (const { feeds } of dataset.batches(dataset.fixedBatch ?? 1)) return feeds;
    throw new Error('The data has no samples.');
  }

  private async without([kind, names]: Part, before: readonly string[]): Promise<Version | undefined> {
    const exclude = [...before, ...names];
    try {
      const reverted = { names: new Set(exclude), why: 'Measured here, it is faster in float.' };
      const outcome = await this.work.outcome(this.calibrator, reverted, this.quiet);
      return { kind, exclude, outcome, session: await this.load(outcome.model) };
    } catch (error) {
      throwIfCancelled(this.task);
      if (error instanceof SlipwayError && error.kind === 'unsupported') return undefined;
      throw error;
    }
  }

  private async load(model: Model): Promise<RunnerSession> {
    const path = join(this.folder, `version${(this.files += 1)}.onnx`);
    this.bytes = Math.max(this.bytes, await writeWorkingCopy(model, path, this.quiet));
    return this.runner.load(path, {}, this.quiet);
  }
}

/** Names of all nodes before some of the layers. */
function beginningsOf(model: Model, { quantizedNodes }: QuantizeOutcome): Part[] {
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

/** Quantized nodes that do more than move or clip values. */
const computes: ReadonlySet<string> = new Set([
  ...['Conv', 'Gemm', 'MatMul', 'Add', 'Mul', 'Concat', 'LeakyRelu', 'Sigmoid', 'HardSigmoid'],
  ...['MaxPool', 'AveragePool', 'GlobalAveragePool', 'Resize'],
]);

/** Names of quantized nodes by kind; depthwise convolutions and the first layer are kinds of their own. */
function kindsOf(model: Model, { quantizedNodes }: QuantizeOutcome): Part[] {
  const taken = new Set(quantizedNodes);
  const kinds = new Map<string, string[]>();
  let first = true;
  for (const node of model.graph.nodes) {
    if (!taken.has(nameOf(node)) || !computes.has(node.opType)) continue;
    const kind = isDepthwise(node) ? 'Depthwise Conv' : first ? 'The first layer' : node.opType;
    first = false;
    kinds.set(kind, [...(kinds.get(kind) ?? []), nameOf(node)]);
  }
  return [...kinds];
}

const isDepthwise = (node: Node) => node.opType === 'Conv' && intAttribute(node, 'group', 1) > 1;
