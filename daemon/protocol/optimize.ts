// Make a smaller model that computes the same.

import { Type, type Static } from 'typebox';
import { DiagnosticSchema, longRequest, modelRef } from './common';
import { request } from './core';

const sizeOf = (description: string) =>
  Type.Object(
    {
      nodes: Type.Integer({ description: 'Nodes of the main graph, of bodies and of functions.' }),
      fileBytes: Type.Integer({ description: 'Bytes on disk, external data included.' }),
    },
    { description },
  );

export const OptimizeResult = Type.Object({
  output: Type.String({ description: 'Path of the file that was written.' }),
  before: sizeOf('The original.'),
  after: sizeOf('What was written.'),
  passes: Type.Array(
    Type.Object({
      name: Type.String({ description: 'Name of the rewrite.' }),
      changed: Type.Boolean({ description: 'Whether it found anything to do.' }),
    }),
    { description: 'Every rewrite, in the order in which they first ran.' },
  ),
  maxAbsError: Type.Union([Type.Number(), Type.Null()], {
    description:
      'Largest absolute difference of any output value against the original; null when the outputs could not be compared.',
  }),
  checked: Type.Object(
    {
      runs: Type.Integer({ description: 'Runs that were compared, on generated inputs and on real data.' }),
      samples: Type.Integer({
        description: 'Samples of real data that were compared; 0 when there was none.',
      }),
      data: Type.Union([Type.String(), Type.Null()], {
        description: 'Path of the real data; null when there was none.',
      }),
      seconds: Type.Number({ description: 'Time of the check, loading included.' }),
      cutShort: Type.Boolean({
        description:
          'Whether `checkSeconds` ended the check before all planned runs were made; a diagnostic says how many.',
      }),
      sizes: Type.Array(Type.Record(Type.String(), Type.Integer()), {
        description: 'Sizes of free dimensions by name, one entry for each set of runs.',
      }),
    },
    { description: 'How the outputs were compared.' },
  ),
  diagnostics: Type.Array(DiagnosticSchema, { description: 'What was noticed on the way.' }),
});
export type OptimizeResult = Static<typeof OptimizeResult>;

export const Optimize = request('slipway/optimize', {
  description:
    'Writes a smaller model that computes the same; nothing is written when the outputs are not the same. Needs a trusted workspace: it runs the model.',
  params: Type.Object({
    ...modelRef,
    output: Type.String({ description: 'Path to write; an existing file is refused with `conflict`.' }),
    overwrite: Type.Optional(Type.Boolean({ description: 'Replace an existing output (never the input).' })),
    bind: Type.Optional(
      Type.Record(Type.String(), Type.Integer({ minimum: 1 }), {
        description:
          'Free dimensions of the inputs that become numbers in the new model, by name; an unnamed one as `input[axis]`.',
      }),
    ),
    upgrade: Type.Optional(
      Type.Boolean({
        description:
          'Bring a model below operator set 20 there first: it has operators for patterns that older ones write out.',
      }),
    ),
    data: Type.Optional(
      Type.String({
        description:
          'Path of real data for the check, arrays named like the inputs; `NAME_calibration.npz` beside the model is found by itself.',
      }),
    ),
    checkSeconds: Type.Optional(
      Type.Number({
        minimum: 0,
        description:
          'Time for running both models in the check; 4 when absent. A run on generated inputs, one at doubled sizes and one on real data are made whatever it is.',
      }),
    ),
    unchecked: Type.Optional(
      Type.Boolean({
        description: 'Write also where the original cannot be run, so that the outputs cannot be compared.',
      }),
    ),
    ...longRequest,
  }),
  result: OptimizeResult,
});
