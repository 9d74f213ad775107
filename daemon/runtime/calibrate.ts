// Smallest and largest value that each float value of a model takes over calibration data. ONNX Runtime
// does the work: reductions are added to a copy of the graph, so only two numbers a value leave a run.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Diagnostic } from '../base/diagnostic';
import { badRequest } from '../base/errors';
import { breathe, type Task } from '../base/task';
import { node, valueInfo } from '../ir/builder';
import { DataType } from '../ir/dataType';
import type { Graph, Model } from '../ir/model';
import { writeModel } from '../onnx/writeModel';
import { chooseBatch, type SizedBatches } from './calibrationBatch';
import { useRunner } from './runnerProcess';
import { sleepingThreads, type Feeds, type Runner } from './session';

export interface ValueRange {
  readonly min: number;
  readonly max: number;
}

export interface CalibrationOptions {
  /** Batches that will come, for progress; for batches of any size the samples that will. */
  readonly total?: number;
  /** Threads inside an operator; 1 when absent. */
  readonly threads?: number;
  /** Follow the batches' ranges with this weight of the newest, instead of taking the widest. */
  readonly movingAverage?: number;
  /** Measure how many elements each value has in a batch. */
  readonly withSizes?: boolean;
  /** A runner to use; one of its own when absent. */
  readonly runner?: Runner | undefined;
}

export interface Calibration {
  /** By value name; a value that was not finite, or always empty, is missing. */
  readonly ranges: Map<string, ValueRange>;
  /** Values whose range is not finite. */
  readonly diagnostics: Diagnostic[];
  /** Most elements that each value had in a batch; empty unless they were asked for. */
  readonly elements: Map<string, number>;
  /** Batches that were run. */
  readonly batches: number;
  /** Samples in each of them; absent when the caller made the batches. */
  readonly batchSize?: number;
}

/**
 * Runs the model over batches of inputs and returns each value's range. `values` are names of float
 * tensors of the main graph: inputs, outputs or any between. Memory does not grow with the data; batches that
 * may have any size get one by the memory that the model takes for a sample.
 * Throws `badRequest` when there is no batch or a batch does not fit the inputs (by name, shape and dtype),
 * `runnerFailed` when ONNX Runtime cannot run the model.
 */
export async function collectRanges(
  model: Model,
  values: readonly string[],
  batches: AsyncIterable<Feeds> | SizedBatches,
  options: CalibrationOptions,
  task: Task,
): Promise<Calibration> {
  const names = [...new Set(values)];
  const found = new Map<string, { min: number; max: number; broken: boolean }>();
  for (const name of names) found.set(name, { min: Infinity, max: -Infinity, broken: false });
  const kinds: readonly Kind[] = options.withSizes === true ? [...reductions, sizeReduction] : reductions;
  const { measured, outputs } = withReductions(model, names, kinds);
  const elements = new Map<string, number>();
  const folder = await mkdtemp(join(tmpdir(), 'slipway-calibrate-'));
  let done = 0;
  let batchSize: number | undefined;
  try {
    const path = join(folder, 'model.onnx');
    // Its progress would read as if the user's model were written.
    await writeModel(measured, path, {}, { signal: task.signal, report: () => undefined });
    await useRunner(options.runner, task, async (runner) => {
      // The values that are reduced stay, whatever is fused around them.
      const session = await runner.load(
        path,
        { threads: options.threads ?? 1, config: sleepingThreads },
        task,
      );
      const sized = Symbol.asyncIterator in batches ? undefined : batches;
      batchSize = sized && (await chooseBatch(sized, runner, session, outputs, task));
      const source = Symbol.asyncIterator in batches ? batches : batches.of(batchSize!);
      for await (const feeds of source) {
        await breathe(task);
        const results = await session.run(feeds, task, outputs);
        names.forEach((name, index) => {
          const range = found.get(name)!;
          const [min, max, sum, size] = kinds.map((_, which) =>
            scalar(results, outputs[kinds.length * index + which]!),
          ) as [number, number, number, number?];
          if (size !== undefined) elements.set(name, Math.max(size, elements.get(name) ?? 0));
          if (!isFinite(sum, min, max)) range.broken = true;
          follow(range, min, max, options.movingAverage);
        });
        done += 1;
        const { total } = options;
        const reached = total === undefined ? done : Math.min(total, done * (batchSize ?? 1));
        task.report({ stage: 'Calibrating', done: reached, ...(total === undefined ? {} : { total }) });
      }
      await session.release();
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  if (done === 0) throw badRequest('The calibration set is empty; give at least one sample.');

  const ranges = new Map<string, ValueRange>();
  const diagnostics: Diagnostic[] = [];
  for (const [name, { min, max, broken }] of found) {
    if (broken) diagnostics.push(notFinite(name));
    // A value that was empty in every batch has no range.
    else if (min <= max) ranges.set(name, { min, max });
  }
  return { ranges, diagnostics, elements, batches: done, ...(batchSize === undefined ? {} : { batchSize }) };
}

/**
 * Whether all values of a batch were finite: a sum is NaN when one of them is or when infinities meet, and a minimum
 * and maximum hold the others. A sum of finite values that overflows says nothing.
 */
const isFinite = (sum: number, min: number, max: number): boolean =>
  !Number.isNaN(sum) && Math.abs(min) !== Infinity && Math.abs(max) !== Infinity;

/** Widens a range by that of a batch, or moves it towards it; an empty batch changes nothing. */
function follow(
  range: { min: number; max: number },
  min: number,
  max: number,
  weight: number | undefined,
): void {
  if (!(min <= max)) return;
  if (weight === undefined || range.min > range.max) {
    range.min = Math.min(range.min, min);
    range.max = Math.max(range.max, max);
    return;
  }
  range.min += weight * (min - range.min);
  range.max += weight * (max - range.max);
}

function scalar(results: Feeds, name: string): number {
  const value = results[name]?.data[0];
  return value === undefined ? Number.NaN : Number(value);
}

/** A value that quantizing must leave alone. */
export const notFinite = (name: string): Diagnostic => ({
  id: 'calibrate/not-finite',
  severity: 'warning',
  message: `Value "${name}" became infinite or not a number on the calibration data; what depends on its range stays in float. Check the samples and the model.`,
  where: { value: name },
});

const reductions = ['ReduceMin', 'ReduceMax', 'ReduceSum'] as const;
const sizeReduction = 'Size';
const toFloat = { to: BigInt(DataType.FLOAT) };
type Kind = (typeof reductions)[number] | typeof sizeReduction;

/**
 * A copy of the model with some scalars of every value as further outputs, one value after another.
 * Reductions without axes have the same form in every opset.
 */
function withReductions(
  model: Model,
  values: readonly string[],
  kinds: readonly Kind[],
): { measured: Model; outputs: string[] } {
  const { graph } = model;
  const taken = namesOf(graph);
  for (const value of values) {
    if (!taken.has(value)) throw new Error(`The graph has no value "${value}" to calibrate.`);
  }
  let prefix = 'slipway_range';
  while ([...taken].some((name) => name.startsWith(prefix))) prefix += '_';
  const nodes = [...graph.nodes];
  const outputs: string[] = [];
  const add = (op: string, input: string, name: string, attributes: Record<string, bigint>): string => {
    nodes.push(node(op, [input], [name], { name, attributes }));
    return name;
  };
  values.forEach((value, index) => {
    for (const kind of kinds) {
      const attributes: Record<string, bigint> = kind === 'Size' ? {} : { keepdims: 0n };
      // Half floats would overflow in the sum; for float32 ONNX Runtime drops the Cast.
      const input = kind === 'ReduceSum' ? add('Cast', value, `${prefix}_float_${index}`, toFloat) : value;
      const reduced = add(kind, input, `${prefix}_${kind}_${index}`, attributes);
      outputs.push(add('Cast', reduced, `${reduced}_float`, toFloat));
    }
  });
  const infos = outputs.map((name) => valueInfo(name, DataType.FLOAT, []));
  const measured: Model = {
    ...model,
    graph: { ...graph, nodes, outputs: [...graph.outputs, ...infos] },
  };
  return { measured, outputs };
}

function namesOf(graph: Graph): Set<string> {
  return new Set([
    ...graph.inputs.map((input) => input.name),
    ...graph.nodes.flatMap((one) => one.outputs),
    ...graph.initializers.map((tensor) => tensor.name),
  ]);
}
