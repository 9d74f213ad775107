// Make a model smaller and faster by removing channels, heads and hidden widths.

import { Type, type Static } from 'typebox';
import { DiagnosticSchema, longRequest, modelRef } from './common';
import { request } from './core';
import { OutputErrorSchema } from './quantize';

export const sizeFields = {
  parameters: Type.Integer({ description: 'Numbers in weights.' }),
  macs: Type.Union([Type.Integer(), Type.Null()], {
    description: 'Multiply-accumulates for one sample; null when a dimension is unknown.',
  }),
  fileBytes: Type.Integer({ description: 'Bytes of the file, external data included.' }),
};

export const pruneOptions = {
  ratio: Type.Optional(
    Type.Number({
      minimum: 0,
      exclusiveMaximum: 1,
      description: 'Share of the channels to remove. Give this or one of the targets.',
    }),
  ),
  targetMacs: Type.Optional(
    Type.Number({
      exclusiveMinimum: 0,
      exclusiveMaximum: 1,
      description: 'Share of the multiply-accumulates to keep.',
    }),
  ),
  targetSize: Type.Optional(
    Type.Number({
      exclusiveMinimum: 0,
      description: 'Size of the file: below 1 the share of it to keep, else its bytes.',
    }),
  ),
  targetLatency: Type.Optional(
    Type.Number({
      exclusiveMinimum: 0,
      exclusiveMaximum: 1,
      description:
        'Share of the time of one run to keep: layers are timed on this machine, and the result is measured beside the original.',
    }),
  ),
  targetMs: Type.Optional(
    Type.Number({ exclusiveMinimum: 0, description: 'Time of one run on this machine, milliseconds.' }),
  ),
  scope: Type.Optional(
    Type.Union([Type.Literal('global'), Type.Literal('layer')], {
      description:
        '`layer` takes the same share of every layer, `global` takes where it costs least; `layer` for a ratio without data, else `global`.',
    }),
  ),
  importance: Type.Optional(
    Type.Union(
      [
        Type.Literal('l1'),
        Type.Literal('l2'),
        Type.Literal('bn-scale'),
        Type.Literal('energy'),
        Type.Literal('error'),
      ],
      {
        description:
          'What decides which channels go: norms of weights, BatchNorm scales, or, from data, activation energy or least-squares output error. `error` when there is data, else `l2`.',
      },
    ),
  ),
  calibration: Type.Optional(
    Type.String({
      description: 'Path of an .npz file with arrays named like the inputs; labels are not used.',
    }),
  ),
  calibrationSamples: Type.Optional(
    Type.Integer({ minimum: 1, description: 'At most this many samples; all when absent.' }),
  ),
  repair: Type.Optional(
    Type.Boolean({
      description: 'Refit the layers by least squares on the data; true when there is data.',
    }),
  ),
  align: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 1024,
      description: "Widths are multiples of this where they can; the machine's vector width when absent.",
    }),
  ),
  most: Type.Optional(
    Type.Number({
      exclusiveMinimum: 0,
      maximum: 1,
      description: 'The largest share that one group of channels may lose; 0.8 when absent.',
    }),
  ),
  caps: Type.Optional(
    Type.Record(Type.String(), Type.Number({ minimum: 0, maximum: 1 }), {
      description: 'The largest share that single groups may lose, by the name of any of their layers.',
    }),
  ),
  threads: Type.Optional(
    Type.Integer({ minimum: 1, description: 'Threads that the latency is measured with; 1 when absent.' }),
  ),
};

export const PruneResult = Type.Object({
  output: Type.String({ description: 'Path of the file that was written.' }),
  before: Type.Object(sizeFields, { description: 'The original.' }),
  after: Type.Object(sizeFields, { description: 'What was written.' }),
  groups: Type.Array(
    Type.Object({
      name: Type.String({ description: 'The layer that makes these channels.' }),
      from: Type.Integer({ description: 'Width before.' }),
      to: Type.Integer({ description: 'Width after.' }),
      layers: Type.Array(Type.String(), { description: 'Layers that were cut with it.' }),
    }),
    { description: 'Everything that could be cut, cut or not.' },
  ),
  locked: Type.Array(
    Type.Object({
      name: Type.String({ description: 'Layer whose outputs had to stay.' }),
      width: Type.Integer({ description: 'Its width.' }),
      reason: Type.String({ description: 'Why, in words.' }),
    }),
    { description: 'Layers that could not be cut.' },
  ),
  repaired: Type.Integer({ description: 'Layers that were refitted by least squares.' }),
  error: Type.Union([OutputErrorSchema, Type.Null()], {
    description:
      'Difference of the outputs on calibration samples or generated ones; null when not measured.',
  }),
  latency: Type.Union(
    [
      Type.Object({
        beforeMs: Type.Number({ description: 'Median time of one run of the original, milliseconds.' }),
        afterMs: Type.Number({ description: 'The same of the result, measured in turn with it.' }),
        ratio: Type.Number({ description: 'Before over after.' }),
        low: Type.Number({ description: 'Lower end of its 95 % interval.' }),
        high: Type.Number({ description: 'Upper end of its 95 % interval.' }),
        threads: Type.Integer({ description: 'Threads inside an operator.' }),
      }),
      Type.Null(),
    ],
    { description: 'Measured times, where a latency was the target and something was removed; else null.' },
  ),
  diagnostics: Type.Array(DiagnosticSchema, { description: 'What was noticed on the way.' }),
});
export type PruneResult = Static<typeof PruneResult>;

export const Prune = request('slipway/prune', {
  description:
    'Writes a model with channels, attention heads and hidden widths removed. Needs a trusted workspace: it runs the model.',
  params: Type.Object({
    ...modelRef,
    ...pruneOptions,
    output: Type.String({ description: 'Path to write; an existing file is refused with `conflict`.' }),
    overwrite: Type.Optional(Type.Boolean({ description: 'Replace an existing output (never the input).' })),
    ...longRequest,
  }),
  result: PruneResult,
});
