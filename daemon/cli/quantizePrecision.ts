// The half-precision methods of slipway quantize: their options, and what is printed of their result.

import { basename } from 'node:path';
import type { Task } from '../base/task';
import type { QuantizeResult } from '../protocol/quantize';
import { convertPrecision } from '../recipes/precision';
import {
  choiceOption,
  countOption,
  numberOption,
  textOption,
  type OptionSpec,
  type ParsedArgs,
} from './args';
import type { Outcome } from './command';
import { diagnosticLine } from './diagnosticLine';
import { megabytes, plural, significant } from './format';
import { renderList, renderTable } from './table';

export const precisionMethods = ['fp16', 'bf16'] as const;
type Method = (typeof precisionMethods)[number];
const modes = ['storage', 'compute', 'search'] as const;

export const precisionOptionSpecs: Readonly<Record<string, OptionSpec>> = {
  'half-mode': {
    type: 'string',
    value: 'MODE',
    help: 'For fp16 and bf16: storage (weights only, for CPUs; when absent), compute (for GPUs and NPUs), or search (compute, and find the nodes that must stay float32)',
  },
  'keep-float': {
    type: 'string',
    multiple: true,
    value: 'PATTERN',
    help: 'For fp16 and bf16: operator, node name or pattern with * and ? that stays float32; may be given again',
  },
  'half-io': { type: 'boolean', help: 'For fp16 and bf16: inputs and outputs become half too' },
  'min-sqnr': {
    type: 'string',
    value: 'DB',
    help: 'For --half-mode search: least signal-to-noise ratio; 50 dB when absent',
  },
  'max-trials': { type: 'string', value: 'N', help: 'For --half-mode search: most trials; 60 when absent' },
};

/** Converts and describes; `--json` gets the same fields as of the other methods. */
export async function quantizePrecision(
  args: ParsedArgs,
  model: string,
  output: string,
  method: Method,
  task: Task,
): Promise<Outcome> {
  const mode = choiceOption(args, 'half-mode', modes) ?? 'storage';
  const keep = (args.values.get('keep-float') ?? []).flatMap((text) => text.split(','));
  const result: QuantizeResult = await convertPrecision(
    model,
    {
      method,
      mode,
      output,
      keep,
      halfIo: args.flags.has('half-io'),
      calibration: textOption(args, 'calibration'),
      calibrationSamples: countOption(args, 'calibration-samples'),
      minSqnrDb: numberOption(args, 'min-sqnr', { min: 0, max: 150 }),
      maxTrials: countOption(args, 'max-trials'),
      overwrite: args.flags.has('overwrite'),
    },
    task,
  );
  return { result, text: describe(model, method, mode, result) };
}

function describe(
  model: string,
  method: Method,
  mode: (typeof modes)[number],
  result: QuantizeResult,
): string {
  const { before, after, fusion, error } = result;
  const rows: [string, string][] = [
    ['Model', `${basename(model)}, ${method} ${mode}`],
    ['Written', result.output],
    [
      'Size',
      `${megabytes(after.fileBytes)}, ${significant(after.fileBytes / before.fileBytes)} of ${megabytes(before.fileBytes)}`,
    ],
    ['Converted', plural(result.quantizedNodes, mode === 'storage' ? 'weight' : 'node')],
    [
      'Output error',
      error === null
        ? 'not measured'
        : `cosine ${error.cosine.toFixed(6)}, SQNR ${significant(error.sqnrDb)} dB, largest ${significant(error.maxAbs)}, over ${plural(error.samples, 'sample')}`,
    ],
  ];
  const left = fusion.left.map(({ node, op, why }) => [node, op, why]);
  const table = renderTable([{ title: 'Stays float32' }, { title: 'Operator' }, { title: 'Why' }], left);
  return [
    renderList(rows),
    ...(left.length > 0 ? ['', table] : []),
    ...(result.diagnostics.length > 0 ? ['', ...result.diagnostics.map(diagnosticLine)] : []),
  ].join('\n');
}
