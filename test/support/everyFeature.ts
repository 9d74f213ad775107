// A model that uses every message and every field of the format, with unknown fields in each message.

import {
  attribute,
  floatTensor,
  graph,
  int64Tensor,
  model,
  node,
  rawTensor,
  tensorType,
  valueInfo,
} from '../../daemon/ir/builder';
import { DataType, rawByteLength } from '../../daemon/ir/dataType';
import type { Attribute, Graph, Model, Type } from '../../daemon/ir/model';
import type { Tensor } from '../../daemon/ir/tensor';

const text = (value: string) => new TextEncoder().encode(value);

let counter = 0;

/** Bytes of fields that no version of the format has: a varint, a text, a fixed32 and a group. */
export function strangeFields(): Uint8Array {
  counter += 1;
  const label = text(`kept ${counter}`);
  return Uint8Array.from([
    ...[0xc0, 0x3e, 0xff, 0x01],
    ...[0xca, 0x3e, label.length, ...label],
    ...[0xd5, 0x3e, 1, 2, 3, 4],
    ...[0xdb, 0x3e, 0x08, 0x05, 0xdb, 0x3e, 0xdc, 0x3e, 0xdc, 0x3e],
  ]);
}

/** Adds unknown fields to every message of a value, in place. */
function addStrangeFields(value: unknown): void {
  if (Array.isArray(value)) {
    value.forEach(addStrangeFields);
    return;
  }
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return;
  for (const [key, inner] of Object.entries(value)) {
    if (key === 'storage' || key === 'dim') continue;
    addStrangeFields(inner);
  }
  const target = value as {
    unknown?: Uint8Array;
    kind?: string;
    shape?: unknown;
    unknownInside?: Uint8Array;
    unknownInShape?: Uint8Array;
  };
  target.unknown = strangeFields();
  if (target.kind !== undefined && target.kind !== 'none') target.unknownInside = strangeFields();
  if (target.shape) target.unknownInShape = strangeFields();
}

const metadata = (label: string) => [
  { key: label, value: 'first' },
  { key: label, value: 'second, same key' },
  { key: '', value: 'ünïcode ✓' },
];

/** A tensor of each type with bytes that look random. */
export function tensorsOfAllTypes(): Tensor[] {
  const tensors: Tensor[] = [];
  for (const [name, type] of Object.entries(DataType)) {
    const length = rawByteLength(type, 15);
    if (length === undefined) continue;
    const data = Uint8Array.from(
      { length },
      (_, index) => (index * 37 + type * 11) & (type === DataType.BOOL ? 1 : 255),
    );
    tensors.push(rawTensor(`raw ${name}`, type, [3, 5], data));
  }
  tensors.push({
    ...floatTensor('texts', [3], []),
    dataType: DataType.STRING,
    storage: { kind: 'strings', values: [text('one'), text(''), Uint8Array.of(0xff, 0)] },
  });
  tensors.push(floatTensor('scalar', [], [Math.PI]), floatTensor('empty', [0, 4], []));
  tensors.push({ ...floatTensor('nothing', [0], []), storage: { kind: 'none' } });
  tensors.push({ ...int64Tensor('part', [2], [1n, -1n]), segment: { begin: 0n, end: 2n } });
  tensors.push({
    ...floatTensor('documented', [1], [1]),
    docString: 'what it is',
    metadataProps: metadata('tensor'),
  });
  return tensors;
}

const sparse = (name: string) => ({
  values: floatTensor(name, [2], [1, 2]),
  indices: int64Tensor(`${name} at`, [2, 2], [0n, 1n, 2n, 0n]),
  dims: [3, 3],
});

export function allTypes(): Type[] {
  const plain = tensorType(DataType.FLOAT, ['batch', 3, undefined]);
  return [
    tensorType(DataType.INT64),
    tensorType(DataType.FLOAT, []),
    {
      kind: 'tensor',
      elemType: DataType.FLOAT16,
      shape: [{ value: 1, denotation: 'DATA_BATCH' }, { value: 0 }, { param: '' }],
      denotation: 'IMAGE',
    },
    { kind: 'sparseTensor', elemType: DataType.DOUBLE, shape: [{ value: 7 }] },
    { kind: 'sequence', elem: plain },
    { kind: 'optional', elem: { kind: 'sequence', elem: plain } },
    { kind: 'map', keyType: DataType.STRING, valueType: plain },
    { kind: 'opaque', domain: 'com.example', name: 'thing' },
    { kind: 'sequence' },
    { kind: 'map', keyType: DataType.INT64 },
    { kind: 'none' },
  ];
}

const base = (name: string) => ({ name, docString: `about ${name}` });

function allAttributes(body: Graph): Attribute[] {
  return [
    { ...base('undefined'), type: 'UNDEFINED' },
    { ...base('float'), type: 'FLOAT', value: Math.fround(0.1) },
    { ...base('zero'), type: 'FLOAT', value: 0 },
    { ...base('int'), type: 'INT', value: -(2n ** 63n) },
    { ...base('largest'), type: 'INT', value: 2n ** 63n - 1n },
    { ...base('string'), type: 'STRING', value: Uint8Array.of(0, 255, 10) },
    { ...base('tensor'), type: 'TENSOR', value: floatTensor('constant', [2], [1.5, -2]) },
    { ...base('graph'), type: 'GRAPH', value: body },
    { ...base('sparse'), type: 'SPARSE_TENSOR', value: sparse('sparse constant') },
    { ...base('type'), type: 'TYPE_PROTO', value: { kind: 'sequence', elem: tensorType(DataType.FLOAT) } },
    { ...base('floats'), type: 'FLOATS', value: [1, -0, Infinity, NaN] },
    { ...base('ints'), type: 'INTS', value: [0n, -1n, 2n ** 40n] },
    { ...base('no ints'), type: 'INTS', value: [] },
    { ...base('strings'), type: 'STRINGS', value: [text('a'), text('')] },
    { ...base('tensors'), type: 'TENSORS', value: [floatTensor('', [1], [1]), int64Tensor('', [1], [1n])] },
    { ...base('graphs'), type: 'GRAPHS', value: [smallBody('first'), smallBody('second')] },
    { ...base('sparses'), type: 'SPARSE_TENSORS', value: [sparse('a'), sparse('b')] },
    { ...base('types'), type: 'TYPE_PROTOS', value: allTypes() },
    { ...base('reference'), type: 'FLOAT', value: 0, refAttrName: 'alpha' },
  ];
}

const smallBody = (name: string): Graph =>
  graph({
    name,
    nodes: [node('Identity', ['outer'], [`${name} out`], { name: `in ${name}` })],
    outputs: [valueInfo(`${name} out`, DataType.FLOAT, [1])],
    initializers: [floatTensor(`${name} weight`, [400], new Float32Array(400).fill(0.25))],
  });

/** An If inside an If …, `depth` deep, each body with a node and a weight of its own. */
export function nestedBodies(depth: number): Graph {
  let inner = smallBody('innermost');
  for (let level = 1; level < depth; level += 1) {
    const branch = node('If', ['condition'], [`value ${level}`], {
      name: `If_${level}`,
      attributes: { then_branch: inner },
    });
    inner = graph({
      name: `level ${level}`,
      nodes: [branch],
      outputs: [valueInfo(`value ${level}`, DataType.FLOAT)],
    });
  }
  return inner;
}

/** The model; `strange` puts unknown fields into every message. */
export function everyFeature(options: { strange?: boolean } = {}): Model {
  const first = node('Everything', ['x', '', 'w'], ['y', ''], {
    name: 'every attribute',
    domain: 'com.example',
  });
  first.overload = 'second form';
  first.docString = 'a node';
  first.metadataProps = metadata('node');
  first.attributes = allAttributes(smallBody('body'));
  first.deviceConfigurations = [
    {
      configurationId: 'two devices',
      pipelineStage: 0,
      shardingSpecs: [
        {
          tensorName: 'x',
          devices: [0n, -1n],
          indexToDeviceGroupMap: [{ key: -1n, values: [0n, 1n] }],
          shardedDims: [
            {
              axis: -1n,
              simpleShardings: [
                { dim: { value: 8 }, numShards: 2n },
                { dim: { param: 'batch' }, numShards: 4n },
                { dim: {}, numShards: 1n },
              ],
            },
          ],
        },
      ],
    },
    { configurationId: '', shardingSpecs: [] },
  ];
  const main = graph({
    name: 'main',
    docString: 'the graph',
    nodes: [first, node('Relu', ['y'], ['z'])],
    inputs: allTypes().map((type, index) => ({
      name: `x${index}`,
      type,
      docString: `input ${index}`,
      metadataProps: metadata('input'),
    })),
    outputs: [
      valueInfo('z', DataType.FLOAT, ['batch', 3]),
      { name: 'untyped', docString: '', metadataProps: [] },
    ],
    valueInfo: [valueInfo('y', DataType.FLOAT, [])],
    initializers: tensorsOfAllTypes(),
    sparseInitializers: [sparse('sparse weight')],
    quantizationAnnotations: [
      { tensorName: 'w', quantParameterTensorNames: [{ key: 'SCALE_TENSOR', value: 'scale' }] },
    ],
    metadataProps: metadata('graph'),
  });
  const built: Model = {
    ...model(main, { opset: 28, irVersion: 14 }),
    producerVersion: '1.2',
    domain: 'com.example',
    modelVersion: -5n,
    docString: 'every feature',
    opsetImports: [
      { domain: '', version: 28 },
      { domain: 'com.example', version: 1 },
    ],
    metadataProps: metadata('model'),
    trainingInfo: [
      {
        initialization: smallBody('initialization'),
        algorithm: smallBody('algorithm'),
        initializationBinding: [{ key: 'w', value: 'w0' }],
        updateBinding: [{ key: 'w', value: 'w1' }],
      },
      { initializationBinding: [], updateBinding: [] },
    ],
    functions: [
      {
        name: 'Everything',
        domain: 'com.example',
        overload: 'second form',
        inputs: ['a', 'b'],
        outputs: ['c'],
        attributes: ['alpha'],
        attributeDefaults: [attribute('beta', 2), attribute('body', smallBody('default'))],
        nodes: [
          node('Add', ['a', 'b'], ['sum']),
          node('If', ['a'], ['c'], {
            name: 'choose',
            attributes: { then_branch: smallBody('then'), else_branch: smallBody('else') },
          }),
        ],
        docString: 'a function',
        opsetImports: [{ domain: '', version: 28 }],
        valueInfo: [valueInfo('sum', DataType.FLOAT, [1])],
        metadataProps: metadata('function'),
      },
    ],
    configurations: [{ name: 'two devices', numDevices: 2, devices: ['cpu:0', 'cpu:1'] }],
  };
  if (options.strange) addStrangeFields(built);
  return built;
}
