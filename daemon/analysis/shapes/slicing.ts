// Shape rules of operators that take, place or look up parts of a tensor.

import {
  axesOf,
  axisOf,
  intOf,
  intsOf,
  unknownDims,
  type Rule,
  type RuleContext,
  type RuleTable,
} from './context';
import {
  addDims,
  ceilDivide,
  divideExactly,
  isNonNegative,
  maxDims,
  minDims,
  subtractDims,
  type Dim,
  type Dims,
} from './dims';
import { slicedValues } from './values';
import { shapeText } from '../typeText';

/** Numbers of a Slice: inputs since opset 10, attributes before. */
function sliceInput(context: RuleContext, input: number, attribute: string): Dims | undefined {
  return context.node.inputs.length > 1 ? context.values(input) : intsOf(context, attribute);
}

/** Length of `size[start:end:step]`. Null unless it follows for every value of the symbols. */
function sliceLength(size: Dim, start: Dim, end: Dim, step: Dim): Dim {
  if (typeof step !== 'number' || step === 0) return null;
  if (typeof size === 'number' && typeof start === 'number' && typeof end === 'number') {
    const low = step < 0 ? -1 : 0;
    const high = step < 0 ? size - 1 : size;
    const clamp = (at: number) => Math.min(Math.max(at < 0 ? at + size : at, low), high);
    // An end far below zero means "through the first element" when walking backwards.
    const to = step < 0 && end < -size ? -1 : clamp(end);
    return Math.max(0, Math.ceil((to - clamp(start)) / step));
  }
  if (step === -1 && start === -1 && typeof end === 'number' && end <= -(2 ** 31) + 1) return size;
  if (step < 0) return null;
  const from = placeIn(size, start);
  const to = placeIn(size, end);
  const span =
    from === 0
      ? to
      : to === size && isNonNegative(start)
        ? subtractDims(size, start)
        : subtractDims(to, from);
  return ceilDivide(isNonNegative(span) ? span : maxDims(0, span), step);
}

/** Where a start or end lies in a dimension, counted from the front; null when its sign is not known. */
function placeIn(size: Dim, at: Dim): Dim {
  if (typeof at === 'number') {
    if (at >= 2 ** 31 - 1) return size;
    if (at <= -(2 ** 31) + 1) return 0;
    return at >= 0 ? minDims(at, size) : maxDims(0, addDims(size, at));
  }
  if (at === size) return size;
  return isNonNegative(at) ? minDims(at, size) : null;
}

const slice: Rule = (context) => {
  const dims = context.dims(0);
  const dtype = context.dtype(0);
  if (!dims) return [{ dtype, dims: null }];
  const starts = sliceInput(context, 1, 'starts');
  const ends = sliceInput(context, 2, 'ends');
  const hasAxes = context.node.inputs.length > 1 ? context.has(3) : context.attribute('axes') !== undefined;
  const stated = hasAxes ? sliceInput(context, 3, 'axes') : undefined;
  if (hasAxes && !stated?.every((axis) => typeof axis === 'number')) {
    return [{ dtype, dims: unknownDims(dims.length) }];
  }
  const count = starts?.length ?? ends?.length ?? stated?.length ?? dims.length;
  const axes = axesOf(
    (stated?.every((axis) => typeof axis === 'number') ? stated : undefined) ??
      Array.from({ length: count }, (_, at) => at),
    dims.length,
  );
  if (!axes) {
    context.contradiction(`axes of the slice lie outside ${shapeText(dims)}`);
    return [{ dtype, dims: unknownDims(dims.length) }];
  }
  const steps = context.has(4) ? context.values(4) : undefined;
  const result = [...dims];
  axes.forEach((axis, at) => {
    const step = context.has(4) ? (steps?.[at] ?? null) : 1;
    result[axis] = sliceLength(dims[axis] ?? null, starts?.[at] ?? null, ends?.[at] ?? null, step);
  });
  const values = slicedValues(context.values(0), dims, result, axes, starts, steps, context.has(4));
  return [{ dtype, dims: result, values }];
};

const gather: Rule = (context) => {
  const data = context.dims(0);
  const indices = context.dims(1);
  const dtype = context.dtype(0);
  if (!data || !indices) return [{ dtype, dims: null }];
  const axis = axisOf(intOf(context, 'axis', 0), data.length);
  if (axis === undefined) return [{ dtype, dims: null }];
  const dims = [...data.slice(0, axis), ...indices, ...data.slice(axis + 1)];
  const values = context.values(0);
  const picked = context.values(1);
  if (!values || !picked || data.length !== 1) return [{ dtype, dims }];
  return [
    {
      dtype,
      dims,
      values: picked.map((at) =>
        typeof at === 'number' ? (values[at < 0 ? at + values.length : at] ?? null) : null,
      ),
    },
  ];
};

const gatherNd: Rule = (context) => {
  const data = context.dims(0);
  const indices = context.dims(1);
  const dtype = context.dtype(0);
  const depth = indices?.at(-1);
  const batch = intOf(context, 'batch_dims', 0);
  if (!data || !indices || typeof depth !== 'number') return [{ dtype, dims: null }];
  return [{ dtype, dims: [...indices.slice(0, -1), ...data.slice(batch + depth)] }];
};

const split: Rule = (context) => {
  const dims = context.dims(0);
  const dtype = context.dtype(0);
  const outputs = context.node.outputs;
  const axis = dims && axisOf(intOf(context, 'axis', 0), dims.length);
  if (!dims || axis === undefined || axis === null) return outputs.map(() => ({ dtype, dims: null }));
  const stated: Dims | undefined = context.has(1) ? context.values(1) : intsOf(context, 'split');
  const size = dims[axis] ?? null;
  // Without lengths the parts are equal, except that since opset 18 the last one may be smaller.
  const count = intOf(context, 'num_outputs', outputs.length);
  const part = context.has(1)
    ? null
    : context.opset >= 18
      ? ceilDivide(size, count)
      : divideExactly(size, count);
  let start = 0;
  const values = context.values(0);
  return outputs.map((_, at) => {
    let length: Dim;
    if (context.has(1) || stated) length = stated?.[at] ?? null;
    else if (typeof part === 'number' && typeof size === 'number') {
      length = at === count - 1 ? size - part * (count - 1) : part;
    } else length = divideExactly(size, count) ?? (at < count - 1 ? part : null);
    const piece =
      values && dims.length === 1 && typeof length === 'number' && start >= 0
        ? values.slice(start, start + length)
        : undefined;
    start = typeof length === 'number' ? start + length : -Infinity;
    return { dtype, dims: dims.map((dim, each) => (each === axis ? length : dim)), values: piece };
  });
};

const topK: Rule = (context) => {
  const dims = context.dims(0);
  const axis = dims && axisOf(intOf(context, 'axis', -1), dims.length);
  const k = context.has(1) ? (context.values(1)?.[0] ?? null) : intOf(context, 'k', 0);
  const result = dims && axis !== undefined ? dims.map((dim, at) => (at === axis ? k : dim)) : null;
  return [
    { dtype: context.dtype(0), dims: result },
    { dtype: 'int64', dims: result },
  ];
};

const oneHot: Rule = (context) => {
  const indices = context.dims(0);
  const depth = context.values(1)?.[0] ?? null;
  const axis = indices && axisOf(intOf(context, 'axis', -1), indices.length + 1);
  const dims = indices && axis !== undefined && axis !== null ? indices.toSpliced(axis, 0, depth) : null;
  return [{ dtype: context.dtype(2), dims }];
};

const unique: Rule = (context) => {
  const dims = context.dims(0);
  const axis = context.attribute('axis') && dims ? axisOf(intOf(context, 'axis', 0), dims.length) : undefined;
  const whole = context.attribute('axis') === undefined;
  const list = { dtype: 'int64', dims: [null] };
  const shape = whole
    ? [null]
    : dims && axis !== undefined
      ? dims.map((dim, at) => (at === axis ? null : dim))
      : null;
  return [{ dtype: context.dtype(0), dims: shape }, list, list, list];
};

const compress: Rule = (context) => {
  const dims = context.dims(0);
  if (!context.attribute('axis')) return [{ dtype: context.dtype(0), dims: [null] }];
  const axis = dims && axisOf(intOf(context, 'axis', 0), dims.length);
  return [{ dtype: context.dtype(0), dims: dims && dims.map((dim, at) => (at === axis ? null : dim)) }];
};

const firstInput: Rule = (context) => [context.type(0)];

/** One result of the first input's type, with the second input's shape. */
const shapeOfSecond: Rule = (context) => [{ dtype: context.dtype(0), dims: context.dims(1) }];

export const slicingRules: RuleTable = {
  Slice: slice,
  Gather: gather,
  GatherElements: shapeOfSecond,
  GatherND: gatherNd,
  Scatter: firstInput,
  ScatterElements: firstInput,
  ScatterND: firstInput,
  TensorScatter: firstInput,
  Split: split,
  TopK: topK,
  OneHot: oneHot,
  Unique: unique,
  Compress: compress,
  NonZero: (context) => [{ dtype: 'int64', dims: [nonZeroRows(context.dims(0)), null] }],
  'com.microsoft.GatherND': gatherNd,
};

/** NonZero gives one row per dimension; a scalar counts as one dimension in the reference. */
const nonZeroRows = (dims: Dims | null): Dim =>
  dims ? (dims.length === 0 ? null : subtractDims(dims.length, 0)) : null;
