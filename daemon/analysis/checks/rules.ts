// The one table of rules: every id that a diagnostic may carry, its family, how bad it is unless the user says
// otherwise, why it matters and what to do. docs/checks.md is made from it.

import type { Severity } from '../../base/diagnostic';
import { graphRules } from './rulesOfGraphs';
import { readerRules } from './rulesOfReading';
import { tuningRules } from './rulesOfTuning';

export type Family = 'validity' | 'portability' | 'performance' | 'size' | 'quantization' | 'safety';

export interface Rule {
  readonly family: Family;
  /** The usual severity; a rule may call one case worse than another. */
  readonly severity: Severity;
  /** What it finds, without a full stop. */
  readonly title: string;
  /** Why it matters, in a sentence or two. */
  readonly why: string;
  /** What to do, in a sentence or two. */
  readonly fix: string;
}

export const families: Readonly<Record<Family, string>> = {
  validity: 'The model breaks the ONNX specification, or contradicts itself.',
  portability: 'The model is right, and some runtimes will not take it.',
  performance: 'The model computes more than it has to, or hinders what a runtime would do for it.',
  size: 'The model holds bytes that it does not need.',
  quantization: 'Quantized parts that cost accuracy, or do not run in integers.',
  safety: 'Files and values that a careful reader refuses.',
};

export const rules = { ...readerRules, ...graphRules, ...tuningRules } as const;

export type RuleId = keyof typeof rules;

/** The rule of an id that is known to exist. */
export const ruleOf = (id: RuleId): Rule => rules[id];

/** The rule of any id; undefined for one that is not in the table. */
export const findRule = (id: string): Rule | undefined =>
  Object.hasOwn(rules, id) ? rules[id as RuleId] : undefined;

export const ruleIds = Object.keys(rules) as RuleId[];
