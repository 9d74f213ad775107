// Run a recipe file on a model: prune, repair, quantize and more in one go.

import { Type, type Static } from 'typebox';
import { DiagnosticSchema, longRequest, modelRef } from './common';
import { request } from './core';

const stage = (of: string) =>
  Type.Object(
    {
      fileBytes: Type.Integer({ description: 'Bytes of the file.' }),
      top1: Type.Union([Type.Number(), Type.Null()], {
        description: 'Top-1 accuracy; null when the recipe names no labelled data.',
      }),
    },
    { description: of },
  );

export const RunRecipeResult = Type.Object({
  recipe: Type.String({ description: 'Path of the recipe.' }),
  model: Type.String({ description: 'Path of the model that it was run on.' }),
  output: Type.String({ description: 'Path of the file that was written.' }),
  before: stage('The model.'),
  after: stage('What was written.'),
  steps: Type.Array(
    Type.Object({
      step: Type.Unsafe<'optimize' | 'prune' | 'low-rank' | 'prune-weights' | 'cluster' | 'quantize'>({
        type: 'string',
        enum: ['optimize', 'prune', 'low-rank', 'prune-weights', 'cluster', 'quantize'],
        description: 'What was done.',
      }),
      options: Type.Record(Type.String(), Type.Unknown(), {
        description: 'The options that it was given, paths made absolute.',
      }),
      fileBytes: Type.Integer({ description: 'Bytes of what it wrote.' }),
      seconds: Type.Number({ description: 'Time that it took.' }),
      top1: Type.Union([Type.Number(), Type.Null()], {
        description: 'Top-1 accuracy after it; null without labelled data.',
      }),
      result: Type.Unknown({ description: 'What its own request would answer.' }),
    }),
    { description: 'In the order in which they ran.' },
  ),
  speed: Type.Union(
    [
      Type.Object({
        p50Ratio: Type.Number({ description: "The model's median time over the result's." }),
        low: Type.Number({ description: 'Lower end of its 95 % interval.' }),
        high: Type.Number({ description: 'Upper end of its 95 % interval.' }),
      }),
      Type.Null(),
    ],
    { description: 'Measured in turn, when the recipe says `benchmark: true`; else null.' },
  ),
  diagnostics: Type.Array(DiagnosticSchema, {
    description: 'What the steps noticed on the way, with the step in front.',
  }),
});
export type RunRecipeResult = Static<typeof RunRecipeResult>;

export const RunRecipe = request('slipway/runRecipe', {
  description:
    'Runs the steps of a recipe file (YAML) on a model, each on what the one before wrote. Words, kinds and the order of the steps are checked before any work. Needs a trusted workspace: it runs the model.',
  params: Type.Object({
    ...modelRef,
    recipe: Type.String({
      description: 'Path of the recipe; a model that it names itself is not looked at.',
    }),
    output: Type.Optional(
      Type.String({
        description:
          "Path to write, instead of the recipe's own; an existing file is refused with `conflict`.",
      }),
    ),
    overwrite: Type.Optional(Type.Boolean({ description: 'Replace an existing output (never the input).' })),
    ...longRequest,
  }),
  result: RunRecipeResult,
});
