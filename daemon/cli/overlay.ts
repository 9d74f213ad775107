// slipway overlay: values for nodes from one tool's file to another's, checked against the model.

import { readModel } from '../onnx/readModel';
import { readOverlays, writeOverlay } from '../recipes/overlayFiles';
import { UsageError } from './args';
import type { Command } from './command';
import { diagnosticLine } from './diagnosticLine';
import { count, plural } from './format';
import { renderList } from './table';

const formats = ['model-explorer', 'netron', 'csv', 'slipway'] as const;

export const overlayCommand: Command = {
  spec: {
    name: 'overlay',
    summary: 'Reads numbers for nodes from the file of another tool, and writes them for a third',
    usage: 'overlay FILE [--model MODEL] [-o OUT --format FORMAT]',
    options: {
      model: { type: 'string', value: 'MODEL', help: 'Check that the model has nodes of these names' },
      output: { type: 'string', short: 'o', value: 'OUT', help: 'File to write; it must not exist' },
      format: {
        type: 'string',
        value: 'FORMAT',
        help: `Format to write: ${formats.join(', ')} (slipway)`,
      },
      name: {
        type: 'string',
        value: 'TITLE',
        help: 'Which of several overlays to write, by its title',
      },
    },
    positionals: { min: 1, max: 1, what: 'The file' },
    examples: [
      'slipway overlay node_data.json --model resnet.onnx',
      'slipway overlay node_data.json -o resnet.attachment.json --format netron',
    ],
  },
  async run(args, { task }) {
    const value = (name: string) => args.values.get(name)?.at(-1);
    const [output, modelPath, title] = [value('output'), value('model'), value('name')];
    const wanted = value('format') ?? 'slipway';
    const format = formats.find((one) => one === wanted);
    if (format === undefined) {
      throw new UsageError(`--format ${wanted} is none of ${formats.join(', ')}.`);
    }
    const read = modelPath === undefined ? undefined : await readModel(modelPath, task);
    const {
      overlays,
      diagnostics,
      format: from,
    } = await readOverlays(args.positionals[0]!, read?.model, task);
    let written: { file: string; entries: number } | undefined;
    if (output !== undefined) {
      const chosen = title === undefined ? overlays : overlays.filter((one) => one.title === title);
      if (chosen.length !== 1) {
        throw new UsageError(
          `The file holds ${overlays.map((one) => `"${one.title}"`).join(', ')}; name one of them with --name.`,
        );
      }
      written = await writeOverlay(chosen[0]!, format, output, {}, task);
    }
    const list = overlays.map((one) => ({
      title: one.title,
      unit: one.unit,
      kind: one.kind,
      entries: one.entries.length,
    }));
    return {
      result: { format: from, overlays: list, written: written ?? null, diagnostics },
      text: [
        renderList(
          list.map((one): [string, string] => [
            one.title,
            `${plural(one.entries, 'node')}${one.unit === '' ? '' : `, ${one.unit}`}`,
          ]),
        ),
        ...diagnostics.map(diagnosticLine),
        ...(written === undefined ? [] : [`${count(written.entries)} values written to ${written.file}`]),
      ].join('\n'),
    };
  },
};
