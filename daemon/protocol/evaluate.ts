// Quality of a model on data.

import { Type, type Static } from 'typebox';
import { longRequest } from './common';
import { request } from './core';

export const EvaluationSchema = Type.Object(
  {
    metric: Type.String({
      description:
        "`top1` (share of samples whose largest output is the label) or `agreement` (share whose largest output equals the reference model's).",
    }),
    value: Type.Number({ description: 'The metric, 0 to 1.' }),
    low: Type.Number({ description: 'Lower end of the 95 % Wilson interval.' }),
    high: Type.Number({ description: 'Upper end of the 95 % Wilson interval.' }),
    samples: Type.Integer({ description: 'Samples evaluated.' }),
  },
  { description: 'A metric with its interval.' },
);
export type Evaluation = Static<typeof EvaluationSchema>;

export const evaluateOptions = {
  data: Type.String({
    description: 'Path of an .npz file: arrays named like the inputs, and `label` for `top1`.',
  }),
  metric: Type.Union([Type.Literal('top1'), Type.Literal('agreement')], { description: 'What to measure.' }),
  maxSamples: Type.Optional(
    Type.Integer({ minimum: 1, description: 'At most this many samples; all when absent.' }),
  ),
};

export const Evaluate = request('slipway/evaluate', {
  description: 'Runs a model over a data set and computes a metric.',
  params: Type.Object({
    uri: Type.String({ description: 'URI of the model.' }),
    reference: Type.Optional(
      Type.String({ description: 'URI of the model to agree with, for `agreement`.' }),
    ),
    ...evaluateOptions,
    ...longRequest,
  }),
  result: EvaluationSchema,
});
