// How rewrites are tested: the graph's text afterwards, the interface as it was, and the same outputs in ONNX
// Runtime (its own optimisations off) for two sizes of the free dimensions and several random inputs.

import assert from 'node:assert/strict';
import { silentTask } from '../../../../daemon/base/task';
import { int64Tensor } from '../../../../daemon/ir/builder';
import type { Model } from '../../../../daemon/ir/model';
import type { Tensor } from '../../../../daemon/ir/tensor';
import { runPass, type Pass } from '../../../../daemon/passes/pass';
import { difference, frozen, graphText, numbers, run, type Dims } from '../modelHarness';

const tidy = (text: string) =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .join('\n');

export const int64s = (name: string, ...values: number[]): Tensor =>
  int64Tensor(name, [values.length], values);

function feeds(dims: Dims, free: number, seed: number) {
  const fixed = dims.map((dim) => (typeof dim === 'number' ? dim : free));
  const data = numbers(
    fixed.reduce((all, dim) => all * dim, 1),
    seed,
    3,
  );
  return { x: { type: 'float32' as const, dims: fixed, data } };
}

/** Asserts that two models give the same for "x" of these dimensions; free ones are taken as 2 and as 4. */
export async function sameOutputs(before: Model, after: Model, dims: Dims, tolerance = 2e-6): Promise<void> {
  const exact = { graphOptimization: 'disabled' } as const;
  for (const [free, seed] of [
    [2, 7],
    [2, 8],
    [4, 9],
  ] as const) {
    const given = feeds(dims, free, seed);
    const error = difference(await run(before, given, exact), await run(after, given, exact));
    assert.ok(error < tolerance, `outputs moved by ${error}`);
  }
}

/** Runs the pass on a frozen model and compares text, interface and outputs; gives the new model. */
export async function check(
  pass: Pass,
  made: Model,
  dims: Dims,
  expected: string,
  tolerance?: number,
): Promise<Model> {
  const before = frozen(made);
  const { model: after, modified } = await runPass(before, pass, silentTask);
  assert.equal(graphText(after), tidy(expected));
  assert.equal(modified, true);
  assert.deepEqual(after.graph.inputs, before.graph.inputs);
  assert.deepEqual(after.graph.outputs, before.graph.outputs);
  await sameOutputs(before, after, dims, tolerance);
  return after;
}

/** Asserts that the pass leaves the model alone, and that the model is one that runs. */
export async function stays(pass: Pass, made: Model, dims?: Dims): Promise<void> {
  const before = frozen(made);
  const result = await runPass(before, pass, silentTask);
  assert.equal(result.modified, false, graphText(result.model));
  if (dims) await run(before, feeds(dims, 2, 5));
}
