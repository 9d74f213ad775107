// Rules of sequences, optionals and text. A sequence carries the shape that all tensors in it have, where they have one.

import type { Type } from '../../ir/model';
import { dataTypeName } from '../../ir/dataType';
import { shapeOfType, typeText } from '../typeText';
import {
  axisOf,
  intOf,
  intsOf,
  unknown,
  type Inferred,
  type InferredType,
  type Rule,
  type RuleContext,
  type RuleTable,
} from './context';
import { commonDims, type Dim, type Dims } from './dims';

/** A sequence or optional of that type. */
export const wrapped = (wrapper: 'seq' | 'optional', { dtype, dims, elem }: InferredType): Inferred =>
  dtype === unknown.dtype
    ? unknown
    : { dtype: `${wrapper}(${dtype})`, dims: null, elem: dims ?? elem ?? null };

const inside = (dtype: string, wrapper: string): string =>
  dtype.startsWith(`${wrapper}(`) && dtype.endsWith(')')
    ? dtype.slice(wrapper.length + 1, -1)
    : unknown.dtype;

/** What is in a sequence or optional: a tensor of the shape that all have, or a sequence again. */
export function unwrapped({ dtype, elem }: InferredType, wrapper: 'seq' | 'optional'): Inferred {
  const inner = inside(dtype, wrapper);
  const isTensor = !inner.includes('(');
  return { dtype: inner, dims: isTensor ? (elem ?? null) : null, elem: isTensor ? null : (elem ?? null) };
}

/** The shape that two tensors share: unknown rank when their ranks differ. */
const sharedShape = (shapes: readonly (Dims | null)[]): Dims | null =>
  shapes.length === 0 ? null : shapes.reduce((a, b) => commonDims(a, b));

const construct: Rule = (context) => {
  const shapes = context.node.inputs.map((_, at) => context.dims(at));
  return [wrapped('seq', { dtype: context.dtype(0), dims: sharedShape(shapes) })];
};

const insert: Rule = (context) => {
  const { dtype, elem } = context.type(0);
  const added = context.dims(1);
  // An empty sequence takes the shape of what comes into it; it says so by having no shape of its own.
  return [{ dtype, dims: null, elem: elem ? commonDims(elem, added) : null }];
};

const element: Rule = (context) => [unwrapped(context.type(0), 'seq')];
const firstType: Rule = (context) => [context.type(0)];
const scalar =
  (dtype: string): Rule =>
  () => [{ dtype, dims: [] }];

const optionalElement: Rule = (context) => {
  // Since opset 18 a plain value is let through.
  const type = context.type(0);
  return [type.dtype.startsWith('optional(') ? unwrapped(type, 'optional') : type];
};

/** The stated type of an attribute as an inferred one. */
const ofType = (type: Type): InferredType => ({ dtype: typeText(type), dims: shapeOfType(type) });

const optional: Rule = (context) => {
  const stated = context.attribute('type');
  if (!context.has(0)) {
    return [stated?.type === 'TYPE_PROTO' ? wrapped('optional', ofType(stated.value)) : unknown];
  }
  return [wrapped('optional', context.type(0))];
};

/** Parts along an axis; without keepdims the axis goes, which only parts of one element may do. */
const splitToSequence: Rule = (context) => {
  const dims = context.dims(0);
  const axis = dims && axisOf(intOf(context, 'axis', 0), dims.length);
  if (!dims || axis === undefined || axis === null) {
    return [wrapped('seq', { dtype: context.dtype(0), dims: null })];
  }
  let part: Dim = null;
  if (!context.has(1)) {
    if (intOf(context, 'keepdims', 1) === 0) {
      return [wrapped('seq', { dtype: context.dtype(0), dims: dims.filter((_, at) => at !== axis) })];
    }
    part = 1;
  } else {
    const lengths = context.values(1);
    const scalarLength = context.dims(1)?.length === 0;
    const size = dims[axis];
    const first = lengths?.[0];
    if (scalarLength) {
      if (typeof first === 'number' && typeof size === 'number' && size % first === 0) part = first;
    } else if (lengths?.every((length) => length === first)) part = first ?? null;
  }
  return [
    wrapped('seq', { dtype: context.dtype(0), dims: dims.map((dim, at) => (at === axis ? part : dim)) }),
  ];
};

/** How many tensors there are is not known, so neither is the length of the joined axis. */
const concatFromSequence: Rule = (context: RuleContext) => {
  const type = unwrapped(context.type(0), 'seq');
  const { dims } = type;
  if (!dims) return [type];
  const fresh = intOf(context, 'new_axis', 0) !== 0;
  const rank = dims.length + (fresh ? 1 : 0);
  const axis = axisOf(intOf(context, 'axis', 0), rank);
  if (axis === undefined) return [{ dtype: type.dtype, dims: null }];
  const joined: Dims = fresh
    ? dims.toSpliced(axis, 0, null)
    : dims.map((dim, at) => (at === axis ? null : dim));
  return [{ dtype: type.dtype, dims: joined }];
};

const stringSplit: Rule = (context) => {
  const dims = context.dims(0);
  return [
    { dtype: 'string', dims: dims && [...dims, null] },
    { dtype: 'int64', dims },
  ];
};

/** One column for each n-gram that may be counted. */
const tfIdf: Rule = (context) => {
  const dims = context.dims(0);
  const indexes = intsOf(context, 'ngram_indexes');
  const columns: Dim = indexes && indexes.length > 0 ? Math.max(...indexes) + 1 : null;
  return [{ dtype: 'float', dims: dims && (dims.length === 2 ? [dims[0]!, columns] : [columns]) }];
};

/** Stop words go; without any the shape stays. */
const normalizeStrings: Rule = (context) => {
  const dims = context.dims(0);
  const stop = context.attribute('stopwords');
  const keeps = stop?.type !== 'STRINGS' || stop.value.length === 0;
  if (!dims) return [{ dtype: 'string', dims: null }];
  const last = dims.at(-1) ?? null;
  const kept = keeps && typeof last === 'number' && last > 0 ? last : null;
  return [{ dtype: 'string', dims: dims.map((dim, at) => (at === dims.length - 1 ? kept : dim)) }];
};

export const sequenceRules: RuleTable = {
  SequenceConstruct: construct,
  SequenceEmpty: (context) => [
    wrapped('seq', { dtype: dataTypeName(intOf(context, 'dtype', 1)), dims: null }),
  ],
  SequenceInsert: insert,
  SequenceErase: firstType,
  SequenceAt: element,
  SequenceLength: scalar('int64'),
  SplitToSequence: splitToSequence,
  ConcatFromSequence: concatFromSequence,
  Optional: optional,
  OptionalHasElement: scalar('bool'),
  OptionalGetElement: optionalElement,
  StringConcat: (context) => [{ dtype: 'string', dims: context.dims(0) }],
  StringSplit: stringSplit,
  RegexFullMatch: (context) => [{ dtype: 'bool', dims: context.dims(0) }],
  StringNormalizer: normalizeStrings,
  TfIdfVectorizer: tfIdf,
};
