// Figures for each channel of values over data: smallest, largest, mean and mean square. ONNX Runtime reduces; what
// leaves a run is four numbers a channel. What is done with them is decided in passes/recover.

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '../../host/temporaryFolder';
import { badRequest } from '../../base/errors';
import { breathe, type Task } from '../../base/task';
import { int64Tensor, node as makeNode, valueInfo, type AttributeValue } from '../../ir/builder';
import { DataType } from '../../ir/dataType';
import type { Model, Node } from '../../ir/model';
import type { Tensor } from '../../ir/tensor';
import { Names } from '../../passes/names';
import type { ChannelStatistics } from '../../passes/recover/channelStatistics';
import { standardOpset } from '../../passes/rewrite';
import { useRunner } from '../runner/runnerProcess';
import { sleepingThreads, type Feeds, type Runner } from '../runner/session';
import { writeWorkingCopy } from '../runner/workingCopy';

export interface ChannelValue {
  readonly name: string;
  readonly channels: number;
  /** Whether channels are the last axis (matrices) or the second (images). */
  readonly axis: 'last' | 'second';
}

export interface ChannelOptions {
  /** Batches that will come, for progress. */
  readonly total?: number;
  readonly threads?: number;
  /** A runner to use; one of its own when absent. */
  readonly runner?: Runner | undefined;
}

const kinds = ['min', 'max', 'mean', 'square'] as const;

/**
 * Runs the model and gives the figures of float values of the main graph, by name; a value that was not finite is
 * missing. Throws `badRequest` when there is no batch, `runnerFailed` when ONNX Runtime cannot run the model.
 */
export async function collectChannels(
  model: Model,
  values: readonly ChannelValue[],
  batches: AsyncIterable<Feeds>,
  options: ChannelOptions,
  task: Task,
): Promise<Map<string, ChannelStatistics>> {
  const { measured, outputs } = withChannels(model, values);
  const sums = values.map(({ channels }) => ({
    min: new Float64Array(channels).fill(Infinity),
    max: new Float64Array(channels).fill(-Infinity),
    mean: new Float64Array(channels),
    meanSquare: new Float64Array(channels),
  }));
  let done = 0;
  const folder = await temporaryFolder('channels');
  try {
    const path = join(folder, 'model.onnx');
    await writeWorkingCopy(measured, path, task);
    await useRunner(options.runner, task, async (runner) => {
      const session = await runner.load(
        path,
        { graphOptimization: 'basic', threads: options.threads ?? 1, config: sleepingThreads },
        task,
      );
      for await (const feeds of batches) {
        await breathe(task);
        const results = await session.run(feeds, task, outputs.flat());
        done += 1;
        for (const [at, sum] of sums.entries()) {
          const [low, high, mean, square] = outputs[at]!.map((name) => results[name]?.data ?? []);
          for (let c = 0; c < sum.min.length; c += 1) {
            sum.min[c] = Math.min(sum.min[c]!, Number(low![c]));
            sum.max[c] = Math.max(sum.max[c]!, Number(high![c]));
            sum.mean[c]! += (Number(mean![c]) - sum.mean[c]!) / done;
            sum.meanSquare[c]! += (Number(square![c]) - sum.meanSquare[c]!) / done;
          }
        }
        task.report({
          stage: 'Measuring channels',
          done,
          ...(options.total === undefined ? {} : { total: options.total }),
        });
      }
      await session.release();
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  if (done === 0) throw badRequest('The calibration set is empty; give at least one sample.');
  const finite = ({ min, max, mean, meanSquare }: ChannelStatistics) =>
    [min, max, mean, meanSquare].every((each) => each.every(Number.isFinite));
  return new Map(
    values.flatMap(({ name }, at): [string, ChannelStatistics][] =>
      finite(sums[at]!) ? [[name, sums[at]!]] : [],
    ),
  );
}

/** A copy of the model with four rows of figures for each value as further outputs. */
function withChannels(
  model: Model,
  values: readonly ChannelValue[],
): { measured: Model; outputs: readonly (readonly string[])[] } {
  const { graph } = model;
  const names = new Names(model);
  const nodes: Node[] = [...graph.nodes];
  const initializers: Tensor[] = [...graph.initializers];
  const axesAsInput = standardOpset(model) >= 18;
  const add = (
    op: string,
    inputs: string[],
    base: string,
    attributes: Record<string, AttributeValue> = {},
  ) => {
    const name = names.fresh(base);
    nodes.push(makeNode(op, inputs, [name], { name, attributes }));
    return name;
  };
  const integers = (base: string, numbers: readonly number[]) => {
    const name = names.fresh(base);
    initializers.push(int64Tensor(name, [numbers.length], numbers));
    return name;
  };
  const outputs = values.map(({ name, channels, axis }) => {
    const last = axis === 'last';
    const shape = integers(`${name}_rows`, last ? [-1, channels] : [0, channels, -1]);
    const rows = add('Reshape', [name, shape], `${name}_flat`);
    const squares = add('Mul', [rows, rows], `${name}_squares`);
    const axes = last ? [0] : [0, 2];
    return kinds.map((kind) => {
      const op = kind === 'min' ? 'ReduceMin' : kind === 'max' ? 'ReduceMax' : 'ReduceMean';
      const input = kind === 'square' ? squares : rows;
      return axesAsInput
        ? add(op, [input, integers(`${name}_axes`, axes)], `${name}_${kind}`, { keepdims: 0n })
        : add(op, [input], `${name}_${kind}`, { keepdims: 0n, axes: axes.map(BigInt) });
    });
  });
  const infos = outputs.flat().map((name) => valueInfo(name, DataType.FLOAT));
  const measured: Model = {
    ...model,
    graph: { ...graph, nodes, initializers, outputs: [...graph.outputs, ...infos] },
  };
  return { measured, outputs };
}
