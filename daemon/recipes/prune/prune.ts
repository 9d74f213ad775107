// Prunes a model file: read, find what can go, choose, cut, repair by least squares, check that the result runs and
// gives the original's shapes at two batch sizes, and only then write. The model itself is never written over.

import type { Diagnostic } from '../../base/diagnostic';
import { unsupported } from '../../base/errors';
import type { Task } from '../../base/task';
import type { OutputError } from '../../evaluate/outputError';
import type { Model } from '../../ir/model';
import { smallConstants } from '../../passes/facts';
import { runPasses } from '../../passes/pass';
import { analyseChannels, type LockedLayer, type Structure } from '../../passes/prune/channels/analyse';
import { cutModel } from '../../passes/prune/channels/cut';
import { quantizedHint } from '../../passes/quantize/outcome';
import { constantsToInitializers } from '../../passes/simplify/constantsToInitializers';
import { deadNodes } from '../../passes/simplify/deadNodes';
import { initializersOutOfInputs } from '../../passes/simplify/initializersOutOfInputs';
import { unusedInitializers } from '../../passes/simplify/unusedInitializers';
import type { TensorReader } from '../../passes/tensorReader';
import { inputsFrom } from '../benchmarkData';
import { measureLatency, type MeasuredLatency } from './latencyBudget';
import { chooseChannels } from './pruneChoice';
import { checkPruneOptions, type PruneOptions } from './pruneOptions';
import { repairPruned } from './repairPruned';
import { mostRows, openRework, writeRework, type ModelSize, type Rework } from '../reworkFile';

export type { PruneOptions } from './pruneOptions';

export interface PrunedGroup {
  /** The layer whose channels they are. */
  name: string;
  from: number;
  to: number;
  /** Layers that were cut with it. */
  layers: string[];
}

export interface Pruned {
  output: string;
  before: ModelSize;
  after: ModelSize;
  groups: PrunedGroup[];
  /** Layers whose channels had to stay, with the reason. */
  locked: LockedLayer[];
  /** Layers that were refitted. */
  repaired: number;
  error: OutputError | null;
  /** Measured where a latency was the target and something was removed, else null. */
  latency: MeasuredLatency | null;
  diagnostics: Diagnostic[];
}

/**
 * Removes channels, heads and hidden widths. Throws `badRequest` for a ratio that is none or when data is missing,
 * `unsupported` with the reasons when nothing can go, `invalidModel`, `conflict` and `runnerFailed` as for quantizing.
 */
export async function pruneChannels(path: string, options: PruneOptions, task: Task): Promise<Pruned> {
  checkPruneOptions(options);
  const work = await openRework(path, options, 'pruned', task);
  const { original, read, diagnostics } = work;
  task.report({ stage: 'Finding what can go' });
  const structure = await structureOf(path, original, read, task);
  const asIs = options.ratio === 0;
  const removed = asIs ? [] : await chooseChannels(structure, options, work, task);
  const groups = groupsOf(structure, new Set(removed));
  const made =
    removed.length > 0
      ? await cutAndRepair(structure, removed, options, work, task)
      : { model: original, repaired: 0 };
  if (removed.length === 0 && !asIs && !diagnostics.some(({ id }) => id === 'prune/already-there'))
    diagnostics.push({
      id: 'prune/nothing-removed',
      severity: 'warning',
      message: 'No layer is wide enough to lose that share; nothing was removed.',
    });
  const { after, error } = await writeRework(work, made.model, task);
  const mostBytes = (options.targetSize ?? 0) * ((options.targetSize ?? 0) < 1 ? work.before.fileBytes : 1);
  if (options.targetSize !== undefined && after.fileBytes > mostBytes && !isMissed(diagnostics))
    diagnostics.push({
      id: 'prune/target-missed',
      severity: 'warning',
      message: `The file has ${after.fileBytes} bytes, more than the ${Math.floor(mostBytes)} that were wanted: names and nodes take more than was estimated. Ask for a little less.`,
    });
  const latency = removed.length > 0 ? await latencyAfter(options, work, task) : null;
  return {
    output: work.output,
    before: work.before,
    after,
    groups,
    locked: [...structure.locked],
    repaired: made.repaired,
    error,
    latency,
    diagnostics,
  };
}

/** What can go; throws `unsupported` when that is nothing. */
export async function structureOf(
  path: string,
  original: Model,
  read: TensorReader,
  task: Task,
): Promise<Structure> {
  const { model } = await runPasses(original, [constantsToInitializers, initializersOutOfInputs], task);
  const structure = await analyseChannels(model, await smallConstants(model, read), task);
  if (structure.units.length === 0) throw unsupported(nothingToPrune(path, structure));
  return structure;
}

async function cutAndRepair(
  structure: Structure,
  removed: Parameters<typeof cutModel>[1],
  { repair }: PruneOptions,
  { data, read }: Rework,
  task: Task,
): Promise<{ model: Model; repaired: number }> {
  task.report({ stage: 'Cutting' });
  const cut = await cutModel(structure, removed, read, task);
  const input = data && repair !== false ? { data, read, mostRows } : undefined;
  const { model, repaired } = input
    ? await repairPruned(structure.model, cut, structure.shapes.order, input, task)
    : { model: cut.model, repaired: 0 };
  return { model: (await runPasses(model, [deadNodes, unusedInitializers], task)).model, repaired };
}

/** Original and result measured in turn, where a latency was the target; says so when the target is missed after all. */
async function latencyAfter(
  { targetLatency, targetMs, threads = 1, calibration }: PruneOptions,
  { path, output, diagnostics }: Rework,
  task: Task,
): Promise<MeasuredLatency | null> {
  if (targetLatency === undefined && targetMs === undefined) return null;
  task.report({ stage: 'Measuring the result' });
  const quiet: Task = { signal: task.signal, report: () => undefined };
  const options = { threads, source: inputsFrom(calibration) };
  const measured = await measureLatency([path, output], options, quiet);
  const { beforeMs, afterMs, ratio, high } = measured;
  // Where the target lies within the error of the measurement, it is not known to be missed.
  const missed = targetMs === undefined ? 1 / high > targetLatency! : (afterMs * ratio) / high > targetMs;
  if (missed && !isMissed(diagnostics))
    diagnostics.push({
      id: 'prune/target-missed',
      severity: 'warning',
      message: `It was within the target when it was chosen, but in the last measurement one run took ${afterMs.toFixed(3)} ms of ${beforeMs.toFixed(3)} ms. Other work on this machine disturbs it: try again, or ask for a little less.`,
    });
  return measured;
}

const isMissed = (diagnostics: readonly Diagnostic[]) =>
  diagnostics.some(({ id }) => id === 'prune/target-missed');

function nothingToPrune(path: string, { locked, model }: Structure): string {
  const first = locked[0];
  if (first)
    return `Nothing in ${path} can be pruned: all ${locked.length} layers are locked. The first, "${first.name}", because ${first.reason}.${quantizedHint(model)}`;
  const shapes =
    model.graph.nodes.length === 0
      ? 'It has no nodes.'
      : 'It has no Conv, Gemm or MatMul with weights of its own.';
  return `Nothing in ${path} can be pruned. ${shapes}${quantizedHint(model)}`;
}

const groupsOf = (structure: Structure, removed: ReadonlySet<unknown>): PrunedGroup[] =>
  structure.units.map(({ name, components, outputs, layers }) => ({
    name,
    from: components.length * outputs,
    to: components.filter((each) => !removed.has(each)).length * outputs,
    layers: [...layers],
  }));
