// The half-precision methods of slipway quantize: their options, and what is printed of their result.

import { basename } from 'node:path';
import type { ConvertPrecisionResult } from '../protocol/precision';
import { convertPrecision } from '../recipes/precision/precision';
import { measuredText } from '../recipes/precision/precisionJudge';
import { modeOf } from '../recipes/precision/precisionOptions';
import {
  choiceOption,
  countOption,
  numberOption,
  textOption,
  type OptionSpec,
  type ParsedArgs,
} from './args';
import type { CommandContext, Outcome } from './command';
import { diagnosticLine } from './diagnosticLine';
import { megabytes, plural, significant } from './format';
import { inHistory, jobOn } from './inHistory';
import { outputErrorText, someNames } from './outputErrorText';
import { renderList, renderTable } from './table';

type Method = 'fp16' | 'bf16';
const modes = ['storage', 'compute', 'search'] as const;

export const precisionOptionSpecs: Readonly<Record<string, OptionSpec>> = {
  'half-mode': {
    type: 'string',
    value: 'MODE',
    help: 'For fp16 and bf16: storage (weights only, for CPUs; when absent), compute (for GPUs and NPUs), or search (compute, and find the nodes that must stay float32; when --max-drop, --min-cosine or --min-sqnr is given)',
  },
  'keep-float': {
    type: 'string',
    multiple: true,
    value: 'PATTERN',
    help: 'For fp16 and bf16: operator, node name or pattern with * and ? that stays float32; may be given again',
  },
  'half-io': { type: 'boolean', help: 'For fp16 and bf16: inputs and outputs become half too' },
  'max-magnitude': {
    type: 'string',
    value: 'X',
    help: 'For fp16 and bf16: nodes that touch larger values on the calibration data stay float32; a quarter of the largest half float when absent',
  },
  'min-cosine': {
    type: 'string',
    value: 'C',
    help: 'For fp16 and bf16: search until the outputs keep this cosine similarity',
  },
  'min-sqnr': {
    type: 'string',
    value: 'DB',
    help: 'For fp16 and bf16: search until the outputs keep this signal-to-noise ratio; 50 dB when nothing else is asked for',
  },
};

/** Converts and describes; `--json` gets the same fields as of the other methods. */
export async function quantizePrecision(
  args: ParsedArgs,
  model: string,
  output: string,
  method: Method,
  context: CommandContext,
): Promise<Outcome> {
  const keep = (args.values.get('keep-float') ?? []).flatMap((text) => text.split(','));
  const options = {
    method,
    mode: choiceOption(args, 'half-mode', modes),
    output,
    keep,
    halfIo: args.flags.has('half-io'),
    calibration: textOption(args, 'calibration'),
    calibrationSamples: countOption(args, 'calibration-samples'),
    maxMagnitude: numberOption(args, 'max-magnitude', { min: 1e-6, max: 1e38 }),
    maxDrop: numberOption(args, 'max-drop', { min: 0, max: 1 }),
    validation: textOption(args, 'validation'),
    validationSamples: countOption(args, 'validation-samples'),
    minCosine: numberOption(args, 'min-cosine', { min: 0, max: 1 }),
    minSqnrDb: numberOption(args, 'min-sqnr', { min: 0, max: 150 }),
    maxEvaluations: countOption(args, 'max-evaluations'),
    maxSeconds: numberOption(args, 'max-seconds', { min: 0, max: 1e6 }),
    overwrite: args.flags.has('overwrite'),
  };
  const data = (options.calibration ?? options.validation) !== undefined;
  const job = jobOn('slipway/convertPrecision', 'Half precision of', model, options);
  const result: ConvertPrecisionResult = await inHistory(args, context, job, (task) =>
    convertPrecision(model, options, task),
  );
  return { result, text: describe(model, method, modeOf(options), data, result) };
}

function describe(
  model: string,
  method: Method,
  mode: (typeof modes)[number],
  data: boolean,
  result: ConvertPrecisionResult,
): string {
  const { before, after, fusion, error, search } = result;
  const rows: [string, string][] = [
    ['Model', `${basename(model)}, ${method} ${mode}`],
    ['Written', result.output],
    [
      'Size',
      `${megabytes(after.fileBytes)}, ${significant(after.fileBytes / before.fileBytes)} of ${megabytes(before.fileBytes)}`,
    ],
    ['Converted', plural(result.quantizedNodes, mode === 'storage' ? 'weight' : 'node')],
    ...(search ? searchRows(search) : []),
    ['Output error', outputErrorText(error, data, 6)],
  ];
  const left = fusion.left.map(({ node, op, why }) => [node, op, why]);
  const table = renderTable([{ title: 'Stays float32' }, { title: 'Operator' }, { title: 'Why' }], left);
  return [
    renderList(rows),
    ...(left.length > 0 ? ['', table] : []),
    ...(result.diagnostics.length > 0 ? ['', ...result.diagnostics.map(diagnosticLine)] : []),
  ].join('\n');
}

function searchRows({
  measured,
  float,
  evaluations,
  seconds,
}: NonNullable<ConvertPrecisionResult['search']>): [string, string][] {
  return [
    ['Keeps', measured.map(measuredText).join('; ')],
    ['Searched', `${plural(evaluations, 'version')} measured in ${significant(seconds)} s`],
    ...(float.length > 0 ? [['Given back to float32', someNames(float)] as [string, string]] : []),
  ];
}
