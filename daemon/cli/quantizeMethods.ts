// Which options of slipway quantize belong to which method: an option that would be passed over is refused, so that
// nobody takes its effect for granted.

import { UsageError, type ParsedArgs } from './args';
import { quantizeOptionSpecs, staticOptionSpecs } from './quantizeOptions';
import { precisionOptionSpecs } from './quantizePrecision';
import { weightOnlyOptions } from './weightOnly';

export const quantizeMethods = ['static', 'dynamic', 'fp16', 'bf16', 'weight-only'] as const;
export type QuantizeMethod = (typeof quantizeMethods)[number];

const everywhere = [
  'output',
  'method',
  'calibration',
  'calibration-samples',
  'overwrite',
  'no-history',
  'json',
  'help',
];
const search = ['max-drop', 'validation', 'validation-samples', 'max-seconds', 'max-evaluations'];
const half = [...Object.keys(precisionOptionSpecs), ...search];

const own: Readonly<Record<QuantizeMethod, readonly string[]>> = {
  static: [...Object.keys(staticOptionSpecs), ...Object.keys(quantizeOptionSpecs)],
  dynamic: ['include', 'exclude', 'include-ops', 'exclude-ops', 'no-tune'],
  fp16: half,
  bf16: half,
  'weight-only': [...Object.keys(weightOnlyOptions), 'exclude', 'symmetric'],
};

/** Throws UsageError for an option that the method does not take, and says which do. */
export function refuseForeignOptions(args: ParsedArgs, method: QuantizeMethod): void {
  const taken = new Set([...everywhere, ...own[method]]);
  const foreign = [...args.values.keys(), ...args.flags].find((name) => !taken.has(name));
  if (foreign === undefined) return;
  const owners = quantizeMethods.filter((each) => own[each].includes(foreign));
  throw new UsageError(
    `--${foreign} belongs to --method ${owners.join(', ')}; the method here is ${method}, which would pass it over.`,
  );
}
