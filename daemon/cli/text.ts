// slipway text: a model, or one graph or scope of it, in ONNX's textual form.

import { findScope, scopePaths, scopeText } from '../analysis/scopes/scopeText';
import { badRequest } from '../base/errors';
import { breathing } from '../base/task';
import { modelToRead } from './modelToRead';
import { numberOption, textOption } from './args';
import type { Command } from './command';

export const textCommand: Command = {
  spec: {
    name: 'text',
    summary: "Prints a model, or a part of it, in ONNX's textual form",
    usage: 'text MODEL',
    options: {
      scope: {
        type: 'string',
        value: 'PATH',
        help: 'Print a named scope (layers/0), a body (If_3/then_branch) or a function (function com.acme:Norm) only',
      },
      values: {
        type: 'string',
        value: 'N',
        help: 'Write out tensors of up to so many values (16); others are named by the place where they lie',
      },
      scopes: { type: 'boolean', help: 'Print what --scope can name instead: all graphs and scopes' },
    },
    positionals: { min: 1, max: 1, what: 'The model' },
    examples: [
      'slipway text resnet.onnx > resnet.onnxtxt',
      'slipway text bert.onnx --scope layers/0/attention > attention.onnxtxt',
      'slipway text detector.onnx --scope Loop_12/body',
      'slipway text model.onnx --scopes',
    ],
  },
  async run(args, { task }) {
    const file = args.positionals[0]!;
    const model = await modelToRead(file, task);
    if (args.flags.has('scopes')) {
      const { graphs: scopes, parts } = await breathing(scopePaths(model), task);
      const list = [...scopes.map((path) => (path === '' ? '(the main graph)' : path)), ...parts];
      return { result: { file, scopes, parts }, text: list.join('\n') };
    }
    const options = { mostValues: numberOption(args, 'values', { min: 0, max: 1e9, whole: true }) ?? 16 };
    const scope = textOption(args, 'scope') ?? '';
    const found = await breathing(findScope(model, scope), task);
    if (!found)
      throw badRequest(
        `The model has no graph and no scope "${scope}". slipway text ${file} --scopes names those that there are.`,
      );
    const text = await scopeText(model, found, options, task);
    return { result: { file, scope, text }, text };
  },
};
