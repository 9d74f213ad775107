// How each standard operator of opset 7 to 12 is written in opset 13. An operator whose meaning did not
// change is in `unchanged`; one whose attributes became inputs, or whose defaults moved, has a rule; every
// other one is refused. Sources: the operators' change history in the ONNX specification.

import { findAttribute, floatAttribute, intAttribute, intsAttribute } from '../../ir/attributes';
import { attribute, floatTensor, int64Tensor, node as makeNode } from '../../ir/builder';
import type { Node } from '../../ir/model';
import type { Tensor } from '../../ir/tensor';

/** What a rule may use: new constants and names in the node's graph, and what is known of values. */
export interface UpgradeContext {
  readonly from: number;
  constant(base: string, make: (name: string) => Tensor): string;
  fresh(base: string): string;
  elementType(value: string): string | undefined;
  rank(value: string): number | undefined;
}

/** Changes the node in place and may return nodes to put in its stead; a string says why it cannot be done. */
export type UpgradeRule = (node: Node, context: UpgradeContext) => readonly Node[] | string | undefined;

const drop = (node: Node, ...names: readonly string[]) => {
  node.attributes = node.attributes.filter(({ name }) => !names.includes(name));
};

/** Moves an INTS (or INT) attribute into input `position` as an INT64 tensor. */
function toInput(node: Node, name: string, position: number, context: UpgradeContext): void {
  const found = findAttribute(node, name);
  const values = found?.type === 'INTS' ? found.value : found?.type === 'INT' ? [found.value] : undefined;
  drop(node, name);
  if (!values) return;
  while (node.inputs.length < position) node.inputs.push('');
  node.inputs[position] = context.constant(`${node.outputs[0] ?? node.name}_${name}`, (tensor) =>
    int64Tensor(tensor, [values.length], values),
  );
}

const axesToInput: UpgradeRule = (node, context) => {
  toInput(node, 'axes', 1, context);
  return undefined;
};

/** Before opset 13 everything from `axis` on was normalised together, and the axis was 1 by default. */
const softmax: UpgradeRule = (node, context) => {
  const axis = intAttribute(node, 'axis', 1);
  const rank = context.rank(node.inputs[0] ?? '');
  const setAxis = (value: number) => {
    drop(node, 'axis');
    node.attributes.push(attribute('axis', BigInt(value)));
  };
  if (axis === -1 || axis + 1 === rank) {
    setAxis(axis);
    return undefined;
  }
  const [input = ''] = node.inputs;
  const [output = ''] = node.outputs;
  const name = (suffix: string) => context.fresh(`${output}_${suffix}`);
  const flat = name('flat');
  const shape = name('shape');
  const result = name('normalised');
  setAxis(-1);
  node.inputs = [flat];
  node.outputs = [result];
  return [
    makeNode('Shape', [input], [shape], { name: name('Shape') }),
    makeNode('Flatten', [input], [flat], { name: name('Flatten'), attributes: { axis: BigInt(axis) } }),
    node,
    makeNode('Reshape', [result, shape], [output], { name: name('Reshape') }),
  ];
};

const clip: UpgradeRule = (node, context) => {
  if (context.from >= 11) return undefined;
  const type = context.elementType(node.inputs[0] ?? '');
  const bounds = ['min', 'max'].map((name) => findAttribute(node, name));
  if (type !== 'float' && bounds.some((bound) => bound !== undefined)) {
    return `its element type is ${type ?? 'not known'}`;
  }
  const inputs = bounds.map((bound) =>
    bound?.type === 'FLOAT'
      ? context.constant(`${node.outputs[0] ?? node.name}_${bound.name}`, (name) =>
          floatTensor(name, [], [bound.value]),
        )
      : '',
  );
  drop(node, 'min', 'max');
  node.inputs = [node.inputs[0] ?? '', ...inputs];
  while (node.inputs.at(-1) === '') node.inputs.pop();
  return undefined;
};

const dropout: UpgradeRule = (node, context) => {
  const ratio = floatAttribute(node, 'ratio', 0.5);
  drop(node, 'ratio');
  if (context.from < 12) {
    const name = context.constant(`${node.outputs[0] ?? node.name}_ratio`, (tensor) =>
      floatTensor(tensor, [], [ratio]),
    );
    node.inputs = [node.inputs[0] ?? '', name];
  }
  return undefined;
};

const pad: UpgradeRule = (node, context) => {
  if (context.from >= 11) return undefined;
  const value = floatAttribute(node, 'value', 0);
  const type = context.elementType(node.inputs[0] ?? '');
  if (value !== 0 && type !== 'float') return `its element type is ${type ?? 'not known'}`;
  toInput(node, 'pads', 1, context);
  drop(node, 'value');
  if (value !== 0) {
    node.inputs[2] = context.constant(`${node.outputs[0] ?? node.name}_value`, (name) =>
      floatTensor(name, [], [value]),
    );
  }
  return undefined;
};

const slice: UpgradeRule = (node, context) => {
  if (context.from >= 10) return undefined;
  const starts = intsAttribute(node, 'starts') ?? [];
  if (!findAttribute(node, 'axes')) {
    node.attributes.push(
      attribute(
        'axes',
        starts.map((_, i) => BigInt(i)),
      ),
    );
  }
  for (const [i, name] of ['starts', 'ends', 'axes'].entries()) toInput(node, name, i + 1, context);
  return undefined;
};

/** Upsample, and Resize before it had a coordinate mode, took pixel i of the output from floor(i / scale). */
const resize: UpgradeRule = (node, context) => {
  if (node.opType === 'Resize' && context.from >= 11) return undefined;
  const scales = findAttribute(node, 'scales');
  let name = node.inputs[1] ?? '';
  if (scales?.type === 'FLOATS') {
    const { value } = scales;
    name = context.constant(`${node.outputs[0] ?? node.name}_scales`, (tensor) =>
      floatTensor(tensor, [value.length], value),
    );
  }
  if (name === '') return 'it states no scales';
  drop(node, 'scales');
  node.opType = 'Resize';
  node.inputs = [node.inputs[0] ?? '', '', name];
  node.attributes.push(
    attribute('coordinate_transformation_mode', 'asymmetric'),
    attribute('nearest_mode', 'floor'),
  );
  return undefined;
};

export const upgradeRules: Readonly<Record<string, UpgradeRule>> = {
  BatchNormalization(node) {
    if (intAttribute(node, 'spatial', 1) === 0) return 'it normalises each position by itself (spatial = 0)';
    drop(node, 'spatial');
    return undefined;
  },
  Clip: clip,
  Dropout: dropout,
  Hardmax: softmax,
  LogSoftmax: softmax,
  Pad: pad,
  ReduceSum: axesToInput,
  Resize: resize,
  Scan: (_, context) => (context.from >= 9 ? undefined : 'its inputs changed with operator set 9'),
  Scatter(node) {
    node.opType = 'ScatterElements';
    return undefined;
  },
  Slice: slice,
  Softmax: softmax,
  Split(node, context) {
    toInput(node, 'split', 1, context);
    return undefined;
  },
  Squeeze: axesToInput,
  TopK(node, context) {
    if (context.from < 10) toInput(node, 'k', 1, context);
    return undefined;
  },
  Unsqueeze: axesToInput,
  Upsample: resize,
};

/** Operators that mean the same in opset 13 as in 7 to 12, whenever they came. */
export const unchanged: ReadonlySet<string> = new Set(
  `Abs Acos Acosh Add And ArgMax ArgMin Asin Asinh Atan Atanh AveragePool BitShift Cast Ceil Celu Compress
  Concat ConcatFromSequence Constant ConstantOfShape Conv ConvInteger ConvTranspose Cos Cosh CumSum
  DepthToSpace DequantizeLinear Det Div DynamicQuantizeLinear Einsum Elu Equal Erf Exp Expand EyeLike
  Flatten Floor GRU Gather GatherElements GatherND Gemm GlobalAveragePool GlobalLpPool GlobalMaxPool
  Greater GreaterOrEqual HardSigmoid Identity If InstanceNormalization IsInf IsNaN LRN LSTM LeakyRelu Less
  LessOrEqual Log Loop LpNormalization LpPool MatMul MatMulInteger Max MaxPool MaxRoiPool MaxUnpool Mean
  MeanVarianceNormalization Min Mod Mul Multinomial Neg NegativeLogLikelihoodLoss NonMaxSuppression NonZero
  Not OneHot Or PRelu Pow QLinearConv QLinearMatMul QuantizeLinear RNN RandomNormal RandomNormalLike
  RandomUniform RandomUniformLike Range Reciprocal ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax
  ReduceMean ReduceMin ReduceProd ReduceSumSquare Relu Reshape ReverseSequence RoiAlign Round
  ScatterElements ScatterND Selu SequenceAt SequenceConstruct SequenceEmpty SequenceErase SequenceInsert
  SequenceLength Shape Shrink Sigmoid Sign Sin Sinh Size Softplus SoftmaxCrossEntropyLoss Softsign
  SpaceToDepth SplitToSequence Sqrt StringNormalizer Sub Sum Tan Tanh TfIdfVectorizer ThresholdedRelu Tile
  Transpose Unique Where Xor`.split(/\s+/u),
);
