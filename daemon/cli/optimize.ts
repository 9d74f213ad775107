// slipway optimize: writes a smaller model that computes the same.

import { basename } from 'node:path';
import { optimize } from '../recipes/optimize';
import type { OptimizeResult } from '../protocol/optimize';
import { bindOption, numberOption, textOption, UsageError } from './args';
import type { Command } from './command';
import { diagnosticLine } from './diagnosticLine';
import { count, megabytes, plural, significant } from './format';
import { historyOption, inHistory, jobOn } from './inHistory';
import { renderList } from './table';

export const optimizeCommand: Command = {
  spec: {
    name: 'optimize',
    summary: 'Writes a smaller model that computes the same, and checks that it does',
    usage: 'optimize MODEL -o OUT',
    options: {
      output: { type: 'string', short: 'o', value: 'OUT', help: 'File to write' },
      bind: {
        type: 'string',
        multiple: true,
        value: 'NAME=N,…',
        help: 'Free dimensions of the inputs that become numbers in the new model',
      },
      upgrade: {
        type: 'boolean',
        help: 'Bring the model to operator set 20 first, which has GELU, LayerNorm and HardSwish as operators',
      },
      data: {
        type: 'string',
        value: 'DATA',
        help: 'Real data to check the outputs on, beside generated inputs; NAME_calibration.npz beside the model when absent',
      },
      'check-seconds': {
        type: 'string',
        value: 'S',
        help: 'Time for running both models in the check, 4 when absent; at least one run of each kind is made',
      },
      unchecked: {
        type: 'boolean',
        help: 'Write also where the original cannot be run, so that the outputs cannot be compared',
      },
      overwrite: { type: 'boolean', help: 'Replace OUT when it exists (never the model itself)' },
      ...historyOption,
    },
    positionals: { min: 1, max: 1, what: 'The model' },
    examples: [
      'slipway optimize resnet.onnx -o resnet.opt.onnx',
      'slipway optimize bert.onnx -o bert.opt.onnx --bind batch=1 --json',
    ],
  },
  oneProcess: true,
  async run(args, context) {
    const [model = ''] = args.positionals;
    const output = textOption(args, 'output');
    if (output === undefined) throw new UsageError('Name the file to write: -o OUT.');
    const bind = bindOption(args);
    const options = {
      output,
      overwrite: args.flags.has('overwrite'),
      upgrade: args.flags.has('upgrade'),
      unchecked: args.flags.has('unchecked'),
      data: textOption(args, 'data'),
      checkSeconds: numberOption(args, 'check-seconds', { min: 0, max: 1e6 }),
      ...(bind === undefined ? {} : { bind }),
    };
    const job = jobOn('slipway/optimize', 'Optimization of', model, options);
    const result: OptimizeResult = await inHistory(args, context, job, (task) =>
      optimize(model, options, task),
    );
    return { result, text: describe(model, result) };
  },
};

function describe(model: string, result: OptimizeResult): string {
  const { before, after, passes, checked, maxAbsError } = result;
  const did = passes.filter(({ changed }) => changed).map(({ name }) => name);
  const rows: [string, string][] = [
    ['Model', basename(model)],
    ['Written', result.output],
    ['Nodes', `${count(after.nodes)} of ${count(before.nodes)}`],
    ['Size', `${megabytes(after.fileBytes)} of ${megabytes(before.fileBytes)}`],
    ['Rewrites', did.length > 0 ? did.join(', ') : 'none: there was nothing to do'],
    [
      'Output error',
      maxAbsError === null
        ? 'not measured'
        : `at the most ${significant(maxAbsError)} over ${plural(checked.runs, 'run')}${checked.samples > 0 ? `, ${plural(checked.samples, 'sample')} of real data among them` : ' on generated inputs'}${checked.cutShort ? '; cut short by its time' : ''}`,
    ],
  ];
  const lines = result.diagnostics.map(diagnosticLine);
  return [renderList(rows), ...(lines.length > 0 ? ['', ...lines] : [])].join('\n');
}
