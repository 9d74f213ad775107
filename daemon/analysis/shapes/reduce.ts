// Shape rules of reductions.

import {
  axesOf,
  axisOf,
  intOf,
  intsFrom,
  intsOf,
  unknownDims,
  type Rule,
  type RuleContext,
  type RuleTable,
} from './context';
import { addDims, maxDims, minDims, multiplyDims, type Dim, type Dims } from './dims';
import { shapeText } from '../typeText';

/** The shape after reducing `axes` (undefined: not known which). */
function reduceDims(
  context: RuleContext,
  dims: Dims | null,
  axes: readonly number[] | undefined,
  keep: boolean,
): Dims | null {
  if (!dims) return null;
  if (!axes) return keep ? unknownDims(dims.length) : null;
  const front = axesOf(axes, dims.length);
  if (!front) {
    context.contradiction(`axes ${axes.join(', ')} lie outside ${shapeText(dims)}`);
    return null;
  }
  if (keep) return dims.map((dim, axis): Dim => (front.includes(axis) ? 1 : dim));
  return dims.filter((_, axis) => !front.includes(axis));
}

const reduce: Rule = (context) => {
  const dims = context.dims(0);
  const dtype = context.dtype(0);
  const keep = intOf(context, 'keepdims', 1) !== 0;
  const stated = intsFrom(context, 1, 'axes');
  const none = stated === undefined || stated.length === 0;
  if (none && intOf(context, 'noop_with_empty_axes', 0) !== 0) return [{ dtype, dims }];
  if (stated === 'unknown') {
    const count = context.dims(1)?.[0];
    if (!keep && dims && typeof count === 'number' && count > 0) {
      return [{ dtype, dims: unknownDims(Math.max(0, dims.length - count)) }];
    }
    // An empty list of axes means all of them or none, and its length may be what is unknown.
    return [{ dtype, dims: reduceDims(context, dims, undefined, keep) }];
  }
  const all = dims?.map((_, axis) => axis) ?? [];
  const result = reduceDims(context, dims, none ? all : stated, keep);
  const everything = none && !keep;
  return [{ dtype, dims: everything ? [] : result, values: reducedValues(context, none ? all : stated) }];
};

/** What the elements of a shape come to under the reductions that shape arithmetic uses. */
const folds: Readonly<Record<string, (a: Dim, b: Dim) => Dim>> = {
  ReduceProd: multiplyDims,
  ReduceSum: addDims,
  ReduceMax: maxDims,
  ReduceMin: minDims,
};

function reducedValues(context: RuleContext, axes: readonly number[] | undefined): Dims | undefined {
  const values = context.values(0);
  const fold = Object.hasOwn(folds, context.node.opType) ? folds[context.node.opType] : undefined;
  if (!fold || !values || values.length === 0 || axes?.length !== 1 || context.dims(0)?.length !== 1) {
    return undefined;
  }
  return [values.reduce(fold)];
}

const argReduce: Rule = (context) => {
  const dims = context.dims(0);
  const keep = intOf(context, 'keepdims', 1) !== 0;
  return [{ dtype: 'int64', dims: reduceDims(context, dims, [intOf(context, 'axis', 0)], keep) }];
};

const names = ['L1', 'L2', 'LogSum', 'LogSumExp', 'Max', 'Mean', 'Min', 'Prod', 'Sum', 'SumSquare'];

export const reduceRules: RuleTable = {
  ...Object.fromEntries(names.map((name) => [`Reduce${name}`, reduce])),
  ArgMax: argReduce,
  ArgMin: argReduce,
  Det: (context) => [{ dtype: context.dtype(0), dims: context.dims(0)?.slice(0, -2) ?? null }],
  'com.microsoft.ReduceSumInteger': (context) => [
    {
      dtype: 'int32',
      dims: reduceDims(
        context,
        context.dims(0),
        intsOf(context, 'axes') ?? context.dims(0)?.map((_, axis) => axis),
        intOf(context, 'keepdims', 1) !== 0,
      ),
    },
  ],
  'com.microsoft.QLinearReduceMean': (context) => {
    const axes = intsOf(context, 'axes')?.filter(
      (axis) => axisOf(axis, context.dims(0)?.length ?? 0) !== undefined,
    );
    const keep = intOf(context, 'keepdims', 1) !== 0;
    return [
      {
        dtype: context.dtype(0),
        dims: reduceDims(context, context.dims(0), axes ?? context.dims(0)?.map((_, axis) => axis), keep),
      },
    ];
  },
};
