// slipway quantize --method weight-only: its own options, and what it prints. The command itself is quantize.ts.

import { basename } from 'node:path';
import type { WeightOnlyResult } from '../protocol/weightOnly';
import { quantizeWeights } from '../recipes/weightOnly/weightOnly';
import { choiceOption, countOption, numberOption, textOption, UsageError } from './args';
import type { OptionSpec, ParsedArgs } from './args';
import type { CommandContext } from './command';
import { diagnosticLine } from './diagnosticLine';
import { megabytes, plural, significant } from './format';
import { inHistory, jobOn } from './inHistory';
import { outputErrorText } from './outputErrorText';
import { renderList, renderTable } from './table';

/** Options of this method alone; the others of `quantize` that it takes are output, calibration and overwrite. */
export const weightOnlyOptions: Readonly<Record<string, OptionSpec>> = {
  bits: { type: 'string', value: 'N', help: 'weight-only: 2, 4 (the default) or 8 bits for a weight' },
  'block-size': {
    type: 'string',
    value: 'N',
    help: 'weight-only: weights that share a scale, 16 to 256; 32 when absent',
  },
  asymmetric: { type: 'boolean', help: 'weight-only: give every block a zero point of its own' },
  algorithm: {
    type: 'string',
    value: 'NAME',
    help: 'weight-only: rtn, hqq, k-quant or plain, which need no data, gptq or awq, which need --calibration; gptq when it is given',
  },
  'act-order': { type: 'boolean', help: 'weight-only: gptq takes rows with large inputs first' },
  passes: {
    type: 'string',
    value: 'N',
    help: 'weight-only: gptq goes through the model N times, each time by what layers read behind the layers quantized before; 1 when absent',
  },
  form: {
    type: 'string',
    value: 'FORM',
    help: 'weight-only: nbits (MatMulNBits of ONNX Runtime, the default) or blocked (standard DequantizeLinear; an older model is brought to opset 21, or 25 for 2 bits)',
  },
  'largest-error': {
    type: 'string',
    value: 'SHARE',
    help: 'weight-only: a weight that loses more than this share, 0.1 say, takes 8 bits instead',
  },
  'accuracy-level': {
    type: 'string',
    value: 'N',
    help: 'weight-only: MatMulNBits computes in 0, 1 (float32) or 4 (int8 activations); measured when absent',
  },
  'embedding-bits': {
    type: 'string',
    value: 'N',
    help: 'weight-only: 2, 4 or 8 bits for lookup tables that nothing multiplies with; 8 when absent, as a lookup gains no time from fewer',
  },
  'float-embeddings': { type: 'boolean', help: 'weight-only: leave lookup tables in float' },
};

const number = <T extends number>(args: ParsedArgs, name: string, choices: readonly T[]): T | undefined => {
  const text = choiceOption(args, name, choices.map(String));
  return choices.find((choice) => String(choice) === text);
};

/** Runs the method. Throws UsageError for options that are wrong or belong to others. */
export async function runWeightOnly(
  model: string,
  args: ParsedArgs,
  context: CommandContext,
): Promise<{ result: WeightOnlyResult; text: string }> {
  const output = textOption(args, 'output');
  if (output === undefined) throw new UsageError('Name the file to write: -o OUT.');
  const algorithms = ['plain', 'rtn', 'hqq', 'k-quant', 'gptq', 'awq'] as const;
  const options = {
    output,
    bits: number(args, 'bits', [2, 4, 8]),
    blockSize: numberOption(args, 'block-size', { min: 16, max: 256, whole: true }),
    symmetric: args.flags.has('asymmetric') ? false : args.flags.has('symmetric') || undefined,
    algorithm: choiceOption(args, 'algorithm', algorithms),
    actOrder: args.flags.has('act-order'),
    passes: numberOption(args, 'passes', { min: 1, max: 8, whole: true }),
    form: choiceOption(args, 'form', ['nbits', 'blocked']),
    largestError: numberOption(args, 'largest-error', { min: 0, max: 10 }),
    accuracyLevel: number(args, 'accuracy-level', [0, 1, 4]),
    embeddings: !args.flags.has('float-embeddings'),
    embeddingBits: number(args, 'embedding-bits', [2, 4, 8]),
    exclude: args.values.get('exclude')?.flatMap((text) => text.split(',')),
    calibration: textOption(args, 'calibration'),
    calibrationSamples: countOption(args, 'calibration-samples'),
    overwrite: args.flags.has('overwrite'),
  };
  const job = jobOn('slipway/quantizeWeights', 'Weight quantization of', model, options);
  const result: WeightOnlyResult = await inHistory(args, context, job, (task) =>
    quantizeWeights(model, options, task),
  );
  return { result, text: describe(model, args.values.has('calibration'), result) };
}

const shownLayers = 10;

function describe(model: string, data: boolean, result: WeightOnlyResult): string {
  const { before, after, error, weightOnly, fusion } = result;
  const { accuracyLevel, tried } = weightOnly;
  const share = significant(after.fileBytes / before.fileBytes);
  const levels = tried.map(
    ({ level, agreement, medianMs }) =>
      `${level}: ${(agreement * 100).toFixed(1)} % agree, ${significant(medianMs)} ms`,
  );
  const rows: [string, string][] = [
    ['Model', `${basename(model)}, weight-only`],
    ['Written', result.output],
    ['Size', `${megabytes(after.fileBytes)}, ${share} of ${megabytes(before.fileBytes)}`],
    ['Quantized', `${plural(result.quantizedNodes, 'node')}, ${plural(weightOnly.layers.length, 'weight')}`],
    ['Output error', outputErrorText(error, data)],
    ...(accuracyLevel === null
      ? []
      : ([['Accuracy level', [String(accuracyLevel), ...levels].join('; ')]] as [string, string][])),
  ];
  const worst = [...weightOnly.layers].sort((a, b) => b.error.relative - a.error.relative);
  const layers = worst
    .slice(0, shownLayers)
    .map(({ nodes, k, n, bits, algorithm, error: lost }) => [
      nodes.join(', '),
      `${k} × ${n}`,
      String(bits),
      algorithm,
      `${(lost.relative * 100).toFixed(2)} % of the ${lost.of}`,
    ]);
  const left = fusion.left.map(({ node, op, why }) => [node, op, why]);
  return [
    renderList(rows),
    '',
    renderTable(
      [
        { title: 'Largest errors' },
        { title: 'Weight' },
        { title: 'Bits' },
        { title: 'By' },
        { title: 'Error' },
      ],
      layers,
    ),
    ...(left.length > 0
      ? ['', renderTable([{ title: 'Stays in float' }, { title: 'Operator' }, { title: 'Why' }], left)]
      : []),
    ...(result.diagnostics.length > 0 ? ['', ...result.diagnostics.map(diagnosticLine)] : []),
  ].join('\n');
}
