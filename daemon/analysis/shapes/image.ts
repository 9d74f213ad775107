// Shape rules of operators that change the size of pictures or sample them.

import {
  axesOf,
  intOf,
  intsOf,
  textOf,
  unknown,
  unknownDims,
  unknownOfRank,
  type Rule,
  type RuleContext,
  type RuleTable,
} from './context';
import { rankFrom } from './layout';
import { floorDivide, multiplyDims, type Dim, type Dims } from './dims';

/** One dimension after scaling: rounded down, as the specification says. */
function scaled(size: Dim, scale: Dim): Dim {
  if (scale === 1) return size;
  if (typeof size === 'number' && typeof scale === 'number') return Math.floor(size * scale);
  if (typeof scale === 'number' && Number.isInteger(scale)) return multiplyDims(size, scale);
  if (typeof scale === 'number' && scale > 0 && Number.isInteger(1 / scale))
    return floorDivide(size, 1 / scale);
  return null;
}

function axesFor(context: RuleContext, dims: Dims, count: number): readonly number[] | undefined {
  const stated = intsOf(context, 'axes');
  const axes = stated ? axesOf(stated, dims.length) : dims.map((_, axis) => axis);
  return axes?.length === count ? axes : undefined;
}

function withAxes(dims: Dims, axes: readonly number[], of: (dim: Dim, at: number) => Dim): Dims {
  return dims.map((dim, axis) => {
    const at = axes.indexOf(axis);
    return at < 0 ? dim : of(dim, at);
  });
}

const resize: Rule = (context) => {
  const dims = context.dims(0);
  const dtype = context.dtype(0);
  if (!dims) return [{ dtype, dims: null }];
  const unknownShape = [{ dtype, dims: unknownDims(dims.length) }];
  // Opset 10: X, scales. Since 11: X, roi, scales, sizes.
  const scales = context.values(context.opset < 11 ? 1 : 2);
  const sizes = context.opset < 11 ? undefined : context.values(3);
  if (sizes && sizes.length > 0) {
    const axes = axesFor(context, dims, sizes.length);
    const policy = textOf(context, 'keep_aspect_ratio_policy', 'stretch');
    if (!axes) return unknownShape;
    if (policy === 'stretch') return [{ dtype, dims: withAxes(dims, axes, (_, at) => sizes[at]!) }];
    const ratios = axes.map((axis, at) => Number(sizes[at] ?? NaN) / Number(dims[axis] ?? NaN));
    const ratio = policy === 'not_larger' ? Math.min(...ratios) : Math.max(...ratios);
    if (Number.isNaN(ratio)) return [{ dtype, dims: withAxes(dims, axes, () => null) }];
    // Rounded half up.
    return [
      {
        dtype,
        dims: withAxes(dims, axes, (dim) => (typeof dim === 'number' ? Math.floor(dim * ratio + 0.5) : null)),
      },
    ];
  }
  const axes = scales && scales.length > 0 ? axesFor(context, dims, scales.length) : undefined;
  if (!scales || !axes) return unknownShape;
  return [{ dtype, dims: withAxes(dims, axes, (dim, at) => scaled(dim, scales[at]!)) }];
};

const upsample: Rule = (context) => {
  const dims = context.dims(0);
  const dtype = context.dtype(0);
  const attribute = context.attribute('scales');
  let scales: Dims | undefined = attribute?.type === 'FLOATS' ? attribute.value : context.values(1);
  const height = context.attribute('height_scale');
  const width = context.attribute('width_scale');
  if (height?.type === 'FLOAT' && width?.type === 'FLOAT') scales = [1, 1, height.value, width.value];
  if (!dims || scales?.length !== dims.length) return [{ dtype, dims: dims && unknownDims(dims.length) }];
  const known = scales;
  return [{ dtype, dims: dims.map((dim, axis) => scaled(dim, known[axis]!)) }];
};

const gridSample: Rule = (context) => {
  const input = context.dims(0);
  const grid = context.dims(1);
  if (!input || !grid) return [{ dtype: context.dtype(0), dims: null }];
  return [{ dtype: context.dtype(0), dims: [input[0] ?? null, input[1] ?? null, ...grid.slice(1, -1)] }];
};

const affineGrid: Rule = (context) => {
  const size = context.values(1);
  const count = rankFrom(context, 1);
  const spatial = size ? size.slice(2) : unknownOfRank(count === undefined ? undefined : count - 2);
  if (!spatial) return [{ dtype: context.dtype(0), dims: null }];
  return [{ dtype: context.dtype(0), dims: [size?.[0] ?? null, ...spatial, spatial.length] }];
};

const centerCropPad: Rule = (context) => {
  const dims = context.dims(0);
  const target = context.values(1);
  const dtype = context.dtype(0);
  if (!dims) return [{ dtype, dims: null }];
  const axes = target && axesFor(context, dims, target.length);
  if (!target || !axes) return [{ dtype, dims: unknownDims(dims.length) }];
  return [{ dtype, dims: withAxes(dims, axes, (_, at) => target[at]!) }];
};

export const imageRules: RuleTable = {
  Resize: resize,
  Upsample: upsample,
  GridSample: gridSample,
  AffineGrid: affineGrid,
  CenterCropPad: centerCropPad,
  NonMaxSuppression: () => [{ dtype: 'int64', dims: [null, 3] }],
  ImageDecoder: (context) => [
    { dtype: 'uint8', dims: [null, null, textOf(context, 'pixel_format', 'RGB') === 'Grayscale' ? 1 : 3] },
  ],
  // The experimental operator of early ONNX; `scale` is height and width in pixels.
  Crop: (context) => {
    const dims = context.dims(0);
    const border = intsOf(context, 'border');
    const scale = intsOf(context, 'scale');
    if (dims?.length !== 4 || border?.length !== 4) return [{ ...unknown, dtype: context.dtype(0) }];
    const [left = 0, top = 0, right = 0, bottom = 0] = border;
    const less = (dim: Dim | undefined, by: number) => (typeof dim === 'number' ? dim - by : null);
    const size = scale?.length === 2 ? scale : [less(dims[2], top + bottom), less(dims[3], left + right)];
    return [{ dtype: context.dtype(0), dims: [dims[0]!, dims[1]!, ...size] }];
  },
  MelWeightMatrix: (context) => {
    const bins = context.values(0)?.[0] ?? null;
    const length = context.values(1)?.[0];
    return [
      {
        dtype: intOf(context, 'output_datatype', 1) === 1 ? 'float' : unknown.dtype,
        dims: [typeof length === 'number' ? Math.floor(length / 2) + 1 : null, bins],
      },
    ];
  },
};
