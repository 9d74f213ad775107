import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { silentTask } from '../../../daemon/base/task';
import { openBeside } from '../../../daemon/evaluate/earlyDataset';
import { graph, model, node, rawTensor, valueInfo } from '../../../daemon/ir/builder';
import { DataType } from '../../../daemon/ir/dataType';
import type { SessionValue } from '../../../daemon/runtime/runner/session';
import { f4, writeNpz } from '../../support/npzWriter';
import { temporaryFolder } from '../../support/paths';
import { writeSmall } from '../../support/smallModels';

const folder = temporaryFolder();

/** x + b, where b is an initializer that is listed among the inputs too, as before IR version 4. */
const sum = () =>
  model(
    graph({
      nodes: [node('Add', ['x', 'b'], ['y'])],
      inputs: [valueInfo('x', DataType.FLOAT, ['batch', 2]), valueInfo('b', DataType.FLOAT, [2])],
      outputs: [valueInfo('y', DataType.FLOAT, ['batch', 2])],
      initializers: [rawTensor('b', DataType.FLOAT, [2], new Uint8Array(8))],
    }),
  );

const x = (type: SessionValue['type']): SessionValue => ({ name: 'x', type, dims: ['batch', 2] });
const y: SessionValue = { name: 'y', type: 'float32', dims: ['batch', 2] };

async function check(inputs: readonly SessionValue[]): Promise<unknown[]> {
  const path = await writeSmall(folder, 'sum.onnx', sum());
  const data = join(folder, 'data.npz');
  writeNpz(data, { x: f4([3, 2], [1, 2, 3, 4, 5, 6]) });
  const dataset = await openBeside(Promise.resolve({ inputs, outputs: [y] }), path, data, {}, silentTask);
  const found: unknown[] = [];
  for await (const { feeds } of dataset.batches(2)) found.push(feeds['x']);
  return found;
}

test('the same rows as the session asks for', async () => {
  assert.deepEqual(await check([x('float32')]), [
    { type: 'float32', dims: [2, 2], data: Float32Array.of(1, 2, 3, 4) },
    { type: 'float32', dims: [1, 2], data: Float32Array.of(5, 6) },
  ]);
});

test('a session with other inputs than the file says is believed', async () => {
  assert.deepEqual(await check([x('float64')]), [
    { type: 'float64', dims: [2, 2], data: Float64Array.of(1, 2, 3, 4) },
    { type: 'float64', dims: [1, 2], data: Float64Array.of(5, 6) },
  ]);
});

test("the model's error goes before the data's", async () => {
  const path = await writeSmall(folder, 'sum.onnx', sum());
  const open = (loading: Promise<{ inputs: SessionValue[]; outputs: SessionValue[] }>) =>
    openBeside(loading, path, join(folder, 'none.npz'), {}, silentTask);
  await assert.rejects(open(Promise.reject(new Error('does not load'))), /does not load/);
  await assert.rejects(open(Promise.resolve({ inputs: [x('float32')], outputs: [y] })), {
    kind: 'notFound',
    message: /none\.npz/,
  });
});
