// The picture's data: a graph in columns, and the details of one node or tensor.

import { Type, type Static } from 'typebox';
import { bindings, FrameRef, longRequest, modelRef, ValueSchema } from './common';
import { request } from './core';
import { OperatorSchema } from './operator';

export const GetGraph = request('slipway/graph', {
  description: 'The nodes and edges of one graph, as a binary frame of columns.',
  params: Type.Object({
    ...modelRef,
    scope: Type.Optional(
      Type.String({
        description:
          'Path of a nested graph (`If_3/then_branch`), of a function (`function com.acme:Norm`) or of the function that the node in row 12 calls, with what this call gives it (`#12/function`, after the path of the graph around it and a slash where there is one); absent for the main graph.',
      }),
    ),
    quick: Type.Optional(
      Type.Boolean({
        description:
          'Do not wait until shapes are inferred where that takes long (graphs above 400 nodes or 10,000 uses of values): labels and summaries then say only what the file states, and `inferred` is false. Ask again without it for the rest; rows and edges are the same. A graph too dense to be looked at (above 300,000 uses, and 40 for each node) is refused as `unsupported`.',
      }),
    ),
    bind: bindings,
    ...longRequest,
  }),
  result: Type.Object({
    revision: Type.String({ description: 'The state of the file that was read.' }),
    inferred: Type.Boolean({ description: 'Whether labels and summaries hold inferred shapes.' }),
    nodes: Type.Integer({
      description:
        'Rows of the node columns: operators first (in file order), then graph inputs, in a body with what it takes from the graphs around it behind them, then graph outputs.',
    }),
    edges: Type.Integer({ description: 'Rows of the edge columns.' }),
    columns: FrameRef,
  }),
});

/**
 * Names of the columns in the frame of `slipway/graph`.
 * Texts of more than 512 characters are cut in their middle (shortName.ts); `slipway/node` has them whole.
 * Node rows: name, op (operator type; "" for inputs and outputs), domain, kind (0 operator, 1 graph input,
 * 2 graph output), scope (metadata namespace or the path in the node name), weights (bytes of the
 * initializers that the node reads), summary (short text of attributes and constant inputs, such as "3×3, stride 2").
 * Node rows also: callee (path of the model-local function that the node calls, or ""), actual (in the function of a
 * call, the caller's names of its inputs and outputs, else "") and group (innermost row of the scope tree, -1 for none).
 * Scope rows, each after the one around it: groupName, groupParent (-1 for none), groupKind (0 scope, 1 a repeat whose
 * members are equal, 2 a chunk that was made because nothing tells the structure), groupClass (class of the module,
 * or ""), groupSame (equal numbers for equal structure).
 * Edge rows: source and target (node rows), value (name), label (shape text such as "1×64×56×56 float", or "").
 */
export const graphColumns = [
  'name',
  'op',
  'domain',
  'kind',
  'scope',
  'weights',
  'summary',
  'callee',
  'actual',
  'source',
  'target',
  'value',
  'label',
  'group',
  'groupName',
  'groupParent',
  'groupKind',
  'groupClass',
  'groupSame',
] as const;

const AttributeText = Type.Object({
  name: Type.String({ description: 'Attribute name.' }),
  type: Type.String({ description: 'Attribute type as in the specification, `INTS`.' }),
  value: Type.String({ description: 'The value as text, shortened when long.' }),
});

const TensorDescription = Type.Object(
  {
    name: Type.String({ description: 'Initializer name.' }),
    dtype: Type.String({ description: 'Element type.' }),
    shape: Type.Array(Type.Integer(), { description: 'Dimensions.' }),
    bytes: Type.Integer({ description: 'Bytes of the values.' }),
    external: Type.Optional(Type.String({ description: 'Location of external data.' })),
  },
  { description: 'The constant behind the input; absent when the value is computed.' },
);

const Parameters = (description: string) =>
  Type.Union(
    [
      Type.Object({
        count: Type.Integer({ description: 'How many there are: 1 for the whole tensor.' }),
        least: Type.Number({ description: 'The smallest.' }),
        largest: Type.Number({ description: 'The largest.' }),
        first: Type.Array(Type.Number(), { description: 'The first of them, at most 8.' }),
      }),
      Type.Null(),
    ],
    { description },
  );

const QuantizedValue = Type.Object({
  side: Type.Union([Type.Literal('input'), Type.Literal('output')], {
    description: 'Whether it is an input or an output of the node.',
  }),
  index: Type.Integer({ description: 'Which one.' }),
  value: Type.String({ description: 'Name of the value as the node reads or makes it.' }),
  dtype: Type.String({ description: 'Integer type; empty where it is not known.' }),
  scale: Parameters('Scales; null where they are computed or not finite.'),
  zeroPoint: Parameters('Zero points; null where there are none, which counts as 0, or they are computed.'),
  axis: Type.Optional(Type.Integer({ description: 'Axis that several scales run along.' })),
  blockSize: Type.Optional(Type.Integer({ description: 'Elements along the axis that share a scale.' })),
  row: Type.Optional(
    Type.Integer({
      description:
        'Row of the QuantizeLinear or DequantizeLinear; absent where the node takes the parameters.',
    }),
  ),
});

export const GetNode = request('slipway/node', {
  description: 'Everything about one node.',
  params: Type.Object({
    ...modelRef,
    scope: Type.Optional(Type.String({ description: 'Path of the graph; absent for the main graph.' })),
    index: Type.Integer({
      minimum: 0,
      description: 'Row of the node in the columns of `slipway/graph` (operators only).',
    }),
    bind: bindings,
  }),
  result: Type.Object({
    name: Type.String({ description: 'Node name.' }),
    op: Type.String({ description: 'Operator type.' }),
    domain: Type.String({ description: 'Operator domain; empty for the standard domain.' }),
    docString: Type.String({ description: 'doc_string of the node.' }),
    attributes: Type.Array(AttributeText, { description: 'Attributes in file order.' }),
    inputs: Type.Array(
      Type.Intersect([ValueSchema, Type.Object({ initializer: Type.Optional(TensorDescription) })]),
      { description: 'Inputs in order; an absent optional input has an empty name.' },
    ),
    outputs: Type.Array(ValueSchema, { description: 'Outputs in order.' }),
    metadata: Type.Array(
      Type.Object({
        key: Type.String({ description: 'Key.' }),
        value: Type.String({ description: 'Value.' }),
      }),
      { description: 'metadata_props of the node.' },
    ),
    subgraphs: Type.Array(Type.String(), { description: 'Paths of nested graphs, to be passed as `scope`.' }),
    opset: Type.Optional(
      Type.Integer({ description: 'Version of the operator set of `domain` that the graph uses.' }),
    ),
    documentation: Type.Optional(OperatorSchema),
    quantization: Type.Optional(
      Type.Array(QuantizedValue, {
        description:
          'How inputs and outputs are quantized, by the DequantizeLinear before the node, the QuantizeLinear after it, or parameters that it takes itself; of a QuantizeLinear or DequantizeLinear its own. Absent where none is.',
      }),
    ),
    frames: Type.Optional(
      Type.Array(
        Type.Object({
          file: Type.String({ description: 'Path as the exporter wrote it: text, not to be trusted.' }),
          line: Type.Integer({ description: 'Line in it, from 1.' }),
          function: Type.String({ description: 'Function that the line is in; may be empty.' }),
          code: Type.String({ description: 'The line itself; may be empty.' }),
          library: Type.Boolean({ description: 'Whether it lies in an installed package.' }),
        }),
        {
          description:
            'Where the program that exported the model made the node, the innermost frame first (`pkg.torch.onnx.stack_trace` of its metadata); absent where it left no trace.',
        },
      ),
    ),
  }),
});
export type NodeDetails = Static<(typeof GetNode)['result']>;

export const ReadTensor = request('slipway/tensor', {
  description:
    'A range of a tensor, read from disk as a binary frame of raw little-endian values; of text the length (32 bits) and UTF-8 bytes of each value. A range beyond the end and an unknown initializer or scope are `badRequest`; `count` 0 gives an empty frame.',
  params: Type.Object({
    ...modelRef,
    scope: Type.Optional(Type.String({ description: 'Path of the graph; absent for the main graph.' })),
    name: Type.String({
      description: 'Initializer name, as `initializer.name` in the inputs of `slipway/node`.',
    }),
    start: Type.Integer({ minimum: 0, description: 'First element.' }),
    count: Type.Integer({ minimum: 0, maximum: 1048576, description: 'Number of elements.' }),
  }),
  result: Type.Object({
    dtype: Type.String({ description: 'Element type.' }),
    shape: Type.Array(Type.Integer(), { description: 'Dimensions of the whole tensor.' }),
    data: FrameRef,
  }),
});

const OrNull = (description: string) => Type.Union([Type.Number(), Type.Null()], { description });

export const GetTensorStatistics = request('slipway/tensorStatistics', {
  description:
    'Statistics and a histogram of an initializer, read piece by piece from disk, whatever its size. Not for text and complex numbers.',
  params: Type.Object({
    ...modelRef,
    scope: Type.Optional(Type.String({ description: 'Path of the graph; absent for the main graph.' })),
    name: Type.String({ description: 'Initializer name.' }),
    ...longRequest,
  }),
  result: Type.Object({
    elements: Type.Integer({ description: 'Number of values.' }),
    nan: Type.Integer({ description: 'Values that are NaN.' }),
    infinite: Type.Integer({ description: 'Values that are positive or negative infinity.' }),
    zeros: Type.Integer({ description: 'Values that are zero.' }),
    min: OrNull('Smallest finite value; null when there is none.'),
    max: OrNull('Largest finite value; null when there is none.'),
    mean: OrNull('Mean of the finite values; null when there is none.'),
    stddev: OrNull('Standard deviation of the finite values; null when there is none.'),
    histogram: Type.Union(
      [
        Type.Object({
          from: Type.Number({ description: 'Left edge of the first bin.' }),
          to: Type.Number({ description: 'Right edge of the last bin.' }),
          counts: Type.Array(Type.Integer(), { description: 'Finite values per bin, bins of equal width.' }),
        }),
        Type.Null(),
      ],
      { description: 'Distribution of the finite values; null when there is none.' },
    ),
  }),
});
export type TensorStatistics = Static<(typeof GetTensorStatistics)['result']>;

export const ExportTensor = request('slipway/exportTensor', {
  description:
    'Writes an initializer, or the value of a Constant node, as a NumPy array (`.npy`), piece by piece. Element types that NumPy does not have are written as the next wider one; what cannot be written is `unsupported`, a file that the model is read from a `conflict`.',
  params: Type.Object({
    ...modelRef,
    scope: Type.Optional(Type.String({ description: 'Path of the graph; absent for the main graph.' })),
    name: Type.String({ description: 'Initializer name.' }),
    file: Type.String({ description: 'Path of the file to write.' }),
    overwrite: Type.Optional(
      Type.Boolean({ description: 'Replace an existing file; without it that is a `conflict`.' }),
    ),
    ...longRequest,
  }),
  result: Type.Object({
    file: Type.String({ description: 'The file that was written.' }),
    bytes: Type.Integer({ description: 'Its size, bytes.' }),
    dtype: Type.String({ description: "NumPy's name of the element type in the file, `<f4`." }),
    widened: Type.Optional(
      Type.String({ description: 'Element type of the tensor, where NumPy has none for it.' }),
    ),
  }),
});

const end = Type.Union([Type.String(), Type.Integer({ minimum: 0 })]);

export const ExtractPart = request('slipway/extract', {
  description:
    'Writes a part of a model as a model of its own. It reads what comes from outside as inputs, gives what the rest reads as outputs, and keeps its weights, the functions that it calls, and nodes before it that follow from constants alone. Name a scope, nodes, or where it begins and ends. A part of a function, or one that reads a value of unknown type, is `unsupported`.',
  params: Type.Object({
    ...modelRef,
    scope: Type.Optional(
      Type.String({
        description:
          'Path of a named scope (`layers/0`) or a body (`If_3/then_branch`); with `nodes`, `from` or `to` the graph that they are in, absent for the main graph.',
      }),
    ),
    nodes: Type.Optional(
      Type.Array(Type.Integer({ minimum: 0 }), {
        minItems: 1,
        description: 'Its nodes, by position in their graph (rows of `slipway/graph`).',
      }),
    ),
    from: Type.Optional(
      Type.Array(end, {
        minItems: 1,
        description: 'Where it begins: nodes or values by name, or nodes by position.',
      }),
    ),
    to: Type.Optional(
      Type.Array(end, {
        minItems: 1,
        description: 'Where it ends, likewise; it then gives what is made there alone.',
      }),
    ),
    file: Type.String({ description: 'Path of the model to write.' }),
    overwrite: Type.Optional(
      Type.Boolean({ description: 'Replace an existing file; without it that is a `conflict`.' }),
    ),
    ...longRequest,
  }),
  result: Type.Object({
    file: Type.String({ description: 'The file that was written.' }),
    fileBytes: Type.Integer({ description: 'Its size with its data file, bytes.' }),
    nodes: Type.Integer({ description: 'Nodes in it, those of nested graphs included.' }),
    inputs: Type.Array(ValueSchema, { description: 'What it reads.' }),
    outputs: Type.Array(ValueSchema, { description: 'What it gives.' }),
  }),
});

export const FindNodes = request('slipway/findNodes', {
  description: 'The operators of a graph that have an attribute.',
  params: Type.Object({
    ...modelRef,
    scope: Type.Optional(Type.String({ description: 'Path of the graph; absent for the main graph.' })),
    attribute: Type.String({
      maxLength: 1000,
      description:
        '`group` for nodes that state it, `group=1` for a value (also where it is the default of the operator), `kernel_shape=3` where one of several is it, `kernel_shape=3,3` for all of them, `=NOTSET` for any attribute of that value. Letter case does not matter.',
    }),
    ...longRequest,
  }),
  result: Type.Object({
    rows: Type.Array(Type.Integer(), { description: 'Rows of the nodes, as in `slipway/graph`.' }),
  }),
});
