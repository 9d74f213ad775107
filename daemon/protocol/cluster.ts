// Make a model file smaller by sharing weights: indices into a codebook.

import { Type, type Static } from 'typebox';
import { DiagnosticSchema, longRequest, modelRef } from './common';
import { request } from './core';
import { OutputErrorSchema } from './quantize';

const sizeFields = {
  parameters: Type.Integer({ description: 'Numbers in weights, as the running model has them.' }),
  fileBytes: Type.Integer({ description: 'Bytes of the file, external data included.' }),
};

export const ClusterResult = Type.Object({
  output: Type.String({ description: 'Path of the file that was written.' }),
  before: Type.Object(sizeFields, { description: 'The original.' }),
  after: Type.Object(sizeFields, { description: 'What was written.' }),
  tensors: Type.Array(
    Type.Object({
      name: Type.String({ description: 'Name of the weight.' }),
      elements: Type.Integer({ description: 'Its numbers.' }),
      centroids: Type.Integer({ description: 'Different values of each codebook.' }),
      codebooks: Type.Integer({ description: 'Codebooks: one, or one for each group of rows.' }),
      fitted: Type.Boolean({ description: 'Whether they were fitted to what the layer reads.' }),
    }),
    { description: 'Weights that were clustered.' },
  ),
  error: Type.Union([OutputErrorSchema, Type.Null()], {
    description:
      'Difference of the outputs on calibration samples or generated ones; null when not measured.',
  }),
  diagnostics: Type.Array(DiagnosticSchema, { description: 'What was noticed on the way.' }),
});
export type ClusterResult = Static<typeof ClusterResult>;

export const Cluster = request('slipway/cluster', {
  description:
    'Writes a model whose weights are indices into codebooks: a smaller file that runs as fast as before. Needs a trusted workspace: it runs the model.',
  params: Type.Object({
    ...modelRef,
    clusters: Type.Integer({
      minimum: 2,
      maximum: 256,
      description: 'Different values of a weight; up to 16 take half a byte each, else one byte.',
    }),
    codebooks: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 512,
        description:
          'Codebooks of a weight at the most, one for each group of its rows: closer to the original, and a little larger; 1 when absent.',
      }),
    ),
    calibration: Type.Optional(
      Type.String({ description: 'Path of an .npz file; the clusters are then fitted to layer outputs.' }),
    ),
    calibrationSamples: Type.Optional(
      Type.Integer({ minimum: 1, description: 'At most this many samples; all when absent.' }),
    ),
    output: Type.String({ description: 'Path to write; an existing file is refused with `conflict`.' }),
    overwrite: Type.Optional(Type.Boolean({ description: 'Replace an existing output (never the input).' })),
    ...longRequest,
  }),
  result: ClusterResult,
});
