// slipway low-rank: splits layers into thinner ones where that takes fewer multiplications.

import { basename } from 'node:path';
import { lowRankFile, type LowRankMade } from '../recipes/lowRank';
import { countOption, numberOption, textOption, UsageError } from './args';
import type { Command } from './command';
import { diagnosticLine } from './diagnosticLine';
import { count, megabytes, significant } from './format';
import { historyOption, inHistory, jobOn } from './inHistory';
import { renderList, renderTable } from './table';

export const lowRankCommand: Command = {
  spec: {
    name: 'low-rank',
    summary: 'Splits MatMul, Gemm and 1×1 Conv into two thinner layers where that saves',
    usage: 'low-rank MODEL -o OUT --energy E',
    options: {
      output: { type: 'string', short: 'o', value: 'OUT', help: 'File to write' },
      energy: {
        type: 'string',
        value: 'E',
        help: 'Share of the energy of its weights, or with data of its outputs, that each layer keeps: 0.99',
      },
      'max-error': {
        type: 'string',
        value: 'R',
        help: "Instead of --energy, the largest error of each layer's output on the data: 0.05",
      },
      calibration: {
        type: 'string',
        value: 'DATA',
        help: '.npz file with arrays named like the inputs; the split then follows what the layers read',
      },
      'calibration-samples': { type: 'string', value: 'N', help: 'Use at most N samples; all when absent' },
      overwrite: { type: 'boolean', help: 'Replace OUT when it exists (never the model itself)' },
      ...historyOption,
    },
    positionals: { min: 1, max: 1, what: 'The model' },
    examples: [
      'slipway low-rank bert.onnx -o bert.thin.onnx --max-error 0.05 --calibration bert_calibration.npz',
    ],
  },
  async run(args, context) {
    const [model = ''] = args.positionals;
    const output = textOption(args, 'output');
    if (output === undefined) throw new UsageError('Name the file to write: -o OUT.');
    const options = {
      output,
      energy: numberOption(args, 'energy', { min: -1, max: 2 }),
      maxError: numberOption(args, 'max-error', { min: -1, max: 2 }),
      calibration: textOption(args, 'calibration'),
      calibrationSamples: countOption(args, 'calibration-samples'),
      overwrite: args.flags.has('overwrite'),
    };
    const job = jobOn('slipway/lowRank', 'Low rank of', model, options);
    const result = await inHistory(args, context, job, (task) => lowRankFile(model, options, task));
    return { result, text: describe(model, result) };
  },
};

function describe(model: string, { output, before, after, layers, error, diagnostics }: LowRankMade): string {
  const thinner = layers.filter(({ from, to }) => to < from);
  const macs = (value: number | null) => (value === null ? '?' : count(value));
  const rows: [string, string][] = [
    ['Model', `${basename(model)}, ${thinner.length} of ${layers.length} layers split`],
    ['Written', output],
    ['MACs', `${macs(after.macs)} of ${macs(before.macs)}`],
    [
      'Size',
      `${megabytes(after.fileBytes)}, ${significant(after.fileBytes / before.fileBytes)} of ${megabytes(before.fileBytes)}`,
    ],
    [
      'Output error',
      error === null
        ? 'not measured'
        : `cosine ${error.cosine.toFixed(5)}, SQNR ${significant(error.sqnrDb)} dB`,
    ],
  ];
  const table = renderTable(
    [{ title: 'Layer' }, { title: 'Rank', align: 'right' }, { title: 'Energy', align: 'right' }],
    thinner.map(({ name, from, to, energy }) => [name, `${from} → ${to}`, `${(energy * 100).toFixed(2)} %`]),
  );
  return [
    renderList(rows),
    ...(thinner.length > 0 ? ['', table] : []),
    ...(diagnostics.length > 0 ? ['', ...diagnostics.map(diagnosticLine)] : []),
  ].join('\n');
}
