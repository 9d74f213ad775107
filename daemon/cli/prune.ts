// slipway prune: writes a smaller and faster version of a model.

import { basename } from 'node:path';
import type { PruneResult } from '../protocol/prune';
import { pruneChannels } from '../recipes/prune/prune';
import { choiceOption, countOption, textOption, UsageError, type ParsedArgs } from './args';
import type { Command } from './command';
import { diagnosticLine } from './diagnosticLine';
import { megabytes, plural, significant } from './format';
import { historyOption, inHistory, jobOn } from './inHistory';
import { capsOption, goalOf, share } from './pruneGoal';
import { pruneWeights } from './pruneWeights';
import { renderList, renderTable } from './table';

const methods = ['channels', 'magnitude', 'n:m'] as const;

export const pruneCommand: Command = {
  spec: {
    name: 'prune',
    summary: 'Removes channels, heads and hidden widths: fewer multiplications, so really faster',
    usage: 'prune MODEL -o OUT --ratio R',
    options: {
      output: { type: 'string', short: 'o', value: 'OUT', help: 'File to write' },
      method: {
        type: 'string',
        value: 'METHOD',
        help: 'channels (faster and smaller; the default), magnitude or n:m (zeros only, no faster)',
      },
      ratio: { type: 'string', value: 'R', help: 'Share of the channels to remove, 0 to below 1' },
      'target-macs': {
        type: 'string',
        value: 'R',
        help: 'Share of the multiply-accumulates to keep, instead of --ratio',
      },
      'target-size': {
        type: 'string',
        value: 'S',
        help: 'Size of the file to keep, instead of --ratio: 0.5 of it, or 800kB, 12MB',
      },
      'target-latency': {
        type: 'string',
        value: 'T',
        help: 'Time of a run to keep, instead of --ratio, measured on this machine: 0.6 of it, or 2.5ms',
      },
      threads: {
        type: 'string',
        value: 'N',
        help: 'Threads that the latency is measured with; 1 when absent',
      },
      most: { type: 'string', value: 'R', help: 'The most that one group may lose; 0.8 when absent' },
      cap: {
        type: 'string',
        multiple: true,
        value: 'NAME=R',
        help: 'The most that the group of this layer may lose; 0 keeps it whole',
      },
      calibration: {
        type: 'string',
        value: 'DATA',
        help: '.npz file with arrays named like the inputs; makes the choice better and repairs by least squares',
      },
      'calibration-samples': { type: 'string', value: 'N', help: 'Use at most N samples; all when absent' },
      importance: {
        type: 'string',
        value: 'KIND',
        help: 'l1, l2, bn-scale, or with data energy or error; error with data, else l2',
      },
      pattern: { type: 'string', value: 'N:M', help: 'For n:m, keep N of every M weights; 2:4 when absent' },
      criterion: {
        type: 'string',
        value: 'KIND',
        help: 'For zeros: magnitude, or with data wanda or sparsegpt; sparsegpt with data, else magnitude',
      },
      scope: {
        type: 'string',
        value: 'SCOPE',
        help: 'layer (the same share everywhere) or global (where it costs least); for channels global with data',
      },
      rounds: {
        type: 'string',
        value: 'N',
        help: 'For magnitude, let the share of zeros grow in N rounds; 1 when absent',
      },
      store: {
        type: 'string',
        value: 'FORM',
        help: 'For zeros: packed (a smaller file; when absent) or dense (plain initializers)',
      },
      'no-repair': { type: 'boolean', help: 'Do not refit the layers after cutting' },
      align: {
        type: 'string',
        value: 'N',
        help: "Keep widths multiples of N; the machine's vector width when absent",
      },
      overwrite: { type: 'boolean', help: 'Replace OUT when it exists (never the model itself)' },
      ...historyOption,
    },
    positionals: { min: 1, max: 1, what: 'The model' },
    examples: [
      'slipway prune resnet.onnx -o resnet.pruned.onnx --target-macs 0.5 --calibration resnet_calibration.npz',
      'slipway prune bert.onnx -o bert.pruned.onnx --ratio 0.3',
    ],
  },
  async run(args, context) {
    const [model = ''] = args.positionals;
    const output = textOption(args, 'output');
    if (output === undefined) throw new UsageError('Name the file to write: -o OUT.');
    const method = choiceOption(args, 'method', methods) ?? 'channels';
    checkMethod(args, method);
    if (method !== 'channels') return pruneWeights(args, model, output, method, context);
    const goal = goalOf(args);
    const options = {
      output,
      ...goal,
      most: share(args, 'most'),
      caps: capsOption(args),
      threads: countOption(args, 'threads'),
      overwrite: args.flags.has('overwrite'),
      calibration: textOption(args, 'calibration'),
      calibrationSamples: countOption(args, 'calibration-samples'),
      importance: choiceOption(args, 'importance', ['l1', 'l2', 'bn-scale', 'energy', 'error']),
      scope: choiceOption(args, 'scope', ['global', 'layer']),
      align: countOption(args, 'align', 1024),
      ...(args.flags.has('no-repair') ? { repair: false } : {}),
    };
    const job = jobOn('slipway/prune', 'Pruning of', model, options);
    const result: PruneResult = await inHistory(args, context, job, (task) =>
      pruneChannels(model, options, task),
    );
    return { result, text: describe(model, result) };
  },
};

const onlyChannels = ['target-macs', 'target-size', 'target-latency', 'threads', 'most', 'cap', 'importance', 'align']; // prettier-ignore
const onlyZeros = ['pattern', 'criterion', 'rounds', 'store'];

/** An option of the other kind of pruning would be left unread without a word. */
function checkMethod(args: ParsedArgs, method: (typeof methods)[number]): void {
  const channels = method === 'channels';
  const strange = (channels ? onlyZeros : onlyChannels).find((name) => args.values.has(name));
  if (strange !== undefined)
    throw new UsageError(
      channels
        ? `--${strange} is for zeros in weights: add --method magnitude or --method n:m.`
        : `--${strange} is for channels, and --method ${method} makes weights zero. Leave one of them out.`,
    );
}

function describe(model: string, result: PruneResult): string {
  const { before, after, error, groups, locked, latency } = result;
  const of = (now: number | null, then: number | null) =>
    now === null || then === null
      ? 'unknown'
      : `${now.toLocaleString('en')}, ${significant(now / then)} of ${then.toLocaleString('en')}`;
  const rows: [string, string][] = [
    ['Model', `${basename(model)}, channels pruned`],
    ['Written', result.output],
    [
      'Size',
      `${megabytes(after.fileBytes)}, ${significant(after.fileBytes / before.fileBytes)} of ${megabytes(before.fileBytes)}`,
    ],
    ['Parameters', of(after.parameters, before.parameters)],
    ['MACs', of(after.macs, before.macs)],
    ...(latency
      ? [
          [
            'One run',
            `${significant(latency.afterMs)} ms, ${significant(latency.afterMs / latency.beforeMs)} of ${significant(latency.beforeMs)} ms (${significant(latency.ratio)} times as fast, 95 % interval ${significant(latency.low)} to ${significant(latency.high)})`,
          ] as [string, string],
        ]
      : []),
    ['Refitted', plural(result.repaired, 'layer')],
    [
      'Output error',
      error === null
        ? 'not measured'
        : `cosine ${error.cosine.toFixed(5)}, SQNR ${significant(error.sqnrDb)} dB, largest ${significant(error.maxAbs)}, over ${plural(error.samples, 'sample')}`,
    ],
  ];
  const cut = renderTable(
    [{ title: 'Width of' }, { title: 'Before', align: 'right' }, { title: 'After', align: 'right' }],
    groups.map(({ name, from, to }) => [name, String(from), String(to)]),
  );
  const stays = renderTable(
    [{ title: 'Locked' }, { title: 'Width', align: 'right' }, { title: 'Why' }],
    locked.map(({ name, width, reason }) => [name, String(width), reason]),
  );
  return [
    renderList(rows),
    '',
    cut,
    ...(locked.length > 0 ? ['', stays] : []),
    ...(result.diagnostics.length > 0 ? ['', ...result.diagnostics.map(diagnosticLine)] : []),
  ].join('\n');
}
