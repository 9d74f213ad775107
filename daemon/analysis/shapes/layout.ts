// Shape rules of operators that arrange the same elements differently or repeat them.

import {
  axesOf,
  intOf,
  intsFrom,
  intsOf,
  mostTrackedValues,
  textOf,
  unknownDims,
  unknownOfRank,
  type Rule,
  type RuleContext,
  type RuleTable,
} from './context';
import { addDims, broadcastDims, multiplyDims, productOf, quotient, type Dim, type Dims } from './dims';
import { permutedValues } from './values';
import { shapeText } from '../typeText';

/** Length of a 1-D shape input, where known: the rank of the result. */
export function rankFrom(context: RuleContext, input: number): number | undefined {
  const length = context.values(input)?.length ?? context.dims(input)?.[0];
  return typeof length === 'number' && length >= 0 && length <= mostTrackedValues ? length : undefined;
}

const reshape: Rule = (context) => {
  const dtype = context.dtype(0);
  const input = context.dims(0);
  const values = context.values(0);
  const target: Dims | undefined = context.has(1) ? context.values(1) : intsOf(context, 'shape');
  if (!target) return [{ dtype, dims: unknownOfRank(rankFrom(context, 1)) }];
  const zeroIsZero = intOf(context, 'allowzero', 0) !== 0;
  let open = -1;
  const dims = target.map((dim, axis): Dim => {
    if (dim === -1) {
      open = axis;
      return 1;
    }
    return dim === 0 && !zeroIsZero ? (input?.[axis] ?? null) : dim;
  });
  if (open >= 0) {
    dims[open] = input ? divideDims(input, dims) : null;
    return [{ dtype, dims, values }];
  }
  if (input) {
    const before = productOf(input);
    const after = productOf(dims);
    if (typeof before === 'number' && typeof after === 'number' && before !== after) {
      context.contradiction(`${before} elements (${shapeText(input)}) do not fill ${shapeText(dims)}`);
    }
    fillLast(input, dims);
  }
  return [{ dtype, dims, values }];
};

/** What -1 stands for: the elements of the input by the product of the other dimensions. */
function divideDims(input: Dims, others: Dims): Dim {
  // Equal factors go first, so that unknown dimensions which are merely copied do not spoil the rest.
  const left = [...input];
  const right: Dim[] = [];
  for (const dim of others) {
    const at = dim === null ? -1 : left.indexOf(dim);
    if (at >= 0) left.splice(at, 1);
    else right.push(dim);
  }
  const divisor = productOf(right);
  // The file says that it comes out even, so rounding down is exact.
  return divisor === 0 ? null : quotient(productOf(left), divisor);
}

/** A single unknown dimension of the target follows from the number of elements. */
function fillLast(input: Dims, dims: Dim[]): void {
  const gaps = dims.flatMap((dim, axis) => (dim === null ? [axis] : []));
  const gap = gaps[0];
  if (gaps.length !== 1 || gap === undefined) return;
  dims[gap] = divideDims(
    input,
    dims.map((dim, axis) => (axis === gap ? 1 : dim)),
  );
}

const flatten: Rule = (context) => {
  const dims = context.dims(0);
  const dtype = context.dtype(0);
  if (!dims) return [{ dtype, dims: [null, null] }];
  const axis = intOf(context, 'axis', 1);
  const front = axis < 0 ? axis + dims.length : axis;
  return [{ dtype, dims: [productOf(dims.slice(0, front)), productOf(dims.slice(front))] }];
};

const squeeze: Rule = (context) => {
  const dims = context.dims(0);
  const dtype = context.dtype(0);
  const values = context.values(0);
  const axes = intsFrom(context, 1, 'axes');
  if (!dims) return [{ dtype, dims: null, values }];
  if (axes === 'unknown') {
    const dropped = rankFrom(context, 1);
    return [{ dtype, dims: dropped === undefined ? null : unknownOfRank(dims.length - dropped) }];
  }
  if (!axes) {
    // Without axes every 1 goes; a dimension that might be 1 leaves the rank open.
    if (dims.some((dim) => typeof dim !== 'number')) return [{ dtype, dims: null }];
    return [{ dtype, dims: dims.filter((dim) => dim !== 1), values }];
  }
  const front = axesOf(axes, dims.length);
  if (!front) {
    context.contradiction(`axes ${axes.join(', ')} lie outside ${shapeText(dims)}`);
    return [{ dtype, dims: null }];
  }
  return [{ dtype, dims: dims.filter((_, axis) => !front.includes(axis)), values }];
};

const unsqueeze: Rule = (context) => {
  const dims = context.dims(0);
  const dtype = context.dtype(0);
  const axes = intsFrom(context, 1, 'axes');
  if (!dims || !axes || axes === 'unknown') {
    const added = rankFrom(context, 1);
    return [{ dtype, dims: dims && added !== undefined ? unknownOfRank(dims.length + added) : null }];
  }
  const rank = dims.length + axes.length;
  const front = axesOf(axes, rank);
  if (!front || new Set(front).size !== axes.length) {
    context.contradiction(`axes ${axes.join(', ')} do not fit ${rank} dimensions`);
    return [{ dtype, dims: null }];
  }
  let next = 0;
  const result = Array.from({ length: rank }, (_, axis): Dim =>
    front.includes(axis) ? 1 : (dims[next++] ?? null),
  );
  return [{ dtype, dims: result, values: context.values(0) }];
};

const transpose: Rule = (context) => {
  const dims = context.dims(0);
  const dtype = context.dtype(0);
  const stated = intsOf(context, 'perm');
  if (!dims) return [{ dtype, dims: stated ? unknownDims(stated.length) : null }];
  const permutation = stated ?? dims.map((_, axis) => dims.length - 1 - axis);
  if (permutation.length !== dims.length || new Set(axesOf(permutation, dims.length)).size !== dims.length) {
    context.contradiction(`perm ${permutation.join(', ')} does not fit ${shapeText(dims)}`);
    return [{ dtype, dims: unknownDims(dims.length) }];
  }
  return [
    {
      dtype,
      dims: permutation.map((axis) => dims[axis] ?? null),
      values: permutedValues(context.values(0), dims, permutation),
    },
  ];
};

const expand: Rule = (context) => {
  const dtype = context.dtype(0);
  const target = context.values(1);
  const input = context.dims(0);
  if (!target) {
    const rank = rankFrom(context, 1);
    if (rank === undefined || !input) return [{ dtype, dims: null }];
    return [{ dtype, dims: unknownDims(Math.max(rank, input.length)) }];
  }
  const dims = broadcastDims([input, target], (a, b) => {
    context.contradiction(`${shapeText(a)} cannot be expanded to ${shapeText(b)}`);
  });
  const values = context.values(0);
  const length = dims?.length === 1 ? dims[0] : undefined;
  const repeated =
    values?.length === 1 && typeof length === 'number' && length <= mostTrackedValues
      ? new Array<Dim>(length).fill(values[0]!)
      : undefined;
  return [{ dtype, dims, values: repeated }];
};

const tile: Rule = (context) => {
  const dims = context.dims(0);
  const repeats = context.values(1);
  if (context.opset < 6) return [{ dtype: context.dtype(0), dims: dims && unknownDims(dims.length) }];
  if (!dims) return [{ dtype: context.dtype(0), dims: unknownOfRank(rankFrom(context, 1)) }];
  return [
    { dtype: context.dtype(0), dims: dims.map((dim, axis) => multiplyDims(dim, repeats?.[axis] ?? null)) },
  ];
};

const pad: Rule = (context) => {
  const dims = context.dims(0);
  const dtype = context.dtype(0);
  if (!dims) return [{ dtype, dims: null }];
  const pads: Dims | undefined = context.has(1)
    ? context.values(1)
    : (intsOf(context, 'pads') ?? intsOf(context, 'paddings'));
  const named = context.has(3) ? context.values(3) : dims.map((_, axis) => axis);
  if (!pads || !named?.every((axis) => typeof axis === 'number')) {
    return [{ dtype, dims: unknownDims(dims.length) }];
  }
  const axes = axesOf(named, dims.length);
  if (!axes || pads.length !== axes.length * 2) {
    context.contradiction(`${pads.length} pads do not fit ${shapeText(dims)}`);
    return [{ dtype, dims: unknownDims(dims.length) }];
  }
  const result = [...dims];
  axes.forEach((axis, at) => {
    result[axis] = addDims(result[axis] ?? null, addDims(pads[at]!, pads[at + axes.length]!));
  });
  return [{ dtype, dims: result }];
};

const depthToSpace: Rule = (context) => {
  const dims = context.dims(0);
  const block = intOf(context, 'blocksize', 0);
  if (dims?.length !== 4 || block <= 0) return [{ dtype: context.dtype(0), dims: unknownDims(4) }];
  const [batch, channels, height, width] = dims;
  return [
    {
      dtype: context.dtype(0),
      dims: [
        batch ?? null,
        quotient(channels ?? null, block * block),
        multiplyDims(height ?? null, block),
        multiplyDims(width ?? null, block),
      ],
    },
  ];
};

const spaceToDepth: Rule = (context) => {
  const dims = context.dims(0);
  const block = intOf(context, 'blocksize', 0);
  if (dims?.length !== 4 || block <= 0) return [{ dtype: context.dtype(0), dims: unknownDims(4) }];
  const [batch, channels, height, width] = dims;
  return [
    {
      dtype: context.dtype(0),
      dims: [
        batch ?? null,
        multiplyDims(channels ?? null, block * block),
        quotient(height ?? null, block),
        quotient(width ?? null, block),
      ],
    },
  ];
};

export const layoutRules: RuleTable = {
  Reshape: reshape,
  Flatten: flatten,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Transpose: transpose,
  Expand: expand,
  Tile: tile,
  Pad: pad,
  DepthToSpace: depthToSpace,
  SpaceToDepth: spaceToDepth,
  'com.microsoft.DepthToSpace': (context) =>
    textOf(context, 'channels_last', '') === '' ? depthToSpace(context) : [],
};
