// Make weights sparse without changing shapes.

import { Type, type Static } from 'typebox';
import { DiagnosticSchema, longRequest, modelRef } from './common';
import { request } from './core';
import { sizeFields } from './prune';
import { OutputErrorSchema } from './quantize';

const pruneWeightsOptions = {
  ratio: Type.Optional(
    Type.Number({
      exclusiveMinimum: 0,
      exclusiveMaximum: 1,
      description: 'Share of the weights that become zero. Give this or `pattern`.',
    }),
  ),
  pattern: Type.Optional(
    Type.String({
      pattern: '^[0-9]+:[0-9]+$',
      description: '`2:4` keeps two of every four neighbours along what a layer sums over.',
    }),
  ),
  criterion: Type.Optional(
    Type.Unsafe<'magnitude' | 'wanda' | 'sparsegpt'>({
      type: 'string',
      enum: ['magnitude', 'wanda', 'sparsegpt'],
      description:
        'What decides which weights go: their size, or, from data, what they bring (`wanda`) or what is lost when the others make up for them (`sparsegpt`). `sparsegpt` when there is data, else `magnitude`.',
    }),
  ),
  scope: Type.Optional(
    Type.Unsafe<'layer' | 'global'>({
      type: 'string',
      enum: ['layer', 'global'],
      description:
        '`layer` puts the same share into every layer, `global` more where it costs less. `global` when there is data, else `layer`; for a ratio only.',
    }),
  ),
  rounds: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 20,
      description:
        'Rounds in which the share grows, most of it early, each measured on what the one before left; 1 when absent. For a ratio only.',
    }),
  ),
  store: Type.Optional(
    Type.Unsafe<'packed' | 'dense'>({
      type: 'string',
      enum: ['packed', 'dense'],
      description:
        '`packed` stores a bit for each weight and the ones that are left, which ONNX Runtime unpacks at load; `dense` keeps plain initializers. `packed` when absent.',
    }),
  ),
  calibration: Type.Optional(
    Type.String({
      description: 'Path of an .npz file with arrays named like the inputs; labels are not used.',
    }),
  ),
  calibrationSamples: Type.Optional(
    Type.Integer({ minimum: 1, description: 'At most this many samples; all when absent.' }),
  ),
};

export const PruneWeightsResult = Type.Object({
  output: Type.String({ description: 'Path of the file that was written.' }),
  before: Type.Object(sizeFields, { description: 'The original.' }),
  after: Type.Object(sizeFields, { description: 'What was written; shapes stay, so only the file changes.' }),
  layers: Type.Array(
    Type.Object({
      name: Type.String({ description: 'The layer.' }),
      elements: Type.Integer({ description: 'Its weights.' }),
      zeros: Type.Integer({ description: 'How many of them are zero.' }),
    }),
    { description: 'Layers that were made sparse.' },
  ),
  stored: Type.Array(
    Type.Object({
      name: Type.String({ description: 'The weight.' }),
      elements: Type.Integer({ description: 'Its numbers.' }),
      zeros: Type.Integer({ description: 'How many of them are zero.' }),
      form: Type.Unsafe<'dense' | 'bitmap' | 'sparse'>({
        type: 'string',
        enum: ['dense', 'bitmap', 'sparse'],
        description:
          '`bitmap`: a bit for each number and the ones that are left. `sparse`: a sparse initializer. `dense`: neither is smaller.',
      }),
      bytesBefore: Type.Integer({ description: 'Bytes of its numbers before.' }),
      bytes: Type.Integer({ description: 'Bytes of its numbers in the file.' }),
    }),
    { description: 'How weights with zeros are stored; empty for `dense`.' },
  ),
  error: Type.Union([OutputErrorSchema, Type.Null()], {
    description:
      'Difference of the outputs on calibration samples or generated ones; null when not measured.',
  }),
  diagnostics: Type.Array(DiagnosticSchema, { description: 'What was noticed on the way.' }),
});
export type PruneWeightsResult = Static<typeof PruneWeightsResult>;

export const PruneWeights = request('slipway/pruneWeights', {
  description:
    'Writes a model with zeros in its weights, stored so that the file is smaller; it runs no faster. Needs a trusted workspace: it runs the model.',
  params: Type.Object({
    ...modelRef,
    ...pruneWeightsOptions,
    output: Type.String({ description: 'Path to write; an existing file is refused with `conflict`.' }),
    overwrite: Type.Optional(Type.Boolean({ description: 'Replace an existing output (never the input).' })),
    ...longRequest,
  }),
  result: PruneWeightsResult,
});
