// Shape rules of operators that join tensors along an axis.

import { axisOf, intOf, mostTrackedValues, unknownDims, type Rule, type RuleTable } from './context';
import { addDims, type Dim, type Dims } from './dims';
import { shapeText } from '../typeText';

const concat: Rule = (context) => {
  const count = context.node.inputs.length;
  const dtype = context.dtype(0);
  const shapes = context.node.inputs.map((_, position) => context.dims(position));
  const rank = shapes.find((dims) => dims !== null)?.length;
  if (rank === undefined) return [{ dtype, dims: null }];
  const axis = axisOf(intOf(context, 'axis', context.opset < 4 ? 1 : 0), rank);
  if (axis === undefined || shapes.some((dims) => dims && dims.length !== rank)) {
    context.contradiction(`inputs ${shapes.map((dims) => shapeText(dims)).join(', ')} cannot be joined`);
    return [{ dtype, dims: null }];
  }
  const dims = Array.from({ length: rank }, (_, at): Dim => {
    if (at === axis) return shapes.reduce<Dim>((sum, each) => addDims(sum, each?.[at] ?? null), 0);
    const sizes = shapes.flatMap((each) => (each && each[at] !== null ? [each[at]!] : []));
    const numbers = new Set(sizes.filter((size) => typeof size === 'number'));
    if (numbers.size > 1) {
      context.contradiction(`inputs differ in dimension ${at}: ${[...numbers].join(', ')}`);
      return null;
    }
    return [...numbers][0] ?? sizes[0] ?? null;
  });
  const parts = Array.from({ length: count }, (_, position): Dims | undefined => {
    const known = context.values(position);
    const length = shapes[position]?.[0];
    // A part whose elements are unknown still takes its known number of places.
    return (
      known ??
      (typeof length === 'number' && length >= 0 && length <= mostTrackedValues
        ? unknownDims(length)
        : undefined)
    );
  });
  const values =
    rank === 1 && dtype !== 'string' && parts.every((part) => part !== undefined) ? parts.flat() : undefined;
  return [{ dtype, dims, values: values?.some((value) => value !== null) ? values : undefined }];
};

export const joiningRules: RuleTable = {
  Concat: concat,
  'com.microsoft.QLinearConcat': (context) => {
    const inputs = context.node.inputs.length;
    const dims = context.dims(2);
    const axis = dims && axisOf(intOf(context, 'axis', 0), dims.length);
    if (!dims || axis === undefined || axis === null) return [{ dtype: context.dtype(1), dims: null }];
    let size: Dim = 0;
    for (let input = 2; input < inputs; input += 3) {
      size = addDims(size, context.dims(input)?.[axis] ?? null);
    }
    return [{ dtype: context.dtype(1), dims: dims.map((dim, at) => (at === axis ? size : dim)) }];
  },
};
