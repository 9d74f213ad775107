// slipway extract: a part of a model as a model of its own.

import { extractPart } from '../recipes/extract';
import { textOption, UsageError, type ParsedArgs } from './args';
import type { Command } from './command';
import { byteText, plural } from './format';
import { modelToRead } from './modelToRead';
import { valueText } from './valueText';

export const extractCommand: Command = {
  spec: {
    name: 'extract',
    summary: 'Writes a part of a model as a model of its own: a scope, or what lies between nodes',
    usage: 'extract MODEL -o PART.onnx',
    options: {
      output: { type: 'string', short: 'o', value: 'FILE', help: 'Model to write; it must not exist' },
      scope: {
        type: 'string',
        value: 'PATH',
        help: 'A named scope (layers/0) or a body (If_3/then_branch); slipway text MODEL --scopes names them',
      },
      from: {
        type: 'string',
        value: 'NAME,…',
        help: 'Nodes or values where the part begins; its beginning is that of the model when absent',
      },
      to: {
        type: 'string',
        value: 'NAME,…',
        help: 'Nodes or values where it ends; its end is that of the model when absent',
      },
    },
    positionals: { min: 1, max: 1, what: 'The model' },
    examples: [
      'slipway extract bert.onnx -o attention.onnx --scope layers/0/attention',
      'slipway extract resnet.onnx -o features.onnx --to /GlobalAveragePool',
      'slipway extract resnet.onnx -o head.onnx --from /layer4/Relu --to logits',
    ],
  },
  async run(args, { task }) {
    const path = args.positionals[0]!;
    const output = textOption(args, 'output');
    if (output === undefined) throw new UsageError('Name the file to write: -o PART.onnx.');
    const choice = {
      scope: textOption(args, 'scope'),
      from: namesOption(args, 'from'),
      to: namesOption(args, 'to'),
    };
    if (Object.values(choice).every((each) => each === undefined))
      throw new UsageError('Say which part: --scope, --from or --to.');
    const model = await modelToRead(path, task);
    const result = await extractPart(model, path, choice, output, {}, task);
    const list = (title: string, values: typeof result.inputs) =>
      values.map((value, i) => `  ${(i === 0 ? title : '').padEnd(9)}${valueText(value)}`);
    return {
      result,
      text: [
        `${result.file}: ${plural(result.nodes, 'node')}, ${byteText(result.fileBytes)}`,
        ...list('Inputs', result.inputs),
        ...list('Outputs', result.outputs),
      ].join('\n'),
    };
  },
};

function namesOption(args: ParsedArgs, name: string): string[] | undefined {
  const names = textOption(args, name)
    ?.split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '');
  if (names?.length === 0) throw new UsageError(`--${name} takes names of nodes or values.`);
  return names;
}
