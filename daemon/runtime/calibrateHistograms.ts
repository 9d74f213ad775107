// The second pass of calibration: where the values of each tensor fall within the range of the first. Tensors
// are made outputs of a copy of the model a few at a time, by a budget of bytes, and counted inside the runner
// process, so that memory grows neither with the samples nor with the model.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { breathe, type Task } from '../base/task';
import { valueInfo } from '../ir/builder';
import { DataType } from '../ir/dataType';
import type { Model } from '../ir/model';
import { writeModel } from '../onnx/writeModel';
import type { Histogram } from '../passes/quantize/histogramRange';
import type { ValueRange } from './calibrate';
import { useRunner } from './runnerProcess';
import type { Feeds, Runner, ValueSpan } from './session';

export interface HistogramOptions {
  readonly bins?: number;
  readonly threads?: number;
  /** Batches of each pass, for progress. */
  readonly total?: number;
  /** Bytes of tensors that one run may give out; 64 MiB when absent. */
  readonly budgetBytes?: number;
  /** Bytes that a value takes in one batch. */
  readonly sizes: ReadonlyMap<string, number>;
  /** A runner to use; one of its own when absent. */
  readonly runner?: Runner | undefined;
}

const defaultBins = 2048;
const defaultBudget = 64 * 2 ** 20;

/**
 * Histograms of float values over their observed ranges. `batches` is asked for once per group of tensors.
 * A value that is always the same has none.
 */
export async function collectHistograms(
  model: Model,
  ranges: ReadonlyMap<string, ValueRange>,
  batches: () => AsyncIterable<Feeds>,
  options: HistogramOptions,
  task: Task,
): Promise<Map<string, Histogram>> {
  const bins = options.bins ?? defaultBins;
  const spans = [...ranges].map(([name, range]) => ({ name, ...range })).filter(({ min, max }) => max > min);
  const groups = grouped(spans, options);
  const found = new Map<string, { counts: Float64Array; zeros: number }>();
  for (const { name } of spans) found.set(name, { counts: new Float64Array(bins), zeros: 0 });
  const folder = await mkdtemp(join(tmpdir(), 'slipway-calibrate-'));
  const total = options.total === undefined ? {} : { total: options.total * groups.length };
  let done = 0;
  try {
    await useRunner(options.runner, task, async (runner) => {
      for (const [i, group] of groups.entries()) {
        const path = join(folder, `part${i}.onnx`);
        await writeModel(
          withOutputs(model, group),
          path,
          {},
          { signal: task.signal, report: () => undefined },
        );
        const session = await runner.load(path, { threads: options.threads ?? 1 }, task);
        for await (const feeds of batches()) {
          await breathe(task);
          const parts = await session.countValues(feeds, group, bins, task);
          parts.forEach(({ counts, zeros }, index) => {
            const sums = found.get(group[index]!.name)!;
            counts.forEach((count, bin) => (sums.counts[bin]! += count));
            sums.zeros += zeros;
          });
          done += 1;
          task.report({ stage: 'Counting values', done, ...total });
        }
        await session.release();
        await rm(path, { force: true });
      }
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return new Map(spans.map(({ name, min, max }) => [name, { min, max, ...found.get(name)! }]));
}

/** Neighbours together, up to the budget; a tensor that exceeds it alone goes alone. */
function grouped(spans: readonly ValueSpan[], { budgetBytes = defaultBudget, sizes }: HistogramOptions) {
  const groups: ValueSpan[][] = [];
  let room = 0;
  for (const span of spans) {
    const size = sizes.get(span.name) ?? 0;
    if (groups.length === 0 || size > room) {
      groups.push([]);
      room = budgetBytes;
    }
    groups.at(-1)!.push(span);
    room -= size;
  }
  return groups;
}

/** A copy of the model whose outputs are these values. */
function withOutputs(model: Model, spans: readonly ValueSpan[]): Model {
  const outputs = spans.map(({ name }) => valueInfo(name, DataType.FLOAT));
  return { ...model, graph: { ...model.graph, outputs } };
}
