// Evaluate: the quality of a model on data.

import { Evaluate } from '../../daemon/protocol/evaluate';
import type { Job, Method } from './job';

const labels = {
  data: 'Data',
  metric: 'Metric',
  against: 'Compare with',
  reference: 'The original',
  k: 'Best k of top-k',
  average: 'Average over classes',
  boxStyle: 'Style of boxes',
  output: 'Output that is scored',
  preprocess: 'Pictures and sound become tensors by',
  maxSamples: 'Samples',
};
const absent = {
  maxSamples: 'All',
  k: '5',
  average: 'macro',
  boxStyle: 'coco',
  tokenizer: 'The one beside the data',
  output: 'The first',
  preprocess: 'Not needed for arrays and tables',
};
const common = {
  verb: 'Evaluate',
  request: Evaluate,
  labels,
  absent,
  paths: { data: 'samples' },
  result: 'evaluate',
  command: { name: 'evaluate' },
} as const;

export const evaluateJob: Job = {
  id: 'evaluate',
  title: 'Evaluate',
  doing: 'Evaluating',
  methods: [
    {
      ...common,
      id: 'labels',
      title: 'Against labels',
      sentence:
        'Runs the model over labelled samples and counts what is right, with the interval that the number of samples allows.',
      front: ['data', 'metric', 'against', 'preprocess', 'maxSamples'],
      hidden: ['reference', 'boxStyle'],
      choices: { metric: ['top1', 'topk', 'precision', 'recall', 'f1'] },
      start: () => ({ metric: 'top1' }),
    },
    {
      ...common,
      id: 'agreement',
      title: 'Agreement with the original',
      sentence:
        'Counts how often the model and the original put the same class first. This is agreement, not accuracy: both may be wrong together.',
      fixed: { metric: 'agreement' },
      front: ['reference', 'data', 'maxSamples'],
      hidden: ['against', 'k', 'average', 'boxStyle'],
      needs: ['reference'],
      command: { name: 'evaluate', words: ['--metric', 'agreement'] },
    },
    {
      ...common,
      id: 'values',
      title: 'Against wanted values',
      sentence:
        'Compares the outputs with wanted values, or with those of the original: errors, R², cosine similarity, divergence.',
      front: ['data', 'metric', 'reference', 'against', 'maxSamples'],
      hidden: ['k', 'average', 'boxStyle'],
      choices: { metric: ['mse', 'mae', 'r2', 'cosine', 'kl'] },
      start: () => ({ metric: 'mse' }),
    },
    {
      ...common,
      id: 'boxes',
      title: 'Boxes of a detector',
      sentence: 'Compares found boxes with true ones: mean average precision, as COCO or VOC count it.',
      fixed: { metric: 'map' },
      front: ['data', 'against', 'boxStyle', 'preprocess', 'maxSamples'],
      hidden: ['reference', 'k', 'average'],
      command: { name: 'evaluate', words: ['--metric', 'map'] },
    },
  ] satisfies Method[],
};
