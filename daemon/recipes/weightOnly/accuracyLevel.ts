// Which arithmetic MatMulNBits should use, by measurement: int8 activations (level 4) are the fastest, and keep most
// models' answers; where they change which output is the largest, or are slower on this machine, float32 activations
// (level 1) are taken.

import { rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { temporaryFolder } from '../../host/temporaryFolder';
import { throwIfCancelled, type Task } from '../../base/task';
import { toNumbers } from '../../evaluate/convert';
import { OutputComparison, type OutputError } from '../../evaluate/outputError';
import { SlipwayError } from '../../base/errors';
import { attribute } from '../../ir/builder';
import { cloneModel } from '../../ir/clone';
import type { Model } from '../../ir/model';
import { writeModel } from '../../onnx/writeModel';
import { withRunner } from '../../runtime/runner/runnerProcess';
import type { Feeds, RunnerSession, TensorValue } from '../../runtime/runner/session';
import { median } from '../../runtime/statistics';

export interface TriedLevel {
  level: number;
  /** Share of output rows whose largest element is where the original's is. */
  agreement: number;
  /** Median time of a run over one batch of the samples, milliseconds. */
  medianMs: number;
}

export interface MeasuredLevels {
  readonly model: Model;
  readonly level: number;
  readonly error: OutputError;
  readonly tried: TriedLevel[];
}

/** Level 4 may lose this much agreement against float32 activations; a single row is no evidence. */
const allowedLoss = 0.01;
const allowedRows = 1;
/** Float32 activations are taken as well where they are this much faster and agree no less. */
const clearlyFaster = 0.8;

/**
 * Compares the model at `written` with the original over the batches, at its accuracy level and, unless it is
 * `fixed`, with float32 activations; `model` of the result is the better one. Throws `runnerFailed` when a model
 * cannot be run or gives no numbers where the original does.
 */
export async function compareLevels(
  original: string,
  written: string,
  model: Model,
  options: {
    readonly fixed: number | undefined;
    readonly batches: AsyncIterable<{ readonly feeds: Feeds; readonly count: number }>;
  },
  task: Task,
): Promise<MeasuredLevels> {
  const hasLevels = model.graph.nodes.some(({ opType }) => opType === 'MatMulNBits');
  const folder = await temporaryFolder('level');
  try {
    const candidates = [{ level: options.fixed ?? 4, model, path: written }];
    if (hasLevels && options.fixed === undefined) {
      const other = withLevel(model, 1);
      const path = join(folder, basename(written));
      await writeModel(other, path, {}, { signal: task.signal, report: () => undefined });
      candidates.push({ level: 1, model: other, path });
    }
    return await withRunner(task, async (runner) => {
      const reference = await runner.load(original, {}, task);
      const sessions = [];
      for (const each of candidates) sessions.push(await runner.load(each.path, {}, task));
      const sums = candidates.map(() => ({ comparison: new OutputComparison(), same: 0, rows: 0 }));
      const times: number[][] = candidates.map(() => []);
      let done = 0;
      for await (const { feeds, count } of options.batches) {
        throwIfCancelled(task);
        const expected = await reference.run(feeds, task);
        const batch = Math.max(count, ...Object.values(feeds).map(({ dims }) => dims[0] ?? 0));
        for (const [i, session] of sessions.entries()) {
          const got = await session.run(feeds, task);
          addOutputs(sums[i]!, reference, expected, got, count, batch, basename(written));
          if (done < 3 * count)
            times[i]!.push(...(await session.timeRuns(feeds, { runs: 3, maxMs: 500 }, task)));
        }
        done += count;
        task.report({ stage: 'Comparing the outputs', done });
      }
      const tried = candidates.map(({ level }, i) => ({
        level,
        agreement: sums[i]!.rows > 0 ? sums[i]!.same / sums[i]!.rows : 1,
        medianMs: median(times[i]!),
      }));
      const errors = sums.map(({ comparison }) => comparison.result());
      const [first, second] = tried;
      const allowed = Math.max(allowedLoss, allowedRows / Math.max(1, sums[0]!.rows)) + 1e-9;
      const loses = second !== undefined && first!.agreement < second.agreement - allowed;
      const slower =
        second !== undefined &&
        second.agreement >= first!.agreement &&
        second.medianMs < first!.medianMs * clearlyFaster;
      const best = loses || slower ? 1 : 0;
      return {
        model: candidates[best]!.model,
        level: candidates[best]!.level,
        error: errors[best]!,
        tried: hasLevels ? tried : [],
      };
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function addOutputs(
  sums: { comparison: OutputComparison; same: number; rows: number },
  reference: RunnerSession,
  expected: Feeds,
  got: Feeds,
  count: number,
  batch: number,
  label: string,
): void {
  for (const { name } of reference.outputs) {
    const [x, y] = [expected[name], got[name]];
    if (!x || !y) throw new SlipwayError('runnerFailed', `${label} gives no output "${name}".`);
    sums.comparison.add(x, y, count, batch);
    const [same, rows] = sameLargest(x, y);
    sums.same += same;
    sums.rows += rows;
  }
  if (sums.comparison.lost > 0)
    throw new SlipwayError(
      'runnerFailed',
      `${label} gives ${sums.comparison.lost} output values that are not numbers, where the original gives numbers.`,
    );
  sums.comparison.addSamples(count);
}

/** Rows (along the last dimension) whose largest element is at the same place, and rows in all. */
function sameLargest(a: TensorValue, b: TensorValue): [number, number] {
  const width = a.dims.at(-1) ?? 0;
  if (width < 2 || a.type === 'string' || b.type === 'string') return [0, 0];
  const x = toNumbers(a.type, a.data);
  const y = toNumbers(b.type, b.data);
  const rows = x.length / width;
  let same = 0;
  for (let row = 0; row < rows; row += 1) {
    let [p, q] = [row * width, row * width];
    for (let i = row * width; i < (row + 1) * width; i += 1) {
      if (x[i]! > x[p]!) p = i;
      if (y[i]! > y[q]!) q = i;
    }
    if (p === q) same += 1;
  }
  return [same, rows];
}

/** The model with another accuracy level in every MatMulNBits. */
export function withLevel(model: Model, level: number): Model {
  const copy = cloneModel(model);
  for (const node of copy.graph.nodes) {
    if (node.opType !== 'MatMulNBits') continue;
    node.attributes = node.attributes.map((each) =>
      each.name === 'accuracy_level' ? attribute('accuracy_level', BigInt(level)) : each,
    );
  }
  return copy;
}
