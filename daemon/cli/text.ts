// slipway text: a model, or one graph of it, in ONNX's textual form.

import { allGraphs, findGraph, functionScope } from '../analysis/scopes';
import { badRequest } from '../base/errors';
import { printFunction, printGraph, printModel } from '../onnx/text/printText';
import { modelToRead } from './modelToRead';
import { numberOption, textOption } from './args';
import type { Command } from './command';

export const textCommand: Command = {
  spec: {
    name: 'text',
    summary: "Prints a model, or one graph of it, in ONNX's textual form",
    usage: 'text MODEL',
    options: {
      scope: {
        type: 'string',
        value: 'PATH',
        help: 'Print a body (If_3/then_branch) or a function (function com.acme:Norm) only',
      },
      values: {
        type: 'string',
        value: 'N',
        help: 'Write out tensors of up to so many values (16); others are named by the place where they lie',
      },
      scopes: { type: 'boolean', help: 'Print the paths of all graphs instead' },
    },
    positionals: { min: 1, max: 1, what: 'The model' },
    examples: [
      'slipway text resnet.onnx > resnet.onnxtxt',
      'slipway text detector.onnx --scope Loop_12/body',
      'slipway text model.onnx --scopes',
    ],
  },
  async run(args, { task }) {
    const file = args.positionals[0]!;
    const model = await modelToRead(file, task);
    if (args.flags.has('scopes')) {
      const scopes = Array.from(allGraphs(model), ({ path }) => path);
      return {
        result: { file, scopes },
        text: scopes.map((path) => (path === '' ? '(the main graph)' : path)).join('\n'),
      };
    }
    const options = { mostValues: numberOption(args, 'values', { min: 0, max: 1e9, whole: true }) ?? 16 };
    const scope = textOption(args, 'scope') ?? '';
    if (scope === '') {
      const text = await printModel(model, options, task);
      return { result: { file, scope, text }, text };
    }
    const found = findGraph(model, scope);
    if (!found)
      throw badRequest(
        `The model has no graph "${scope}". slipway text ${file} --scopes names those that there are.`,
      );
    const { functionDef } = found;
    const text =
      functionDef && functionScope(functionDef) === scope
        ? await printFunction(functionDef, options, task)
        : await printGraph(found.graph, options, task);
    return { result: { file, scope, text }, text };
  },
};
