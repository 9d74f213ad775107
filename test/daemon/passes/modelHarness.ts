// What tests of passes share: seeded numbers, models as text, frozen models (a pass must not touch its
// input), and running a model in ONNX Runtime.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after } from 'node:test';
import { silentTask } from '../../../daemon/base/task';
import { setScriptFolder } from '../../../daemon/host/scripts';
import { floatTensor, graph, model, valueInfo } from '../../../daemon/ir/builder';
import { DataType } from '../../../daemon/ir/dataType';
import type { Graph, Model, Node } from '../../../daemon/ir/model';
import type { Tensor } from '../../../daemon/ir/tensor';
import { readModel } from '../../../daemon/onnx/readModel';
import { readTensorBytes } from '../../../daemon/onnx/tensorData';
import { writeModel } from '../../../daemon/onnx/writeModel';
import type { TensorReader } from '../../../daemon/passes/tensorReader';
import { startRunner, type RunnerProcess } from '../../../daemon/runtime/runner/runnerProcess';
import type { Feeds, SessionOptions } from '../../../daemon/runtime/runner/session';
import { distFolder, temporaryFolder } from '../../support/paths';

setScriptFolder(distFolder);
export const folder = temporaryFolder('slipway-passes-');
export const read: TensorReader = (tensor) => readTensorBytes(tensor);

/** Numbers in (−1, 1), the same each time. */
export function numbers(count: number, seed = 1, scale = 1): Float32Array {
  let state = seed >>> 0;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state / 2 ** 31 - 1) * scale;
  });
}

/** A FLOAT constant of seeded numbers. */
export const weight = (name: string, dims: readonly number[], seed = 1, scale = 1): Tensor =>
  floatTensor(
    name,
    dims,
    numbers(
      dims.reduce((all, dim) => all * dim, 1),
      seed,
      scale,
    ),
  );

export type Dims = readonly (number | string)[];

/** A model from float input "x" to float output "y". */
export const oneToOne = (
  nodes: Node[],
  initializers: Tensor[],
  dims: Dims,
  options: { opset?: number; irVersion?: number; outputs?: readonly string[]; extra?: Partial<Graph> } = {},
): Model =>
  model(
    graph({
      nodes,
      initializers,
      inputs: [valueInfo('x', DataType.FLOAT, dims)],
      outputs: (options.outputs ?? ['y']).map((name) => valueInfo(name, DataType.FLOAT)),
      ...options.extra,
    }),
    options,
  );

/** Freezes a model's structure, so that a pass that writes into it throws. */
export function frozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value;
  for (const item of Object.values(value)) frozen(item);
  return Object.freeze(value);
}

/** One line a node: `y = Conv(x, w)`. */
export const graphText = (made: Model): string =>
  made.graph.nodes
    .map((node) => `${node.outputs.join(', ')} = ${node.opType}(${node.inputs.join(', ')})`)
    .join('\n');

let runner: RunnerProcess | undefined;
let files = 0;
after(async () => runner?.dispose());

/** Writes a model and loads it in the shared runner process. */
export async function load(made: Model, options: SessionOptions = {}) {
  runner ??= startRunner();
  const path = join(folder, `model${(files += 1)}.onnx`);
  await writeModel(made, path, {}, silentTask);
  return { path, session: await runner.load(path, options, silentTask) };
}

export async function run(made: Model, feeds: Feeds, options: SessionOptions = {}): Promise<Feeds> {
  const { session } = await load(made, options);
  const result = await session.run(feeds, silentTask);
  await session.release();
  return result;
}

/** Operator types of the graph that ONNX Runtime makes of the model, sorted, with counts. */
export async function optimisedOps(made: Model): Promise<string> {
  const optimizedModelPath = join(folder, `optimised${(files += 1)}.onnx`);
  const { session } = await load(made, { graphOptimization: 'extended', optimizedModelPath });
  await session.release();
  const { model: optimised } = await readModel(optimizedModelPath, silentTask);
  assert.ok(optimised);
  const counts = new Map<string, number>();
  for (const { opType } of optimised.graph.nodes) counts.set(opType, (counts.get(opType) ?? 0) + 1);
  return [...counts]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([op, count]) => (count === 1 ? op : `${count} ${op}`))
    .join(', ');
}

/** Feeds for "x" with the free dimensions set to 2. */
export function feedsFor(dims: Dims, scale = 2, seed = 99): Feeds {
  const fixed = dims.map((dim) => (typeof dim === 'number' ? dim : 2));
  const data = numbers(
    fixed.reduce((all, dim) => all * dim, 1),
    seed,
    scale,
  );
  return { x: { type: 'float32', dims: fixed, data } };
}

/** Largest difference between the float outputs of two models, relative to the largest value. */
export function difference(a: Feeds, b: Feeds): number {
  let most = 0;
  let largest = 1e-30;
  assert.deepEqual(Object.keys(a), Object.keys(b));
  for (const [name, value] of Object.entries(a)) {
    const other = b[name]!;
    assert.deepEqual(value.dims, other.dims);
    for (let i = 0; i < value.data.length; i += 1) {
      const [p, q] = [Number(value.data[i]), Number(other.data[i])];
      most = Math.max(most, Math.abs(p - q));
      largest = Math.max(largest, Math.abs(p));
    }
  }
  return most / largest;
}
