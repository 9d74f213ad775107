// slipway evaluate: how good a model is on data.

import { basename } from 'node:path';
import { unsupported } from '../base/errors';
import { evaluateModel } from '../evaluate/evaluate';
import { choiceOption, countOption, numberOption, textOption, UsageError } from './args';
import type { Command } from './command';
import { plural, share } from './format';

export const evaluateCommand: Command = {
  spec: {
    name: 'evaluate',
    summary: 'Runs a model over labelled data and computes a metric with its 95 % interval',
    usage: 'evaluate MODEL --data DATA',
    options: {
      data: {
        type: 'string',
        value: 'DATA',
        help: '.npz file with arrays named like the inputs, and "label" for top1',
      },
      metric: { type: 'string', value: 'METRIC', help: 'top1 or agreement; top1 when absent' },
      reference: { type: 'string', value: 'MODEL', help: 'The model to agree with, for agreement' },
      'max-samples': { type: 'string', value: 'N', help: 'Use the first N samples; all when absent' },
      batch: { type: 'string', value: 'N', help: 'Samples run at once; chosen by their size when absent' },
      min: { type: 'string', value: 'V', help: 'Gate: exit 1 unless the metric is at least V (0 to 1)' },
    },
    positionals: { min: 1, max: 1, what: 'The model' },
    examples: [
      'slipway evaluate resnet.onnx --data resnet_validation.npz --min 0.94',
      'slipway evaluate resnet.int8.onnx --data resnet_validation.npz --metric agreement --reference resnet.onnx',
    ],
  },
  async run(args, { task }) {
    const [path = ''] = args.positionals;
    const data = textOption(args, 'data');
    if (data === undefined) throw new UsageError('Name the data: --data DATA.npz.');
    const metric = choiceOption(args, 'metric', ['top1', 'agreement', 'f1', 'mse', 'cosine']) ?? 'top1';
    if (metric !== 'top1' && metric !== 'agreement')
      throw unsupported(`The metric ${metric} is not in this version yet. Use top1 or agreement.`);
    const reference = textOption(args, 'reference');
    if (metric === 'agreement' && reference === undefined)
      throw new UsageError('Agreement needs a second model: --reference MODEL.');
    const min = numberOption(args, 'min', { min: 0, max: 1 });
    const result = await evaluateModel(
      {
        path,
        data,
        metric,
        reference,
        maxSamples: countOption(args, 'max-samples'),
        batch: countOption(args, 'batch'),
      },
      task,
    );
    const what = metric === 'top1' ? 'top-1' : `agreement with ${basename(reference ?? '')}`;
    return {
      result,
      text: `${basename(path)}: ${what} ${share(result)}, 95 % interval, ${plural(result.samples, 'sample')}`,
      ...(min !== undefined && result.value < min
        ? {
            failed: `The gate does not hold: ${metric} is ${result.value.toFixed(4)}, at least ${min} was asked for.`,
          }
        : {}),
    };
  },
};
