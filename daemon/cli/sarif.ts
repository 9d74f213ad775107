// Findings as SARIF 2.1.0 (OASIS), which code scanning of CI systems reads.

import { placeText, type Diagnostic } from '../base/diagnostic';
import { findRule } from '../analysis/checks/rules';
import { version } from '../host/version';

const levels = { error: 'error', warning: 'warning', info: 'note' } as const;

/** One run. A binary model has no lines: the place is a logical location. */
export function sarifOf(found: readonly (Diagnostic & { readonly file: string })[]): unknown {
  const ids = [...new Set(found.map(({ id }) => id))];
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'Slipway',
            version,
            rules: ids.map((id) => {
              const rule = findRule(id);
              return {
                id,
                shortDescription: { text: rule?.title ?? id },
                ...(rule ? { fullDescription: { text: rule.why }, help: { text: rule.fix } } : {}),
              };
            }),
          },
        },
        results: found.map(({ file, id, severity, message, where }) => ({
          ruleId: id,
          ruleIndex: ids.indexOf(id),
          level: levels[severity],
          message: { text: message },
          locations: [
            {
              physicalLocation: { artifactLocation: { uri: encodeURI(file.replaceAll('\\', '/')) } },
              ...(placeText(where) === ''
                ? {}
                : { logicalLocations: [{ fullyQualifiedName: placeText(where) }] }),
            },
          ],
        })),
      },
    ],
  };
}
