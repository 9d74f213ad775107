import assert from 'node:assert/strict';
import { test } from 'node:test';
import { graphTable, type GraphTable } from '../../../daemon/analysis/graphTable';
import { findTensor, nodeDetails } from '../../../daemon/analysis/nodeDetails';
import { nodeScope } from '../../../daemon/analysis/scopes/nodeScope';
import { SlipwayError } from '../../../daemon/base/errors';
import { floatTensor, graph, int64Tensor, model, node, valueInfo } from '../../../daemon/ir/builder';
import { DataType } from '../../../daemon/ir/dataType';
import type { Model } from '../../../daemon/ir/model';
import { decodeColumns, encodeColumns } from '../../../daemon/protocol/columns';
import { graphColumns } from '../../../daemon/protocol/graph';
import { checkText } from '../../support/checkText';

const { FLOAT } = DataType;

function lines(table: GraphTable): string[] {
  const c = decodeColumns(encodeColumns(table.columns)) as unknown as Record<
    'name' | 'op' | 'scope' | 'summary' | 'value' | 'label',
    string[]
  > &
    Record<'kind' | 'weights' | 'source' | 'target', Int32Array>;
  const rows = c.name.map((name, row) => {
    const kind = ['', 'input ', 'output '][c.kind[row]!]!;
    const weights = c.weights[row] ? ` ${c.weights[row]} B` : '';
    const scope = c.scope[row] ? ` in ${c.scope[row]}` : '';
    return `${row} ${kind}${c.op[row]!}${c.op[row] ? ' ' : ''}${name}${scope}${weights}: ${c.summary[row]!}`.trim();
  });
  const edges = [...c.source].map(
    (from, at) => `${from} → ${c.target[at]!} ${c.value[at]!}: ${c.label[at]!}`,
  );
  return [...rows, ...edges];
}

const example = (): Model =>
  model(
    graph({
      nodes: [
        node('Conv', ['x', 'w'], ['a'], {
          name: '/stem/conv/Conv',
          attributes: { strides: [2n, 2n], pads: [1n, 1n, 1n, 1n] },
        }),
        node('Constant', [], ['low'], { attributes: { value: floatTensor('', [], [0]) } }),
        node('Clip', ['a', 'low', 'high'], ['b'], { name: '/stem/act/Clip' }),
        node('If', ['flag'], ['c'], {
          name: 'If_3',
          attributes: {
            then_branch: graph({ nodes: [node('Relu', ['b'], ['t'])], outputs: [valueInfo('t', FLOAT)] }),
            else_branch: graph({
              nodes: [node('Mul', ['b', 'high'], ['e'], { name: 'scale' })],
              outputs: [valueInfo('e', FLOAT)],
            }),
          },
        }),
        node('Reshape', ['c', 'target'], ['y']),
      ],
      inputs: [valueInfo('x', FLOAT, ['batch', 3, 8, 8]), valueInfo('flag', DataType.BOOL, [])],
      outputs: [valueInfo('y', FLOAT)],
      initializers: [
        floatTensor('w', [4, 3, 3, 3], new Float32Array(108)),
        floatTensor('high', [], [6]),
        int64Tensor('target', [2], [0, -1]),
      ],
    }),
  );

test('rows and edges of the main graph', async () => {
  const table = await graphTable(example());
  checkText(
    lines(table),
    `0 Conv /stem/conv/Conv in stem/conv 432 B: 3×3, stride 2, 3→4
     1 Constant : float scalar: 0
     2 Clip /stem/act/Clip in stem/act 4 B: 0 … 6
     3 If If_3: then: 1 node, else: 1 node
     4 Reshape  16 B: to 0×-1
     5 input x: batch×3×8×8 float
     6 input flag: scalar bool
     7 output y: batch×64 float
     5 → 0 x: batch×3×8×8 float
     0 → 2 a: batch×4×4×4 float
     1 → 2 low: scalar float
     6 → 3 flag: scalar bool
     2 → 3 b: batch×4×4×4 float
     3 → 4 c: batch×4×4×4 float
     4 → 7 y: batch×64 float`,
  );
  assert.deepEqual([...table.subgraphs], [[3, ['If_3/then_branch', 'If_3/else_branch']]]);
  assert.deepEqual(Object.keys(table.columns).sort(), [...graphColumns].sort());
  assert.ok(encodeColumns(table.columns).byteLength > 0);
});

test('a quick table of a large graph says what the file states', async () => {
  const nodes = Array.from({ length: 20_001 }, (_, i) =>
    node(i === 1 ? 'MatMul' : 'Relu', i === 1 ? ['v0', 'w'] : [i === 0 ? 'x' : `v${i - 1}`], [`v${i}`]),
  );
  const large = model(
    graph({
      nodes,
      inputs: [valueInfo('x', FLOAT, [1, 4])],
      outputs: [valueInfo('v20000', FLOAT)],
      initializers: [floatTensor('w', [4, 2], new Float32Array(8))],
    }),
  );
  const quick = await graphTable(large, undefined, undefined, { quick: true });
  const whole = await graphTable(large);
  assert.deepEqual([quick.inferred, whole.inferred], [false, true]);
  const [stated, inferred] = [lines(quick), lines(whole)];
  assert.deepEqual(
    [stated[0], stated[1], stated[20_001], stated[20_004]],
    ['0 Relu :', '1 MatMul  32 B: 4→2', '20001 input x: 1×4 float', '0 → 1 v0: '],
  );
  assert.equal(inferred[20_004], '0 → 1 v0: 1×4 float');
  assert.equal(stated.length, inferred.length);
  const small = await graphTable(example(), undefined, undefined, { quick: true });
  assert.equal(small.inferred, true);
});

test('rows of a body', async () => {
  checkText(
    lines(await graphTable(example(), 'If_3/else_branch')),
    `0 Mul scale 4 B: × 6
     1 input b: batch×4×4×4 float, from outside
     2 output e: batch×4×4×4 float
     1 → 0 b: batch×4×4×4 float
     0 → 2 e: batch×4×4×4 float`,
  );
});

test('a scope or row that is not there is the caller’s mistake', async () => {
  await assert.rejects(graphTable(example(), 'If_9/then_branch'), SlipwayError);
  assert.throws(
    () => nodeDetails(example(), undefined, 99),
    /Row 99 is no operator: the graph has 5 of them/,
  );
  assert.throws(() => findTensor(example(), undefined, 'nothing'), SlipwayError);
});

test('details of a node', () => {
  const { documentation, ...details } = nodeDetails(example(), undefined, 0);
  assert.equal(documentation?.signature, 'Conv(X, W, B?) → Y');
  assert.equal(documentation.since, 11);
  assert.deepEqual(details, {
    name: '/stem/conv/Conv',
    op: 'Conv',
    domain: '',
    docString: '',
    attributes: [
      { name: 'strides', type: 'INTS', value: '2, 2' },
      { name: 'pads', type: 'INTS', value: '1, 1, 1, 1' },
    ],
    inputs: [
      { name: 'x', dtype: 'float', shape: ['batch', 3, 8, 8] },
      {
        name: 'w',
        dtype: 'float',
        shape: [4, 3, 3, 3],
        initializer: { name: 'w', dtype: 'float', shape: [4, 3, 3, 3], bytes: 432 },
      },
    ],
    outputs: [{ name: 'a', dtype: 'float', shape: ['batch', 4, 4, 4] }],
    metadata: [],
    subgraphs: [],
    opset: 17,
  });
  const conditional = nodeDetails(example(), undefined, 3);
  assert.deepEqual(conditional.subgraphs, ['If_3/then_branch', 'If_3/else_branch']);
  assert.equal(conditional.attributes[0]?.value, 'graph graph of 1 node');
  const inner = nodeDetails(example(), 'If_3/else_branch', 0);
  assert.equal(inner.inputs[1]?.initializer?.bytes, 4);
  assert.deepEqual(inner.inputs[0], { name: 'b', dtype: 'float', shape: ['batch', 4, 4, 4] });
});

test('tensors by name, those of Constant nodes and of the graphs around a body too', () => {
  assert.equal(findTensor(example(), undefined, 'w').dims.length, 4);
  assert.equal(findTensor(example(), undefined, 'low').dims.length, 0);
  assert.equal(findTensor(example(), 'If_3/else_branch', 'high').name, 'high');
});

test('the module around a node, as exporters tell it', () => {
  const withProps = (key: string, value: string) => ({
    ...node('MatMul', [], []),
    metadataProps: [{ key, value }],
  });
  assert.equal(nodeScope(node('MatMul', [], [], { name: '/layers.0/query/MatMul' })), 'layers.0/query');
  assert.equal(nodeScope(node('MatMul', [], [], { name: 'model/dense/MatMul' })), 'model/dense');
  assert.equal(nodeScope(node('MatMul', [], [], { name: 'MatMul_3' })), '');
  const scopes = withProps('pkg.torch.onnx.name_scopes', "['', 'layers.0', 'layers.0.query', 'linear_3']");
  assert.equal(nodeScope(scopes), 'layers/0/query');
  const namespace = withProps(
    'namespace',
    ': Net/layers.0: Block/layers.0.query: Linear/linear_3: aten.linear',
  );
  assert.equal(nodeScope(namespace), 'layers/0/query');
});
