// Quality of a model on data.

import { Type, type Static } from 'typebox';
import { longRequest } from './common';
import { request } from './core';

export const EvaluationSchema = Type.Object(
  {
    metric: Type.String({
      description:
        "`top1` (share of samples whose largest output is the label), `agreement` (share whose largest output equals the reference model's), or another of the metrics that `slipway/evaluate` names.",
    }),
    value: Type.Number({ description: 'The metric; shares and scores are 0 to 1.' }),
    low: Type.Number({ description: 'Lower end of the 95 % interval.' }),
    high: Type.Number({ description: 'Upper end of the 95 % interval.' }),
    samples: Type.Integer({ description: 'Samples evaluated.' }),
  },
  { description: 'A metric with its 95 % interval: Wilson’s for shares, a seeded bootstrap for the rest.' },
);
export type Evaluation = Static<typeof EvaluationSchema>;

export const DifferenceSchema = Type.Object(
  {
    value: Type.Number({ description: 'This model’s metric minus that of the other.' }),
    low: Type.Number({ description: 'Lower end of the 95 % interval.' }),
    high: Type.Number({ description: 'Upper end of the 95 % interval.' }),
  },
  {
    description:
      'Difference of two models on the same samples, with the paired 95 % interval: Newcombe’s method 10 for shares, a paired bootstrap for the rest.',
  },
);
export type Difference = Static<typeof DifferenceSchema>;

const ClassFiguresSchema = Type.Object(
  {
    label: Type.Integer({ description: 'Class.' }),
    name: Type.Optional(Type.String({ description: 'Its name, where the data has one.' })),
    samples: Type.Integer({ description: 'Samples of the class; for `map`, true boxes.' }),
    precision: Type.Optional(Type.Number({ description: 'Share of those named so that are right.' })),
    recall: Type.Optional(Type.Number({ description: 'Share of the class that was named so.' })),
    f1: Type.Optional(Type.Number({ description: 'Harmonic mean of both.' })),
    averagePrecision: Type.Optional(Type.Number({ description: 'For `map`.' })),
  },
  { description: 'Figures of one class.' },
);

const optionalText = (description: string) => Type.Optional(Type.String({ description }));

export const EvaluateResult = Type.Object({
  ...EvaluationSchema.properties,
  interval: Type.Union([Type.Literal('wilson'), Type.Literal('bootstrap')], {
    description: 'How the interval was found.',
  }),
  k: Type.Optional(Type.Integer({ description: 'For `topk`.' })),
  average: optionalText('For `precision`, `recall` and `f1`: how classes were averaged.'),
  boxStyle: optionalText('For `map`: `coco` or `voc`.'),
  details: Type.Optional(
    Type.Object(
      {
        perClass: Type.Optional(Type.Array(ClassFiguresSchema, { description: 'One row for each class.' })),
        confusion: Type.Optional(
          Type.Array(Type.Array(Type.Integer()), {
            description: 'Rows are true classes, columns named ones; left out beyond 200 classes.',
          }),
        ),
      },
      { description: 'What the metric is made of, where it is over classes.' },
    ),
  ),
  against: Type.Optional(
    Type.Object(
      { model: Type.String({ description: 'Path of the model.' }), ...DifferenceSchema.properties },
      { description: 'The metric of the model that was named in `against`, on the same samples.' },
    ),
  ),
  difference: Type.Optional(DifferenceSchema),
  notes: Type.Array(Type.String(), {
    description: 'How the data was understood, where that should be said; usually empty.',
  }),
});
export type EvaluateResult = Static<typeof EvaluateResult>;

export const evaluateOptions = {
  data: Type.String({
    description:
      'Path of the data: .npz, .npy or a folder of them with arrays named like the inputs, a folder of ONNX test_data_set_* folders, .csv or .jsonl with columns named like the inputs, or a folder with a subfolder of pictures or .wav files for each class. Classes are in `label`; wanted values are named like the output, or `target`.',
  }),
  metric: Type.Union(
    [
      Type.Literal('top1'),
      Type.Literal('topk'),
      Type.Literal('precision'),
      Type.Literal('recall'),
      Type.Literal('f1'),
      Type.Literal('mse'),
      Type.Literal('mae'),
      Type.Literal('r2'),
      Type.Literal('cosine'),
      Type.Literal('kl'),
      Type.Literal('agreement'),
      Type.Literal('map'),
    ],
    {
      description:
        'What to measure. `top1` to `f1` need labels; `mse` to `kl` wanted values or a reference; `agreement` a reference; `map` true boxes.',
    },
  ),
  k: Type.Optional(Type.Integer({ minimum: 1, description: 'For `topk`; 5 when absent.' })),
  average: Type.Optional(
    Type.Union([Type.Literal('macro'), Type.Literal('weighted'), Type.Literal('micro')], {
      description: 'For `precision`, `recall` and `f1`; macro when absent.',
    }),
  ),
  boxStyle: Type.Optional(
    Type.Union([Type.Literal('coco'), Type.Literal('voc')], { description: 'For `map`; coco when absent.' }),
  ),
  output: optionalText('Name of the output that is scored; the first when absent.'),
  preprocess: optionalText(
    'How pictures or sound become tensors, `resize=256,crop=224,mean=0.485/0.456/0.406,std=0.229/0.224/0.225,layout=NCHW,color=rgb` or `rate=16000,samples=16000`.',
  ),
  tokenizer: optionalText('Path of a tokenizer.json for text; the one beside the data when absent.'),
  maxSamples: Type.Optional(
    Type.Integer({ minimum: 1, description: 'At most this many samples; all when absent.' }),
  ),
};

export const Evaluate = request('slipway/evaluate', {
  description: 'Runs a model over a data set and computes a metric.',
  params: Type.Object({
    uri: Type.String({ description: 'URI of the model.' }),
    reference: Type.Optional(
      Type.String({
        description:
          'URI of the model to agree with, for `agreement`; for `mse` to `kl`, the model that gives the wanted values.',
      }),
    ),
    against: Type.Optional(
      Type.String({
        description: 'URI of a model to hold this one against on the same samples; gives `difference`.',
      }),
    ),
    ...evaluateOptions,
    ...longRequest,
  }),
  result: EvaluateResult,
});
