// Where the time of a model goes: per node, operator, provider and scope. Profiled and plain runs are taken in
// turn in two processes, so that what profiling itself costs is known. Reading ONNX Runtime's file is
// profileEvents.ts; naming the parts is profileParts.ts; comparing two profiles is profileCompare.ts.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DisposableList } from '../base/disposable';
import type { Overlay } from '../base/overlay';
import { throwIfCancelled, type Task } from '../base/task';
import { readModel } from '../onnx/readModel';
import { makeInputs, withOffer, type InputSource } from './benchmarkInputs';
import { measureBlock, newSeries, warmUp, type Contestant } from './benchmarkSeries';
import { compareProfiles, type ProfileDifference } from './profileCompare';
import { readProfile, withoutRecording, type ProfiledRuns } from './profileEvents';
import { flameOf, type FlameSpan } from './profileFlame';
import { partsOf, type PlacementNode, type ProfileParts } from './profileParts';
import { profileOverlays } from './profileOverlay';
import { measureRecord, type RecordCost } from './profileRecord';
import { rooflineOf, type Roofline } from './profileRoofline';
import { measureRoofs, type Roofs } from './profileRoofs';
import { undisturbedMean } from './profileRuns';
import { startRunner, type RunnerProcess } from './runnerProcess';
import type { DeviceName, RunnerSession } from './session';
import { median } from './statistics';

export interface ProfileOptions {
  readonly device?: DeviceName | undefined;
  /** Threads inside an operator; 1 when absent. */
  readonly threads?: number | undefined;
  readonly batch?: number | undefined;
  readonly bind?: Readonly<Record<string, number>> | undefined;
  /** Time for each model, loading excluded; 5 when absent. */
  readonly maxSeconds?: number | undefined;
  /** Makes the inputs; generated when absent. */
  readonly inputs?: InputSource | undefined;
}

export interface ModelProfile extends ProfileParts {
  model: string;
  device: string;
  threads: number;
  batch: number;
  nodes: PlacementNode[];
  /** Profiled runs that the means are of. */
  runs: number;
  /** Mean time of a plain run that nothing disturbed, without profiling, microseconds. */
  runUs: number;
  /** Sum of `meanUs` over the nodes. */
  sumUs: number;
  /** What a plain run spends outside the nodes (`runUs` − `sumUs`; negative when profiling slowed the nodes). */
  betweenUs: number;
  /** What profiling adds to a run: the mean of profiled over that of plain runs, less 1. */
  overhead: number;
  /** What making a node's record takes, measured apart and taken off each call of a node, microseconds. */
  recordUs: number;
  /** What a call into ONNX Runtime and back takes, measured apart; it is part of `betweenUs`. */
  callUs: number;
  /** The nodes end to end, with the scopes above them. */
  flame: FlameSpan[];
  /** Null where it cannot be told: on another device than the CPU, times of nodes are not those of their work. */
  roofline: Roofline | null;
  /** Values of free dimensions that nobody had bound. */
  assumed: Record<string, number>;
  warnings: string[];
}

export interface ProfileResult extends ModelProfile {
  /** The profile of the second model and the differences, when one was named. */
  against?: ModelProfile;
  difference?: ProfileDifference;
  /** The profile for the picture of the graph. */
  overlays: Overlay[];
}

/** ONNX Runtime keeps at most a million events, and a node's takes about a kilobyte. */
const maxProfileBytes = 48e6;
const eventBytes = 1000;
const maxRuns = 1000;
/** A sum that is further from the run than this is said to be. */
const goodSum = 0.05;

/**
 * Profiles a model; with `against` a second one in turn with it, and says what differs. Throws the runner's
 * error. No process and no file stays behind.
 */
export async function profile(
  path: string,
  against: string | undefined,
  options: ProfileOptions,
  task: Task,
): Promise<ProfileResult> {
  const paths = against === undefined ? [path] : [path, against];
  const folder = await mkdtemp(join(tmpdir(), 'slipway-profile-'));
  const owned = new DisposableList();
  try {
    const pairs: Pair[] = [];
    for (const [index, model] of paths.entries()) {
      task.report({ stage: `Loading ${nameOf(model)}`, done: index, total: paths.length });
      pairs.push(await load(model, join(folder, `profile${index}`), options, owned, task));
    }
    const budgetMs = (options.maxSeconds ?? 5) * 1000;
    const planned = await warmAll(pairs, budgetMs, task);
    await takeTurns(pairs, planned, budgetMs, task);
    const profiles: ModelProfile[] = [];
    const roofs = await roofsOf(options, folder, task);
    for (const pair of pairs) profiles.push(await finish(pair, roofs, options, folder, task));
    const [first, second] = profiles;
    if (!second) return { ...first!, overlays: profileOverlays(first!) };
    const difference = compareProfiles(first!, second);
    return { ...first!, against: second, difference, overlays: profileOverlays(first!, difference) };
  } finally {
    await owned.dispose();
    await rm(folder, { recursive: true, force: true });
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
  options: ProfileOptions,
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
    }
    if (performance.now() >= until && turn >= 2) return;
  }
}

/** Null for devices whose roofs cannot be measured. */
async function roofsOf({ device = 'cpu', threads = 1 }: ProfileOptions, folder: string, task: Task) {
  if (device !== 'cpu') return null;
  task.report({ stage: 'Measuring what the machine allows' });
  return measureRoofs(threads, folder, task);
}

async function finish(
  pair: Pair,
  roofs: Roofs | null,
  options: ProfileOptions,
  folder: string,
  task: Task,
): Promise<ModelProfile> {
  task.report({ stage: `Reading the profile of ${nameOf(pair.path)}` });
  const text = await pair.profiled.session.endProfile();
  const read = await readProfile(text, pair.cold, task);
  const { model } = await readModel(pair.path, task);
  const device = options.device ?? 'cpu';
  const meanUs = ({ series }: Contestant) =>
    undisturbedMean(series.blocks.flatMap((block) => [...block])) * 1000;
  const [runUs, observedUs] = [meanUs(pair.plain), meanUs(pair.profiled)];
  const { recordUs, callUs } = await recordOf(pair, read, options, folder, task);
  const corrected = withoutRecording(read.nodes, recordUs);
  const sumUs = corrected.reduce((sum, node) => sum + node.meanUs, 0);
  const { nodes, warnings, ...parts } = partsOf(corrected, model?.graph, device);
  if (device !== 'cpu')
    warnings.push(
      `Times of nodes on ${device} may be those of handing the work to the device, not of the work itself.`,
    );
  else if (Math.abs((sumUs + callUs) / runUs - 1) > goodSum)
    warnings.push(
      `The nodes sum to ${((sumUs / runUs) * 100).toFixed(0)} % of a run without profiling: take their times as shares.`,
    );
  return {
    model: pair.path,
    device,
    threads: options.threads ?? 1,
    batch: pair.plain.series.batch,
    nodes,
    ...parts,
    runs: read.runs,
    runUs,
    sumUs,
    betweenUs: runUs - sumUs,
    overhead: observedUs / runUs - 1,
    recordUs,
    callUs,
    flame: flameOf(nodes),
    roofline: roofs && rooflineOf(nodes, roofs),
    assumed: { ...pair.assumed },
    warnings: [...pair.warnings, ...warnings],
  };
}

/** What recording adds to a call of a node of this model; nothing on devices that run while the CPU records. */
async function recordOf(
  pair: Pair,
  { nodes, gapUs }: ProfiledRuns,
  { device = 'cpu', threads = 1 }: ProfileOptions,
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
