// slipway run: runs the steps of a recipe file one after another.

import { basename } from 'node:path';
import { readRecipe } from '../recipes/recipe/recipeFile';
import { stepNames } from '../recipes/recipe/recipeSteps';
import { runRecipe, type RecipeRun } from '../recipes/recipe/runRecipe';
import { textOption } from './args';
import type { Command } from './command';
import { diagnosticLine } from './diagnosticLine';
import { megabytes, plural, significant } from './format';
import { historyOption, inHistory, jobOn } from './inHistory';
import { renderList, renderTable } from './table';

export const runCommand: Command = {
  spec: {
    name: 'run',
    summary: 'Runs a recipe file: prune, repair, quantize and more in one go, order checked',
    usage: 'run RECIPE.yaml',
    options: {
      model: { type: 'string', value: 'MODEL', help: 'The model, instead of the one that the recipe names' },
      output: {
        type: 'string',
        short: 'o',
        value: 'OUT',
        help: 'File to write, instead of the one that the recipe names',
      },
      overwrite: { type: 'boolean', help: "Replace the recipe's output when it exists (never the model)" },
      ...historyOption,
    },
    positionals: { min: 1, max: 1, what: 'The recipe file' },
    examples: ['slipway run small.yaml', 'slipway run small.yaml --model resnet.onnx -o resnet.small.onnx'],
    notes: [
      'A recipe, with paths from its own folder:',
      '  model: resnet.onnx',
      '  output: resnet.small.onnx',
      '  calibration: resnet_calibration.npz   # for every step that can use it; repairs what was pruned',
      '  validation: resnet_validation.npz     # top-1 before, and after each step',
      '  benchmark: true                       # measure the result beside the model',
      '  steps:',
      '    - prune: { targetMacs: 0.5 }',
      '    - quantize: { method: static }',
      `Steps: ${stepNames.join(', ')}, with the options of their commands in camelCase.`,
    ],
  },
  oneProcess: true,
  async run(args, context) {
    const [recipe = ''] = args.positionals;
    const files = { model: textOption(args, 'model'), output: textOption(args, 'output') };
    const { model, output } = await readRecipe(recipe, files);
    const overwrite = args.flags.has('overwrite');
    const job = jobOn('slipway/runRecipe', 'Recipe on', model, { recipe, output, overwrite });
    const result = await inHistory(args, context, job, (task) =>
      runRecipe(recipe, { ...files, overwrite }, task),
    );
    return { result, text: describe(result) };
  },
};

function describe({ model, output, before, after, steps, speed, diagnostics }: RecipeRun): string {
  const percent = (value: number | null) => (value === null ? '–' : `${(value * 100).toFixed(2)} %`);
  const rows: [string, string][] = [
    ['Model', `${basename(model)}, ${plural(steps.length, 'step')}`],
    ['Written', output],
    [
      'Size',
      `${megabytes(after.fileBytes)}, ${significant(after.fileBytes / before.fileBytes)} of ${megabytes(before.fileBytes)}`,
    ],
    ...(speed
      ? [
          [
            'Speed',
            `${significant(speed.p50Ratio)} times the model's p50 (95 % interval ${significant(speed.low)} to ${significant(speed.high)})`,
          ] as [string, string],
        ]
      : []),
  ];
  const table = renderTable(
    [
      { title: 'Step' },
      { title: 'Size', align: 'right' },
      { title: 'Top-1', align: 'right' },
      { title: 'Time', align: 'right' },
    ],
    [
      ['the model', megabytes(before.fileBytes), percent(before.top1), ''],
      ...steps.map(({ step, fileBytes, top1, seconds }) => [
        step,
        megabytes(fileBytes),
        percent(top1),
        `${significant(seconds)} s`,
      ]),
    ],
  );
  const notes = diagnostics.length > 0 ? ['', ...diagnostics.map(diagnosticLine)] : [];
  return [renderList(rows), '', table, ...notes].join('\n');
}
