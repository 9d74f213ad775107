// Make an int8 model, and say which nodes really run in integers.

import { Type, type Static } from 'typebox';
import { DiagnosticSchema, longRequest, modelRef } from './common';
import { request } from './core';
import { AccuracySchema, searchSettings, staticSettings } from './quantizeSettings';

export const FusionSchema = Type.Object(
  {
    integer: Type.Integer({
      description: 'Compute nodes that run in integers in the graph that ONNX Runtime optimised.',
    }),
    float: Type.Integer({ description: 'Compute nodes that run in float.' }),
    ran: Type.Optional(
      Type.Array(
        Type.Object({
          node: Type.String({ description: 'Node name in the original model.' }),
          op: Type.String({ description: 'Operator type.' }),
          as: Type.String({ description: 'The integer operator that does its work: `QLinearConv`.' }),
        }),
        { description: 'The nodes that run in integers.' },
      ),
    ),
    left: Type.Array(
      Type.Object({
        node: Type.String({ description: 'Node name in the original model.' }),
        op: Type.String({ description: 'Operator type.' }),
        why: Type.String({ description: 'Why it stays in float, a sentence.' }),
        mend: Type.Optional(
          Type.String({ description: 'What would bring it into integers, or that it should be left.' }),
        ),
      }),
      { description: 'The nodes that stay in float.' },
    ),
  },
  { description: 'Which compute nodes really run in integers.' },
);
export type Fusion = Static<typeof FusionSchema>;

export const OutputErrorSchema = Type.Object(
  {
    cosine: Type.Number({
      description: 'Cosine similarity of all outputs against the original, over the samples.',
    }),
    sqnrDb: Type.Number({ description: 'Signal-to-quantization-noise ratio, dB.' }),
    maxAbs: Type.Number({ description: 'Largest absolute difference.' }),
    samples: Type.Integer({ description: 'Samples compared.' }),
  },
  { description: 'How far the outputs are from those of the original.' },
);
export type OutputError = Static<typeof OutputErrorSchema>;

export const EmulationSchema = Type.Object(
  {
    target: Type.String({ description: 'The processor.' }),
    dangerousPairs: Type.Integer({
      description: 'Pairs of weights whose products can exceed 16 bits together.',
    }),
    pairs: Type.Integer({ description: 'All pairs of weights.' }),
    error: OutputErrorSchema,
  },
  { description: 'The same model under the arithmetic of another processor.' },
);

export const quantizeOptions = {
  method: Type.Union([Type.Literal('dynamic'), Type.Literal('static')], {
    description:
      '`dynamic` measures activations at run time and needs no data; `static` needs calibration data and is faster, above all for convolutions.',
  }),
  calibration: Type.Optional(
    Type.String({
      description: 'Path of an .npz file with arrays named like the inputs; needed for `static`.',
    }),
  ),
  calibrationSamples: Type.Optional(
    Type.Integer({ minimum: 1, description: 'At most this many samples; all when absent.' }),
  ),
};

export const QuantizeResult = Type.Object({
  output: Type.String({ description: 'Path of the file that was written.' }),
  before: Type.Object(
    { fileBytes: Type.Integer({ description: 'Bytes of the original, external data included.' }) },
    { description: 'The original.' },
  ),
  after: Type.Object(
    { fileBytes: Type.Integer({ description: 'Bytes of the new model.' }) },
    { description: 'What was written.' },
  ),
  quantizedNodes: Type.Integer({ description: 'Nodes that were given integer weights or inputs.' }),
  fusion: FusionSchema,
  error: Type.Union([OutputErrorSchema, Type.Null()], {
    description:
      'Difference of the outputs on calibration samples (or generated ones, for `dynamic` without data); null when it could not be measured.',
  }),
  scheme: Type.Optional(
    Type.Union([Type.String(), Type.Null()], {
      description: 'The integers chosen, "U8S8, per channel"; null for `dynamic`.',
    }),
  ),
  accuracy: Type.Optional(
    Type.Union([AccuracySchema, Type.Null()], { description: 'Null without `maxDrop`.' }),
  ),
  emulation: Type.Optional(
    Type.Union([EmulationSchema, Type.Null()], { description: 'Null without `emulate`.' }),
  ),
  speed: Type.Optional(
    Type.Union(
      [
        Type.Object({
          ratio: Type.Number({
            description: 'Time of the float model over that of the result: above 1 it is faster.',
          }),
          floatMs: Type.Number({ description: 'A run of the float model, milliseconds.' }),
          quantizedMs: Type.Number({ description: 'A run of the result, milliseconds.' }),
        }),
        Type.Null(),
      ],
      {
        description:
          'A short comparison on one sample in one thread; null where the gain is plain, or cannot be measured in a moment. A result that is not faster has a diagnostic `quantize/not-faster` as well.',
      },
    ),
  ),
  diagnostics: Type.Array(DiagnosticSchema, { description: 'What was noticed on the way.' }),
});
export type QuantizeResult = Static<typeof QuantizeResult>;

export const Quantize = request('slipway/quantize', {
  description:
    'Writes an int8 version of a model. It runs the model, so ask the user first whether it may be trusted.',
  params: Type.Object({
    ...modelRef,
    ...quantizeOptions,
    ...staticSettings,
    ...searchSettings,
    output: Type.String({ description: 'Path to write; an existing file is refused with `conflict`.' }),
    overwrite: Type.Optional(Type.Boolean({ description: 'Replace an existing output (never the input).' })),
    ...longRequest,
  }),
  result: QuantizeResult,
});
