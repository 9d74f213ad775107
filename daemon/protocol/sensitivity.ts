// Measure how much the rounding of each layer costs, one layer at a time.

import { Type, type Static } from 'typebox';
import { DiagnosticSchema, longRequest, modelRef } from './common';
import { request } from './core';
import { OutputErrorSchema } from './quantize';
import { staticSettings } from './quantizeSettings';

export const LayerSensitivitySchema = Type.Object({
  node: Type.String({ description: 'Name of the layer.' }),
  op: Type.String({ description: 'Operator type.' }),
  alone: OutputErrorSchema,
  together: Type.Union([OutputErrorSchema, Type.Null()], {
    description: "Error of the layer's own output with all layers quantized; null when it cannot be seen.",
  }),
});
export type LayerSensitivity = Static<typeof LayerSensitivitySchema>;

export const SensitivityResult = Type.Object({
  layers: Type.Array(LayerSensitivitySchema, { description: 'The most sensitive first.' }),
  operators: Type.Optional(
    Type.Array(
      Type.Object({
        node: Type.String({ description: 'Name of the operator.' }),
        op: Type.String({ description: 'Operator type.' }),
        together: OutputErrorSchema,
      }),
      {
        description:
          'The other quantized operators with the error of their own output when all layers are quantized, the largest first.',
      },
    ),
  ),
  samples: Type.Integer({ description: 'Samples at the most that each layer was measured on.' }),
  diagnostics: Type.Array(DiagnosticSchema, { description: 'What was noticed on the way.' }),
});
export type SensitivityResult = Static<typeof SensitivityResult>;

export const Sensitivity = request('slipway/sensitivity', {
  description:
    'Quantizes one layer at a time and compares the outputs with the float model. It runs the model, so ask the user first whether it may be trusted.',
  params: Type.Object({
    ...modelRef,
    calibration: Type.String({ description: 'Path of the calibration data.' }),
    calibrationSamples: Type.Optional(
      Type.Integer({
        minimum: 1,
        description: 'Ranges are measured on at most this many samples; all when absent.',
      }),
    ),
    samples: Type.Optional(
      Type.Integer({ minimum: 1, description: 'Samples that each layer is measured on; 64 when absent.' }),
    ),
    ...staticSettings,
    ...longRequest,
  }),
  row: LayerSensitivitySchema,
  result: SensitivityResult,
});
