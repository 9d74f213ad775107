// slipway quantize: writes an int8 version of a model.

import { statSync } from 'node:fs';
import { basename } from 'node:path';
import { SlipwayError } from '../base/errors';
import { dataBeside } from '../recipes/dataBeside';
import { quantize } from '../recipes/quantize/quantize';
import type { QuantizeResult } from '../protocol/quantize';
import { choiceOption, countOption, textOption, UsageError } from './args';
import type { Command } from './command';
import { diagnosticLine } from './diagnosticLine';
import { megabytes, plural, significant } from './format';
import { historyOption, inHistory, jobOn } from './inHistory';
import { outputErrorText, someNames } from './outputErrorText';
import { quantizeMethods, refuseForeignOptions } from './quantizeMethods';
import { quantizeOptionSpecs, searchSettings, staticOptionSpecs, staticSettings } from './quantizeOptions';
import { precisionOptionSpecs, quantizePrecision } from './quantizePrecision';
import { renderList, renderTable } from './table';
import { runWeightOnly, weightOnlyOptions } from './weightOnly';

export const quantizeCommand: Command = {
  spec: {
    name: 'quantize',
    summary: 'Writes an int8 version of a model and says which nodes run in integers',
    usage: 'quantize MODEL -o OUT',
    options: {
      output: { type: 'string', short: 'o', value: 'OUT', help: 'File to write' },
      method: {
        type: 'string',
        value: 'METHOD',
        help: 'static (needs calibration data, best for convolutions) or dynamic (needs none), static when --calibration is given; fp16 or bf16 (half the file); weight-only (weights in blocks of 2, 4 or 8 bits)',
      },
      calibration: { type: 'string', value: 'DATA', help: '.npz file with arrays named like the inputs' },
      'calibration-samples': { type: 'string', value: 'N', help: 'Use at most N samples; all when absent' },
      ...staticOptionSpecs,
      ...quantizeOptionSpecs,
      ...precisionOptionSpecs,
      ...weightOnlyOptions,
      overwrite: { type: 'boolean', help: 'Replace OUT when it exists (never the model itself)' },
      ...historyOption,
    },
    positionals: { min: 1, max: 1, what: 'The model' },
    examples: [
      'slipway quantize resnet.onnx -o resnet.int8.onnx --method static --calibration resnet_calibration.npz',
      'slipway quantize bert.onnx -o bert.int8.onnx --method dynamic',
      'slipway quantize bert.onnx -o bert.fp16.onnx --method fp16',
      'slipway quantize bert.onnx -o bert.gpu.onnx --method fp16 --max-drop 0.003 --validation bert_validation.npz',
      'slipway quantize bert.onnx -o bert.int4.onnx --method weight-only --calibration bert_calibration.npz',
    ],
  },
  oneProcess: true,
  async run(args, context) {
    const { note } = context;
    const [model = ''] = args.positionals;
    const output = textOption(args, 'output');
    if (output === undefined) throw new UsageError('Name the file to write: -o OUT.');
    const calibration = textOption(args, 'calibration');
    const method =
      choiceOption(args, 'method', quantizeMethods) ?? (calibration === undefined ? 'dynamic' : 'static');
    refuseForeignOptions(args, method);
    if (method === 'fp16' || method === 'bf16')
      return quantizePrecision(args, model, output, method, context);
    if (method === 'weight-only') return runWeightOnly(model, args, context);
    if (method === 'dynamic' && calibration !== undefined)
      note('The calibration data only serves to measure the error: dynamic quantization needs none.');
    const calibrationSamples = countOption(args, 'calibration-samples');
    const options = {
      method,
      output,
      overwrite: args.flags.has('overwrite'),
      ...(calibration === undefined ? {} : { calibration }),
      ...(calibrationSamples === undefined ? {} : { calibrationSamples }),
      ...staticSettings(args),
      ...searchSettings(args),
    };
    const job = jobOn('slipway/quantize', 'Quantization of', model, options);
    const began = Date.now();
    const result: QuantizeResult = await inHistory(args, context, job, (task) =>
      quantize(model, options, task),
    ).catch((error: unknown) => {
      if (context.task.signal.aborted && options.maxDrop !== undefined)
        note(leftBehind(output, options.state, began));
      const missing = method === 'static' && calibration === undefined;
      if (!missing || !(error instanceof SlipwayError) || error.kind !== 'badRequest') throw error;
      const beside = dataBeside(model, 'calibration');
      const hint = `Add --calibration ${beside ?? 'DATA.npz'}.`;
      throw new UsageError(`${error.message} ${hint}`);
    });
    const { accuracy } = result;
    const failed =
      accuracy && !accuracy.holds
        ? `The search ended (${endings[accuracy.stopped] ?? accuracy.stopped}) with a drop of ${points(accuracy.drop)}, more than the ${points(accuracy.maxDrop)} allowed. The best version was written.`
        : undefined;
    const text = describe(model, method, calibration !== undefined, result);
    return failed === undefined ? { result, text } : { result, text, failed };
  },
};

const endings: Readonly<Record<string, string>> = {
  done: 'it was done',
  seconds: 'its time was up',
  evaluations: 'as many versions were measured as it may',
  exhausted: 'there was nothing left to try',
};

/** What a search that was stopped has left. */
function leftBehind(output: string, state: string | undefined, began: number): string {
  const saved = statSync(output, { throwIfNoEntry: false });
  const best =
    saved !== undefined && saved.mtimeMs >= began
      ? `The best version so far is in ${output}.`
      : 'No version was written yet.';
  return state === undefined
    ? `${best} With --state FILE a stopped search goes on where it was.`
    : `${best} The same command goes on from ${state}.`;
}

const points = (drop: number) => `${(drop * 100).toFixed(2)} points`;

function describe(model: string, method: string, data: boolean, result: QuantizeResult): string {
  const { before, after, fusion, error } = result;
  const share = significant(after.fileBytes / before.fileBytes);
  const rows: [string, string][] = [
    ['Model', `${basename(model)}, int8 ${method}`],
    ['Written', result.output],
    ['Size', `${megabytes(after.fileBytes)}, ${share} of ${megabytes(before.fileBytes)}`],
    ['Quantized', plural(result.quantizedNodes, 'node')],
    ...more(result),
    ['Runs in integers', `${fusion.integer} of ${plural(fusion.integer + fusion.float, 'compute node')}`],
    ['Output error', outputErrorText(error, data)],
  ];
  const left = fusion.left.map(({ node, op, why }) => [node, op, why]);
  const table = renderTable([{ title: 'Stays in float' }, { title: 'Operator' }, { title: 'Why' }], left);
  return [
    renderList(rows),
    ...(left.length > 0 ? ['', table, '', ...mends(fusion.left)] : []),
    ...(result.diagnostics.length > 0 ? ['', ...result.diagnostics.map(diagnosticLine)] : []),
  ].join('\n');
}

/** What would mend what stays in float, each advice once with the number of nodes it is for. */
function mends(left: QuantizeResult['fusion']['left']): string[] {
  const counts = new Map<string, number>();
  for (const { mend } of left) if (mend !== undefined) counts.set(mend, (counts.get(mend) ?? 0) + 1);
  return [...counts]
    .sort(([, a], [, b]) => b - a)
    .map(([mend, nodes]) => `What would mend ${plural(nodes, 'node')}: ${mend}`);
}

/** What only some quantizations have to say. */
function more({ scheme, accuracy, emulation, speed }: QuantizeResult): [string, string][] {
  const rows: [string, string][] = [];
  if (typeof scheme === 'string') rows.push(['Integers', scheme]);
  if (speed)
    rows.push([
      'Speed',
      `${speed.ratio.toFixed(2)} times the float model's (${significant(speed.floatMs)} → ${significant(speed.quantizedMs)} ms, one sample, one thread)`,
    ]);
  if (accuracy) {
    const percent = (value: number) => `${(value * 100).toFixed(2)} %`;
    rows.push([
      'Top-1',
      `${percent(accuracy.float)} → ${percent(accuracy.quantized)} (${points(accuracy.maxDrop)} may be lost), ${plural(accuracy.evaluations, 'version')} measured, calibrator ${accuracy.calibrator}${accuracy.recovered === true ? ', after accuracy recovery' : ''}`,
    ]);
    if (accuracy.reverted.length > 0) rows.push(['Given back to float', someNames(accuracy.reverted)]);
  }
  if (emulation)
    rows.push([
      'On AVX2 without VNNI',
      `cosine ${emulation.error.cosine.toFixed(5)}, SQNR ${significant(emulation.error.sqnrDb)} dB; ${emulation.dangerousPairs} of ${emulation.pairs} weight pairs can saturate`,
    ]);
  return rows;
}
