// One launch of a profile: for each model a plain and a profiled process, which take turns, and what was read of them. How
// many launches there are and what is made of them is profile.ts's business.

import { join } from 'node:path';
import { DisposableList } from '../../base/disposable';
import { throwIfCancelled, type Task } from '../../base/task';
import { readModel } from '../../onnx/readModel';
import { makeInputs, withOffer, type InputSource } from '../benchmark/benchmarkInputs';
import { measureBlock, newSeries, warmUp, type Contestant } from '../benchmark/benchmarkSeries';
import { readProfile, withoutRecording, type ProfiledNode, type ProfiledRuns } from './profileEvents';
import { measureRecord, type RecordCost } from './profileRecord';
import { undisturbedMean } from './profileRuns';
import { startRunner, type RunnerProcess } from '../runner/runnerProcess';
import type { DeviceName, RunnerSession } from '../runner/session';
import { median } from '../statistics';

export interface LaunchOptions {
  readonly device?: DeviceName | undefined;
  readonly threads?: number | undefined;
  readonly batch?: number | undefined;
  readonly bind?: Readonly<Record<string, number>> | undefined;
  readonly inputs?: InputSource | undefined;
}

/** What a launch told of one model. */
export interface Launched {
  /** Without what recording added. */
  readonly nodes: readonly ProfiledNode[];
  /** Profiled runs that their means are of. */
  readonly runs: number;
  /** Mean of the plain and of the profiled runs that nothing disturbed, microseconds. */
  readonly runUs: number;
  readonly observedUs: number;
  readonly record: RecordCost;
  readonly batch: number;
  readonly assumed: Readonly<Record<string, number>>;
  readonly warnings: readonly string[];
  /** Time to create the plain session, milliseconds. */
  readonly loadMs: number;
}

/** ONNX Runtime keeps at most a million events, and a node's takes about a kilobyte. */
const maxProfileBytes = 48e6;
const eventBytes = 1000;
const maxRuns = 1000;

/** Loads, warms up and measures all models in turn for `budgetMs` each. No process stays behind. */
export async function launchProfiles(
  paths: readonly string[],
  options: LaunchOptions,
  folder: string,
  budgetMs: number,
  task: Task,
): Promise<Launched[]> {
  const owned = new DisposableList();
  try {
    const pairs: Pair[] = [];
    for (const [index, model] of paths.entries()) {
      task.report({ stage: `Loading ${nameOf(model)}`, done: index, total: paths.length });
      pairs.push(await load(model, join(folder, `profile${index}`), options, owned, task));
    }
    const planned = await warmAll(pairs, budgetMs, task);
    await takeTurns(pairs, planned, budgetMs, task);
    const found: Launched[] = [];
    for (const pair of pairs) found.push(await finish(pair, options, folder, task));
    return found;
  } finally {
    await owned.dispose();
  }
}

interface Pair {
  readonly path: string;
  readonly plain: Contestant;
  readonly profiled: Contestant;
  readonly assumed: Readonly<Record<string, number>>;
  readonly warnings: readonly string[];
  /** Runs of the profiled session so far. */
  profiledRuns: number;
  /** Those of them that do not count: warm-up, and the first after each switch. */
  readonly cold: Set<number>;
}

async function load(
  path: string,
  profilePrefix: string,
  options: LaunchOptions,
  owned: DisposableList,
  task: Task,
): Promise<Pair> {
  const session = { device: options.device ?? 'cpu', threads: options.threads ?? 1 };
  const start = async (extra: { profilePrefix?: string }): Promise<[RunnerProcess, RunnerSession]> => {
    const runner = owned.add(startRunner());
    return [runner, await runner.load(path, { ...session, ...extra }, task)];
  };
  const [runner, running] = await start({});
  const made = await makeInputs(path, running.inputs, options, task);
  const series = () => ({ ...newSeries(path), batch: made.batch });
  const plain = { series: series(), runner, session: running, feeds: made.feeds };
  const [second, observed] = await start({ profilePrefix });
  const profiled = { series: series(), runner: second, session: observed, feeds: made.feeds };
  const { assumed, warnings } = made;
  return { path, plain, profiled, assumed, warnings, profiledRuns: 0, cold: new Set() };
}

/** Warms all up; returns how many profiled runs each pair gets. */
async function warmAll(pairs: readonly Pair[], budgetMs: number, task: Task): Promise<number[]> {
  const planned: number[] = [];
  for (const pair of pairs) {
    task.report({ stage: `Warming up ${nameOf(pair.path)}` });
    try {
      await warmUp([pair.plain], Math.min(1000, budgetMs / 4), task);
    } catch (error) {
      throw withOffer(error, pair.warnings[0]);
    }
    // Each profiled run costs memory, so its warm-up is counted in runs.
    const { model } = await readModel(pair.path, task);
    const nodes = Math.max(1, model?.graph.nodes.length ?? 1000);
    const affordable = Math.max(6, Math.floor(maxProfileBytes / (nodes * eventBytes)));
    const warm = Math.min(20, Math.ceil(affordable / 6));
    const times = await pair.profiled.session.timeRuns(
      pair.profiled.feeds,
      { runs: warm, maxMs: Math.max(1, budgetMs / 4) },
      task,
    );
    pair.profiled.series.runMs = median(times);
    for (let run = 0; run < times.length; run++) pair.cold.add(run);
    pair.profiledRuns = times.length;
    planned.push(Math.min(maxRuns, affordable - times.length));
  }
  return planned;
}

const blockMs = 30;

async function takeTurns(
  pairs: readonly Pair[],
  planned: readonly number[],
  budgetMs: number,
  task: Task,
): Promise<void> {
  const until = performance.now() + budgetMs * pairs.length;
  const left = [...planned];
  for (let turn = 0; left.some((runs) => runs > 0); turn++) {
    for (const [index, pair] of pairs.entries()) {
      throwIfCancelled(task);
      if (left[index]! <= 0) continue;
      const { plain, profiled } = pair;
      const total = planned[index]!;
      task.report({ stage: `Profiling ${nameOf(pair.path)}`, done: total - left[index]!, total });
      await measureBlock(plain, blockMs * 2, Number.POSITIVE_INFINITY, task);
      const wanted = Math.max(4, Math.ceil(blockMs / Math.max(profiled.series.runMs, 0.2)));
      const runs = Math.min(left[index]!, wanted);
      const times = await profiled.session.timeRuns(profiled.feeds, { runs, maxMs: budgetMs }, task);
      // The caches were the other process's; a long run does not feel it, and must not be lost.
      const first = times.length > 2 ? 1 : 0;
      if (first === 1) pair.cold.add(pair.profiledRuns);
      profiled.series.blocks.push(times.slice(first));
      pair.profiledRuns += times.length;
      left[index]! -= times.length;
      // Plain runs cannot be taken apart into stretches: there are more of them, before and after.
      await measureBlock(plain, blockMs * 2, Number.POSITIVE_INFINITY, task);
    }
    if (performance.now() >= until && turn >= 2) return;
  }
}

async function finish(pair: Pair, options: LaunchOptions, folder: string, task: Task): Promise<Launched> {
  task.report({ stage: `Reading the profile of ${nameOf(pair.path)}` });
  const text = await pair.profiled.session.endProfile();
  const read = await readProfile(text, pair.cold, task);
  const meanUs = ({ series }: Contestant) =>
    undisturbedMean(series.blocks.flatMap((block) => [...block])) * 1000;
  const record = await recordOf(pair, read, options, folder, task);
  return {
    nodes: withoutRecording(read.nodes, record.recordUs),
    runs: read.runs,
    runUs: meanUs(pair.plain),
    observedUs: meanUs(pair.profiled),
    record,
    batch: pair.plain.series.batch,
    assumed: pair.assumed,
    warnings: pair.warnings,
    loadMs: pair.plain.session.loadMs,
  };
}

/** What recording adds to a call of a node of this model; nothing on devices that run while the CPU records. */
async function recordOf(
  pair: Pair,
  { nodes, gapUs }: ProfiledRuns,
  { device = 'cpu', threads = 1 }: LaunchOptions,
  folder: string,
  task: Task,
): Promise<RecordCost> {
  if (device !== 'cpu' || nodes.length === 0) return { recordUs: 0, callUs: 0 };
  const calls = nodes.reduce((sum, node) => sum + node.calls, 0);
  const inputs = nodes.reduce((sum, node) => sum + node.inputs * node.calls, 0) / Math.max(1, calls);
  const runners = { plain: pair.plain.runner, profiled: pair.profiled.runner };
  return measureRecord(runners, { inputs, threads, gapUs }, folder, task);
}

const nameOf = (path: string) => path.split(/[\\/]/).at(-1) ?? path;
