// Make a model whose weights are blocks of 2, 4 or 8 bits, and say what each of them lost.

import { Type, type Static } from 'typebox';
import { longRequest, modelRef } from './common';
import { request } from './core';
import { QuantizeResult } from './quantize';

export const weightOnlyOptions = {
  bits: Type.Optional(
    Type.Union([Type.Literal(2), Type.Literal(4), Type.Literal(8)], {
      description: 'Bits of a weight; 4 when absent.',
    }),
  ),
  blockSize: Type.Optional(
    Type.Union([Type.Literal(16), Type.Literal(32), Type.Literal(64), Type.Literal(128), Type.Literal(256)], {
      description: 'Neighbouring weights that share a scale; 32 when absent.',
    }),
  ),
  symmetric: Type.Optional(
    Type.Boolean({
      description:
        'Zero points fixed in the middle, which saves them; true when absent, except for `hqq` and `k-quant`, which need free ones.',
    }),
  ),
  algorithm: Type.Optional(
    Type.Union(
      [
        Type.Literal('plain'),
        Type.Literal('rtn'),
        Type.Literal('hqq'),
        Type.Literal('k-quant'),
        Type.Literal('gptq'),
        Type.Literal('awq'),
      ],
      {
        description:
          '`rtn` rounds to nearest with the best scale, `plain` without a search, `hqq` and `k-quant` are other searches without data; `gptq` and `awq` need calibration data. `gptq` when there is such data, else `rtn`.',
      },
    ),
  ),
  actOrder: Type.Optional(
    Type.Boolean({ description: '`gptq` takes rows with large inputs first; the blocks stay the same.' }),
  ),
  passes: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 8,
      description:
        'How often `gptq` goes through the model; 1 when absent. After the first time it measures what layers read behind the quantized layers before them, and the version whose outputs are nearest is written.',
    }),
  ),
  form: Type.Optional(
    Type.Union([Type.Literal('nbits'), Type.Literal('blocked')], {
      description:
        '`nbits` writes MatMulNBits and GatherBlockQuantized of ONNX Runtime, `blocked` the standard DequantizeLinear of operator set 21 (25 for 2 bits), to which an older model is brought; `nbits` when absent.',
    }),
  ),
  largestError: Type.Optional(
    Type.Number({
      exclusiveMinimum: 0,
      description:
        'A weight that loses more than this share (of its layer’s output with calibration data, else of itself) takes 8 bits instead; never when absent.',
    }),
  ),
  accuracyLevel: Type.Optional(
    Type.Union([Type.Literal(0), Type.Literal(1), Type.Literal(4)], {
      description:
        'Arithmetic of MatMulNBits: 1 float32, 4 int8 activations, 0 as ONNX Runtime likes; chosen by measurement when absent.',
    }),
  ),
  embeddings: Type.Optional(
    Type.Boolean({
      description: 'Quantize lookup tables (Gather) too; true when absent.',
    }),
  ),
  embeddingBits: Type.Optional(
    Type.Union([Type.Literal(2), Type.Literal(4), Type.Literal(8)], {
      description:
        'Bits of tables that are only looked up; 8 when absent, for a lookup gains no time from fewer. A table that is multiplied with too takes `bits`; in the `blocked` form all take 8.',
    }),
  ),
  exclude: Type.Optional(
    Type.Array(Type.String({ description: 'A node name, or a pattern with * and ?.' }), {
      description: 'Nodes whose weights stay in float.',
    }),
  ),
  calibration: Type.Optional(
    Type.String({
      description:
        'Path of an .npz file with arrays named like the inputs: for `gptq` and `awq`, and to measure the error.',
    }),
  ),
  calibrationSamples: Type.Optional(
    Type.Integer({ minimum: 1, description: 'At most this many samples; all when absent.' }),
  ),
};

export const WeightOnlyResult = Type.Intersect([
  QuantizeResult,
  Type.Object({
    weightOnly: Type.Object(
      {
        layers: Type.Array(
          Type.Object({
            nodes: Type.Array(Type.String(), { description: 'Names of the nodes that use the weight.' }),
            weight: Type.String({ description: 'Name of the weight in the original.' }),
            k: Type.Integer({ description: 'Rows: inputs of the layer.' }),
            n: Type.Integer({ description: 'Columns: outputs of the layer.' }),
            bits: Type.Integer({ description: 'Bits of its codes.' }),
            algorithm: Type.String({ description: 'How it was rounded.' }),
            error: Type.Object(
              {
                relative: Type.Number({ description: 'Root of squared error over squared original.' }),
                of: Type.Union([Type.Literal('output'), Type.Literal('weight')], {
                  description:
                    'Whether the error is that of the layer’s output on the calibration data, or that of the weight itself.',
                }),
              },
              { description: 'What rounding cost.' },
            ),
          }),
          { description: 'What each weight lost.' },
        ),
        candidates: Type.Array(
          Type.Object({
            algorithm: Type.String({ description: 'How weights were rounded.' }),
            weighed: Type.Boolean({
              description: 'Whether errors of rounding counted by the inputs that they meet.',
            }),
            pass: Type.Optional(
              Type.Integer({
                description: 'How often `gptq` had gone through the model; absent for the others.',
              }),
            ),
            sqnrDb: Type.Number({
              description:
                'Signal-to-noise ratio of the whole model’s outputs on the samples, with float32 activations, dB.',
            }),
          }),
          {
            description:
              'Ways of rounding whose whole models were measured, what was asked for first; the nearest was written. Empty where nothing was to choose.',
          },
        ),
        accuracyLevel: Type.Union([Type.Integer(), Type.Null()], {
          description: 'Accuracy level that was written; null when there is no MatMulNBits.',
        }),
        tried: Type.Array(
          Type.Object({
            level: Type.Integer({ description: 'Accuracy level.' }),
            agreement: Type.Number({
              description: 'Share of output rows whose largest element is where the original’s is, 0 to 1.',
            }),
            medianMs: Type.Number({
              description: 'Median time of a run over one batch of samples, milliseconds.',
            }),
          }),
          { description: 'Accuracy levels that were measured.' },
        ),
      },
      { description: 'What only weight-only quantization tells.' },
    ),
  }),
]);
export type WeightOnlyResult = Static<typeof WeightOnlyResult>;

export const QuantizeWeights = request('slipway/quantizeWeights', {
  description:
    'Writes a version of a model whose weights are blocks of 2, 4 or 8 bits. Unless the model is very large it is run, so ask the user first whether it may be trusted.',
  params: Type.Object({
    ...modelRef,
    ...weightOnlyOptions,
    output: Type.String({ description: 'Path to write; an existing file is refused with `conflict`.' }),
    overwrite: Type.Optional(Type.Boolean({ description: 'Replace an existing output (never the input).' })),
    ...longRequest,
  }),
  result: WeightOnlyResult,
});
