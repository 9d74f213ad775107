// Where the time of a model goes: per node, operator, provider and scope. Profiled and plain runs are taken in
// turn in two processes, so that what profiling itself costs is known, in several launches (profileLaunch.ts). Reading ONNX
// Runtime's file is profileEvents.ts; naming the parts profileParts.ts; comparing two profiles profileCompare.ts.

import { rm } from 'node:fs/promises';
import { temporaryFolder } from '../../host/temporaryFolder';
import type { Overlay } from '../../base/overlay';
import type { Task } from '../../base/task';
import { readModel } from '../../onnx/readModel';
import { isRunners } from '../benchmark/benchmarkMeasurement';
import type { InputSource } from '../benchmark/benchmarkInputs';
import { compareProfiles, type ProfileDifference } from './profileCompare';
import type { ProfiledNode } from './profileEvents';
import { flameOf, type FlameSpan } from './profileFlame';
import { launchProfiles, type Launched } from './profileLaunch';
import { partsOf, type PlacementNode, type ProfileParts } from './profileParts';
import { profileOverlays } from './profileOverlay';
import { reachedBy, rooflineOf, type Roofline } from './profileRoofline';
import { measureRoofs, raiseRoofs, type Roofs } from './profileRoofs';
import type { DeviceName } from '../runner/session';
import { median } from '../statistics';

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
  /**
   * How much longer the nodes took while recorded than they can have taken in a plain run, the making of records aside:
   * their times are divided by it. 1 when they sum to no more than the run.
   */
  slowdown: number;
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

/**
 * Processes of each model and kind, one after another: two of the very same model differ by several percent for as long as
 * they live, by where their memory came to lie, and the profiled one is another than the plain one.
 */
const mostLaunches = 5;
/** A launch in less time tells little. */
const launchMs = 1000;
/** A sum that is further from the run than this is said to be. */
const goodSum = 0.05;

/**
 * Profiles a model; with `against` a second one in turn with it, and says what differs. Throws the runner's
 * error, unless a launch was whole before: a process that dies later ends the profile, and a warning says so. No process and
 * no file stays behind.
 */
export async function profile(
  path: string,
  against: string | undefined,
  options: ProfileOptions,
  task: Task,
): Promise<ProfileResult> {
  const paths = against === undefined ? [path] : [path, against];
  const folder = await temporaryFolder('profile');
  try {
    const budgetMs = (options.maxSeconds ?? 5) * 1000;
    const launches = Math.max(1, Math.min(mostLaunches, Math.floor(budgetMs / launchMs)));
    /** By launch, then by model. */
    const launched: Launched[][] = [];
    let ended: string | undefined;
    for (let left = launches; left > 0;) {
      // Loading a large model again and again would take longer than measuring it.
      const last = launched[0]?.some(({ loadMs }) => loadMs > budgetMs / 5) === true;
      const shares = last ? left : 1;
      try {
        launched.push(await launchProfiles(paths, options, folder, (budgetMs * shares) / launches, task));
      } catch (error) {
        if (!isRunners(error) || launched.length === 0) throw error;
        ended = `${error.message} The profile ended there; what was measured before is kept.`;
        break;
      }
      left -= shares;
    }
    const roofs = await roofsOf(options, folder, task);
    const described: ModelProfile[] = [];
    for (const [index, model] of paths.entries()) {
      const own = launched.map((all) => all[index]!);
      described.push(await describe(model, own, options, task));
    }
    const profiles = withRooflines(described, roofs, options);
    if (ended !== undefined) for (const { warnings } of profiles) warnings.unshift(ended);
    const [first, second] = profiles;
    if (!second) return { ...first!, overlays: profileOverlays(first!) };
    const difference = compareProfiles(first!, second);
    return { ...first!, against: second, difference, overlays: profileOverlays(first!, difference) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Null where they cannot be measured. */
async function roofsOf({ device = 'cpu', threads = 1 }: ProfileOptions, folder: string, task: Task) {
  if (device !== 'cpu') return null;
  task.report({ stage: 'Measuring what the machine allows' });
  return measureRoofs(threads, folder, task).catch((error: unknown) => {
    // The times of the nodes are there, and a machine that is short of memory may have no room for more.
    if (isRunners(error)) return null;
    throw error;
  });
}

/** All below the same roofs, which none of their nodes goes through. */
function withRooflines(
  profiles: readonly ModelProfile[],
  roofs: Roofs | null,
  { threads = 1 }: ProfileOptions,
): ModelProfile[] {
  if (!roofs) return [...profiles];
  const raised = raiseRoofs(threads, roofs, reachedBy(profiles.flatMap(({ nodes }) => nodes)));
  return profiles.map((one) => ({ ...one, roofline: rooflineOf(one.nodes, raised) }));
}

async function describe(
  path: string,
  launched: readonly Launched[],
  options: ProfileOptions,
  task: Task,
): Promise<ModelProfile> {
  const { model } = await readModel(path, task);
  const device = options.device ?? 'cpu';
  const mean = (pick: (one: Launched) => number) => meanOf(launched.map(pick));
  const [runUs, observedUs] = [
    median(launched.map((one) => one.runUs)),
    median(launched.map((one) => one.observedUs)),
  ];
  const callUs = mean(({ record }) => record.callUs);
  const measured = meanNodes(launched.map(({ nodes }) => nodes));
  const slowdown = device === 'cpu' ? slowdownOf(sumOf(measured), runUs - callUs) : 1;
  const means = measured.map((node) => ({
    ...node,
    meanUs: node.meanUs / slowdown,
    totalUs: node.totalUs / slowdown,
  }));
  const sumUs = sumOf(means);
  const { nodes, warnings, ...parts } = partsOf(means, model?.graph, device);
  if (device !== 'cpu')
    warnings.push(
      `Times of nodes on ${device} may be those of handing the work to the device, not of the work itself.`,
    );
  else if (Math.abs((sumUs + callUs) / runUs - 1) > goodSum)
    warnings.push(
      `The nodes sum to ${((sumUs / runUs) * 100).toFixed(0)} % of a run without profiling: take their times as shares.`,
    );
  const [first] = launched;
  return {
    model: path,
    device,
    threads: options.threads ?? 1,
    batch: first!.batch,
    nodes,
    ...parts,
    runs: launched.reduce((sum, { runs }) => sum + runs, 0),
    runUs,
    sumUs,
    betweenUs: runUs - sumUs,
    overhead: observedUs / runUs - 1,
    slowdown,
    recordUs: mean(({ record }) => record.recordUs),
    callUs,
    flame: flameOf(nodes),
    roofline: null,
    assumed: { ...first!.assumed },
    warnings: [...first!.warnings, ...warnings],
  };
}

/** Launches whose nodes take longer or shorter than the middle one's by more than this were disturbed, or lay oddly. */
const typical = 0.1;

const sumOf = (nodes: readonly ProfiledNode[]) => nodes.reduce((sum, { meanUs }) => sum + meanUs, 0);

/** More than this is not the slowing of recorded nodes, and is warned of instead. */
const mostSlowdown = 1.25;

/**
 * The nodes of a run cannot take longer than the run. Where they seem to, recording slowed them beyond the making of the
 * records: it pushes what they work on out of the first caches.
 */
function slowdownOf(nodesUs: number, mostUs: number): number {
  const factor = nodesUs / mostUs;
  return factor > 1 && factor <= mostSlowdown ? factor : 1;
}

const meanOf = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** The nodes of all typical launches, each with the mean of its times; those of the first where launches ran other nodes. */
function meanNodes(launched: readonly (readonly ProfiledNode[])[]): ProfiledNode[] {
  const [first = []] = launched;
  const same = launched.filter(
    (nodes) =>
      nodes.length === first.length &&
      nodes.every(({ name, op }, i) => name === first[i]!.name && op === first[i]!.op),
  );
  const middle = median(same.map(sumOf));
  const near = same.filter((nodes) => Math.abs(sumOf(nodes) - middle) <= typical * middle);
  // Of two that differ none is the middle one.
  const used = near.length > 0 ? near : same;
  return first.map((node, i) => {
    const mean = (key: 'meanUs' | 'totalUs' | 'calls') => meanOf(used.map((nodes) => nodes[i]![key]));
    return { ...node, meanUs: mean('meanUs'), totalUs: mean('totalUs'), calls: mean('calls') };
  });
}
