// What the user says of rules: a severity for an id or a whole family, `off` included.

import type { Diagnostic, Severity } from '../../base/diagnostic';
import { families, findRule, ruleIds } from './rules';

/** Rule id, or family such as `performance`, or `all` → severity; the id counts more than its family. */
export type Severities = Readonly<Record<string, Severity | 'off'>>;

const rank: Readonly<Record<Severity, number>> = { error: 0, warning: 1, info: 2 };

/** The diagnostics as the user wants them, the worst first. */
export function withSeverities(
  diagnostics: readonly Diagnostic[],
  wanted: Severities | undefined,
): Diagnostic[] {
  if (!wanted || Object.keys(wanted).length === 0) return [...diagnostics];
  const level = (name: string) => (Object.hasOwn(wanted, name) ? wanted[name] : undefined);
  const kept = diagnostics.flatMap((each): Diagnostic[] => {
    const family = findRule(each.id)?.family;
    const severity =
      level(each.id) ?? (family === undefined ? undefined : level(family)) ?? level('all') ?? each.severity;
    return severity === 'off' ? [] : [{ ...each, severity }];
  });
  return kept.sort((a, b) => rank[a.severity] - rank[b.severity]);
}

/** Names in `wanted` that are neither rules nor families. */
export const unknownRules = (wanted: Severities): string[] =>
  Object.keys(wanted).filter(
    (name) => name !== 'all' && !Object.hasOwn(families, name) && !(ruleIds as string[]).includes(name),
  );
