// How large a version of a model would be, without making it.

import { Type, type Static } from 'typebox';
import { modelRef } from './common';
import { request } from './core';

export const EstimateSchema = Type.Object({
  before: Type.Integer({ description: 'Bytes of the original, external data included.' }),
  after: Type.Integer({ description: 'Bytes that the version would have, at a guess.' }),
  low: Type.Integer({ description: 'It would hardly be smaller than this, bytes.' }),
  high: Type.Integer({ description: 'It would hardly be larger than this, bytes.' }),
  changedBytes: Type.Integer({ description: 'Bytes of the weights that would be stored in another way.' }),
  note: Type.String({ description: 'What the guess rests on, a sentence.' }),
});
export type Estimate = Static<typeof EstimateSchema>;

export const EstimateSize = request('slipway/estimate', {
  description:
    'Estimates the size of a version of a model from its shapes alone; nothing is run and no weight is read.',
  params: Type.Object({
    ...modelRef,
    method: Type.Union(
      [
        Type.Literal('static'),
        Type.Literal('dynamic'),
        Type.Literal('weight-only'),
        Type.Literal('fp16'),
        Type.Literal('bf16'),
        Type.Literal('channels'),
        Type.Literal('zeros'),
        Type.Literal('cluster'),
        Type.Literal('low-rank'),
        Type.Literal('optimize'),
      ],
      { description: 'How the version would be made.' },
    ),
    bits: Type.Optional(
      Type.Integer({ minimum: 2, maximum: 8, description: '`weight-only`; 4 when absent.' }),
    ),
    blockSize: Type.Optional(
      Type.Integer({ minimum: 16, maximum: 256, description: '`weight-only`; 32 when absent.' }),
    ),
    embeddings: Type.Optional(
      Type.Boolean({ description: '`weight-only`: lookup tables too; true when absent.' }),
    ),
    embeddingBits: Type.Optional(
      Type.Integer({
        minimum: 2,
        maximum: 8,
        description: '`weight-only`: bits of tables that are only looked up; 8 when absent.',
      }),
    ),
    clusters: Type.Optional(
      Type.Integer({ minimum: 2, maximum: 256, description: '`cluster`; 16 when absent.' }),
    ),
    ratio: Type.Optional(
      Type.Number({
        minimum: 0,
        exclusiveMaximum: 1,
        description: 'Share that goes: of the channels for `channels`, of the weights for `zeros`.',
      }),
    ),
    pattern: Type.Optional(
      Type.String({
        pattern: '^[0-9]+:[0-9]+$',
        description: '`zeros`: `2:4` keeps two of every four, in place of `ratio`.',
      }),
    ),
    store: Type.Optional(
      Type.Unsafe<'packed' | 'dense'>({
        type: 'string',
        enum: ['packed', 'dense'],
        description: '`zeros`: as for `slipway/pruneWeights`; `packed` when absent.',
      }),
    ),
    energy: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        maximum: 1,
        description: '`low-rank`: share of the energy that each layer keeps; 0.99 when absent.',
      }),
    ),
    targetMacs: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        exclusiveMaximum: 1,
        description: '`channels`: share of the multiply-accumulates that stays.',
      }),
    ),
  }),
  result: EstimateSchema,
});
