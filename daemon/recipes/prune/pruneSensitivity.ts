// What pruning costs group by group: each group of channels alone loses a share of its width, without repair, and the
// outputs are compared with the original's; with labelled data the top-1 accuracy is measured too. Nothing is written.

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '../../host/temporaryFolder';
import type { Diagnostic } from '../../base/diagnostic';
import { badRequest } from '../../base/errors';
import { breathe, type Task } from '../../base/task';
import { loadDataset, type Dataset } from '../../evaluate/dataset';
import { compareSessions, type OutputError } from '../../evaluate/outputError';
import { predictClasses } from '../../evaluate/predict';
import { topOne } from '../../evaluate/topOne';
import { writeModel } from '../../onnx/writeModel';
import type { LockedLayer, Unit } from '../../passes/prune/channels/analyse';
import { cutModel } from '../../passes/prune/channels/cut';
import type { Importance } from '../../passes/prune/channels/importance';
import { withRunner } from '../../runtime/runner/runnerProcess';
import type { RunnerSession } from '../../runtime/runner/session';
import { structureOf } from './prune';
import { scoresOf } from './pruneChoice';
import { checkPruneOptions } from './pruneOptions';
import { generatedBatches, samplesOf } from '../quantize/quantizeCheck';
import { openModel } from '../reworkFile';

export interface PruneSensitivityOptions {
  /** Share of its channels that each group loses, above 0 and below 1; 0.5 when absent. */
  readonly ratio?: number | undefined;
  /** Path of an .npz file; outputs are compared on made-up inputs without. */
  readonly calibration?: string | undefined;
  readonly calibrationSamples?: number | undefined;
  /** Path of labelled data: top-1 is then measured for each group. */
  readonly validation?: string | undefined;
  /** As for pruning. */
  readonly importance?: Importance | undefined;
  /** Samples that each group is measured on; 64 when absent. */
  readonly samples?: number | undefined;
}

export interface GroupSensitivity {
  /** The layer that makes these channels. */
  name: string;
  from: number;
  to: number;
  /** Layers that are cut with it. */
  layers: string[];
  /** Error of the model's outputs when this group alone is cut. */
  alone: OutputError;
  /** Top-1 then; null without labelled data. */
  top1: number | null;
}

export interface PruneSensitivity {
  /** The most sensitive first. */
  units: GroupSensitivity[];
  locked: LockedLayer[];
  ratio: number;
  samples: number;
  /** Top-1 of the original; null without labelled data. */
  top1: number | null;
  diagnostics: Diagnostic[];
}

/** Throws as `pruneChannels` does. Reports each group as it is known. */
export async function pruneSensitivity(
  path: string,
  { ratio = 0.5, samples = 64, validation, ...options }: PruneSensitivityOptions,
  task: Task<GroupSensitivity>,
): Promise<PruneSensitivity> {
  if (!(ratio > 0 && ratio < 1))
    throw badRequest(
      `The ratio is the share of its channels that each group loses, above 0 and below 1; ${ratio} was given.`,
    );
  checkPruneOptions({ ...options, ratio, output: '' });
  const model = await openModel(path, options, 'pruned', task);
  const structure = await structureOf(path, model.original, model.read, task);
  const scores = await scoresOf(structure, options, model, task);
  const quiet: Task = { signal: task.signal, report: () => undefined };
  const folder = await temporaryFolder('sensitivity');
  const candidate = join(folder, 'model.onnx');
  const units: GroupSensitivity[] = [];
  let top1: number | null = null;
  try {
    await withRunner(task, async (runner) => {
      const original = await runner.load(path, {}, quiet);
      const labelled = await labelledData(validation, original, samples, quiet);
      top1 = await topOneOf(original, labelled, quiet);
      for (const [done, unit] of structure.units.entries()) {
        await breathe(task);
        const removed = leastOf(unit, scores.get(unit)!, ratio);
        const cut = await cutModel(structure, removed, model.read, quiet);
        await writeModel(cut.model, candidate, { overwrite: true }, quiet);
        const session = await runner.load(candidate, {}, quiet);
        const batches = model.data
          ? samplesOf(model.data, 'static', samples)
          : generatedBatches(model.inputs);
        const alone = await compareSessions(original, session, batches, { label: unit.name }, quiet);
        const from = unit.components.length * unit.outputs;
        const row: GroupSensitivity = {
          name: unit.name,
          from,
          to: from - removed.length * unit.outputs,
          layers: [...unit.layers],
          alone,
          top1: await topOneOf(session, labelled, quiet),
        };
        await session.release();
        units.push(row);
        task.report({ stage: 'Measuring groups', done: done + 1, total: structure.units.length, row });
      }
    });
    units.sort((a, b) => (a.top1 ?? 0) - (b.top1 ?? 0) || a.alone.sqnrDb - b.alone.sqnrDb);
    return {
      units,
      locked: [...structure.locked],
      ratio,
      samples: units[0]?.alone.samples ?? 0,
      top1,
      diagnostics: [...model.diagnostics],
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The least important components of one group: the share of them, at least one, never all. */
function leastOf({ components }: Unit, scores: Float64Array, ratio: number) {
  const count = Math.min(components.length - 1, Math.max(1, Math.round(ratio * components.length)));
  const order = components.map((_, i) => i).sort((a, b) => scores[a]! - scores[b]! || a - b);
  return order.slice(0, count).map((i) => components[i]!);
}

/** Labelled samples; throws `badRequest` for data without labels. */
async function labelledData(
  path: string | undefined,
  { inputs }: RunnerSession,
  samples: number,
  task: Task,
): Promise<Dataset | undefined> {
  if (path === undefined) return undefined;
  const data = await loadDataset(path, inputs, { maxSamples: samples }, task);
  if (data.labels) return data;
  throw badRequest(
    `${path} has no labels, so top-1 cannot be measured. Name labelled data, or leave the validation data out.`,
  );
}

async function topOneOf(
  session: RunnerSession,
  data: Dataset | undefined,
  task: Task,
): Promise<number | null> {
  if (!data?.labels) return null;
  const { classes, classCount } = await predictClasses(session, data, { label: 'the groups' }, task);
  return topOne(classes, data.labels, classCount).value;
}
