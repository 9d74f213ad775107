// Make a float16 or bfloat16 version of a model.

import { Type, type Static } from 'typebox';
import { longRequest, modelRef } from './common';
import { request } from './core';
import { QuantizeResult } from './quantize';

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
          '`storage` (when absent) keeps weights in half and computes in float32: half the file at full speed, for CPUs. `compute` lets nodes compute in half, for GPUs and NPUs. `search` does so and finds the nodes that must stay float32.',
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
    minSqnrDb: Type.Optional(
      Type.Number({
        minimum: 0,
        description: '`search`: least signal-to-noise ratio of the outputs, dB; 50 when absent.',
      }),
    ),
    maxTrials: Type.Optional(
      Type.Integer({ minimum: 1, description: '`search`: most models that are tried; 60 when absent.' }),
    ),
    output: Type.String({ description: 'Path to write; an existing file is refused with `conflict`.' }),
    overwrite: Type.Optional(Type.Boolean({ description: 'Replace an existing output (never the input).' })),
    ...longRequest,
  }),
  result: QuantizeResult,
});
export type ConvertPrecisionResult = Static<typeof QuantizeResult>;
