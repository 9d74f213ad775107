// Options of slipway quantize and slipway sensitivity: what they are called, what they mean, and what they
// become for the recipe.

import { targets } from '../passes/quantize/scheme';
import { calibrators } from '../runtime/calibrate/calibrateBy';
import { recoverMethods, type RecoverMethod } from '../recipes/quantize/recoverMethods';
import {
  choiceOption,
  countOption,
  numberOption,
  textOption,
  type OptionSpec,
  type ParsedArgs,
  UsageError,
} from './args';

const listed = (what: string, example: string): OptionSpec => ({
  type: 'string',
  multiple: true,
  value: 'A,B,…',
  help: `${what}, as in ${example}`,
});

/** What static quantization takes. */
export const staticOptionSpecs: Readonly<Record<string, OptionSpec>> = {
  target: {
    type: 'string',
    value: 'TARGET',
    help: `Processor to choose the integers for: ${targets.join(', ')}; this machine's when absent`,
  },
  activations: {
    type: 'string',
    value: 'TYPE',
    help: 'uint8 (fast on x64), int8 (ARM), uint16 or int16 (accurate, but in float on CPUs)',
  },
  weights: { type: 'string', value: 'TYPE', help: 'int8, or uint8 where int8 products saturate' },
  'per-tensor': {
    type: 'boolean',
    help: 'One scale for each weight instead of one for each channel: a few percent faster, and with --recover bias-iterative about as accurate',
  },
  'reduced-range': {
    type: 'boolean',
    help: 'Weights on 7 bits, so that no product saturates on AVX2 without VNNI',
  },
  symmetric: { type: 'boolean', help: 'Zero in the middle of the integers of values that have both signs' },
  calibrator: {
    type: 'string',
    value: 'NAME',
    help: `How ranges are chosen: ${calibrators.join(', ')}; minmax when absent`,
  },
  percentile: { type: 'string', value: 'P', help: 'Percent of the values that percentile keeps; 99.999' },
  momentum: { type: 'string', value: 'C', help: 'Weight of the newest batch for moving-average; 0.01' },
  'calibration-cache': {
    type: 'string',
    value: 'FILE',
    help: 'Keep the ranges in FILE and use them again for the same model, data and settings',
  },
  overrides: {
    type: 'string',
    value: 'FILE',
    help: 'JSON file with {"VALUE": {"min": -1, "max": 1}} for a fixed range, {"TENSOR": {"type": "uint8"}} (int8, uint16, int16) for its integers, or {"VALUE": "float"}',
  },
  include: listed('Quantize only nodes with these names or patterns', '"/layer1/*"'),
  exclude: listed('Keep nodes with these names or patterns in float', '"/head/*"'),
  'include-ops': listed('Quantize only these operators', 'Conv,Add'),
  'exclude-ops': listed('Keep these operators in float', 'MatMul'),
};

const splitAll = (args: ParsedArgs, name: string): string[] | undefined =>
  args.values
    .get(name)
    ?.flatMap((text) => text.split(','))
    .map((word) => word.trim())
    .filter((word) => word !== '');

/** Leaves out what is undefined. */
function present<T extends object>(value: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

/** The settings that `staticOptionSpecs` declares. Throws UsageError. */
export function staticSettings(args: ParsedArgs) {
  const percentile = numberOption(args, 'percentile', { min: 50, max: 100 });
  const momentum = numberOption(args, 'momentum', { min: 0.0001, max: 1 });
  return present({
    target: choiceOption(args, 'target', targets),
    activations: choiceOption(args, 'activations', ['uint8', 'int8', 'uint16', 'int16']),
    weights: choiceOption(args, 'weights', ['int8', 'uint8']),
    perTensor: args.flags.has('per-tensor') || undefined,
    reducedRange: args.flags.has('reduced-range') || undefined,
    symmetric: args.flags.has('symmetric') || undefined,
    calibrator:
      choiceOption(args, 'calibrator', calibrators) ?? (percentile === undefined ? undefined : 'percentile'),
    percentile,
    momentum,
    calibrationCache: textOption(args, 'calibration-cache'),
    overrides: textOption(args, 'overrides'),
    include: splitAll(args, 'include'),
    exclude: splitAll(args, 'exclude'),
    includeOps: splitAll(args, 'include-ops'),
    excludeOps: splitAll(args, 'exclude-ops'),
  } as const);
}

/** What only quantize takes. */
export const quantizeOptionSpecs: Readonly<Record<string, OptionSpec>> = {
  format: {
    type: 'string',
    value: 'FORM',
    help: 'qdq (quantize steps around float operators) or qoperator (integer operators); qdq when absent',
  },
  recover: {
    type: 'string',
    multiple: true,
    value: 'A,B,…',
    help: `Before quantizing: ${recoverMethods.join(', ')}, each kept only where the outputs come nearer; cle,adaround,bias suits convolutions, smooth,adaround,bias transformers`,
  },
  'smooth-alpha': {
    type: 'string',
    multiple: true,
    value: 'A,…',
    help: 'How much --recover smooth moves from activations to weights, 0 to 1: 0.5 for all layers, NAME=0.7 for some (* fits any text); chosen by error when absent',
  },
  tune: {
    type: 'boolean',
    help: 'Measure times, and give back to float what is slower in integers here; done for models with HardSwish unless --no-tune is given',
  },
  'no-tune': {
    type: 'boolean',
    help: 'Measure no times: nothing goes back to float for being slow, and whether the result is faster is not said',
  },
  emulate: { type: 'string', value: 'TARGET', help: 'avx2: also measure the error with its saturating sums' },
  'max-drop': {
    type: 'string',
    value: 'D',
    help: 'Largest loss of top-1 (0.003 is 0.3 points): tries calibrators, then gives layers back to float; fp16 and bf16 too',
  },
  validation: { type: 'string', value: 'DATA', help: 'Labelled .npz file that --max-drop is measured on' },
  'validation-samples': { type: 'string', value: 'N', help: 'Use at most N of its samples; all when absent' },
  'max-seconds': { type: 'string', value: 'S', help: 'End the search after S seconds with the best so far' },
  'max-evaluations': { type: 'string', value: 'N', help: 'End the search after N versions were measured' },
  state: { type: 'string', value: 'FILE', help: 'Keep the search in FILE, to go on when it was stopped' },
};

/** `--recover cle,bias` as words. */
function recoverOption(args: ParsedArgs): RecoverMethod[] | undefined {
  return splitAll(args, 'recover')?.map((word) => {
    const found = recoverMethods.find((method) => method === word);
    if (found !== undefined) return found;
    throw new UsageError(`--recover takes ${recoverMethods.join(', ')}; "${word}" was given.`);
  });
}

/** The settings that `quantizeOptionSpecs` declares. Throws UsageError. */
export function searchSettings(args: ParsedArgs) {
  const settings = present({
    format: choiceOption(args, 'format', ['qdq', 'qoperator']),
    recover: recoverOption(args),
    smoothAlpha: splitAll(args, 'smooth-alpha'),
    tune: args.flags.has('no-tune') ? false : args.flags.has('tune') || undefined,
    emulate: choiceOption(args, 'emulate', ['avx2']),
    maxDrop: numberOption(args, 'max-drop', { min: 0, max: 1 }),
    validation: textOption(args, 'validation'),
    validationSamples: countOption(args, 'validation-samples'),
    maxSeconds: numberOption(args, 'max-seconds', { min: 0, max: 1e6 }),
    maxEvaluations: countOption(args, 'max-evaluations'),
    state: textOption(args, 'state'),
  } as const);
  if (settings.maxDrop !== undefined && settings.validation === undefined)
    throw new UsageError('--max-drop needs labelled data to measure the drop on: --validation DATA.');
  return settings;
}
