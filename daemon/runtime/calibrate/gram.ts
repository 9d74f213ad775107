// Second moments of what layers read: XᵀX and the mean of every Conv, Gemm and MatMul input over calibration
// data. ONNX Runtime multiplies: the sums are added to a copy of the graph, so that only K × K numbers leave a
// run. What is done with them (GPTQ, AdaRound, reconstruction after pruning) is decided elsewhere.

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '../../host/temporaryFolder';
import { badRequest } from '../../base/errors';
import { breathe, type Task } from '../../base/task';
import type { Model } from '../../ir/model';
import { gramGraph, planGrams, type GramPlan } from './gramGraph';
import { useRunner } from '../runner/runnerProcess';
import { sleepingThreads, type Feeds, type Runner } from '../runner/session';
import { writeWorkingCopy } from '../runner/workingCopy';

/** Σ x xᵀ over all rows x that a layer multiplies with its weight, and their mean. */
export interface Gram {
  /** Length of a row: K of MatMul and Gemm, (channels / group) · kernel of Conv, in the order of its weight. */
  readonly k: number;
  /** Groups of a Conv, 1 for everything else. */
  readonly groups: number;
  /** Rows that were summed, in each group. */
  readonly rows: number;
  /** groups × k × k, row-major. */
  readonly gram: Float64Array;
  /** groups × k. */
  readonly mean: Float64Array;
}

export interface GramOptions {
  /** Threads inside an operator; 1 when absent. */
  readonly threads?: number;
  /** Bytes of sums that one pass over the data may give; 256 MB when absent. */
  readonly byteBudget?: number;
  /** Rows per layer that are enough: of more, every n-th is taken, and running stops early. */
  readonly maxRows?: number;
  /** Sums of (x − mean)(x − mean)ᵀ instead. */
  readonly centred?: boolean;
  /** Run this model instead: it has the values that the layers of the other read, by the same names. */
  readonly instead?: Model | undefined;
  /** A runner to use; one of its own when absent. */
  readonly runner?: Runner | undefined;
  /** Batches that will come, for progress and for spreading `maxRows` over them. */
  readonly total?: number;
}

/** Batches to run; a function is called once per pass, a plain iterable allows one pass only. */
export type GramBatches = AsyncIterable<Feeds> | (() => AsyncIterable<Feeds>);

const defaultBudget = 256 * 2 ** 20;

/**
 * Runs the model over batches and gives the Gram matrix of each named Conv, Gemm or MatMul (names as `nameOf`
 * gives them: the node's name or, without one, its first output). Nodes that read the same tensor in the same
 * way share one object. A node whose input was not finite is missing from the map. Weights must be constants.
 * Throws `badRequest` when there is no batch or a node cannot be measured, `runnerFailed` when ONNX Runtime
 * cannot run the model.
 */
export async function collectGrams(
  model: Model,
  nodes: readonly string[],
  batches: GramBatches,
  options: GramOptions,
  task: Task,
): Promise<Map<string, Gram>> {
  const plans = planGrams(model, nodes);
  const restart = typeof batches === 'function' ? batches : undefined;
  const passes = restart ? passesOf(plans, options.byteBudget ?? defaultBudget) : [plans];
  const found = new Map<string, Gram>();
  for (const [index, pass] of passes.entries()) {
    if (pass.length === 0) continue;
    const label = passes.length === 1 ? '' : `, pass ${index + 1} of ${passes.length}`;
    const source = restart ? restart() : (batches as AsyncIterable<Feeds>);
    const sums = await runPass(options.instead ?? model, pass, source, options, label, task);
    for (const [each, plan] of pass.entries()) {
      const gram = finish(plan, sums[each]!, options.centred === true);
      if (gram) for (const name of plan.nodes) found.set(name, gram);
    }
  }
  return found;
}

/** Cuts the plans into passes under the byte budget, at least one plan each. */
function passesOf(plans: readonly GramPlan[], byteBudget: number): GramPlan[][] {
  const passes: GramPlan[][] = [];
  let room = 0;
  for (const plan of plans) {
    // Float32 from the runner and a float64 sum here.
    const bytes = plan.groups * plan.k * plan.k * 12;
    if (passes.length === 0 || bytes > room) {
      passes.push([]);
      room = byteBudget;
    }
    passes.at(-1)!.push(plan);
    room -= bytes;
  }
  return passes;
}

interface Sums {
  readonly gram: Float64Array;
  readonly sum: Float64Array;
  rows: number;
  /** Every how many rows one is taken. */
  step: number;
}

async function runPass(
  model: Model,
  plans: readonly GramPlan[],
  batches: AsyncIterable<Feeds>,
  options: GramOptions,
  label: string,
  task: Task,
): Promise<Sums[]> {
  const { maxRows } = options;
  const sums = plans.map((plan): Sums => ({
    gram: new Float64Array(plan.groups * plan.k * plan.k),
    sum: new Float64Array(plan.groups * plan.k),
    rows: 0,
    step: 1,
  }));
  const { measured, outputs, steps } = gramGraph(model, plans, maxRows !== undefined);
  const folder = await temporaryFolder('gram');
  let done = 0;
  try {
    const path = join(folder, 'model.onnx');
    // Its progress would read as if the user's model were written.
    await writeWorkingCopy(measured, path, task);
    await useRunner(options.runner, task, async (runner) => {
      const session = await runner.load(
        path,
        { graphOptimization: 'basic', threads: options.threads ?? 1, config: sleepingThreads },
        task,
      );
      for await (const feeds of batches) {
        await breathe(task);
        const more = Object.fromEntries(
          steps.map((name, index) => [
            name,
            { type: 'int64', dims: [1], data: BigInt64Array.of(BigInt(sums[index]!.step)) } as const,
          ]),
        );
        const results = await session.run({ ...feeds, ...more }, task);
        for (const [index, names] of outputs.entries()) {
          const into = sums[index]!;
          const rows = Number(results[names.rows]?.data[0] ?? 0n);
          await accumulate(into.gram, results[names.gram]!.data as Float32Array, task);
          await accumulate(into.sum, results[names.sum]!.data as Float32Array, task);
          into.rows += rows;
          if (maxRows !== undefined)
            into.step = Math.max(1, Math.ceil((rows * into.step * (options.total ?? 1)) / maxRows));
        }
        done += 1;
        const total = options.total === undefined ? {} : { total: options.total };
        task.report({ stage: `Measuring what layers read${label}`, done, ...total });
        if (maxRows !== undefined && options.total === undefined && sums.every(({ rows }) => rows >= maxRows))
          break;
      }
      await session.release();
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  if (done === 0) {
    const why = label === '' ? '' : ' in a later pass';
    throw badRequest(`The calibration set is empty${why}; give at least one sample.`);
  }
  return sums;
}

const piece = 1 << 18;

async function accumulate(into: Float64Array, values: Float32Array, task: Task): Promise<void> {
  for (let from = 0; from < into.length; from += piece) {
    const to = Math.min(into.length, from + piece);
    for (let i = from; i < to; i += 1) into[i]! += values[i]!;
    await breathe(task);
  }
}

function finish({ k, groups }: GramPlan, { gram, sum, rows }: Sums, centred: boolean): Gram | undefined {
  const mean = sum.map((value) => (rows > 0 ? value / rows : 0));
  if (centred) {
    for (let g = 0; g < groups; g += 1) {
      for (let i = 0; i < k; i += 1) {
        const at = (g * k + i) * k;
        for (let j = 0; j < k; j += 1) gram[at + j]! -= rows * mean[g * k + i]! * mean[g * k + j]!;
      }
    }
  }
  for (let g = 0; g < groups; g += 1) {
    for (let i = 0; i < k; i += 1) if (!Number.isFinite(gram[(g * k + i) * k + i]!)) return undefined;
  }
  return { k, groups, rows, gram, mean };
}
