// Make a float16 or bfloat16 version of a model.

import { Type, type Static } from 'typebox';
import { longRequest, modelRef } from './common';
import { request } from './core';
import { QuantizeResult } from './quantize';

export const PrecisionSearchSchema = Type.Object(
  {
    measured: Type.Array(
      Type.Object({
        metric: Type.Union(
          [Type.Literal('top1'), Type.Literal('agreement'), Type.Literal('cosine'), Type.Literal('sqnr')],
          { description: 'What was asked for; `sqnr` in dB.' },
        ),
        float: Type.Union([Type.Number(), Type.Null()], {
          description: 'Top-1 of the float32 model; null for what compares with it.',
        }),
        value: Type.Number({ description: 'What the written model keeps.' }),
        least: Type.Number({ description: 'The least value that was allowed.' }),
      }),
      { description: 'What was asked for, and what the written model keeps of it.' },
    ),
    float: Type.Array(Type.String(), { description: 'Nodes that went back to float32 for it.' }),
    evaluations: Type.Integer({ description: 'Models that were measured.' }),
    seconds: Type.Number({ description: 'Time of the search.' }),
    stopped: Type.Union([Type.Literal('done'), Type.Literal('seconds'), Type.Literal('evaluations')], {
      description: 'Why it ended: `seconds` and `evaluations` are the budgets.',
    }),
  },
  { description: 'What the search for half nodes found.' },
);

const PrecisionResult = Type.Object({
  ...QuantizeResult.properties,
  search: Type.Union([PrecisionSearchSchema, Type.Null()], { description: 'Null without a search.' }),
});

export const ConvertPrecision = request('slipway/convertPrecision', {
  description:
    'Writes a half-precision version of a model. It runs the model, so ask the user first whether it may be trusted.',
  params: Type.Object({
    ...modelRef,
    method: Type.Union([Type.Literal('fp16'), Type.Literal('bf16')], {
      description: 'float16 (more digits, up to 65,504) or bfloat16 (the range of float32, fewer digits).',
    }),
    mode: Type.Optional(
      Type.Union([Type.Literal('storage'), Type.Literal('compute'), Type.Literal('search')], {
        description:
          '`storage` keeps weights in half and computes in float32: half the file at full speed, for CPUs. `compute` lets nodes compute in half, for GPUs and NPUs. `search` does so and finds the nodes that must stay float32. When absent, `search` where `maxDrop`, `minCosine` or `minSqnrDb` is given, else `storage`.',
      }),
    ),
    keep: Type.Optional(
      Type.Array(Type.String(), {
        description: 'Operators, node names or patterns with * and ? that stay float32.',
      }),
    ),
    halfIo: Type.Optional(
      Type.Boolean({ description: 'Inputs and outputs become half as well; they keep float32 when absent.' }),
    ),
    calibration: Type.Optional(
      Type.String({
        description:
          'Path of an .npz file with arrays named like the inputs: what exceeds half floats on it stays float32.',
      }),
    ),
    calibrationSamples: Type.Optional(
      Type.Integer({ minimum: 1, description: 'At most this many samples; all when absent.' }),
    ),
    maxMagnitude: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        description:
          'A node that touches a value measured larger than this on the calibration data stays float32; a quarter of the largest half float when absent.',
      }),
    ),
    maxDrop: Type.Optional(
      Type.Number({
        minimum: 0,
        exclusiveMaximum: 1,
        description:
          '`search`: largest loss (0.003 is 0.3 points) of top-1 on `validation`, or, where that has no labels, of agreement with the float32 model.',
      }),
    ),
    validation: Type.Optional(
      Type.String({ description: 'Path of the data that `maxDrop` is measured on, with labels or without.' }),
    ),
    validationSamples: Type.Optional(
      Type.Integer({ minimum: 1, description: 'At most this many of its samples; all when absent.' }),
    ),
    minCosine: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        maximum: 1,
        description: '`search`: least cosine similarity of the outputs with those of the float32 model.',
      }),
    ),
    minSqnrDb: Type.Optional(
      Type.Number({
        minimum: 0,
        description:
          '`search`: least signal-to-noise ratio of the outputs, dB; 50 when nothing else is asked for. All that is asked for must hold.',
      }),
    ),
    maxEvaluations: Type.Optional(
      Type.Integer({ minimum: 1, description: '`search`: most models that are measured; 60 when absent.' }),
    ),
    maxSeconds: Type.Optional(
      Type.Number({
        minimum: 0,
        description:
          '`search`: ends after this time with the best so far, which is written at every step and stays when the request is cancelled.',
      }),
    ),
    output: Type.String({ description: 'Path to write; an existing file is refused with `conflict`.' }),
    overwrite: Type.Optional(Type.Boolean({ description: 'Replace an existing output (never the input).' })),
    ...longRequest,
  }),
  result: PrecisionResult,
});
export type ConvertPrecisionResult = Static<typeof PrecisionResult>;
