import assert from 'node:assert/strict';
import { test } from 'node:test';
import { summarize } from '../../../daemon/analysis/summary';
import { describeValue, typeText } from '../../../daemon/analysis/typeText';
import {
  floatTensor,
  graph,
  int64Tensor,
  model,
  node,
  rawTensor,
  valueInfo,
} from '../../../daemon/ir/builder';
import { DataType } from '../../../daemon/ir/dataType';
import type { Type } from '../../../daemon/ir/model';

test('nodes, weights and operators of bodies and functions count', () => {
  const branch = graph({
    nodes: [node('Add', ['x', 'bias'], ['y'])],
    initializers: [floatTensor('bias', [4], [1, 2, 3, 4])],
    outputs: [valueInfo('y', DataType.FLOAT)],
  });
  const main = graph({
    nodes: [
      node('If', ['condition'], ['z'], { attributes: { then_branch: branch, else_branch: branch } }),
      node('Gelu', ['z'], ['w'], { domain: 'com.microsoft' }),
      node('Constant', [], ['c'], { attributes: { value: int64Tensor('', [3], [1, 2, 3]) } }),
    ],
    inputs: [
      valueInfo('x', DataType.FLOAT, ['batch', 4, undefined]),
      valueInfo('condition', DataType.BOOL, []),
      valueInfo('default', DataType.FLOAT, [2]),
      valueInfo('rankless', DataType.FLOAT16),
    ],
    outputs: [valueInfo('w', DataType.FLOAT)],
    initializers: [
      floatTensor('default', [2], [0, 0]),
      // Five 4-bit values take three bytes.
      rawTensor('packed', DataType.INT4, [5], new Uint8Array(3)),
    ],
    sparseInitializers: [
      { values: floatTensor('sparse', [2], [1, 2]), indices: int64Tensor('', [2], [0, 9]), dims: [10] },
    ],
  });
  const built = model(main, { opset: 17 });
  built.producerVersion = '1.0';
  built.metadataProps = [
    { key: 'author', value: 'x' },
    { key: '__proto__', value: 'y' },
  ];
  const summary = summarize(built);
  assert.deepEqual(summary.inputs, [
    { name: 'x', dtype: 'float', shape: ['batch', 4, null] },
    { name: 'condition', dtype: 'bool', shape: [] },
    { name: 'rankless', dtype: 'float16', shape: null },
  ]);
  assert.equal(summary.nodes, 5);
  assert.equal(summary.initializers, 3 + 2);
  assert.equal(summary.parameters, 2 + 5 + 2 + 3 + 4 + 4);
  assert.equal(summary.weightBytes, 8 + 3 + (8 + 16) + 24 + 16 + 16);
  assert.deepEqual(summary.ops, { Add: 2, If: 1, 'com.microsoft.Gelu': 1, Constant: 1 });
  assert.deepEqual(summary.opsets, { 'ai.onnx': 17 });
  assert.equal(summary.producer, 'slipway 1.0');
  assert.deepEqual(Object.keys(summary.metadata), ['author', '__proto__']);
});

test('type expressions', () => {
  const float: Type = { kind: 'tensor', elemType: DataType.FLOAT };
  assert.equal(typeText({ kind: 'sequence', elem: float }), 'seq(float)');
  assert.equal(typeText({ kind: 'map', keyType: DataType.INT64, valueType: float }), 'map(int64,float)');
  assert.equal(
    typeText({ kind: 'optional', elem: { kind: 'sequence', elem: float } }),
    'optional(seq(float))',
  );
  assert.equal(typeText({ kind: 'sparseTensor', elemType: DataType.DOUBLE }), 'sparse_tensor(double)');
  assert.equal(typeText(undefined), 'undefined');
  assert.equal(typeText({ kind: 'tensor', elemType: 99 }), 'type 99');
  let deep: Type = float;
  for (let i = 0; i < 10_000; i += 1) deep = { kind: 'sequence', elem: deep };
  assert.ok(typeText(deep).length < 400);
  const described = describeValue({
    name: 's',
    type: { kind: 'sequence', elem: float },
    docString: '',
    metadataProps: [],
  });
  assert.deepEqual(described, { name: 's', dtype: 'seq(float)', shape: null });
});
