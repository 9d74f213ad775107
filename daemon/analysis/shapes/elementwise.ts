// Shape rules of operators that work element by element, with broadcasting, and of type conversions.

import { DataType, dataTypeName } from '../../ir/dataType';
import {
  intOf,
  likeFirst,
  unknown,
  type Inferred,
  type Rule,
  type RuleContext,
  type RuleTable,
} from './context';
import {
  addDims,
  broadcastDims,
  divideExactly,
  floorDivide,
  isNonNegative,
  maxDims,
  minDims,
  multiplyDims,
  subtractDims,
  type Dim,
  type Dims,
} from './dims';
import { shapeText } from '../typeText';

/** Applies a function of elements to two small tensors, broadcast against each other. */
function combine(
  context: RuleContext,
  dims: Dims | null,
  of: (a: Dim, b: Dim) => Dim,
  at: readonly [number, number] = [0, 1],
): Dims | undefined {
  const a = context.values(at[0]);
  const b = context.values(at[1]);
  // Shape arithmetic has rank 0 or 1; broadcasting those is repeating a single element.
  if (!a || !b || !dims || dims.length > 1) return undefined;
  const length = a.length === 1 ? b.length : a.length;
  if (b.length !== 1 && b.length !== length) return undefined;
  return Array.from({ length }, (_, i) => of(a.length === 1 ? a[0]! : a[i]!, b.length === 1 ? b[0]! : b[i]!));
}

/** The broadcast of all inputs. Before opset 7 the second operand was fitted to the first. */
function broadcastInputs(context: RuleContext, positions?: readonly number[]): Dims | null {
  if (context.node.domain === '' && context.opset < 7) return context.dims(0);
  const inputs = positions ?? context.node.inputs.map((_, position) => position);
  return broadcastDims(
    inputs.map((position) => context.dims(position)),
    (a, b) => context.contradiction(`shapes ${shapeText(a)} and ${shapeText(b)} do not broadcast`),
  );
}

/** First known element type among the inputs: they all have the same one. */
function sharedType(context: RuleContext): string {
  for (const position of context.node.inputs.keys()) {
    const type = context.dtype(position);
    if (type !== unknown.dtype) return type;
  }
  return unknown.dtype;
}

const arithmetic =
  (of?: (a: Dim, b: Dim, integers: boolean) => Dim): Rule =>
  (context) => {
    const dims = broadcastInputs(context);
    const dtype = sharedType(context);
    const integers = dtype.startsWith('int') || dtype.startsWith('uint');
    return [{ dtype, dims, values: of && combine(context, dims, (a, b) => of(a, b, integers)) }];
  };

const numbersOnly =
  (of: (a: number, b: number) => number) =>
  (a: Dim, b: Dim): Dim =>
    typeof a === 'number' && typeof b === 'number' ? of(a, b) : null;

function divide(a: Dim, b: Dim, integers: boolean): Dim {
  if (typeof a === 'number' && typeof b === 'number') {
    if (!integers) return a / b;
    return b === 0 ? null : Math.trunc(a / b);
  }
  // Truncation is rounding down where nothing is negative.
  if (integers && typeof b === 'number' && b > 0 && isNonNegative(a)) return floorDivide(a, b);
  return divideExactly(a, b);
}

const compare =
  (of: (a: Dim, b: Dim) => Dim): Rule =>
  (context) => {
    const dims = broadcastInputs(context);
    return [{ dtype: 'bool', dims, values: combine(context, dims, of) }];
  };

/** 1 or 0 where the comparison is settled. Symbolic sizes are never negative. */
function equalElements(a: Dim, b: Dim): Dim {
  if (a === null || b === null) return null;
  if (typeof a === 'number' && typeof b === 'number') return a === b ? 1 : 0;
  if (a === b) return 1;
  const [number, other] = typeof a === 'number' ? [a, b] : [b, a];
  return typeof number === 'number' && number < 0 && isNonNegative(other) ? 0 : null;
}

const unary =
  (of?: (value: number) => number): Rule =>
  (context) => [
    {
      ...context.type(0),
      values: of && context.values(0)?.map((value) => (typeof value === 'number' ? of(value) : null)),
    },
  ];

const toBool: Rule = (context) => [{ dtype: 'bool', dims: context.dims(0) }];

const converted = (context: RuleContext, dtype: string): Inferred => {
  const whole = dtype.startsWith('int') || dtype.startsWith('uint');
  return {
    dtype,
    dims: context.dims(0),
    values: context
      .values(0)
      ?.map((value) => (typeof value === 'number' && whole ? Math.trunc(value) : value)),
  };
};

/** "to" as a number, or as a name before opset 6. */
const cast: Rule = (context) => {
  const to = context.attribute('to');
  if (to?.type === 'STRING') {
    const name = new TextDecoder().decode(to.value);
    return [
      converted(context, dataTypeName(Object.entries(DataType).find(([key]) => key === name)?.[1] ?? 0)),
    ];
  }
  return [
    to?.type === 'INT'
      ? converted(context, dataTypeName(Number(to.value)))
      : { ...unknown, dims: context.dims(0) },
  ];
};

const where: Rule = (context) => {
  const dims = broadcastInputs(context);
  const dtype = context.dtype(1) === unknown.dtype ? context.dtype(2) : context.dtype(1);
  const condition = context.values(0);
  let values: Dims | undefined;
  if (condition && dims && dims.length <= 1) {
    const length = dims.length === 0 ? 1 : dims[0];
    const pick = (input: number, i: number): Dim => {
      const list = context.values(input);
      return list ? (list.length === 1 ? list[0]! : (list[i] ?? null)) : null;
    };
    if (typeof length === 'number' && length <= 1024) {
      values = Array.from({ length }, (_, i): Dim => {
        const chosen = condition.length === 1 ? condition[0] : condition[i];
        return typeof chosen === 'number' ? pick(chosen === 0 ? 2 : 1, i) : null;
      });
    }
  }
  return [{ dtype, dims, values }];
};

const same = Object.fromEntries(
  [
    'Acos', 'Acosh', 'Asin', 'Asinh', 'Atan', 'Atanh', 'BitwiseNot', 'Celu', 'Clip', 'Cos', 'Cosh', 'Elu', 'Erf',
    'Exp', 'Gelu', 'HardSigmoid', 'HardSwish', 'Hardmax', 'LeakyRelu', 'Log', 'LogSoftmax', 'Mish', 'Reciprocal',
    'Relu', 'Selu', 'Shrink', 'Sigmoid', 'Sign', 'Sin', 'Sinh', 'Softmax', 'Softplus', 'Softsign', 'Swish', 'Tan',
    'Tanh', 'ThresholdedRelu', 'Affine', 'ParametricSoftplus', 'ScaledTanh', 'ImageScaler', 'Scale', 'Trilu',
    'CumSum', 'CumProd', 'ReverseSequence', 'LRN', 'LpNormalization', 'MeanVarianceNormalization',
    'com.microsoft.Gelu', 'com.microsoft.FastGelu', 'com.microsoft.QuickGelu', 'com.microsoft.BiasGelu',
    'com.microsoft.QLinearSigmoid', 'com.microsoft.QLinearLeakyRelu', 'com.microsoft.QLinearSoftmax',
    'com.microsoft.BiasSoftmax', 'com.microsoft.BiasDropout', 'com.microsoft.Trilu', 'com.microsoft.Inverse',
  ].map((name) => [name, likeFirst]),
); // prettier-ignore

const broadcast = arithmetic();

export const elementwiseRules: RuleTable = {
  ...same,
  Abs: unary(Math.abs),
  Ceil: unary(Math.ceil),
  Floor: unary(Math.floor),
  Neg: (context) => [
    { ...context.type(0), values: context.values(0)?.map((value) => multiplyDims(value, -1)) },
  ],
  Round: unary(),
  Sqrt: unary(Math.sqrt),
  Identity: (context) => [{ ...context.type(0), values: context.values(0) }],
  Not: (context) => [
    {
      dtype: 'bool',
      dims: context.dims(0),
      values: context.values(0)?.map((value) => (typeof value === 'number' ? (value === 0 ? 1 : 0) : null)),
    },
  ],
  IsInf: toBool,
  IsNaN: toBool,
  Add: arithmetic(addDims),
  Sub: arithmetic(subtractDims),
  Mul: arithmetic(multiplyDims),
  Div: arithmetic(divide),
  Mod: arithmetic((a, b) =>
    a === 0 ? 0 : numbersOnly((x, y) => (y === 0 ? NaN : x - y * Math.floor(x / y)))(a, b),
  ),
  Pow: (context) => [{ dtype: context.dtype(0), dims: broadcastInputs(context) }],
  PRelu: (context) => [context.type(0)],
  Max: arithmetic(maxDims),
  Min: arithmetic(minDims),
  Sum: broadcast,
  Mean: broadcast,
  BitShift: broadcast,
  BitwiseAnd: broadcast,
  BitwiseOr: broadcast,
  BitwiseXor: broadcast,
  And: compare(numbersOnly((a, b) => (a !== 0 && b !== 0 ? 1 : 0))),
  Or: compare(numbersOnly((a, b) => (a !== 0 || b !== 0 ? 1 : 0))),
  Xor: compare(numbersOnly((a, b) => ((a !== 0) === (b !== 0) ? 0 : 1))),
  SwiGLU: likeFirst,
  'com.microsoft.SwiGLU': likeFirst,
  'com.microsoft.GatedAdd': likeFirst,
  Equal: compare(equalElements),
  Greater: compare(numbersOnly((a, b) => (a > b ? 1 : 0))),
  GreaterOrEqual: compare(numbersOnly((a, b) => (a >= b ? 1 : 0))),
  Less: compare(numbersOnly((a, b) => (a < b ? 1 : 0))),
  LessOrEqual: compare(numbersOnly((a, b) => (a <= b ? 1 : 0))),
  Where: where,
  Cast: cast,
  CastLike: (context) => [converted(context, context.dtype(1))],
  BitCast: (context) => [{ dtype: dataTypeName(intOf(context, 'to', 0)), dims: context.dims(0) }],
  'com.microsoft.QLinearAdd': (context) => [
    { dtype: context.dtype(0), dims: broadcastInputs(context, [0, 3]) },
  ],
  'com.microsoft.QLinearMul': (context) => [
    { dtype: context.dtype(0), dims: broadcastInputs(context, [0, 3]) },
  ],
  'com.microsoft.QLinearWhere': (context) => [
    { dtype: context.dtype(1), dims: broadcastInputs(context, [0, 1, 4]) },
  ],
};
