// How a node is quantized, from what stands around it and from what it takes itself.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentTask } from '../../../daemon/base/task';
import { floatTensor, graph, int8Tensor, model, node, uint8Tensor } from '../../../daemon/ir/builder';
import { describeNode } from '../../../daemon/recipes/describeNode';

const scales = floatTensor('ws', [4], [0.5, 0.25, 1, 0.125]);
const built = model(
  graph({
    nodes: [
      node('DequantizeLinear', ['xq', 's', 'z'], ['x']),
      node('DequantizeLinear', ['wq', 'ws', 'wz'], ['w'], { attributes: { axis: 0n } }),
      node('Conv', ['x', 'w'], ['y']),
      node('QuantizeLinear', ['y', 's', 'z'], ['yq']),
      node('QLinearMatMul', ['yq', 's', 'z', 'wq', 'ws', 'wz', 's', 'z'], ['m']),
      node('Relu', ['m'], ['r']),
      node('QuantizeLinear', ['r', 'computed', ''], ['rq']),
    ],
    initializers: [
      floatTensor('s', [], [0.02]),
      uint8Tensor('z', [], [128]),
      int8Tensor('wq', [4, 1], [1, 2, 3, 4]),
      int8Tensor('wz', [4], [0, 0, 0, 0]),
      scales,
    ],
  }),
);
const of = async (row: number) =>
  (await describeNode(built, undefined, row, undefined, silentTask)).quantization;

test('inputs from DequantizeLinear, output into QuantizeLinear, as one group', async () => {
  const group = (await of(2))!;
  assert.deepEqual(
    group.map(({ side, index, value, dtype, row, axis }) => [side, index, value, dtype, row, axis]),
    [
      ['input', 0, 'x', 'uint8', 0, undefined],
      ['input', 1, 'w', 'int8', 1, 0],
      ['output', 0, 'y', 'uint8', 3, undefined],
    ],
  );
  assert.equal(group[0]!.scale!.least, Math.fround(0.02));
  assert.equal(group[0]!.zeroPoint!.largest, 128);
  assert.deepEqual(group[1]!.scale, { count: 4, least: 0.125, largest: 1, first: [0.5, 0.25, 1, 0.125] });
});

test('parameters that the node takes itself', async () => {
  const group = (await of(4))!;
  assert.deepEqual(
    group.map(({ side, index, value, dtype, scale }) => [side, index, value, dtype, scale?.count]),
    [
      ['input', 0, 'yq', 'uint8', 1],
      ['input', 3, 'wq', 'int8', 4],
      ['output', 0, 'm', 'uint8', 1],
    ],
  );
});

test('a QuantizeLinear tells of itself; what is computed is null; a plain node tells nothing', async () => {
  assert.deepEqual(await of(6), [
    { side: 'output', index: 0, value: 'rq', dtype: 'uint8', scale: null, zeroPoint: null },
  ]);
  assert.equal((await of(5))!.length, 1);
  const plain = model(graph({ nodes: [node('Relu', ['x'], ['y'])] }));
  assert.equal((await describeNode(plain, undefined, 0, undefined, silentTask)).quantization, undefined);
});

test('scales that are no numbers do not reach the wire', async () => {
  const broken = model(
    graph({
      nodes: [node('QuantizeLinear', ['x', 's'], ['y'])],
      initializers: [floatTensor('s', [], [Number.NaN])],
    }),
  );
  assert.equal(
    (await describeNode(broken, undefined, 0, undefined, silentTask)).quantization![0]!.scale,
    null,
  );
});
