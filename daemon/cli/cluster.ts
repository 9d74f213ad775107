// slipway cluster: writes a smaller file of a model that runs as before.

import { basename } from 'node:path';
import type { ClusterResult } from '../protocol/cluster';
import { cluster } from '../recipes/cluster';
import { countOption, numberOption, textOption, UsageError } from './args';
import type { Command } from './command';
import { diagnosticLine } from './diagnosticLine';
import { historyOption, inHistory, jobOn } from './inHistory';
import { megabytes, plural, significant } from './format';
import { renderList } from './table';

export const clusterCommand: Command = {
  spec: {
    name: 'cluster',
    summary: 'Shares weights through codebooks: a file four to eight times smaller, as fast as before',
    usage: 'cluster MODEL -o OUT --clusters K',
    options: {
      output: { type: 'string', short: 'o', value: 'OUT', help: 'File to write' },
      clusters: {
        type: 'string',
        value: 'K',
        help: 'Different values of a weight, 2 to 256; up to 16 take half a byte each; 16 when absent',
      },
      codebooks: {
        type: 'string',
        value: 'N',
        help: 'Codebooks of a weight at the most, one for each group of its rows; 1 when absent',
      },
      calibration: {
        type: 'string',
        value: 'DATA',
        help: '.npz file with arrays named like the inputs; the clusters are then fitted to layer outputs',
      },
      'calibration-samples': { type: 'string', value: 'N', help: 'Use at most N samples; all when absent' },
      overwrite: { type: 'boolean', help: 'Replace OUT when it exists (never the model itself)' },
      ...historyOption,
    },
    positionals: { min: 1, max: 1, what: 'The model' },
    examples: [
      'slipway cluster resnet.onnx -o resnet.c16.onnx --clusters 16 --calibration resnet_calibration.npz',
    ],
  },
  async run(args, context) {
    const [model = ''] = args.positionals;
    const output = textOption(args, 'output');
    if (output === undefined) throw new UsageError('Name the file to write: -o OUT.');
    const options = {
      output,
      clusters: numberOption(args, 'clusters', { min: 2, max: 256, whole: true }) ?? 16,
      codebooks: countOption(args, 'codebooks', 512),
      calibration: textOption(args, 'calibration'),
      calibrationSamples: countOption(args, 'calibration-samples'),
      overwrite: args.flags.has('overwrite'),
    };
    const job = jobOn('slipway/cluster', 'Clustering of', model, options);
    const result: ClusterResult = await inHistory(args, context, job, (task) =>
      cluster(model, options, task),
    );
    return { result, text: describe(model, result) };
  },
};

function describe(
  model: string,
  { output, before, after, tensors, error, diagnostics }: ClusterResult,
): string {
  const fitted = tensors.filter((tensor) => tensor.fitted).length;
  const rows: [string, string][] = [
    ['Model', `${basename(model)}, weights clustered`],
    ['Written', output],
    [
      'Size',
      `${megabytes(after.fileBytes)}, ${significant(after.fileBytes / before.fileBytes)} of ${megabytes(before.fileBytes)}`,
    ],
    ['Clustered', `${plural(tensors.length, 'tensor')}, ${fitted} fitted to data`],
    [
      'Output error',
      error === null
        ? 'not measured'
        : `cosine ${error.cosine.toFixed(5)}, SQNR ${significant(error.sqnrDb)} dB, largest ${significant(error.maxAbs)}, over ${plural(error.samples, 'sample')}`,
    ],
    ['Speed', 'as before: ONNX Runtime unpacks the weights once, at load'],
  ];
  return [renderList(rows), ...(diagnostics.length > 0 ? ['', ...diagnostics.map(diagnosticLine)] : [])].join(
    '\n',
  );
}
