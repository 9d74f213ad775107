// The one click: quantize, measure both, evaluate both, choose.

import { Type, type Static } from 'typebox';
import { MachineSchema, MeasurementSchema, RatioSchema, type BenchmarkResult } from './benchmark';
import { DiagnosticSchema, longRequest, modelRef } from './common';
import { request } from './core';
import { DifferenceSchema, EvaluationSchema } from './evaluate';
import { FusionSchema, OutputErrorSchema } from './quantize';

export const VariantSchema = Type.Object(
  {
    recipe: Type.String({ description: 'What was done: `original`, `int8 static`, `int8 dynamic`.' }),
    file: Type.String({ description: 'Path of the model.' }),
    fileBytes: Type.Integer({ description: 'Size with external data, bytes.' }),
    measurement: Type.Union([MeasurementSchema, Type.Null()], {
      description: 'Latency and memory; null until measured.',
    }),
    ratio: Type.Union([RatioSchema, Type.Null()], {
      description: 'Speed against the original; null for the original and until measured.',
    }),
    top1: Type.Union([EvaluationSchema, Type.Null()], {
      description: 'Accuracy; null without labelled data.',
    }),
    top1Difference: Type.Optional(DifferenceSchema),
    agreement: Type.Union([EvaluationSchema, Type.Null()], {
      description: 'Agreement with the original; null for the original and without data.',
    }),
    fusion: Type.Union([FusionSchema, Type.Null()], {
      description: 'Which nodes run in integers; null for the original.',
    }),
    error: Type.Union([OutputErrorSchema, Type.Null()], {
      description: 'Output difference; null for the original.',
    }),
    failed: Type.Optional(Type.String({ description: 'Why this variant could not be made or measured.' })),
  },
  { description: 'One version of the model.' },
);
export type Variant = Static<typeof VariantSchema>;

export const CompressResult = Type.Object({
  machine: MachineSchema,
  variants: Type.Array(VariantSchema, { description: 'The original first.' }),
  chosen: Type.String({
    description:
      'Path of the variant to use: the fastest whose measured top-1 is at most `maxDrop` below that of the original (the values themselves, not the ends of their intervals); without labels, the fastest that agrees with the original on at least 99 % of the samples. The original when none is faster, or when neither was measured.',
  }),
  calibration: Type.Union([Type.String(), Type.Null()], { description: 'Calibration data that was used.' }),
  validation: Type.Union([Type.String(), Type.Null()], {
    description: 'Validation data that was used; null when accuracy was not measured.',
  }),
  diagnostics: Type.Optional(
    Type.Array(DiagnosticSchema, {
      description:
        'What was left out and why, such as validation data beside the model that does not fit; usually empty.',
    }),
  ),
});
export type CompressResult = Static<typeof CompressResult>;

export const Compress = request('slipway/compress', {
  description:
    'Makes int8 versions of a model, measures and evaluates them beside the original, and chooses. Progress rows are variants as far as they are known; a later row with the same `file` replaces the earlier.',
  params: Type.Object({
    ...modelRef,
    outputFolder: Type.Optional(
      Type.String({
        description:
          'Where to write; the folder of the model when absent. Existing files are never replaced: a free name is chosen.',
      }),
    ),
    calibration: Type.Optional(
      Type.String({
        description:
          'Path of calibration data (.npz); data named `NAME_calibration.npz` beside the model is used when absent.',
      }),
    ),
    validation: Type.Optional(
      Type.String({
        description:
          'Path of labelled validation data (.npz); `NAME_validation.npz` beside the model is used when absent.',
      }),
    ),
    maxDrop: Type.Optional(
      Type.Number({
        minimum: 0,
        maximum: 1,
        description: 'Largest loss of top-1 that is accepted, 0.01 when absent.',
      }),
    ),
    threads: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 1024, description: 'Threads inside an operator; 1 when absent.' }),
    ),
    maxSeconds: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        description: 'Time limit of the measurement for each variant, seconds.',
      }),
    ),
    ...longRequest,
  }),
  result: CompressResult,
  row: VariantSchema,
});
export type { BenchmarkResult };
