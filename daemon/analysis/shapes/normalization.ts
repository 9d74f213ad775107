// Shape rules of normalisations, dropout and the losses.

import {
  axisOf,
  intOf,
  likeFirst,
  textOf,
  type Inferred,
  type Rule,
  type RuleContext,
  type RuleTable,
} from './context';
import type { Dim, Dims } from './dims';
import { dataTypeName } from '../../ir/dataType';

/** Y, then running statistics (or, before opset 14, saved ones too), one number per channel. */
const batchNormalization: Rule = (context) => {
  const mean: Inferred = { dtype: context.dtype(3), dims: context.dims(3) };
  const variance: Inferred = { dtype: context.dtype(4), dims: context.dims(4) };
  return [context.type(0), mean, variance, mean, variance];
};

/** Dimensions from `axis` on become 1: the shape of a mean or inverse deviation. */
function statistics(context: RuleContext, fallback: number): Dims | null {
  const dims = context.dims(0);
  const axis = dims && axisOf(intOf(context, 'axis', fallback), dims.length);
  if (!dims || axis === undefined || axis === null) return null;
  return dims.map((dim, at): Dim => (at < axis ? dim : 1));
}

const layerNormalization: Rule = (context) => {
  const dims = statistics(context, -1);
  const dtype = dataTypeName(intOf(context, 'stash_type', 1));
  return [context.type(0), { dtype, dims }, { dtype, dims }];
};

/** Skip connections: normalised output, mean, inverse deviation, and the sum before normalising. */
const skipNormalization: Rule = (context) => {
  const dims = context.dims(0)?.map((dim, at, all): Dim => (at < all.length - 1 ? dim : 1)) ?? null;
  const statistic: Inferred = { dtype: 'float', dims };
  return [context.type(0), statistic, statistic, context.type(0)];
};

const dropout: Rule = (context) => [
  { ...context.type(0), values: context.values(0) },
  // The mask had the data's type before opset 10 and is boolean since.
  { dtype: context.opset < 10 ? context.dtype(0) : 'bool', dims: context.dims(0) },
];

function loss(context: RuleContext): Dims | null {
  return textOf(context, 'reduction', 'mean') === 'none' ? context.dims(1) : [];
}

export const normalizationRules: RuleTable = {
  BatchNormalization: batchNormalization,
  InstanceNormalization: likeFirst,
  GroupNormalization: likeFirst,
  RMSNormalization: likeFirst,
  LayerNormalization: layerNormalization,
  Dropout: dropout,
  NegativeLogLikelihoodLoss: (context) => [{ dtype: context.dtype(0), dims: loss(context) }],
  SoftmaxCrossEntropyLoss: (context) => [{ dtype: context.dtype(0), dims: loss(context) }, context.type(0)],
  // ONNX Runtime writes these into the standard domain when it saves an optimised model.
  SimplifiedLayerNormalization: layerNormalization,
  'com.microsoft.SimplifiedLayerNormalization': layerNormalization,
  'com.microsoft.LayerNormalization': layerNormalization,
  'com.microsoft.SkipLayerNormalization': skipNormalization,
  'com.microsoft.SkipSimplifiedLayerNormalization': skipNormalization,
  'com.microsoft.GroupNorm': likeFirst,
  'com.microsoft.GatedRMSNorm': likeFirst,
  'com.microsoft.EmbedLayerNormalization': (context) => {
    const ids = context.dims(0);
    const width = context.dims(2)?.[1] ?? null;
    const dims = ids?.length === 2 ? [ids[0]!, ids[1]!, width] : null;
    const dtype = context.dtype(2);
    return [
      { dtype, dims },
      { dtype: 'int32', dims: [ids?.[0] ?? null] },
      { dtype, dims },
    ];
  },
  RotaryEmbedding: likeFirst,
  'com.microsoft.RotaryEmbedding': likeFirst,
  'com.microsoft.MRotaryEmbedding': likeFirst,
};
