// Measure how much pruning costs, one group of channels at a time.

import { Type, type Static } from 'typebox';
import { DiagnosticSchema, longRequest, modelRef } from './common';
import { request } from './core';
import { pruneOptions, PruneResult } from './prune';
import { OutputErrorSchema } from './quantize';

export const GroupSensitivitySchema = Type.Object({
  name: Type.String({ description: 'The layer that makes these channels.' }),
  from: Type.Integer({ description: 'Width before.' }),
  to: Type.Integer({ description: 'Width that was measured.' }),
  layers: Type.Array(Type.String(), { description: 'Layers that were cut with it.' }),
  alone: OutputErrorSchema,
  top1: Type.Union([Type.Number(), Type.Null()], {
    description: 'Top-1 accuracy with this group alone cut; null without labelled data.',
  }),
});
export type GroupSensitivity = Static<typeof GroupSensitivitySchema>;

export const PruneSensitivityResult = Type.Object({
  units: Type.Array(GroupSensitivitySchema, { description: 'The most sensitive first.' }),
  locked: PruneResult.properties.locked,
  ratio: Type.Number({ description: 'Share of its channels that each group lost.' }),
  samples: Type.Integer({ description: 'Samples that each group was measured on.' }),
  top1: Type.Union([Type.Number(), Type.Null()], {
    description: 'Top-1 accuracy of the original on the same samples; null without labelled data.',
  }),
  diagnostics: Type.Array(DiagnosticSchema, { description: 'What was noticed on the way.' }),
});
export type PruneSensitivityResult = Static<typeof PruneSensitivityResult>;

export const PruneSensitivity = request('slipway/pruneSensitivity', {
  description:
    'Cuts one group of channels at a time, without repair, and compares the outputs with the original. It runs the model, so ask the user first whether it may be trusted.',
  params: Type.Object({
    ...modelRef,
    ratio: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        exclusiveMaximum: 1,
        description: 'Share of its channels that each group loses; 0.5 when absent.',
      }),
    ),
    importance: pruneOptions.importance,
    calibration: Type.Optional(
      Type.String({
        description: 'Path of an .npz file to compare the outputs on; inputs are made up when absent.',
      }),
    ),
    calibrationSamples: pruneOptions.calibrationSamples,
    validation: Type.Optional(
      Type.String({ description: 'Path of labelled data: top-1 accuracy is then measured for each group.' }),
    ),
    samples: Type.Optional(
      Type.Integer({ minimum: 1, description: 'Samples that each group is measured on; 64 when absent.' }),
    ),
    ...longRequest,
  }),
  row: GroupSensitivitySchema,
  result: PruneSensitivityResult,
});
