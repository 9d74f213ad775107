// slipway evaluate: how good a model is on data.

import { basename } from 'node:path';
import { evaluateModel, type EvaluateOptions, type EvaluationResult } from '../evaluate/evaluate';
import { comparesValues, isError, metricNames } from '../evaluate/metrics/names';
import { choiceOption, countOption, numberOption, textOption, UsageError, type ParsedArgs } from './args';
import type { Command } from './command';
import { plural, share, significant } from './format';
import { absolute, historyOption, inHistory, uriOf } from './inHistory';
import { renderTable } from './table';

/** Classes that the table shows; --json has all. */
const mostRows = 20;
/** A matrix of more classes is wider than a terminal. */
const mostColumns = 16;

export const evaluateCommand: Command = {
  spec: {
    name: 'evaluate',
    summary: 'Runs a model over data and computes a metric with its 95 % interval',
    usage: 'evaluate MODEL --data DATA',
    options: {
      data: {
        type: 'string',
        value: 'DATA',
        help: '.npz, .npy, .csv or .jsonl with arrays or columns named like the inputs ("label" for classes, "target" for values), a folder of .npy files, of test_data_set_* folders, or with a subfolder of pictures or .wav files for each class',
      },
      metric: {
        type: 'string',
        value: 'METRIC',
        help: `${metricNames.join(', ')}; top1 when absent, agreement with --reference`,
      },
      reference: {
        type: 'string',
        value: 'MODEL',
        help: 'The model to agree with; for mse, mae, r2, cosine and kl, the one that gives the wanted values',
      },
      against: {
        type: 'string',
        value: 'MODEL',
        help: 'A model to hold this one against on the same samples: adds the difference with its interval',
      },
      k: { type: 'string', value: 'N', help: 'For topk; 5 when absent' },
      average: {
        type: 'string',
        value: 'HOW',
        help: 'For precision, recall and f1: macro, weighted or micro; macro when absent',
      },
      'box-style': { type: 'string', value: 'STYLE', help: 'For map: coco or voc; coco when absent' },
      output: { type: 'string', value: 'NAME', help: 'The output that is scored; the first when absent' },
      preprocess: {
        type: 'string',
        value: 'STEPS',
        help: 'How pictures become tensors: resize=256,crop=224,scale=255,mean=R/G/B,std=R/G/B,layout=NCHW,color=rgb; how sound does: rate=16000,samples=16000',
      },
      tokenizer: {
        type: 'string',
        value: 'FILE',
        help: 'tokenizer.json for a column of text; the one beside the data when absent',
      },
      'max-samples': { type: 'string', value: 'N', help: 'Use the first N samples; all when absent' },
      batch: { type: 'string', value: 'N', help: 'Samples run at once; chosen by their size when absent' },
      min: { type: 'string', value: 'V', help: 'Gate: exit 1 unless the metric is at least V' },
      max: { type: 'string', value: 'V', help: 'Gate: exit 1 unless the metric is at most V' },
      ...historyOption,
    },
    positionals: { min: 1, max: 1, what: 'The model' },
    examples: [
      'slipway evaluate resnet.onnx --data resnet_validation.npz --min 0.94',
      'slipway evaluate resnet.int8.onnx --data resnet_validation.npz --against resnet.onnx',
      'slipway evaluate resnet.int8.onnx --data resnet_validation.npz --metric agreement --reference resnet.onnx',
      'slipway evaluate vit.onnx --data pictures --preprocess resize=256,crop=224,mean=0.5,std=0.5 --metric topk',
    ],
  },
  async run(args, context) {
    const { note } = context;
    const options = evaluateOptions(args);
    const anything = { min: -Number.MAX_VALUE, max: Number.MAX_VALUE };
    const min = numberOption(args, 'min', anything);
    const max = numberOption(args, 'max', anything);
    const { path, reference, against, data, tokenizer, ...rest } = options;
    const uri = (one: string | undefined) => (one === undefined ? undefined : uriOf(one));
    const job = {
      method: 'slipway/evaluate',
      what: 'Evaluation of',
      models: [
        { role: 'model' as const, path },
        { role: 'against' as const, path: against },
        { role: 'reference' as const, path: reference },
      ],
      params: {
        uri: uriOf(path),
        reference: uri(reference),
        against: uri(against),
        data: absolute(data),
        tokenizer: absolute(tokenizer),
        ...rest,
      },
    };
    const result = await inHistory(args, context, job, (task) => evaluateModel(options, task));
    for (const line of result.notes) note(line);
    const failed = gate(result, min, max);
    return { result, text: describe(options, result), ...(failed === undefined ? {} : { failed }) };
  },
};

function evaluateOptions(args: ParsedArgs): EvaluateOptions {
  const data = textOption(args, 'data');
  if (data === undefined) throw new UsageError('Name the data: --data DATA.');
  const reference = textOption(args, 'reference');
  const given = choiceOption(args, 'metric', metricNames);
  const metric = given ?? (reference === undefined ? 'top1' : 'agreement');
  if (metric === 'agreement' && reference === undefined)
    throw new UsageError('Agreement needs a second model: --reference MODEL.');
  if (reference !== undefined && metric !== 'agreement' && !comparesValues(metric))
    throw new UsageError(`--reference has no use for ${metric}. To compare two models, use --against MODEL.`);
  return {
    path: args.positionals[0] ?? '',
    data,
    metric,
    reference,
    against: textOption(args, 'against'),
    k: countOption(args, 'k'),
    average: choiceOption(args, 'average', ['macro', 'weighted', 'micro']),
    boxStyle: choiceOption(args, 'box-style', ['coco', 'voc']),
    output: textOption(args, 'output'),
    preprocess: textOption(args, 'preprocess'),
    tokenizer: textOption(args, 'tokenizer'),
    maxSamples: countOption(args, 'max-samples'),
    batch: countOption(args, 'batch'),
  };
}

function gate(
  { metric, value }: EvaluationResult,
  min: number | undefined,
  max: number | undefined,
): string | undefined {
  const said = (bound: number, word: string) =>
    `The gate does not hold: ${metric} is ${value.toFixed(4)}, at ${word} ${bound} was asked for.`;
  if (min !== undefined && value < min) return said(min, 'least');
  return max !== undefined && value > max ? said(max, 'most') : undefined;
}

const words: Readonly<Record<string, string>> = {
  top1: 'top-1',
  mse: 'mean squared error',
  mae: 'mean absolute error',
  r2: 'R²',
  cosine: 'cosine similarity',
  kl: 'Kullback–Leibler divergence (nats)',
  map: 'mean average precision',
};

function metricWords(
  { reference }: EvaluateOptions,
  { metric, k, average, boxStyle }: EvaluationResult,
): string {
  if (metric === 'agreement') return `agreement with ${basename(reference ?? '')}`;
  if (metric === 'topk') return `top-${k ?? 5}`;
  const name = metric === 'f1' ? 'F1' : (words[metric] ?? metric);
  const how = average ?? (boxStyle === undefined ? undefined : boxStyle.toUpperCase());
  return `${how === undefined ? name : `${name} (${how})`}${reference === undefined ? '' : ` against the outputs of ${basename(reference)}`}`;
}

type Figure = { value: number; low: number; high: number };
const isPercent = (metric: EvaluationResult['metric']) =>
  !isError(metric) && metric !== 'r2' && metric !== 'cosine';
const figure = (metric: EvaluationResult['metric'], one: Figure) =>
  isPercent(metric)
    ? share(one)
    : `${significant(one.value, 4)} (${significant(one.low, 4)}–${significant(one.high, 4)})`;

function describe(options: EvaluateOptions, result: EvaluationResult): string {
  const { metric, samples, against, difference, details } = result;
  const lines = [
    `${basename(options.path)}: ${metricWords(options, result)} ${figure(metric, result)}, 95 % interval, ${plural(samples, 'sample')}`,
  ];
  if (against && difference) {
    const points = isPercent(metric);
    const text = (value: number) =>
      `${value < 0 ? '−' : '+'}${points ? Math.abs(value * 100).toFixed(1) : significant(Math.abs(value), 4)}`;
    lines.push(
      `${basename(against.model)}: ${figure(metric, against)}`,
      `Difference on the same samples: ${text(difference.value)}${points ? ' points' : ''} (${text(difference.low)} to ${text(difference.high)}), 95 % interval`,
    );
  }
  if (metric !== 'top1' && details?.perClass) {
    const right = 'right' as const;
    const number = (value: number | undefined) => (value === undefined ? '' : (value * 100).toFixed(1));
    const rows = details.perClass
      .slice(0, mostRows)
      .map((one) => [
        one.name ?? String(one.label),
        String(one.samples),
        ...(one.averagePrecision === undefined
          ? [number(one.precision), number(one.recall), number(one.f1)]
          : [number(one.averagePrecision)]),
      ]);
    const titles = metric === 'map' ? ['Boxes', 'AP %'] : ['Samples', 'Precision %', 'Recall %', 'F1 %'];
    const columns = [{ title: 'Class' }, ...titles.map((title) => ({ title, align: right }))];
    lines.push('', renderTable(columns, rows));
    if (details.perClass.length > mostRows)
      lines.push(`${details.perClass.length - mostRows} more classes are in --json.`);
    lines.push(...confusionLines(details));
  }
  return lines.join('\n');
}

/** Which class was taken for which; `map` and many classes have no such table. */
function confusionLines({ confusion, perClass = [] }: NonNullable<EvaluationResult['details']>): string[] {
  if (!confusion) return [];
  if (confusion.length > mostColumns)
    return ['', `The confusion matrix of ${confusion.length} classes is in --json.`];
  const name = (index: number) => perClass.find(({ label }) => label === index)?.name ?? String(index);
  const titles = confusion.map((_, index) => ({ title: name(index), align: 'right' as const }));
  // A dot leaves the eye free for the mistakes.
  const cells = (counts: readonly number[]) => counts.map((one) => (one === 0 ? '·' : String(one)));
  const rows = confusion.map((counts, index) => [name(index), ...cells(counts)]);
  return ['', renderTable([{ title: 'True \\ named' }, ...titles], rows)];
}
