// What ONNX Runtime's CPU provider can run in integers, as tables: of operators before fusion and after.

/** Operators that only move, index or inspect values; they are not counted as computing. */
export const layoutOps: ReadonlySet<string> = new Set([
  'Reshape', 'Transpose', 'Flatten', 'Squeeze', 'Unsqueeze', 'Slice', 'Split', 'Gather', 'GatherElements',
  'GatherND', 'ScatterElements', 'ScatterND', 'Scatter', 'Expand', 'Tile', 'Pad', 'Shape', 'Size', 'Cast',
  'CastLike', 'Identity', 'Dropout', 'Constant', 'ConstantOfShape', 'Range', 'EyeLike', 'OneHot', 'Trilu',
  'DepthToSpace', 'SpaceToDepth', 'NonZero', 'TopK', 'ArgMax', 'ArgMin', 'NonMaxSuppression', 'Compress',
  'Equal', 'Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual', 'And', 'Or', 'Not', 'Xor', 'IsNaN', 'IsInf',
  'If', 'Loop', 'Scan', 'QuantizeLinear', 'DequantizeLinear', 'DynamicQuantizeLinear',
  'SequenceConstruct', 'SequenceAt', 'ConcatFromSequence', 'SplitToSequence', 'RandomNormalLike',
  'RandomUniformLike', 'ImageScaler',
]); // prettier-ignore

/** Operators with an integer form between DequantizeLinear and QuantizeLinear. */
export const fusableOps: ReadonlySet<string> = new Set([
  'Conv', 'MatMul', 'Gemm', 'Add', 'Mul', 'AveragePool', 'GlobalAveragePool', 'LeakyRelu', 'Sigmoid',
  'Softmax', 'Concat', 'Where', 'MaxPool', 'Resize', 'ReduceMax', 'ReduceMin', 'Relu', 'Clip',
]); // prettier-ignore

/** Of those, the ones that keep 8-bit values as they are, so that input and output must share one scale. */
export const sameScaleOps: ReadonlySet<string> = new Set(['MaxPool', 'Resize', 'ReduceMax', 'ReduceMin']);

/** Operators with constant weights: what quantizing is for. */
export const weightOps: ReadonlySet<string> = new Set(['Conv', 'ConvTranspose', 'Gemm', 'MatMul']);

/** Operators that stand for a group that ONNX Runtime fuses to one, before those that only accompany it. */
export const namingRank = (op: string): number =>
  weightOps.has(op)
    ? 0
    : ['Add', 'Mul', 'Sub', 'Div', 'Pow', 'Sqrt', 'ReduceMean'].includes(op)
      ? 2
      : op === 'Relu' || op === 'Clip'
        ? 3
        : 1;

const integerOp =
  /^(?:QLinear.*|QGemm|QAttention|QOrdered.*|DynamicQuantize(?:MatMul|LSTM)|MatMulInteger(?:16|ToFloat)?|ConvInteger)$/;

/** Whether an operator of the optimised graph computes in integers whatever its surroundings. */
export const isIntegerOp = (op: string): boolean => integerOp.test(op);

/** Whether an operator of the optimised graph gives 8-bit values; `inputs` tells QGemm's two forms apart. */
export const givesIntegers = (op: string, inputs: readonly string[]): boolean =>
  op === 'QuantizeLinear' ||
  op.startsWith('QLinear') ||
  (op === 'QGemm' && inputs.length >= 9 && inputs[8] !== '');
