// Shape rules of operators that make tensors from nothing, from shapes, or from numbers.

import { DataType, dataTypeName } from '../../ir/dataType';
import { elementCount } from '../../ir/tensor';
import {
  intOf,
  intsOf,
  mostTrackedValues,
  scalarOf,
  unknown,
  unknownOfRank,
  type Inferred,
  type Rule,
  type RuleContext,
  type RuleTable,
} from './context';
import { ceilDivide, isNonNegative, productOf, subtractDims, type Dim } from './dims';
import { rankFrom } from './layout';

const constant: Rule = (context) => {
  const [attribute] = context.node.attributes;
  if (!attribute) return [unknown];
  switch (attribute.type) {
    case 'TENSOR':
      return [
        {
          dtype: dataTypeName(attribute.value.dataType),
          dims: attribute.value.dims,
          values: context.constant(attribute.value),
        },
      ];
    case 'SPARSE_TENSOR':
      return [{ dtype: dataTypeName(attribute.value.values.dataType), dims: attribute.value.dims }];
    case 'INT':
      return [{ dtype: 'int64', dims: [], values: [Number(attribute.value)] }];
    case 'INTS':
      return [{ dtype: 'int64', dims: [attribute.value.length], values: attribute.value.map(Number) }];
    case 'FLOAT':
      return [{ dtype: 'float', dims: [], values: [attribute.value] }];
    case 'FLOATS':
      return [{ dtype: 'float', dims: [attribute.value.length], values: attribute.value }];
    case 'STRING':
      return [{ dtype: 'string', dims: [] }];
    case 'STRINGS':
      return [{ dtype: 'string', dims: [attribute.value.length] }];
    default:
      return [unknown];
  }
};

/** The part of a shape between `start` and `end`, negative numbers counting from the back. */
const shapeRule: Rule = (context) => {
  const dims = context.dims(0);
  if (!dims) return [{ dtype: 'int64', dims: [null] }];
  const rank = dims.length;
  const clamp = (at: number) => Math.min(Math.max(at < 0 ? at + rank : at, 0), rank);
  const part = dims.slice(clamp(intOf(context, 'start', 0)), clamp(intOf(context, 'end', rank)));
  return [{ dtype: 'int64', dims: [part.length], values: part }];
};

const constantOfShape: Rule = (context) => {
  const value = context.attribute('value');
  const tensor = value?.type === 'TENSOR' ? value.value : undefined;
  const dtype = tensor ? dataTypeName(tensor.dataType) : 'float';
  const dims = context.values(0) ?? unknownOfRank(rankFrom(context, 0));
  const filler: Dim | undefined =
    tensor && elementCount(tensor.dims) === 1 ? context.constant(tensor)?.[0] : 0;
  const length = dims && dims.length <= 1 ? productOf(dims) : null;
  const values =
    filler !== undefined && typeof length === 'number' && length >= 0 && length <= mostTrackedValues
      ? new Array<Dim>(length).fill(filler)
      : undefined;
  return [{ dtype, dims, values }];
};

const range: Rule = (context) => {
  const dtype = context.dtype(0);
  const [start, limit, delta] = [0, 1, 2].map((input) => scalarOf(context, input));
  if (start !== undefined && limit !== undefined && delta !== undefined && delta !== 0) {
    const length = Math.max(0, Math.ceil((limit - start) / delta));
    const values =
      length <= mostTrackedValues ? Array.from({ length }, (_, at) => start + at * delta) : undefined;
    return [{ dtype, dims: [length], values }];
  }
  const from = context.values(0)?.[0] ?? null;
  const to = context.values(1)?.[0] ?? null;
  // A span of symbols counts only where it cannot be negative.
  const span = subtractDims(to, from);
  const steps = delta !== undefined && Number.isInteger(delta) && delta > 0 && isNonNegative(span);
  return [{ dtype, dims: [steps ? ceilDivide(span, delta) : null] }];
};

const ofShapeAttribute =
  (fallback: number): Rule =>
  (context) => [
    { dtype: dataTypeName(intOf(context, 'dtype', fallback)), dims: intsOf(context, 'shape') ?? null },
  ];

/** Same shape as the input; the element type is an attribute, or the input's. */
const like: Rule = (context) => {
  const stated = intOf(context, 'dtype', 0);
  return [{ dtype: stated === 0 ? context.dtype(0) : dataTypeName(stated), dims: context.dims(0) }];
};

const multinomial: Rule = (context): Inferred[] => [
  {
    dtype: dataTypeName(intOf(context, 'dtype', DataType.INT32)),
    dims: [context.dims(0)?.[0] ?? null, intOf(context, 'sample_size', 1)],
  },
];

/** Window functions: one number gives the length. */
const signalWindow: Rule = (context: RuleContext) => [
  {
    dtype: dataTypeName(intOf(context, 'output_datatype', DataType.FLOAT)),
    dims: [scalarOf(context, 0) ?? null],
  },
];

export const generateRules: RuleTable = {
  Constant: constant,
  ConstantOfShape: constantOfShape,
  Shape: shapeRule,
  Size: (context) => {
    const dims = context.dims(0);
    return [{ dtype: 'int64', dims: [], values: dims ? [productOf(dims)] : undefined }];
  },
  Range: range,
  EyeLike: like,
  RandomNormal: ofShapeAttribute(DataType.FLOAT),
  RandomUniform: ofShapeAttribute(DataType.FLOAT),
  RandomNormalLike: like,
  RandomUniformLike: like,
  Bernoulli: like,
  Multinomial: multinomial,
  HannWindow: signalWindow,
  HammingWindow: signalWindow,
  BlackmanWindow: signalWindow,
};
