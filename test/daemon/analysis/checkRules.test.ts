// Every rule of advice fires where it should and says so in a sentence; the table of rules is whole; the page that
// explains them is the table's.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { checkModel, type CheckFacts } from '../../../daemon/analysis/checks';
import { lineOfRule, rulesDocument } from '../../../daemon/analysis/checks/document';
import { findRule, ruleIds } from '../../../daemon/analysis/checks/rules';
import { unknownRules, withSeverities } from '../../../daemon/analysis/checks/severity';
import { inferShapes } from '../../../daemon/analysis/shapes';
import {
  floatTensor,
  graph,
  int8Tensor,
  model,
  node,
  rawTensor,
  uint8Tensor,
  valueInfo,
} from '../../../daemon/ir/builder';
import { DataType } from '../../../daemon/ir/dataType';
import { readsAsKey } from '../../../daemon/ir/marks';
import type { Graph, Model, Node } from '../../../daemon/ir/model';
import type { Tensor } from '../../../daemon/ir/tensor';
import { repository } from '../../support/paths';

const { FLOAT, DOUBLE, INT64 } = DataType;
const zeros = (name: string, ...dims: number[]) =>
  floatTensor(name, dims, new Float32Array(dims.reduce((a, b) => a * b, 1)));

const made = (nodes: Node[], parts: Partial<Graph> = {}, opset = 17): Model =>
  model(
    graph({
      nodes,
      inputs: [valueInfo('x', FLOAT, ['batch', 4, 8, 8])],
      outputs: [valueInfo('y', FLOAT)],
      ...parts,
    }),
    { opset },
  );

/** What the checks say of a model, as "id: message" lines of one rule. */
function said(built: Model, id: string, facts: CheckFacts = {}): string[] {
  return checkModel(built, { shapes: inferShapes(built), ...facts })
    .filter((each) => each.id === id)
    .map(({ message }) => message);
}

const attributes = (values: Parameters<typeof node>[3]) => values;
const quantized = (nodes: Node[], initializers: Tensor[], opset = 17) =>
  made(
    nodes,
    { initializers: [floatTensor('s', [], [0.1]), uint8Tensor('z', [], [128]), ...initializers] },
    opset,
  );

const cases: Readonly<Record<string, readonly [Model, string, CheckFacts?]>> = {
  'operator/inputs': [
    made([node('Add', ['x'], ['y'], { name: 'sum' })]),
    'sum: Add has 2 inputs, and it has 1.',
  ],
  'operator/outputs': [
    made([node('Relu', ['x'], ['y', 'z'], { name: 'r' })]),
    'r: Relu has 1 output, and it has 2.',
  ],
  'operator/unknown-attribute': [
    made([node('Relu', ['x'], ['y'], attributes({ name: 'r', attributes: { slope: 0.5 } }))]),
    'r: Relu has no attribute "slope" in this operator set.',
  ],
  'operator/attribute-type': [
    made([node('Softmax', ['x'], ['y'], { name: 's', attributes: { axis: 1.5 } })]),
    's: the attribute "axis" is FLOAT, and Softmax wants INT.',
  ],
  'operator/missing-attribute': [
    made([node('Cast', ['x'], ['y'], { name: 'c' })]),
    'c: Cast needs the attribute "to".',
  ],
  'operator/type': [
    made([node('Add', ['x', 'i'], ['y'], { name: 'sum' })], {
      inputs: [valueInfo('x', FLOAT, [4]), valueInfo('i', INT64, [4])],
    }),
    'sum: "x" is float and "i" is int64, but Add wants one type for both. Put a Cast before it.',
  ],
  'portability/custom-operators': [
    {
      ...made([node('Blur', ['x'], ['y'], { name: 'b', domain: 'com.acme' })]),
      opsetImports: [
        { domain: '', version: 17 },
        { domain: 'com.acme', version: 1 },
      ],
    },
    'b needs a library of custom operators ("com.acme") beside the model.',
  ],
  'portability/contrib-operators': [
    {
      ...made([node('Gelu', ['x'], ['y'], { name: 'g', domain: 'com.microsoft' })]),
      opsetImports: [
        { domain: '', version: 17 },
        { domain: 'com.microsoft', version: 1 },
      ],
    },
    'g is an operator of ONNX Runtime; other runtimes mostly refuse the model.',
  ],
  'portability/opset-old': [
    made([node('Relu', ['x'], ['y'])], {}, 9),
    'The model uses opset 9; quantization by channel wants opset 13 or newer.',
  ],
  'portability/ir-version': [
    { ...made([node('Relu', ['x'], ['y'])]), irVersion: 0 },
    'The model states no IR version; some runtimes refuse it.',
  ],
  'portability/unknown-rank': [
    made([node('Relu', ['x'], ['y'])], { inputs: [valueInfo('x', FLOAT)] }),
    'The input "x" states no shape.',
  ],
  'portability/training': [
    made(
      [
        node('BatchNormalization', ['x', 's', 's', 's', 's'], ['y', 'm', 'v'], {
          name: 'bn',
          attributes: { training_mode: 1n },
        }),
      ],
      { initializers: [zeros('s', 4)] },
    ),
    'bn is in training mode: results change from run to run.',
  ],
  'portability/deprecated-data': [
    made([node('SequenceConstruct', ['x'], ['y'])], {
      outputs: [
        {
          name: 'y',
          docString: '',
          metadataProps: [],
          type: { kind: 'sequence', elem: { kind: 'tensor', elemType: FLOAT } },
        },
      ],
    }),
    '"y" is seq(float); most servers and accelerators take tensors alone.',
  ],
  'performance/initializer-input': [
    made([node('Add', ['x', 'w'], ['y'])], {
      inputs: [valueInfo('x', FLOAT, [4]), valueInfo('w', FLOAT, [4])],
      initializers: [zeros('w', 4)],
    }),
    '1 initializer is an input as well ("w"), so a runtime cannot fold it.',
  ],
  'performance/constant-nodes': [
    made([node('Neg', ['w'], ['n'], { name: 'n' }), node('Add', ['x', 'n'], ['y'])], {
      initializers: [zeros('w', 8)],
    }),
    'n follows from constants alone and can be computed once.',
  ],
  'performance/batch-normalization': [
    made(
      [
        node('Conv', ['x', 'w'], ['c']),
        node('BatchNormalization', ['c', 's', 's', 's', 's'], ['y'], { name: 'bn' }),
      ],
      { initializers: [zeros('w', 4, 4, 1, 1), zeros('s', 4)] },
    ),
    'bn can be folded into the convolution before it.',
  ],
  'performance/cast-pair': [
    made([
      node('Cast', ['x'], ['a'], { attributes: { to: 10n } }),
      node('Cast', ['a'], ['y'], { name: 'back', attributes: { to: 1n } }),
    ]),
    'back follows another Cast; one would do.',
  ],
  'performance/transpose-pair': [
    made([node('Transpose', ['x'], ['a']), node('Transpose', ['a'], ['y'], { name: 't' })]),
    't follows another Transpose; one or none would do.',
  ],
  'performance/reshape-pair': [
    made([node('Flatten', ['x'], ['a']), node('Reshape', ['a', 'to'], ['y'], { name: 'r' })], {
      initializers: [rawTensor('to', INT64, [1], new Uint8Array(8))],
    }),
    'r follows another change of shape; the last one would do.',
  ],
  'performance/no-operation': [
    made([node('Dropout', ['x'], ['a'], { name: 'd' }), node('Relu', ['a'], ['y'])]),
    'd hands its input on as it is.',
  ],
  'performance/repeated-work': [
    made([
      node('Relu', ['x'], ['a']),
      node('Relu', ['x'], ['b'], { name: 'again' }),
      node('Add', ['a', 'b'], ['y']),
    ]),
    'again computes what another node has computed already.',
  ],
  'performance/layer-norm-parts': [
    made([
      node('ReduceMean', ['x'], ['m'], { name: 'mean' }),
      node('Sub', ['x', 'm'], ['d']),
      node('Mul', ['d', 'd'], ['q']),
      node('ReduceMean', ['q'], ['v']),
      node('Sqrt', ['v'], ['r']),
      node('Div', ['d', 'r'], ['y']),
    ]),
    'mean begins a layer normalization written out; opset 17 has it as one operator.',
  ],
  'performance/gelu-parts': [
    made(
      [
        node('Div', ['x', 'root'], ['a']),
        node('Erf', ['a'], ['b'], { name: 'erf' }),
        node('Add', ['b', 'one'], ['c']),
        node('Mul', ['x', 'c'], ['y']),
      ],
      { initializers: [floatTensor('root', [], [1.41421]), floatTensor('one', [], [1])] },
    ),
    'erf is part of a GELU written out; opset 20 has it as one operator.',
  ],
  'performance/double': [
    made([node('MatMul', ['x', 'x'], ['y'], { name: 'mm' })], { inputs: [valueInfo('x', DOUBLE, [4, 4])] }),
    'mm computes in double precision.',
  ],
  'performance/free-dimensions': [
    made([node('Relu', ['x'], ['y'])], { inputs: [valueInfo('x', FLOAT, ['batch', 'seq', 8])] }),
    '"seq" is free beside the batch; compilers want fixed shapes.',
  ],
  'performance/data-shapes': [
    made([node('NonZero', ['x'], ['y'], { name: 'nz' })]),
    'nz gives a shape that depends on the data.',
  ],
  'size/unused-initializer': [
    made([node('Relu', ['x'], ['y'])], { initializers: [zeros('w', 4)] }),
    '1 initializer is read by nothing ("w"); optimising the model removes it.',
  ],
  'size/unused-node': [
    made([node('Relu', ['x'], ['y']), node('Neg', ['x'], ['z'], { name: 'idle' })]),
    'idle: nobody reads what it gives.',
  ],
  'size/constant-node': [
    made([
      node('Constant', [], ['w'], { attributes: { value: zeros('', 1024, 1024) } }),
      node('Add', ['x', 'w'], ['y']),
    ]),
    '1 Constant node holds 4.2 MB; as initializers they could lie in external data.',
  ],
  'quantization/scale': [
    made(
      [
        node('QuantizeLinear', ['x', 'bad'], ['q'], { name: 'q' }),
        node('DequantizeLinear', ['q', 'fine'], ['y']),
      ],
      {
        initializers: [floatTensor('bad', [], [0]), floatTensor('fine', [], [1])],
      },
    ),
    'q: the scale "bad" holds 0.',
  ],
  'quantization/zero-point-type': [
    quantized(
      [
        node('QuantizeLinear', ['x', 's', 'z'], ['q']),
        node('DequantizeLinear', ['q', 's2', 'z'], ['y'], { name: 'dq' }),
      ],
      [floatTensor('s2', [], [0.25])],
    ),
    'dq reads with scale 0.25 what was quantized with 0.10000000149011612.',
  ],
  'quantization/lone-quantize': [
    quantized([node('QuantizeLinear', ['x', 's', 'z'], ['y'], { name: 'q' })], []),
    'q gives integers that nothing dequantizes.',
  ],
  'quantization/per-tensor-depthwise': [
    quantized(
      [
        node('DequantizeLinear', ['w', 's'], ['wf']),
        node('QuantizeLinear', ['x', 's', 'z'], ['q']),
        node('DequantizeLinear', ['q', 's', 'z'], ['xf']),
        node('Conv', ['xf', 'wf'], ['y'], { name: 'dw', attributes: { group: 4n } }),
      ],
      [int8Tensor('w', [4, 1, 3, 3], new Array(36).fill(1))],
    ),
    'dw is a depthwise convolution whose weights have one scale for all channels.',
  ],
  'quantization/float-node': [
    quantized(
      [
        node('QuantizeLinear', ['x', 's', 'z'], ['q']),
        node('DequantizeLinear', ['q', 's', 'z'], ['xf']),
        node('Relu', ['xf'], ['r']),
        node('Conv', ['r', 'w'], ['y'], { name: 'float' }),
      ],
      [zeros('w', 4, 4, 1, 1)],
    ),
    'float stays in float between quantized parts.',
  ],
  'quantization/half-residual': [
    quantized(
      [
        node('QuantizeLinear', ['x', 's', 'z'], ['q']),
        node('DequantizeLinear', ['q', 's', 'z'], ['a']),
        node('Relu', ['a'], ['b']),
        node('Add', ['a', 'b'], ['c'], { name: 'add' }),
        node('QuantizeLinear', ['c', 's', 'z'], ['q2']),
        node('DequantizeLinear', ['q2', 's', 'z'], ['y']),
      ],
      [],
    ),
    'add adds a quantized value to a float one.',
  ],
  'quantization/axis-opset': [
    made(
      [node('DequantizeLinear', ['w', 'scales'], ['y'], { name: 'dq' })],
      {
        initializers: [
          int8Tensor('w', [4, 2], new Array(8).fill(1)),
          floatTensor('scales', [4], [1, 1, 1, 1]),
        ],
      },
      12,
    ),
    'dq has scales for each channel, which opset 12 does not know.',
  ],
  'safety/protobuf-limit': [
    made([node('Relu', ['x'], ['y'])]),
    'The file has 2.50 GiB; protobuf libraries refuse 2 GiB and more. Save its weights as external data.',
    { fileBytes: 2.5 * 2 ** 30 },
  ],
  'safety/code': [
    made([node('PythonOp', ['x'], ['y'], { name: 'py', domain: 'com.microsoft' })]),
    'py runs a program or an engine that cannot be looked into.',
  ],
  'safety/huge-value': [
    made([node('Expand', ['x', 'to'], ['y'], { name: 'bomb' })], {
      inputs: [valueInfo('x', FLOAT, [1])],
      initializers: [
        rawTensor('to', INT64, [2], new Uint8Array(new BigInt64Array([1_000_000n, 1_000_000n]).buffer)),
      ],
    }),
    'bomb gives a value of 4,000 GB ("y").',
  ],
  'graph/scope-name': [
    made([node('Relu', ['x'], ['y'], { name: '../../etc/passwd' })]),
    'Names look like paths that lead elsewhere: "../../etc/passwd".',
  ],
};

for (const [id, [built, expected, facts]] of Object.entries(cases)) {
  test(`${id} fires`, () => {
    assert.deepEqual(said(built, id, facts), [expected]);
  });
}

test('what the weights say', () => {
  const [a, b, c] = [zeros('a', 1024), zeros('b', 1024), zeros('c', 300_000)];
  const built = made([node('Sum', ['x', 'a', 'b', 'c'], ['y'])], { initializers: [a, b, c] });
  const weights = new Map([
    [a, { digest: 'same', nonFinite: 0, largest: 1 }],
    [b, { digest: 'same', nonFinite: 0, largest: 1 }],
    [c, { digest: 'other', nonFinite: 0, largest: 2.5 }],
  ]);
  assert.deepEqual(said(built, 'size/duplicate-initializer', { weights }), [
    '"b" holds the same as "a": 0.00 MB stored twice.',
  ]);
  assert.deepEqual(said(built, 'size/half-fits', { weights }), [
    '1.21 MB of weights are float32 and lie within half precision (the largest is 2.5): half the bytes would hold them.',
  ]);
  weights.set(c, { digest: 'other', nonFinite: 2, largest: 2.5 });
  assert.deepEqual(said(built, 'size/half-fits', { weights }), []);
  assert.deepEqual(said(built, 'safety/non-finite', { weights }), [
    '"c" holds 2 values that are not finite.',
  ]);
});

test('bytes that are read with another scale on purpose are no mistake', () => {
  const [before, dequantize] = cases['quantization/zero-point-type']![0].graph.nodes as [Node, Node];
  const marked = { ...dequantize, metadataProps: [{ key: readsAsKey, value: 'HardSigmoid' }] };
  const built = quantized([before, marked], [floatTensor('s2', [], [0.25])]);
  assert.deepEqual(said(built, 'quantization/zero-point-type'), []);
});

test('a sound small model gives nothing', () => {
  const sound = made([node('Conv', ['x', 'w'], ['c']), node('Relu', ['c'], ['y'])], {
    initializers: [zeros('w', 4, 4, 3, 3)],
  });
  assert.deepEqual(checkModel(sound, { shapes: inferShapes(sound) }), []);
});

test('an Identity that gives an output from an input is needed', () => {
  const between = made([node('Identity', ['x'], ['y'], { name: 'i' })]);
  assert.deepEqual(said(between, 'performance/no-operation'), []);
});

test('severities: the id counts more than its family, and that more than all', () => {
  const found = [
    { id: 'performance/cast-pair', severity: 'info', message: 'a' },
    { id: 'performance/double', severity: 'info', message: 'b' },
    { id: 'graph/cycle', severity: 'error', message: 'c' },
  ] as const;
  const lines = withSeverities(found, {
    all: 'info',
    performance: 'off',
    'performance/double': 'error',
  }).map(({ id, severity }) => `${severity} ${id}`);
  assert.deepEqual(lines, ['error performance/double', 'info graph/cycle']);
  assert.deepEqual(withSeverities(found, undefined), found);
  assert.deepEqual(unknownRules({ all: 'off', performance: 'off', 'graph/cycle': 'off', graf: 'off' }), [
    'graf',
  ]);
  assert.equal(findRule('constructor'), undefined);
});

test('every id that the sources name is in the table, and the table names no other', () => {
  const sources = ['analysis', 'onnx']
    .map((folder) => join(repository, 'daemon', folder))
    .flatMap((folder) =>
      readdirSync(folder, { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.ts') && !basename(name).startsWith('rulesOf'))
        .map((name) => readFileSync(join(folder, name), 'utf8')),
    )
    .join('\n');
  const named = new Set(
    [
      ...sources.matchAll(
        /'((?:onnx|graph|operator|opset|function|shape|inspect|portability|performance|size|quantization|safety|text)\/[a-z0-9-]+)'/g,
      ),
    ].map((match) => match[1]!),
  );
  // Rules of performance are reported by the end of their name.
  for (const [, name] of sources.matchAll(/tell\(\s*'([a-z-]+)'/g)) named.add(`performance/${name!}`);
  assert.deepEqual([...named].sort(), [...ruleIds].sort());
});

test('docs/checks.md is the table', () => {
  const path = join(repository, 'docs', 'checks.md');
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(path, rulesDocument());
  const page = readFileSync(path, 'utf8');
  assert.equal(page, rulesDocument(), 'run the test with UPDATE_GOLDEN=1');
  assert.equal(page.split('\n')[lineOfRule('quantization/scale')! - 1], '### quantization/scale');
});
