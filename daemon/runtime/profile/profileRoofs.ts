// The roofs of this machine, measured with ONNX Runtime itself on the same device and threads: the fastest product
// of large matrices, and the fastest pass over values that lie in the cache or do not fit there. A node cannot be
// faster than both allow (Williams, Waterman, Patterson 2009).

import { join } from 'node:path';
import type { Task } from '../../base/task';
import { graph, model, node, rawTensor, valueInfo } from '../../ir/builder';
import { DataType } from '../../ir/dataType';
import type { Model } from '../../ir/model';
import { writeModel } from '../../onnx/writeModel';
import { readProfile } from './profileEvents';
import { startRunner } from '../runner/runnerProcess';

export interface Roofs {
  /** Operations per second of products, in billions, by what is multiplied. */
  compute: { name: 'float' | 'integer'; gops: number }[];
  /** Bytes per second, in billions: values in the cache, and values that do not fit there. */
  bandwidth: { name: 'cache' | 'memory'; gbPerS: number }[];
}

/** Side of the matrices; their products take 2·side³ operations, short enough to be left alone on a busy machine. */
const side = 512;
const cacheValues = 16 * 1024;
const memoryValues = 6 * 2 ** 20;
const passes = 4;
/** The fastest of so many counts: a roof is what the machine can do when nothing disturbs it. */
const runs = 40;

/** Roofs by threads; they do not change while a process lives, but a better look at them may come. */
const measured = new Map<number, Roofs>();

/**
 * Roofs of arithmetic that a node went through were measured too low, on a busy machine say: they are raised to what it
 * reached, here and for what is profiled later.
 */
export function raiseRoofs(
  threads: number,
  roofs: Roofs,
  reached: Readonly<Record<'float' | 'integer', number>>,
): Roofs {
  const compute = roofs.compute.map(({ name, gops }) => ({ name, gops: Math.max(gops, reached[name]) }));
  const raised = { ...roofs, compute };
  measured.set(threads, raised);
  return raised;
}

/** Measures the roofs of the CPU with so many threads, in less than a second; `folder` takes its files. */
export async function measureRoofs(threads: number, folder: string, task: Task): Promise<Roofs> {
  const known = measured.get(threads);
  if (known) return known;
  const time = async (name: string, made: Model) => {
    const path = join(folder, `roof-${name}.onnx`);
    await writeModel(made, path, { overwrite: true }, { signal: task.signal, report: () => undefined });
    const runner = startRunner();
    try {
      const options = {
        threads,
        graphOptimization: 'disabled',
        profilePrefix: join(folder, `roof-${name}`),
      } as const;
      const session = await runner.load(path, options, task);
      await session.timeRuns({}, { runs, maxMs: 2000 }, task);
      const { nodes } = await readProfile(await session.endProfile(), new Set([0, 1]), task);
      // The last of a chain: the first ones meet memory that was never touched.
      return nodes.filter((one) => one.name.startsWith('roof')).at(-1)?.meanUs ?? Number.NaN;
    } finally {
      await runner.dispose();
    }
  };
  const gops = (us: number) => (2 * side ** 3) / us / 1000;
  const gbPerS = (values: number, us: number) => (3 * 4 * values) / us / 1000;
  const made: Roofs = {
    compute: [
      { name: 'float', gops: gops(await time('float', floatProduct())) },
      { name: 'integer', gops: gops(await time('integer', integerProduct())) },
    ],
    bandwidth: [
      { name: 'cache', gbPerS: gbPerS(cacheValues, await time('cache', sums(cacheValues))) },
      { name: 'memory', gbPerS: gbPerS(memoryValues, await time('memory', sums(memoryValues))) },
    ],
  };
  measured.set(threads, made);
  return made;
}

const filled = (name: string, dims: readonly number[], bytes: Uint8Array, type: DataType) => ({
  shape: rawTensor(`${name}_shape`, DataType.INT64, [dims.length], bytesOf(BigInt64Array.from(dims, BigInt))),
  node: node('ConstantOfShape', [`${name}_shape`], [name], {
    name: `fill_${name}`,
    attributes: { value: rawTensor('value', type, [1], bytes) },
  }),
});

const bytesOf = (values: BigInt64Array | Float32Array) =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);

function floatProduct(): Model {
  const a = filled('a', [side, side], bytesOf(Float32Array.of(0.5)), DataType.FLOAT);
  return model(
    graph({
      nodes: [a.node, node('MatMul', ['a', 'a'], ['y'], { name: 'roof' })],
      inputs: [],
      outputs: [valueInfo('y', DataType.FLOAT, [side, side])],
      initializers: [a.shape],
    }),
  );
}

/** Unsigned by signed, the fastest pair on x64; the weights are an initializer, so that they are packed once. */
function integerProduct(): Model {
  const a = filled('a', [side, side], Uint8Array.of(3), DataType.UINT8);
  const weights = rawTensor('b', DataType.INT8, [side, side], new Uint8Array(side * side).fill(5));
  return model(
    graph({
      nodes: [a.node, node('MatMulInteger', ['a', 'b'], ['y'], { name: 'roof' })],
      inputs: [],
      outputs: [valueInfo('y', DataType.INT32, [side, side])],
      initializers: [a.shape, weights],
    }),
  );
}

/** Sums one after another: each reads two rows of values and writes one. */
function sums(values: number): Model {
  const a = filled('a', [values], bytesOf(Float32Array.of(0.5)), DataType.FLOAT);
  const b = filled('b', [values], bytesOf(Float32Array.of(0.25)), DataType.FLOAT);
  const chain = Array.from({ length: passes }, (_, i) =>
    node('Add', [i === 0 ? 'a' : `v${i - 1}`, 'b'], [`v${i}`], { name: `roof${i}` }),
  );
  return model(
    graph({
      nodes: [a.node, b.node, ...chain, node('ReduceMax', [`v${passes - 1}`], ['y'], { name: 'largest' })],
      inputs: [],
      outputs: [valueInfo('y', DataType.FLOAT, [1])],
      initializers: [a.shape, b.shape],
    }),
  );
}
