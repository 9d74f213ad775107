import { test } from 'node:test';
import { inferShapes, type InferOptions } from '../../../daemon/analysis/shapes';
import { shapeText } from '../../../daemon/analysis/typeText';
import { floatTensor, graph, int64Tensor, model, node, valueInfo } from '../../../daemon/ir/builder';
import { DataType } from '../../../daemon/ir/dataType';
import type { Attribute, FunctionDef, Graph, Model, Node } from '../../../daemon/ir/model';
import type { Tensor } from '../../../daemon/ir/tensor';
import { checkText } from '../../support/checkText';

const { FLOAT, INT64 } = DataType;

type Inputs = Record<string, (number | string | undefined)[] | undefined>;

function modelOf(nodes: Node[], inputs: Inputs, parts: Partial<Graph> = {}): Model {
  const infos = Object.entries(inputs).map(([name, dims]) => valueInfo(name, FLOAT, dims));
  return model(graph({ nodes, inputs: infos, ...parts }), { opset: 20 });
}

/** Every value that a node writes, as "name: shape dtype", then the diagnostics. */
function check(built: Model, expected: string, options: InferOptions = {}): void {
  const { types, diagnostics } = inferShapes(built, options);
  const lines = built.graph.nodes.flatMap(({ outputs }) =>
    outputs
      .filter((name) => name !== '')
      .map((name) => {
        const { dtype, dims } = types.get(name)!;
        return `${name}: ${dims ? shapeText(dims) : '—'} ${dtype}`;
      }),
  );
  checkText([...lines, ...diagnostics.map(({ message }) => message)], expected);
}

const ints = (name: string, ...values: number[]) => int64Tensor(name, [values.length], values);

test('a convolutional network with a free batch and a free picture', () => {
  const nodes = [
    node('Conv', ['x', 'w'], ['c'], { attributes: { strides: [2n, 2n], pads: [1n, 1n, 1n, 1n] } }),
    node('MaxPool', ['c'], ['p', 'i'], { attributes: { kernel_shape: [2n, 2n], strides: [2n, 2n] } }),
    node('GlobalAveragePool', ['p'], ['g']),
    node('Flatten', ['g'], ['f']),
    node('Gemm', ['f', 'fc'], ['y'], { attributes: { transB: 1n } }),
  ];
  const initializers = [
    floatTensor('w', [8, 3, 3, 3], new Float32Array(216)),
    floatTensor('fc', [10, 8], new Float32Array(80)),
  ];
  const built = modelOf(nodes, { x: ['batch', 3, 'h', 'h'] }, { initializers });
  check(
    built,
    `c: batch×8×floor((h + 1)/2)×floor((h + 1)/2) float
     p: batch×8×floor((h + 1)/4)×floor((h + 1)/4) float
     i: batch×8×floor((h + 1)/4)×floor((h + 1)/4) int64
     g: batch×8×1×1 float
     f: batch×8 float
     y: batch×10 float`,
  );
  check(
    built,
    `c: 2×8×112×112 float
     p: 2×8×56×56 float
     i: 2×8×56×56 int64
     g: 2×8×1×1 float
     f: 2×8 float
     y: 2×10 float`,
    { bind: { batch: 2, h: 224 } },
  );
});

test('shape arithmetic is carried through: Shape → Gather → Concat → Reshape', () => {
  check(
    modelOf(
      [
        node('Shape', ['x'], ['s']),
        node('Gather', ['s', 'zero'], ['b'], { attributes: { axis: 0n } }),
        node('Unsqueeze', ['b', 'zeros'], ['b1']),
        node('Gather', ['s', 'one'], ['t']),
        node('Unsqueeze', ['t', 'zeros'], ['t1']),
        node('Concat', ['b1', 't1', 'heads', 'minus'], ['target'], { attributes: { axis: 0n } }),
        node('Reshape', ['x', 'target'], ['split']),
        node('Transpose', ['split'], ['turned'], { attributes: { perm: [0n, 2n, 1n, 3n] } }),
        node('Slice', ['s', 'zeros', 'two'], ['front']),
        node('Concat', ['front', 'minus'], ['back'], { attributes: { axis: 0n } }),
        node('Transpose', ['turned'], ['again'], { attributes: { perm: [0n, 2n, 1n, 3n] } }),
        node('Reshape', ['again', 'back'], ['y']),
      ],
      { x: ['batch', 'seq', 256] },
      {
        initializers: [
          int64Tensor('zero', [], [0]),
          int64Tensor('one', [], [1]),
          ints('zeros', 0),
          ints('two', 2),
          ints('heads', 4),
          ints('minus', -1),
        ],
      },
    ),
    `s: 3 int64
     b: scalar int64
     b1: 1 int64
     t: scalar int64
     t1: 1 int64
     target: 4 int64
     split: batch×seq×4×64 float
     turned: batch×4×seq×64 float
     front: 2 int64
     back: 3 int64
     again: batch×seq×4×64 float
     y: batch×seq×256 float`,
  );
});

test('an Expand that exporters write: ConstantOfShape, Mul by -1, Equal, Where', () => {
  check(
    modelOf(
      [
        node('Shape', ['x'], ['s']),
        node('ConstantOfShape', ['count'], ['ones'], { attributes: { value: int64Tensor('', [1], [1]) } }),
        node('Mul', ['ones', 'minus'], ['negatives']),
        node('Equal', ['s', 'negatives'], ['same']),
        node('Where', ['same', 'ones', 's'], ['target']),
        node('Expand', ['one', 'target'], ['y']),
      ],
      { x: ['batch', 1, 'seq'] },
      { initializers: [ints('count', 3), int64Tensor('minus', [], [-1]), floatTensor('one', [1], [1])] },
    ),
    `s: 3 int64
     ones: 3 int64
     negatives: 3 int64
     same: 3 bool
     target: 3 int64
     y: batch×1×seq float`,
  );
});

test('past and present: sums of names', () => {
  check(
    modelOf(
      [
        node('Concat', ['past', 'now'], ['all'], { attributes: { axis: 2n } }),
        node('Transpose', ['all'], ['keys'], { attributes: { perm: [0n, 1n, 3n, 2n] } }),
        node('MatMul', ['q', 'keys'], ['scores']),
        node('Softmax', ['scores'], ['weights'], { attributes: { axis: -1n } }),
        node('MatMul', ['weights', 'all'], ['y']),
      ],
      { past: ['b', 8, 'past', 64], now: ['b', 8, 'seq', 64], q: ['b', 8, 'seq', 64] },
    ),
    `all: b×8×past + seq×64 float
     keys: b×8×64×past + seq float
     scores: b×8×seq×past + seq float
     weights: b×8×seq×past + seq float
     y: b×8×seq×64 float`,
  );
});

test('values outside memory come through the callback', () => {
  const far: Tensor = {
    ...ints('target', 2, 6),
    storage: {
      kind: 'raw',
      bytes: { in: 'file', file: { path: 'x', size: 1, mtimeMs: 0 }, offset: 0, length: 16 },
    },
  };
  const built = modelOf([node('Reshape', ['x', 'target'], ['y'])], { x: [3, 4] }, { initializers: [far] });
  check(built, 'y: ?×? float');
  check(built, 'y: 2×6 float', { constants: (tensor) => (tensor === far ? [2, 6] : undefined) });
});

test('what contradicts the stated shape is reported, and the inferred shape wins', () => {
  const built = modelOf(
    [node('Relu', ['x'], ['a']), node('MatMul', ['a', 'w'], ['y'])],
    { x: [2, 3] },
    {
      initializers: [floatTensor('w', [4, 5], new Float32Array(20))],
      valueInfo: [valueInfo('a', INT64, [2, 9])],
    },
  );
  check(
    built,
    `a: 2×3 float
     y: 2×5 float
     "a" is stated as int64, but Relu gives float.
     The shape of "a" is stated as 2×9, but Relu gives 2×3.
     MatMul (node 1): 2×3 and 4×5 cannot be multiplied: 3 is not 4.`,
  );
});

test('an operator that nobody knows falls back to what the model states', () => {
  check(
    modelOf(
      [node('Mystery', ['x'], ['a', 'b'], { domain: 'com.acme' }), node('Relu', ['a'], ['y'])],
      { x: ['n'] },
      {
        valueInfo: [valueInfo('a', FLOAT, ['n', 7])],
      },
    ),
    `a: n×7 float
     b: — undefined
     y: n×7 float`,
  );
});

test('If joins its branches, Loop keeps what does not change', () => {
  const branch = (width: number) =>
    graph({
      nodes: [
        node('Concat', ['x', ...new Array<string>(width - 1).fill('x')], ['out'], {
          attributes: { axis: 1n },
        }),
      ],
      outputs: [valueInfo('out', FLOAT)],
    });
  const body = graph({
    nodes: [
      node('Identity', ['keep'], ['keepGoing']),
      node('Concat', ['state', 'x'], ['longer'], { attributes: { axis: 0n } }),
      node('Relu', ['x'], ['each']),
    ],
    inputs: [
      valueInfo('iteration', INT64, []),
      valueInfo('keep', DataType.BOOL, []),
      valueInfo('state', FLOAT),
    ],
    outputs: [valueInfo('keepGoing', DataType.BOOL), valueInfo('longer', FLOAT), valueInfo('each', FLOAT)],
  });
  check(
    modelOf(
      [
        node('If', ['condition'], ['a'], { attributes: { then_branch: branch(2), else_branch: branch(3) } }),
        node('Loop', ['trips', '', 'x'], ['last', 'all'], { attributes: { body } }),
      ],
      { x: ['n', 4], condition: [] },
      { initializers: [int64Tensor('trips', [], [5])] },
    ),
    `a: n×? float
     last: ?×4 float
     all: 5×n×4 float`,
  );
});

test('a function is inferred per call, with the call’s attributes', () => {
  const attribute: Attribute = { name: 'axis', docString: '', type: 'INT', value: 0n, refAttrName: 'along' };
  const join = node('Concat', ['a', 'a'], ['b']);
  join.attributes = [attribute];
  const definition: FunctionDef = {
    name: 'Twice',
    domain: 'local',
    overload: '',
    inputs: ['a'],
    outputs: ['b'],
    attributes: ['along'],
    attributeDefaults: [],
    nodes: [join],
    docString: '',
    opsetImports: [{ domain: '', version: 20 }],
    valueInfo: [],
    metadataProps: [],
  };
  const built = modelOf(
    [
      node('Twice', ['x'], ['y'], { domain: 'local', attributes: { along: 0n } }),
      node('Twice', ['x'], ['z'], { domain: 'local', attributes: { along: 1n } }),
    ],
    { x: ['n', 4] },
  );
  built.functions = [definition];
  check(
    built,
    `y: 2*n×4 float
     z: n×8 float`,
  );
});

test('quantized operators and those of ONNX Runtime', () => {
  const nodes = [
    node('DynamicQuantizeLinear', ['x'], ['q', 'scale', 'zero']),
    node('MatMulInteger', ['q', 'w', 'zero'], ['i']),
    node('QuantizeLinear', ['x', 'scale', 'zero'], ['q2']),
    node('DequantizeLinear', ['q2', 'scale', 'zero'], ['f']),
    node('MatMulNBits', ['x', 'packed', 'scales'], ['n'], {
      domain: 'com.microsoft',
      attributes: { K: 16n, N: 32n, bits: 4n, block_size: 16n },
    }),
    node('Gelu', ['f'], ['g'], { domain: 'com.microsoft' }),
    node('LayerNormalization', ['g', 'gamma'], ['l', 'mean'], { attributes: { axis: -1n } }),
  ];
  check(
    modelOf(nodes, { x: ['n', 16], w: [16, 8], gamma: [16], packed: [32, 1, 8], scales: [32] }),
    `q: n×16 uint8
     scale: scalar float
     zero: scalar uint8
     i: n×8 int32
     q2: n×16 uint8
     f: n×16 float
     n: n×32 float
     g: n×16 float
     l: n×16 float
     mean: n×1 float`,
  );
});
