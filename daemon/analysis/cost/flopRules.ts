// Arithmetic operations of operators that multiply no matrices, from shapes alone: as many for each element as the
// operator's formula in the specification has, a function such as exp, erf or sqrt being one. docs/cost.md is the table.
// What moves, selects or casts elements counts as nothing.

import type { Node } from '../../ir/model';
import { intAttribute, intsAttribute, stringAttribute } from '../../ir/attributes';
import type { WorkContext } from './macRules';
import { multiplyDims, productOf, type Dim, type Dims } from '../shapes/dims';

/** Operations of a node, an expression where dimensions are; null when one that it needs is unknown. */
type FlopRule = (context: WorkContext) => Dim;

const sizeOf = (dims: Dims | null | undefined): Dim => (dims ? productOf(dims) : null);
const isGiven = ({ inputs }: Node, index: number) => (inputs[index] ?? '') !== '';

/** So many for each element that comes out. */
const each =
  (count: number | ((node: Node) => number)): FlopRule =>
  (context) =>
    multiplyDims(sizeOf(context.output(0)), typeof count === 'number' ? count : count(context.node));

/** So many for each element that goes in. */
const eachInput =
  (count: number): FlopRule =>
  (context) =>
    multiplyDims(sizeOf(context.input(0)), count);

/** Every output element is made of one window of the kernel's size. */
const pool =
  (count: number): FlopRule =>
  (context) => {
    const kernel = intsAttribute(context.node, 'kernel_shape') ?? [];
    return multiplyDims(
      sizeOf(context.output(0)),
      kernel.reduce((size, side) => size * side, count),
    );
  };

const one = each(1);
const ones = [
  'Abs', 'Neg', 'Sign', 'Relu', 'ThresholdedRelu', 'Sqrt', 'Reciprocal', 'Exp', 'Log', 'Erf', 'Floor', 'Ceil', 'Round',
  'Sin', 'Cos', 'Tan', 'Asin', 'Acos', 'Atan', 'Sinh', 'Cosh', 'Tanh', 'Asinh', 'Acosh', 'Atanh', 'IsNaN', 'IsInf',
  'Add', 'Sub', 'Mul', 'Div', 'Mod', 'Pow', 'BitShift', 'Equal', 'Less', 'LessOrEqual', 'Greater', 'GreaterOrEqual',
  'Not', 'And', 'Or', 'Xor', 'BitwiseNot', 'BitwiseAnd', 'BitwiseOr', 'BitwiseXor', 'CumSum', 'CumProd', 'Hardmax',
]; // prettier-ignore

const variadic = (ofMean: number) => each((node) => Math.max(0, node.inputs.length - 1 + ofMean));

/** Mean, difference, square, its mean, product with the deviation's inverse, scale, and bias where there is one. */
const layerNorm = (bias: number) => each((node) => 6 + (isGiven(node, bias) ? 1 : 0));
const skipNorm = (base: number, beta: number, bias: number) =>
  each((node) => base + 1 + (isGiven(node, beta) ? 1 : 0) + (isGiven(node, bias) ? 1 : 0));

const gelu = each((node) => (stringAttribute(node, 'approximate', 'none') === 'tanh' ? 9 : 5));

/** Rules by operator, named as in macRules.ts. */
export const flopRules: ReadonlyMap<string, FlopRule> = new Map<string, FlopRule>([
  ...ones.map((name) => [name, one] as const),
  ['Sum', variadic(0)],
  ['Max', variadic(0)],
  ['Min', variadic(0)],
  ['Mean', variadic(1)],
  // Activations.
  ['Clip', each((node) => Number(isGiven(node, 1)) + Number(isGiven(node, 2)) || 2)],
  ['LeakyRelu', each(2)],
  ['PRelu', each(2)],
  ['Elu', each(4)],
  ['Celu', each(5)],
  ['Selu', each(5)],
  ['Sigmoid', each(4)],
  ['HardSigmoid', each(4)],
  ['HardSwish', each(5)],
  ['Swish', each(5)],
  ['Mish', each(5)],
  ['Softplus', each(3)],
  ['Softsign', each(3)],
  ['Gelu', gelu],
  ['com.microsoft.Gelu', each(5)],
  ['com.microsoft.BiasGelu', each(6)],
  ['com.microsoft.FastGelu', each((node) => (isGiven(node, 1) ? 10 : 9))],
  ['com.microsoft.QuickGelu', each(6)],
  // Largest, difference, exp, sum, quotient.
  ['Softmax', each(5)],
  ['LogSoftmax', each(5)],
  // Normalizations.
  ['BatchNormalization', each(4)],
  ['LayerNormalization', layerNorm(2)],
  ['GroupNormalization', each(7)],
  ['InstanceNormalization', each(7)],
  ['MeanVarianceNormalization', each(5)],
  ['RMSNormalization', each(4)],
  ['SimplifiedLayerNormalization', each(4)],
  ['LpNormalization', each(3)],
  ['LRN', each((node) => intAttribute(node, 'size', 1) + 5)],
  ['com.microsoft.SkipLayerNormalization', skipNorm(6, 3, 4)],
  ['com.microsoft.SkipSimplifiedLayerNormalization', skipNorm(4, 99, 3)],
  // Reductions.
  ...[
    'ReduceSum',
    'ReduceMean',
    'ReduceMax',
    'ReduceMin',
    'ReduceProd',
    'ReduceLogSum',
    'ArgMax',
    'ArgMin',
  ].map((name) => [name, eachInput(1)] as const),
  ...['ReduceL1', 'ReduceL2', 'ReduceSumSquare'].map((name) => [name, eachInput(2)] as const),
  ['ReduceLogSumExp', eachInput(3)],
  ['GlobalAveragePool', eachInput(1)],
  ['GlobalMaxPool', eachInput(1)],
  ['GlobalLpPool', eachInput(2)],
  ['AveragePool', pool(1)],
  ['MaxPool', pool(1)],
  ['LpPool', pool(2)],
  // Quotient, rounding, shift, clamp; difference and product the other way.
  ['QuantizeLinear', each(4)],
  ['com.microsoft.QuantizeLinear', each(4)],
  ['DequantizeLinear', each(2)],
  ['com.microsoft.DequantizeLinear', each(2)],
  ['DynamicQuantizeLinear', each(6)],
  ['com.microsoft.QLinearAdd', each(9)],
  ['com.microsoft.QLinearMul', each(9)],
  ['com.microsoft.QLinearLeakyRelu', each(8)],
  ['com.microsoft.QLinearSigmoid', each(10)],
  ['com.microsoft.QLinearSoftmax', each(11)],
  ['RotaryEmbedding', each(3)],
  ['com.microsoft.RotaryEmbedding', each(3)],
]);
