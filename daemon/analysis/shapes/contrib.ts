// Shape rules of ONNX Runtime's other operators (com.microsoft) that optimized and exported models hold.

import { dataTypeName } from '../../ir/dataType';
import {
  axisOf,
  intOf,
  likeFirst,
  scalarOf,
  unknown,
  unknownDims,
  unknownOfRank,
  type Inferred,
  type Rule,
  type RuleContext,
  type RuleTable,
} from './context';
import {
  addDims,
  broadcastDims,
  ceilDivide,
  floorDivide,
  productOf,
  quotient,
  subtractDims,
  type Dim,
  type Dims,
} from './dims';
import { elementwiseRules } from './elementwise';
import { generateRules } from './generate';
import { imageRules } from './image';
import { rankFrom, layoutRules } from './layout';
import { matmulRules, matmulDims } from './matmul';
import { recurrentRules } from './recurrent';

/** Last dimension halved: two halves gate each other. */
const splitGelu: Rule = (context) => {
  const dims = context.dims(0);
  return [
    { dtype: context.dtype(0), dims: dims && [...dims.slice(0, -1), quotient(dims.at(-1) ?? null, 2)] },
  ];
};

/** Dropout whose mask holds 32 elements in a number. */
const bitmaskDropout: Rule = (context) => {
  const dims = context.dims(0);
  return [context.type(0), { dtype: 'uint32', dims: dims && [ceilDivide(productOf(dims), 32)] }];
};

const expandDims: Rule = (context) => {
  const dims = context.dims(0);
  const axis = scalarOf(context, 1);
  const dtype = context.dtype(0);
  if (!dims || axis === undefined) return [{ dtype, dims: dims && unknownDims(dims.length + 1) }];
  const front = axisOf(axis, dims.length + 1);
  return [{ dtype, dims: front === undefined ? null : dims.toSpliced(front, 0, 1) }];
};

/** Shapes [batches, sizes] of the three numbers that a caller gives for a search. */
const sequencesOf =
  (beams: boolean): Rule =>
  (context) => {
    const batch = context.dims(0)?.[0] ?? null;
    const longest = context.values(1)?.[0] ?? null;
    if (!beams) return [{ dtype: 'int32', dims: [batch, longest] }];
    const kept = context.values(4)?.[0] ?? null;
    return [
      { dtype: 'int32', dims: [batch, kept, longest] },
      { dtype: context.dtype(5), dims: [batch, kept] },
    ];
  };

const removePadding: Rule = (context) => {
  const dims = context.dims(0);
  const batch = dims?.[0] ?? null;
  return [
    { dtype: context.dtype(0), dims: [null, dims?.[2] ?? null] },
    { dtype: 'int32', dims: [batch, dims?.[1] ?? null] },
    { dtype: 'int32', dims: [addDims(batch, 1)] },
    { dtype: 'int32', dims: [1] },
  ];
};

const restorePadding: Rule = (context) => {
  const offsets = context.dims(1);
  return [
    {
      dtype: context.dtype(0),
      dims: [offsets?.[0] ?? null, offsets?.[1] ?? null, context.dims(0)?.[1] ?? null],
    },
  ];
};

const skipGroupNorm: Rule = (context) => [context.type(0), context.type(0)];

const embedNormalization =
  (dtype: (context: RuleContext) => string): Rule =>
  (context) => {
    const ids = context.dims(0);
    const width = context.dims(2)?.[1] ?? null;
    return [
      { dtype: dtype(context), dims: ids?.length === 2 ? [ids[0]!, ids[1]!, width] : null },
      { dtype: 'int32', dims: [ids?.[0] ?? null] },
    ];
  };

const cropAndResize: Rule = (context) => {
  const size = context.values(3);
  return [
    {
      dtype: context.dtype(0),
      dims: [
        context.dims(1)?.[0] ?? null,
        context.dims(0)?.[1] ?? null,
        size?.[0] ?? null,
        size?.[1] ?? null,
      ],
    },
  ];
};

/** Windows of a length along one dimension, which become the last one. */
const unfold: Rule = (context) => {
  const dims = context.dims(0);
  const size = intOf(context, 'size', 0);
  const axis = dims && axisOf(intOf(context, 'dim', -1), dims.length);
  if (!dims || axis === null || axis === undefined || size <= 0)
    return [{ dtype: context.dtype(0), dims: null }];
  const count = addDims(floorDivide(subtractDims(dims[axis]!, size), intOf(context, 'step', 1)), 1);
  return [{ dtype: context.dtype(0), dims: [...dims.map((dim, at) => (at === axis ? count : dim)), size] }];
};

/** y, and for each element of the input its place: counts and places are as many as y. */
const uniqueOfVector: Rule = (context) => [
  { dtype: context.dtype(0), dims: [null] },
  { dtype: 'int64', dims: [context.dims(0)?.[0] ?? null] },
  { dtype: 'int64', dims: [null] },
];

const product =
  (dtype: (context: RuleContext) => string, b = 1): Rule =>
  (context) => [{ dtype: dtype(context), dims: matmulDims(context, context.dims(0), context.dims(b)) }];

/** The weight's shape is a tensor of its own. */
const quantizedProduct: Rule = (context) => {
  const a = context.dims(0);
  const shape: Dims | null = context.values(2) ?? unknownOfRank(rankFrom(context, 2));
  return [{ dtype: context.dtype(0), dims: matmulDims(context, a, shape) }];
};

const gemmOf =
  (dtype: (context: RuleContext) => string): Rule =>
  (context) => [{ ...(matmulRules['Gemm']!(context)[0] ?? unknown), dtype: dtype(context) }];

const mulInteger: Rule = (context) => [
  { dtype: 'int32', dims: broadcastDims([context.dims(0), context.dims(2)]) },
];

/** Rows of text become rows of words; how many is not known before. */
const tokenizer: Rule = (context) => {
  const dims = context.dims(0);
  return [{ dtype: 'string', dims: dims && [...dims, null] }];
};

/** As written by ONNX Runtime for its blocked layout: channels are rounded up to a block of 8 or 16. */
const reorderInput: Rule = (context) => {
  const dims = context.dims(0);
  if (dims?.length !== 4) return [{ dtype: context.dtype(0), dims: null }];
  const last = intOf(context, 'channels_last', 0) !== 0;
  const [batch, channels, ...spatial] = last ? [dims[0]!, dims[3]!, dims[1]!, dims[2]!] : dims;
  const whole = typeof channels === 'number' && channels % 16 === 0 ? channels : null;
  return [{ dtype: context.dtype(0), dims: [batch!, whole, ...spatial] }];
};

const reorderOutput: Rule = (context) => {
  const dims = context.dims(0);
  if (dims?.length !== 4) return [{ dtype: context.dtype(0), dims: null }];
  const channels = intOf(context, 'channels', 0);
  const [batch, , height, width] = dims as [Dim, Dim, Dim, Dim];
  const last = intOf(context, 'channels_last', 0) !== 0;
  const dimsOut: Dims = last ? [batch, height, width, channels] : [batch, channels, height, width];
  return [{ dtype: context.dtype(0), dims: dimsOut }];
};

const quantizeWithOrder: Rule = (context) => [{ dtype: 'int8', dims: context.dims(0) }];
const dequantizeWithOrder: Rule = (context) => [
  { dtype: dataTypeName(intOf(context, 'to', 1)), dims: context.dims(0) },
];

const blockFloat: Rule = (context): Inferred[] => {
  const rank: Dim = context.dims(0)?.length ?? null;
  return [
    { dtype: 'uint8', dims: [null] },
    { dtype: 'int64', dims: [rank] },
    { dtype: 'int64', dims: [rank] },
  ];
};

/** GemmFloat8 names its result's type. */
const float8Type = (context: RuleContext) => dataTypeName(intOf(context, 'dtype', 1));

const gathered: Rule = (context) => {
  const data = context.dims(0);
  const indices = context.dims(1);
  return [{ dtype: context.dtype(0), dims: data && indices ? [...indices, ...data.slice(1)] : null }];
};

const prefixed = (table: RuleTable): RuleTable =>
  Object.fromEntries(Object.entries(table).map(([name, rule]) => [`com.microsoft.${name}`, rule]));

export const contribRules: RuleTable = prefixed({
  BiasAdd: likeFirst,
  BiasSplitGelu: splitGelu,
  BitmaskDropout: bitmaskDropout,
  BitmaskBiasDropout: bitmaskDropout,
  BeamSearch: sequencesOf(true),
  WhisperBeamSearch: sequencesOf(true),
  GreedySearch: sequencesOf(false),
  Sampling: sequencesOf(false),
  CDist: (context) => [
    { dtype: context.dtype(0), dims: [context.dims(0)?.[0] ?? null, context.dims(1)?.[0] ?? null] },
  ],
  ComplexMul: elementwiseRules['Mul']!,
  ComplexMulConj: elementwiseRules['Mul']!,
  CropAndResize: cropAndResize,
  DequantizeWithOrder: dequantizeWithOrder,
  DynamicQuantizeLSTM: recurrentRules['LSTM']!,
  DynamicTimeWarping: (): Inferred[] => [{ dtype: 'int32', dims: [2, null] }],
  ExpandDims: expandDims,
  FusedMatMulActivation: matmulRules['com.microsoft.FusedMatMul']!,
  GatedRelativePositionBias: (context) => {
    const q = context.dims(0);
    const heads = intOf(context, 'num_heads', 0);
    const whole = !context.has(6) && q?.length === 3;
    return [{ dtype: context.dtype(0), dims: whole ? [q[0]!, heads, q[1]!, q[1]!] : unknownDims(4) }];
  },
  GemmFastGelu: product((context) => context.dtype(0)),
  GemmFloat8: gemmOf(float8Type),
  GemmaRotaryEmbedding: (context) => [context.type(1), context.type(3)],
  GridSample: imageRules['GridSample']!,
  IsAllFinite: (): Inferred[] => [{ dtype: 'bool', dims: [] }],
  MatMulFpQ4: quantizedProduct,
  MatMulInteger16: product(() => 'int32'),
  MoE: likeFirst,
  QMoE: likeFirst,
  MulInteger: mulInteger,
  MurmurHash3: (context) => [
    { dtype: intOf(context, 'positive', 1) === 0 ? 'int32' : 'uint32', dims: context.dims(0) },
  ],
  NGramRepeatBlock: (context) => [context.type(1)],
  Pad: layoutRules['Pad']!,
  QEmbedLayerNormalization: embedNormalization((context) => context.dtype(8)),
  QOrderedGelu: likeFirst,
  QOrderedLayerNormalization: likeFirst,
  QOrderedMatMul: product((context) => context.dtype(0), 2),
  QuantizeBFP: blockFloat,
  QuantizeWithOrder: quantizeWithOrder,
  Range: generateRules['Range']!,
  RemovePadding: removePadding,
  RestorePadding: restorePadding,
  SampleOp: likeFirst,
  ScaledSiLU: likeFirst,
  SkipGroupNorm: skipGroupNorm,
  SparseToDenseMatMul: matmulRules['com.microsoft.FusedMatMul']!,
  Tokenizer: tokenizer,
  TorchEmbedding: gathered,
  UnfoldTensor: unfold,
  Unique: uniqueOfVector,
  'nchwc.ReorderInput': reorderInput,
  'nchwc.ReorderOutput': reorderOutput,
  ConvTransposeWithDynamicPads: (context) => [
    { dtype: context.dtype(0), dims: unknownOfRank(context.dims(0)?.length) },
  ],
  DequantizeBFP: (context) => [
    {
      dtype: dataTypeName(intOf(context, 'dtype', 1)),
      dims: context.values(1) ?? unknownOfRank(rankFrom(context, 1)),
    },
  ],
  // Written by other compilers: what is inside, nobody but they know.
  EPContext: () => [],
  Snpe: () => [],
  GatherPacked: (context) => {
    const indices = context.dims(1);
    const width = intOf(context, 'K', 0);
    const stated = intOf(context, 'output_dtype', 1);
    return [{ dtype: dataTypeName(stated), dims: indices && width > 0 ? [...indices, width] : null }];
  },
});
