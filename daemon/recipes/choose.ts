// Which of several measured versions of a model to use.

import type { Variant } from './compress';

export interface ChoiceOptions {
  /** Largest loss of top-1 that is accepted. */
  readonly maxDrop: number;
  readonly objective: 'latency' | 'size';
}

/** Without labels a version must name the original's class at least this often. */
const minAgreement = 0.99;

/** Whether a version may stand for the original, as far as that was measured; what was not measured may not. */
function isAccepted(variant: Variant, original: Variant, maxDrop: number): boolean {
  if (variant.failed !== undefined) return false;
  // Shares are counted; the last digit of a difference is rounding.
  if (variant.top1 && original.top1) return variant.top1.value >= original.top1.value - maxDrop - 1e-9;
  return variant.agreement !== null && variant.agreement.value >= minAgreement;
}

/**
 * The fastest (or smallest) version whose top-1 is within `maxDrop` of the original's; without labels, one that
 * agrees with it on 99 % of the samples. The original itself when none is better.
 */
export function choose(variants: readonly Variant[], options: ChoiceOptions): Variant {
  const [original, ...others] = variants;
  if (!original) throw new RangeError('No variants to choose from.');
  const cost = (variant: Variant) =>
    options.objective === 'size' ? variant.fileBytes : (variant.measurement?.undisturbed.p50Ms ?? Infinity);
  return others
    .filter((variant) => isAccepted(variant, original, options.maxDrop))
    .reduce((best, variant) => (cost(variant) < cost(best) ? variant : best), original);
}
