// Shape rules of convolutions and pools, in all their spellings.

import {
  intOf,
  intsOf,
  textOf,
  unknown,
  unknownDims,
  unknownOfRank,
  type Inferred,
  type Rule,
  type RuleContext,
  type RuleTable,
} from './context';
import { addDims, ceilDivide, floorDivide, multiplyDims, subtractDims, type Dim, type Dims } from './dims';
import { rankFrom } from './layout';
import { shapeText } from '../typeText';

interface Window {
  readonly kernel: Dims;
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** All begins, then all ends. */
  readonly pads: readonly number[];
  readonly autoPad: string;
  readonly ceil: boolean;
}

function windowOf(context: RuleContext, kernel: Dims): Window | undefined {
  const rank = kernel.length;
  const strides = intsOf(context, 'strides') ?? new Array<number>(rank).fill(1);
  const dilations = intsOf(context, 'dilations') ?? new Array<number>(rank).fill(1);
  const pads = intsOf(context, 'pads') ?? new Array<number>(rank * 2).fill(0);
  if (strides.length !== rank || dilations.length !== rank || pads.length !== rank * 2) {
    context.contradiction(`strides, dilations or pads do not fit ${rank} spatial dimensions`);
    return undefined;
  }
  if (strides.some((stride) => stride <= 0)) return undefined;
  return {
    kernel,
    strides,
    dilations,
    pads,
    autoPad: textOf(context, 'auto_pad', 'NOTSET'),
    ceil: intOf(context, 'ceil_mode', 0) !== 0,
  };
}

/** One spatial dimension after a convolution or pool. */
function slide(window: Window, size: Dim, axis: number): Dim {
  const stride = window.strides[axis]!;
  if (window.autoPad.startsWith('SAME')) return ceilDivide(size, stride);
  const rank = window.kernel.length;
  const begin = window.autoPad === 'VALID' ? 0 : window.pads[axis]!;
  const end = window.autoPad === 'VALID' ? 0 : window.pads[axis + rank]!;
  // The kernel reaches (k - 1) · dilation + 1 elements.
  const reach = addDims(multiplyDims(subtractDims(window.kernel[axis]!, 1), window.dilations[axis]!), 1);
  const room = subtractDims(addDims(size, begin + end), reach);
  if (typeof room === 'number' && room < 0) return null;
  if (!window.ceil) return addDims(floorDivide(room, stride), 1);
  if (typeof size !== 'number' || typeof room !== 'number') return null;
  const rounded = Math.ceil(room / stride) + 1;
  // The last window must start inside the picture or its leading padding.
  return (rounded - 1) * stride >= size + begin ? rounded - 1 : rounded;
}

const slideAll = (window: Window | undefined, spatial: Dims): Dims =>
  window ? spatial.map((size, axis) => slide(window, size, axis)) : unknownDims(spatial.length);

/** Convolution of an input at `x` with weights at `w`: [batch, out channels, spatial…]. */
function convolve(context: RuleContext, x: number, w: number): Dims | null {
  const input = context.dims(x);
  const weights = context.dims(w);
  const rank = input?.length ?? weights?.length;
  if (rank === undefined || rank < 2) return null;
  if (input && weights && input.length !== weights.length) {
    context.contradiction(`input ${shapeText(input)} and weights ${shapeText(weights)} differ in rank`);
    return null;
  }
  const channels = input?.[1];
  const perGroup = weights?.[1];
  const group = intOf(context, 'group', 1);
  if (typeof channels === 'number' && typeof perGroup === 'number' && channels !== perGroup * group) {
    context.contradiction(
      `the input has ${channels} channels, the weights expect ${perGroup * group} (${perGroup} × group ${group})`,
    );
  }
  const kernel = weights?.slice(2) ?? intsOf(context, 'kernel_shape') ?? unknownDims(rank - 2);
  const spatial = input?.slice(2) ?? unknownDims(rank - 2);
  if (kernel.length !== spatial.length) return null;
  return [input?.[0] ?? null, weights?.[0] ?? null, ...slideAll(windowOf(context, kernel), spatial)];
}

const convRule =
  (x: number, w: number, dtype: (context: RuleContext) => string): Rule =>
  (context) => [{ dtype: dtype(context), dims: convolve(context, x, w) }];

const convTranspose: Rule = (context) => {
  const input = context.dims(0);
  const weights = context.dims(1);
  const dtype = context.dtype(0);
  if (!input || !weights || input.length < 2 || input.length !== weights.length)
    return [{ dtype, dims: null }];
  const channels = multiplyDims(weights[1]!, intOf(context, 'group', 1));
  const spatial = input.slice(2);
  const rank = spatial.length;
  const stated = intsOf(context, 'output_shape');
  if (stated?.length === rank) return [{ dtype, dims: [input[0]!, channels, ...stated] }];
  const window = windowOf(context, weights.slice(2));
  const extra = intsOf(context, 'output_padding') ?? new Array<number>(rank).fill(0);
  if (!window || extra.length !== rank) return [{ dtype, dims: [input[0]!, channels, ...unknownDims(rank)] }];
  const sizes = spatial.map((size, axis): Dim => {
    const stride = window.strides[axis]!;
    if (window.autoPad.startsWith('SAME')) return multiplyDims(size, stride);
    const reach = addDims(multiplyDims(subtractDims(window.kernel[axis]!, 1), window.dilations[axis]!), 1);
    const pads = window.autoPad === 'VALID' ? 0 : window.pads[axis]! + window.pads[axis + rank]!;
    return subtractDims(
      addDims(addDims(multiplyDims(subtractDims(size, 1), stride), reach), extra[axis]!),
      pads,
    );
  });
  return [{ dtype, dims: [input[0]!, channels, ...sizes] }];
};

function pool(context: RuleContext, channelsLast = false): Dims | null {
  const input = context.dims(0);
  const kernel = intsOf(context, 'kernel_shape');
  if (!input) return kernel ? unknownDims(kernel.length + 2) : null;
  if (input.length < 2 || !kernel) return unknownDims(input.length);
  const spatial = channelsLast ? input.slice(1, -1) : input.slice(2);
  if (kernel.length !== spatial.length) {
    context.contradiction(`a kernel of ${kernel.length} dimensions cannot slide over ${shapeText(input)}`);
    return unknownDims(input.length);
  }
  const sizes = slideAll(windowOf(context, kernel), spatial);
  return channelsLast ? [input[0]!, ...sizes, input.at(-1)!] : [input[0]!, input[1]!, ...sizes];
}

const poolRule: Rule = (context) => [{ dtype: context.dtype(0), dims: pool(context) }];

const globalPool =
  (mayBeLast = false): Rule =>
  (context) => {
    const last = mayBeLast && intOf(context, 'channels_last', 0) !== 0;
    const dims = context.dims(0)?.map((dim, axis, all): Dim => {
      const channel = last ? all.length - 1 : 1;
      return axis === 0 || axis === channel ? dim : 1;
    });
    return [{ dtype: context.dtype(0), dims: dims ?? null }];
  };

const roiPool =
  (rois: number, shape: (context: RuleContext) => Dims): Rule =>
  (context) => [
    {
      dtype: context.dtype(0),
      dims: [context.dims(rois)?.[0] ?? null, context.dims(0)?.[1] ?? null, ...shape(context)],
    },
  ];

const maxUnpool: Rule = (context) => {
  const dtype = context.dtype(0);
  if (context.has(2)) {
    const values = context.values(2);
    return [{ dtype, dims: values ? [...values] : unknownDims(context.dims(0)?.length ?? 0) }];
  }
  const input = context.dims(0);
  const kernel = intsOf(context, 'kernel_shape');
  const window = kernel && windowOf(context, kernel);
  if (!input || !window || input.length !== window.kernel.length + 2) return [{ dtype, dims: null }];
  const sizes = input.slice(2).map((size, axis) => {
    const pads = window.pads[axis]! + window.pads[axis + window.kernel.length]!;
    return subtractDims(
      addDims(multiplyDims(subtractDims(size, 1), window.strides[axis]!), window.kernel[axis]!),
      pads,
    );
  });
  return [{ dtype, dims: [input[0]!, input[1]!, ...sizes] }];
};

/** NHWC spellings of ONNX Runtime: channels last in data, first in weights. */
const convChannelsLast =
  (x: number, w: number, dtype: number): Rule =>
  (context) => {
    const input = context.dims(x);
    const weights = context.dims(w);
    if (!input || !weights || input.length !== weights.length || input.length < 2) {
      return [{ dtype: context.dtype(dtype), dims: null }];
    }
    const sizes = slideAll(windowOf(context, weights.slice(2)), input.slice(1, -1));
    return [{ dtype: context.dtype(dtype), dims: [input[0]!, ...sizes, weights[0]!] }];
  };

const firstType = (context: RuleContext) => context.dtype(0);

const outputShapePair = (context: RuleContext): Dims => [
  intOf(context, 'output_height', 1),
  intOf(context, 'output_width', 1),
];

const col2im: Rule = (context) => {
  const input = context.dims(0);
  const image = context.values(1);
  const block = context.values(2);
  const count = rankFrom(context, 1);
  const sizes = image ?? unknownOfRank(count);
  if (!sizes) return [{ dtype: context.dtype(0), dims: null }];
  let channels: Dim = input?.[1] ?? null;
  for (const size of block ?? [null]) channels = size === null ? null : floorDivide(channels, size);
  const result: Inferred = {
    dtype: context.dtype(0),
    dims: [input?.[0] ?? null, channels, ...sizes],
  };
  return [result];
};

export const convolutionRules: RuleTable = {
  Conv: convRule(0, 1, firstType),
  ConvInteger: convRule(0, 1, () => 'int32'),
  QLinearConv: convRule(0, 3, (context) => (context.has(7) ? context.dtype(7) : context.dtype(0))),
  DeformConv: convRule(0, 1, firstType),
  ConvTranspose: convTranspose,
  MaxPool: (context) => {
    const dims = pool(context);
    return [
      { dtype: context.dtype(0), dims },
      { dtype: 'int64', dims },
    ];
  },
  AveragePool: poolRule,
  LpPool: poolRule,
  MaxUnpool: maxUnpool,
  GlobalAveragePool: globalPool(),
  GlobalMaxPool: globalPool(),
  GlobalLpPool: globalPool(),
  MaxRoiPool: roiPool(1, (context) => intsOf(context, 'pooled_shape') ?? [null, null]),
  RoiAlign: roiPool(1, outputShapePair),
  Col2Im: col2im,
  'com.microsoft.FusedConv': convRule(0, 1, firstType),
  'com.microsoft.NhwcConv': convChannelsLast(0, 1, 0),
  'com.microsoft.NhwcFusedConv': convChannelsLast(0, 1, 0),
  'com.microsoft.NhwcMaxPool': (context) => [{ dtype: context.dtype(0), dims: pool(context, true) }],
  'com.microsoft.QLinearConv': (context) =>
    intOf(context, 'channels_last', 0) !== 0
      ? convChannelsLast(0, 3, 7)(context)
      : [{ dtype: context.dtype(7), dims: convolve(context, 0, 3) }],
  'com.microsoft.QLinearAveragePool': (context) => [
    {
      dtype: context.dtype(0),
      dims: pool(context, intOf(context, 'channels_last', 0) !== 0),
    },
  ],
  'com.microsoft.QLinearGlobalAveragePool': globalPool(true),
  'com.microsoft.MaxpoolWithMask': poolRule,
  // ONNX Runtime's internal layout: the same arithmetic on blocked channels is not the user's shape.
  'com.microsoft.nchwc.Conv': () => [unknown],
};
