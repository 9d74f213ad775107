// Split layers into two thinner ones where that takes fewer multiplications.

import { Type, type Static } from 'typebox';
import { DiagnosticSchema, longRequest, modelRef } from './common';
import { request } from './core';
import { sizeFields } from './prune';
import { OutputErrorSchema } from './quantize';

export const LowRankResult = Type.Object({
  output: Type.String({ description: 'Path of the file that was written.' }),
  before: Type.Object(sizeFields, { description: 'The original.' }),
  after: Type.Object(sizeFields, { description: 'What was written.' }),
  layers: Type.Array(
    Type.Object({
      name: Type.String({ description: 'The layer.' }),
      from: Type.Integer({ description: 'Its full rank.' }),
      to: Type.Integer({ description: 'The rank that is left; `from` where splitting saves nothing.' }),
      energy: Type.Number({ description: 'Share of its energy that is kept, 0 to 1.' }),
      measured: Type.Boolean({
        description: 'Whether the energy is that of its outputs on the data; else that of its weights.',
      }),
    }),
    { description: 'Every layer that could be split, split or not.' },
  ),
  error: Type.Union([OutputErrorSchema, Type.Null()], {
    description:
      'Difference of the outputs on calibration samples or generated ones; null when not measured.',
  }),
  diagnostics: Type.Array(DiagnosticSchema, { description: 'What was noticed on the way.' }),
});
export type LowRankResult = Static<typeof LowRankResult>;

export const LowRank = request('slipway/lowRank', {
  description:
    'Writes a model whose MatMul, Gemm and 1×1 Conv are split into two thinner layers where that saves. Needs a trusted workspace: it runs the model.',
  params: Type.Object({
    ...modelRef,
    energy: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        maximum: 1,
        description:
          'Share of the energy of its weights, or with data of its outputs, that each layer keeps. Give this or `maxError`.',
      }),
    ),
    maxError: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        exclusiveMaximum: 1,
        description:
          "Largest error of each layer's output on the data, as a share of its size; needs `calibration`.",
      }),
    ),
    calibration: Type.Optional(
      Type.String({
        description:
          'Path of an .npz file with arrays named like the inputs; the split then follows what the layers read.',
      }),
    ),
    calibrationSamples: Type.Optional(
      Type.Integer({ minimum: 1, description: 'At most this many samples; all when absent.' }),
    ),
    output: Type.String({ description: 'Path to write; an existing file is refused with `conflict`.' }),
    overwrite: Type.Optional(Type.Boolean({ description: 'Replace an existing output (never the input).' })),
    ...longRequest,
  }),
  result: LowRankResult,
});
