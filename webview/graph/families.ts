// What kind of work an operator does: decides the colour of its box and of its bar in the op counts.
// Colour is never the only mark: the operator's name stands beside it.

export type Family =
  | 'convolution'
  | 'matrix'
  | 'activation'
  | 'normalization'
  | 'reduction'
  | 'quantization'
  | 'shape'
  | 'arithmetic'
  | 'control'
  | 'other';

const members: Readonly<Record<Exclude<Family, 'other'>, string>> = {
  convolution:
    'Conv ConvTranspose ConvInteger QLinearConv DeformConv Col2Im FusedConv NhwcConv CausalConvWithState',
  matrix:
    'MatMul Gemm Einsum MatMulInteger QLinearMatMul MatMulNBits Attention MultiHeadAttention GroupQueryAttention ' +
    'QAttention LSTM GRU RNN DynamicQuantizeMatMul MatMulIntegerToFloat FusedMatMul FusedGemm QGemm LinearAttention RotaryEmbedding',
  activation:
    'Relu LeakyRelu PRelu Elu Selu Celu Gelu FastGelu QuickGelu BiasGelu Sigmoid HardSigmoid HardSwish Swish Mish Tanh ' +
    'Softmax LogSoftmax Hardmax Softplus Softsign ThresholdedRelu Clip Erf QLinearSigmoid QLinearLeakyRelu Dropout Shrink',
  normalization:
    'BatchNormalization LayerNormalization InstanceNormalization GroupNormalization RMSNormalization LRN LpNormalization ' +
    'MeanVarianceNormalization SkipLayerNormalization SimplifiedLayerNormalization SkipSimplifiedLayerNormalization EmbedLayerNormalization',
  reduction:
    'MaxPool AveragePool GlobalAveragePool GlobalMaxPool LpPool GlobalLpPool ArgMax ArgMin TopK CumSum CumProd ReduceMean ReduceSum ' +
    'ReduceMax ReduceMin ReduceProd ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceSumSquare NonMaxSuppression ' +
    'QLinearAveragePool QLinearGlobalAveragePool MaxRoiPool RoiAlign Sum Mean Max Min',
  quantization: 'QuantizeLinear DequantizeLinear DynamicQuantizeLinear Cast CastLike BitCast',
  shape:
    'Reshape Transpose Concat Split Slice Gather GatherElements GatherND Scatter ScatterElements ScatterND Squeeze Unsqueeze Flatten ' +
    'Expand Tile Pad Shape Size Identity Constant ConstantOfShape Range Resize Upsample DepthToSpace SpaceToDepth ReverseSequence ' +
    'OneHot EyeLike NonZero Compress CenterCropPad TensorScatter Trilu',
  arithmetic:
    'Add Sub Mul Div Pow Sqrt Exp Log Neg Abs Reciprocal Floor Ceil Round Sign Mod Sin Cos Tan Asin Acos Atan Sinh Cosh Asinh Acosh ' +
    'Atanh Equal Greater GreaterOrEqual Less LessOrEqual And Or Xor Not Where IsNaN IsInf BitShift BitwiseAnd BitwiseOr BitwiseXor ' +
    'BitwiseNot QLinearAdd QLinearMul Det',
  control:
    'If Loop Scan SequenceMap SequenceConstruct SequenceAt SequenceInsert SequenceErase SequenceEmpty SequenceLength ' +
    'ConcatFromSequence SplitToSequence Optional OptionalGetElement OptionalHasElement',
};

const familyOfOp = new Map<string, Family>();
for (const [family, ops] of Object.entries(members)) {
  for (const op of ops.split(' ')) familyOfOp.set(op, family as Family);
}

/** The family of an operator type; a domain prefix is ignored. */
export function familyOf(op: string): Family {
  return familyOfOp.get(op.slice(op.lastIndexOf('.') + 1)) ?? 'other';
}

export const families: readonly Family[] = [...(Object.keys(members) as Family[]), 'other'];
