// slipway sensitivity: how much the rounding of each layer costs.

import { sensitivityOf } from '../recipes/quantize/sensitivityOf';
import type { SensitivityResult } from '../protocol/sensitivity';
import { countOption, textOption, UsageError, type ParsedArgs } from './args';
import type { Command } from './command';
import { diagnosticLine } from './diagnosticLine';
import { significant } from './format';
import { historyOption, inHistory, jobOn } from './inHistory';
import { pruneSensitivityOutcome } from './pruneSensitivity';
import { staticOptionSpecs, staticSettings } from './quantizeOptions';
import { renderTable } from './table';

export const sensitivityCommand: Command = {
  spec: {
    name: 'sensitivity',
    summary: 'Quantizes one layer, or prunes one group, at a time and measures how far the outputs move',
    usage: 'sensitivity MODEL --calibration DATA',
    options: {
      prune: {
        type: 'string',
        value: 'R',
        help: 'Prune instead: each group of channels alone loses this share of its width',
      },
      validation: {
        type: 'string',
        value: 'DATA',
        help: 'With --prune, labelled .npz file: measure top-1 for each group too',
      },
      importance: {
        type: 'string',
        value: 'KIND',
        help: 'With --prune, which channels go: l1, l2, bn-scale, energy or error',
      },
      calibration: { type: 'string', value: 'DATA', help: '.npz file with arrays named like the inputs' },
      'calibration-samples': {
        type: 'string',
        value: 'N',
        help: 'Measure ranges on at most N samples; all when absent',
      },
      samples: { type: 'string', value: 'N', help: 'Samples that each layer is measured on; 64 when absent' },
      ...staticOptionSpecs,
      ...historyOption,
    },
    positionals: { min: 1, max: 1, what: 'The model' },
    examples: [
      'slipway sensitivity resnet.onnx --calibration resnet_calibration.npz --json',
      'slipway sensitivity resnet.onnx --prune 0.5 --calibration resnet_calibration.npz',
    ],
  },
  async run(args, context) {
    const [model = ''] = args.positionals;
    refuseForeign(args);
    if (args.values.has('prune')) return pruneSensitivityOutcome(args, model, context);
    const calibration = textOption(args, 'calibration');
    if (calibration === undefined)
      throw new UsageError('Layers are measured on calibration data: --calibration DATA.');
    const samples = countOption(args, 'samples');
    const calibrationSamples = countOption(args, 'calibration-samples');
    const options = {
      calibration,
      ...(samples === undefined ? {} : { samples }),
      ...(calibrationSamples === undefined ? {} : { calibrationSamples }),
      ...staticSettings(args),
    };
    const job = jobOn('slipway/sensitivity', 'Sensitivity of', model, options);
    const result: SensitivityResult = await inHistory(args, context, job, (task) =>
      sensitivityOf(model, options, task),
    );
    const decibels = (error: { readonly sqnrDb: number } | null) =>
      error === null ? '–' : significant(error.sqnrDb);
    const rows = result.layers.map(({ node, op, alone, together }) => [
      node,
      op,
      decibels(alone),
      alone.cosine.toFixed(6),
      decibels(together),
      together === null ? '–' : together.cosine.toFixed(6),
    ]);
    const table = renderTable(
      [
        { title: 'Layer' },
        { title: 'Operator' },
        { title: 'SQNR of the outputs, dB' },
        { title: 'Cosine' },
        { title: 'SQNR at the layer, all quantized, dB' },
        { title: 'Cosine there' },
      ],
      rows,
    );
    const others = (result.operators ?? []).map(({ node, op, together }) => [
      node,
      op,
      decibels(together),
      together.cosine.toFixed(6),
    ]);
    const further = renderTable(
      [
        { title: 'Other operators' },
        { title: 'Operator' },
        { title: 'SQNR there, all quantized, dB' },
        { title: 'Cosine' },
      ],
      others,
    );
    const parts = [table, ...(others.length > 0 ? ['', further] : [])];
    return { result, text: [...parts, ...result.diagnostics.map(diagnosticLine)].join('\n') };
  },
};

const forPruning = ['prune', 'validation', 'importance'];
const forBoth = ['calibration', 'samples', 'no-history', 'json'];

/** Throws UsageError for an option that would be passed over. */
function refuseForeign({ values, flags }: ParsedArgs): void {
  const given = [...values.keys(), ...flags];
  if (!values.has('prune')) {
    const foreign = given.find((name) => forPruning.includes(name));
    if (foreign !== undefined)
      throw new UsageError(`--${foreign} is for pruning; say how much each group loses: --prune 0.5.`);
    return;
  }
  const foreign = given.find((name) => !forPruning.includes(name) && !forBoth.includes(name));
  if (foreign !== undefined)
    throw new UsageError(`--${foreign} is for rounding; with --prune it would be passed over.`);
}
