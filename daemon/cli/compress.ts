// slipway compress: makes int8 versions of a model, measures and evaluates them, and chooses.

import { basename } from 'node:path';
import { compress, type CompressResult, type Variant } from '../recipes/compress';
import { choiceOption, countOption, numberOption, textOption } from './args';
import type { Command } from './command';
import { megabytes, milliseconds, plural, ratio, share, significant } from './format';
import { absolute, historyOption, inHistory, uriOf } from './inHistory';
import { renderTable } from './table';

export const compressCommand: Command = {
  spec: {
    name: 'compress',
    summary: 'Makes int8 versions of a model, measures and evaluates them beside it, and chooses',
    usage: 'compress MODEL',
    options: {
      calibration: {
        type: 'string',
        value: 'DATA',
        help: '.npz file; NAME_calibration.npz beside the model when absent',
      },
      validation: {
        type: 'string',
        value: 'DATA',
        help: 'Labelled .npz file; NAME_validation.npz beside the model when absent',
      },
      'output-folder': {
        type: 'string',
        short: 'o',
        value: 'FOLDER',
        help: 'Where to write; beside the model when absent',
      },
      'max-drop': {
        type: 'string',
        value: 'D',
        help: 'Largest loss of top-1 that is accepted; 0.01 when absent',
      },
      objective: {
        type: 'string',
        value: 'WHAT',
        help: 'latency or size: what to choose by; latency when absent',
      },
      threads: {
        type: 'string',
        value: 'N',
        help: 'Threads inside an operator while measuring; 1 when absent',
      },
      'max-seconds': {
        type: 'string',
        value: 'S',
        help: 'Time limit of the measurement for each version; 10 when absent',
      },
      ...historyOption,
    },
    positionals: { min: 1, max: 1, what: 'The model' },
    examples: [
      'slipway compress resnet.onnx',
      'slipway compress resnet.onnx -o build --max-drop 0.005 --json',
    ],
  },
  async run(args, context) {
    const objective = choiceOption(args, 'objective', ['latency', 'size']) ?? 'latency';
    const path = args.positionals[0]!;
    const outputFolder = textOption(args, 'output-folder');
    const calibration = textOption(args, 'calibration');
    const validation = textOption(args, 'validation');
    const options = {
      maxDrop: numberOption(args, 'max-drop', { min: 0, max: 1 }),
      threads: countOption(args, 'threads', 1024),
      maxSeconds: numberOption(args, 'max-seconds', { min: 0.1, max: 86_400 }),
    };
    const job = {
      method: 'slipway/compress',
      what: 'Compression of',
      models: [{ role: 'model' as const, path }],
      params: {
        uri: uriOf(path),
        outputFolder: absolute(outputFolder),
        calibration: absolute(calibration),
        validation: absolute(validation),
        ...options,
      },
    };
    const result = await inHistory(args, context, job, (task) =>
      compress(path, { outputFolder, calibration, validation, ...options, objective }, task),
    );
    const { chosen, machine } = result;
    const [baseline, ...candidates] = result.variants.map((variant) => candidate(variant, result.variants));
    return {
      result: {
        baseline,
        candidates,
        chosen,
        machine,
        calibration: result.calibration,
        validation: result.validation,
        diagnostics: result.diagnostics,
      },
      text: describe(result),
    };
  },
};

/** A variant in the words of the command's contract. */
const candidate = (variant: Variant, all: readonly Variant[]) => ({
  ...variant,
  latencyMs: variant.measurement?.latencyMs ?? null,
  metric: variant.top1 ?? variant.agreement,
  onPareto: onPareto(variant, all),
});

/** True when no other version is at least as small, as fast and as good, and better in one of these. */
export function onPareto(variant: Variant, all: readonly Variant[]): boolean {
  const costs = ({ fileBytes, measurement, top1, agreement, recipe }: Variant) => [
    fileBytes,
    measurement?.undisturbed.p50Ms ?? Infinity,
    // Without labels the original is right by definition.
    -(top1?.value ?? agreement?.value ?? (recipe === 'original' ? 1 : 0)),
  ];
  if (variant.failed !== undefined) return false;
  const own = costs(variant);
  return !all.some((other) => {
    if (other === variant || other.failed !== undefined) return false;
    const theirs = costs(other);
    return theirs.every((cost, i) => cost <= own[i]!) && theirs.some((cost, i) => cost < own[i]!);
  });
}

const right = 'right' as const;

function describe({
  variants,
  chosen,
  validation,
  calibration,
  machine,
  diagnostics,
}: CompressResult): string {
  const rows = variants.map((variant) => [
    variant.file === chosen ? '→' : '',
    variant.recipe,
    basename(variant.file),
    variant.fileBytes > 0 ? megabytes(variant.fileBytes) : '',
    variant.measurement ? milliseconds(variant.measurement.latencyMs.p50) : '',
    variant.measurement ? milliseconds(variant.measurement.latencyMs.p99) : '',
    variant.ratio ? ratio(variant.ratio) : '',
    variant.top1 ? share(variant.top1) : '',
    variant.agreement ? share(variant.agreement) : '',
  ]);
  const columns = [
    { title: '' },
    { title: 'Recipe' },
    { title: 'File' },
    ...['Size', 'p50', 'p99', 'Speed', 'Top-1', 'Agreement'].map((title) => ({ title, align: right })),
  ];
  const failures = variants.flatMap(({ recipe, failed }) =>
    failed === undefined ? [] : [`${recipe}: ${failed}`],
  );
  const samples = variants[0]?.top1?.samples;
  return [
    headline(variants, chosen),
    '',
    renderTable(columns, rows),
    '',
    `Measured on ${machine.cpu}, ONNX Runtime ${machine.onnxruntime}.`,
    calibration === null
      ? 'No calibration data was found, so no static version was made: name some with --calibration.'
      : `Calibrated on ${basename(calibration)}.`,
    validation === null
      ? 'Accuracy was not measured: name labelled data with --validation.'
      : `Top-1 on ${plural(samples ?? 0, 'sample')} of ${basename(validation)}.`,
    ...failures,
    ...diagnostics.map(({ message }) => message),
  ].join('\n');
}

function headline(variants: readonly Variant[], chosen: string): string {
  const [original] = variants;
  const best = variants.find(({ file }) => file === chosen);
  if (!original || !best || best === original) return 'The original stays the best choice.';
  const speed = best.ratio ? `${significant(best.ratio.p50Ratio)} times as fast, ` : '';
  const size = `${significant(best.fileBytes / original.fileBytes)} of the size`;
  const drop =
    best.top1 && original.top1
      ? `, top-1 ${difference(best.top1Difference ?? { value: best.top1.value - original.top1.value })}`
      : '';
  return `${best.recipe}: ${speed}${size}${drop}.`;
}

/** "−0.1 ± 0.4 points": the difference with half the width of its interval. */
function difference({ value, low, high }: { value: number; low?: number; high?: number }): string {
  const points = `${value >= 0 ? '+' : '−'}${Math.abs(value * 100).toFixed(1)}`;
  return low === undefined || high === undefined
    ? `${points} points`
    : `${points} ± ${(((high - low) / 2) * 100).toFixed(1)} points`;
}
