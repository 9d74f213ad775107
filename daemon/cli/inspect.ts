// slipway inspect: what a model is, from its file alone; nothing is run.

import { hasErrors } from '../base/diagnostic';
import { inspect } from '../analysis/inspect';
import { readBinaryOrText } from '../onnx/text/readText';
import { checkBindings } from '../recipes/checkBindings';
import { smallConstants } from '../recipes/smallConstants';
import type { Inspection } from '../protocol/inspect';
import { symbolicCost } from '../analysis/cost/cost';
import { csvOf } from '../analysis/cost/costCsv';
import type { Tensor } from '../ir/tensor';
import { bindOption, bindSpec, choiceOption, textOption, UsageError } from './args';
import { nodesWith } from './inspectAttribute';
import { groupings, rowsBy, tableOf } from './inspectBy';
import type { Command } from './command';
import { diagnosticLine } from './diagnosticLine';
import { byteText, count, plural, scaled } from './format';
import { renderList } from './table';
import { valueText } from './valueText';

export const inspectCommand: Command = {
  spec: {
    name: 'inspect',
    summary: 'Says what a model is and what is wrong with it, without running it',
    usage: 'inspect MODEL',
    options: {
      bind: bindSpec,
      by: { type: 'string', value: 'WHAT', help: 'Print the cost by node, op or scope instead' },
      attr: { type: 'string', value: 'NAME=VALUE', help: 'List the nodes that have this attribute instead' },
      csv: { type: 'boolean', help: 'Print that table as CSV' },
    },
    positionals: { min: 1, max: 1, what: 'The model' },
    examples: [
      'slipway inspect resnet.onnx',
      'slipway inspect bert.onnx --bind batch=1,seq=128 --json',
      'slipway inspect bert.onnx --by scope --csv',
      'slipway inspect resnet.onnx --attr group=1',
    ],
  },
  async run(args, { task }) {
    const by = choiceOption(args, 'by', groupings);
    if (by === undefined && args.flags.has('csv'))
      throw new UsageError('--csv needs a table: --by node, --by op or --by scope.');
    const read = await readBinaryOrText(args.positionals[0]!, task);
    const constants = read.model && (await smallConstants(read.model, task));
    const inspection: Inspection = await inspect(read, { bind: bindOption(args), constants }, task);
    const { diagnostics } = inspection;
    const bind = bindOption(args);
    if (bind && read.model) checkBindings(args.positionals[0]!, read.model, bind);
    const attribute = textOption(args, 'attr');
    if (attribute !== undefined && read.model) return nodesWith(read.model, attribute, task);
    if (by !== undefined && read.model) {
      const reading = { constants: (tensor: Tensor) => constants?.get(tensor), ...(bind ? { bind } : {}) };
      const { rows, report } = rowsBy(read.model, by, reading);
      return {
        result: {
          file: inspection.file,
          by,
          assumed: report.assumed,
          symbolic: symbolicCost(read.model, { constants: reading.constants }),
          rows,
        },
        text: args.flags.has('csv') ? csvOf(rows) : tableOf(rows, by),
      };
    }
    const errors = diagnostics.filter((diagnostic) => hasErrors([diagnostic])).length;
    return {
      result: inspection,
      text: describe(inspection, bind),
      ...(errors > 0 ? { failed: `The model has ${plural(errors, 'error')}.` } : {}),
    };
  },
};

function describe(model: Inspection, bind: Readonly<Record<string, number>> = {}): string {
  const assumed = Object.entries({ ...bind, ...model.assumed }).map(([name, value]) => `${name} = ${value}`);
  const at = assumed.length > 0 ? ` (with ${assumed.join(', ')})` : '';
  const external = model.externalBytes > 0 ? ` and ${byteText(model.externalBytes)} of external data` : '';
  const opsets = Object.entries(model.opsets).map(([domain, number]) => `${domain} ${number}`);
  const ops = Object.entries(model.ops).sort(([, a], [, b]) => b - a);
  const rows: [string, string][] = [
    ['File', `${model.file}, ${byteText(model.fileBytes)}${external}`],
    ['Made by', model.producer === '' ? 'not stated' : model.producer],
    ['Format', `IR version ${model.irVersion}, opset ${opsets.join(', ') || 'not stated'}`],
    ...model.inputs.map((value, i): [string, string] => [i === 0 ? 'Inputs' : '', valueText(value, bind)]),
    ...model.outputs.map((value, i): [string, string] => [i === 0 ? 'Outputs' : '', valueText(value, bind)]),
    [
      'Nodes',
      `${count(model.nodes)}${model.functions > 0 ? `, and ${plural(model.functions, 'function')}` : ''}`,
    ],
    [
      'Parameters',
      `${count(model.parameters)} in ${plural(model.initializers, 'initializer')}, ${byteText(model.weightBytes)}`,
    ],
    ['MACs', model.macs === null ? 'unknown: a shape is missing' : `${scaled(model.macs)}${at}`],
    ['FLOPs', model.flops === null ? 'unknown: a shape is missing' : `${scaled(model.flops)}${at}`],
    [
      'Activations',
      model.peakActivationBytes === null
        ? 'unknown: a shape is missing'
        : `${byteText(model.peakActivationBytes)} at the peak${at}`,
    ],
    ['Operators', ops.map(([name, number]) => `${name} ${count(number)}`).join(', ') || 'none'],
  ];
  const lines = model.diagnostics.map(diagnosticLine);
  // Of a file that is no model there is nothing to say but what it is not.
  if (model.nodes === 0 && model.irVersion === 0)
    return [renderList(rows.slice(0, 1)), '', ...lines].join('\n');
  return [renderList(rows), ...(lines.length > 0 ? ['', ...lines] : [])].join('\n');
}
