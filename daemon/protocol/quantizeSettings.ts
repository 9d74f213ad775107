// The settings of static quantization and of its search for accuracy, shared by the requests that quantize.

import { Type, type TSchema } from 'typebox';

const choice = <const T extends readonly string[]>(words: T, description: string) =>
  Type.Optional(Type.Unsafe<T[number]>({ type: 'string', enum: words, description }));
const optional = <T extends TSchema>(schema: T) => Type.Optional(schema);
const names = (description: string) => optional(Type.Array(Type.String(), { description }));

const recoverWords = ['cle', 'smooth', 'adaround', 'bias', 'bias-iterative'] as const;
type RecoverWord = (typeof recoverWords)[number];

/** Which integers, which ranges and which nodes. */
export const staticSettings = {
  target: choice(
    ['avx2', 'avx512', 'vnni', 'amx', 'neon', 'dotprod', 'i8mm'],
    "Processor to choose the integers for; the daemon's own when absent.",
  ),
  activations: choice(
    ['uint8', 'int8', 'uint16', 'int16'],
    'Type of the activations; 16 bits are accurate but run in float on CPUs.',
  ),
  weights: choice(['int8', 'uint8'], 'Type of the weights.'),
  perTensor: optional(
    Type.Boolean({ description: 'One scale for each weight instead of one for each output channel.' }),
  ),
  reducedRange: optional(
    Type.Boolean({ description: 'Weights on 7 bits, so that no product saturates on AVX2 without VNNI.' }),
  ),
  symmetric: optional(
    Type.Boolean({ description: 'Zero in the middle of the integers of values that have both signs.' }),
  ),
  calibrator: choice(
    ['minmax', 'moving-average', 'percentile', 'entropy', 'mse'],
    'How ranges are chosen; `minmax` when absent.',
  ),
  percentile: optional(
    Type.Number({ minimum: 50, maximum: 100, description: 'Percent of the values that `percentile` keeps.' }),
  ),
  momentum: optional(
    Type.Number({
      exclusiveMinimum: 0,
      maximum: 1,
      description: 'Weight of the newest batch for `moving-average`.',
    }),
  ),
  calibrationCache: optional(
    Type.String({
      description: 'Path of a file that keeps the ranges for the same model, data and settings.',
    }),
  ),
  overrides: optional(
    Type.String({
      description:
        'Path of a JSON file with wishes for single tensors: a fixed range, the integers of a value or a weight, or `float`.',
    }),
  ),
  include: names('Only nodes with these names, or patterns with `*` and `?`.'),
  exclude: names('Nodes that stay in float, by name or pattern.'),
  includeOps: names('Only nodes of these operator types.'),
  excludeOps: names('Operator types that stay in float.'),
};

/** What is done beyond one quantization. */
export const searchSettings = {
  format: choice(['qdq', 'qoperator'], 'Quantize steps around float operators, or integer operators.'),
  recover: optional(
    Type.Array(Type.Unsafe<RecoverWord>({ type: 'string', enum: recoverWords }), {
      description:
        'What is done to the float model first, so that it loses less, each step only where the outputs on samples come nearer: `cle` evens out channels of neighbouring layers, `smooth` smooths activations, `adaround` rounds weights by data, `bias` corrects biases for rounded weights, `bias-iterative` for all that the quantized layers before lose, layer after layer.',
    }),
  ),
  smoothAlpha: names(
    'The α of `smooth`, between 0 (the weights become alike) and 1 (the activations do): `0.5` for all layers, `PATTERN=0.7` for those that fit, the last that fits counts; chosen by the error of rounding when absent.',
  ),
  tune: optional(
    Type.Boolean({
      description:
        'Give back to float what measures slower in integers here; models with HardSwish do so unless it is false. False also leaves out whether the result is faster.',
    }),
  ),
  emulate: choice(['avx2'], 'Also measure the error under the arithmetic of another processor.'),
  maxDrop: optional(
    Type.Number({
      minimum: 0,
      exclusiveMaximum: 1,
      description: 'Largest loss of top-1 (0.003 is 0.3 points); needs `validation`.',
    }),
  ),
  validation: optional(Type.String({ description: 'Path of labelled data that the loss is measured on.' })),
  validationSamples: optional(
    Type.Integer({ minimum: 1, description: 'At most this many of its samples; all when absent.' }),
  ),
  maxSeconds: optional(
    Type.Number({ minimum: 0, description: 'End the search after this time with the best so far.' }),
  ),
  maxEvaluations: optional(
    Type.Integer({ minimum: 1, description: 'End the search after this many versions were measured.' }),
  ),
  state: optional(
    Type.String({ description: 'Path of a file that keeps the search, to go on when it was stopped.' }),
  ),
};

/** What the search for accuracy found. */
export const AccuracySchema = Type.Object(
  {
    float: Type.Number({ description: 'Top-1 of the float model.' }),
    quantized: Type.Number({ description: 'Top-1 of what was written.' }),
    drop: Type.Number({ description: 'The loss.' }),
    maxDrop: Type.Number({ description: 'The loss that was allowed.' }),
    holds: Type.Boolean({ description: 'Whether the loss is at most that.' }),
    evaluations: Type.Integer({ description: 'Versions that were measured.' }),
    calibrator: Type.String({ description: 'Calibrator of what was written.' }),
    recovered: Type.Optional(
      Type.Boolean({ description: 'Whether accuracy recovery that was not asked for is in it.' }),
    ),
    reverted: Type.Array(Type.String(), {
      description: 'Layers that were given back to float, worst first.',
    }),
    stopped: Type.String({ description: 'Why the search ended: done, seconds, evaluations or exhausted.' }),
  },
  { description: 'What the search for accuracy found.' },
);
