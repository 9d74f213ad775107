// slipway operator: what an operator does and takes, at a version of its operator set.

import {
  operatorDocumentation,
  operatorsLike,
  type ParameterDocumentation,
} from '../analysis/operators/operatorDocumentation';
import { badRequest } from '../base/errors';
import { textOption, UsageError } from './args';
import type { Command } from './command';
import { renderList } from './table';

export const operatorCommand: Command = {
  spec: {
    name: 'operator',
    summary: 'Says what an operator does and takes',
    usage: 'operator NAME',
    options: {
      opset: { type: 'string', value: 'N', help: 'Version of the operator set (the newest)' },
    },
    positionals: { min: 1, max: 1, what: 'The operator' },
    examples: [
      'slipway operator Conv',
      'slipway operator ai.onnx.ml.Scaler',
      'slipway operator Pad --opset 10',
    ],
  },
  run(args) {
    const full = args.positionals[0]!;
    const opset = opsetOf(textOption(args, 'opset'));
    const dot = full.lastIndexOf('.');
    const domain = dot < 0 ? '' : full.slice(0, dot);
    const found = operatorDocumentation(domain, full.slice(dot + 1), opset);
    if (!found) {
      const at = opset === undefined ? '' : ` at version ${opset}`;
      const near = operatorsLike(domain, full.slice(dot + 1));
      if (near.length > 0)
        throw badRequest(`There is no operator "${full}"${at}. Is ${near.join(' or ')} meant?`);
      throw badRequest(
        `Nothing is known of the operator "${full}"${at}. Names are written as in the specification: Conv, ai.onnx.ml.Scaler, com.microsoft.Gelu.`,
      );
    }
    const version = [
      ...(found.since === undefined ? [] : [`this form since version ${found.since}`]),
      ...(found.changed === undefined ? [] : [`changed in ${found.changed}`]),
    ].join(', ');
    const list = (title: string, parameters: readonly ParameterDocumentation[]) =>
      parameters.map((each, i): [string, string] => [i === 0 ? title : '', parameterText(each)]);
    const rows: [string, string][] = [
      ['Operator', found.signature === '' ? full : found.signature],
      ['Domain', `${found.domain === '' ? 'ai.onnx' : found.domain}${version === '' ? '' : `, ${version}`}`],
      ...list('Inputs', found.inputs),
      ...list('Outputs', found.outputs),
      ...found.attributes.map((each, i): [string, string] => [
        i === 0 ? 'Attributes' : '',
        `${each.name}: ${each.type}${each.required ? ', required' : each.default === undefined ? '' : ` = ${each.default}`}`,
      ]),
      ...(found.link === undefined ? [] : [['More', found.link] as [string, string]]),
    ];
    return Promise.resolve({
      result: found,
      text: [...(found.words === '' ? [] : [found.words, '']), renderList(rows)].join('\n'),
    });
  },
};

function opsetOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^[1-9]\d{0,5}$/.test(text))
    throw new UsageError(`--opset takes a whole number from 1, not "${text}".`);
  return Number(text);
}

const takes = { one: '', optional: ', may be left out', any: ', any number' };
const mostTypes = 8;

function parameterText({ name, takes: how, variable, types }: ParameterDocumentation): string {
  const shown = types.slice(0, mostTypes).join(', ');
  const more = types.length > mostTypes ? ` and ${types.length - mostTypes} more` : '';
  const typed = types.length === 0 ? '' : `: ${variable === '' ? '' : `${variable} = `}${shown}${more}`;
  return `${name}${typed}${takes[how]}`;
}
