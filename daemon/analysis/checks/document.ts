// The page that explains every rule: docs/checks.md, and what `slipway check --explain` prints.

import { families, rules, type Family, type Rule, type RuleId } from './rules';

const head = `# Checks

What Slipway says of a model: in VS Code's *Problems* view and in the editor, by \`slipway check MODEL\`, and by the
request \`slipway/check\`. Every finding has the id of a rule, a sentence and a place. This page is made from the table
of rules.

A rule has the severity that stands here unless you say otherwise: by its id, by its family, or for \`all\`; the
narrowest counts.

- In VS Code, the setting \`slipway.check.rules\`: \`{"performance": "off", "size/half-fits": "warning"}\`.
- In a terminal, \`--rule performance=off --rule size/half-fits=warning\`. The exit code is 1 when an error is left;
  \`--fail-on warning\` makes it stricter.

Rules that look at the values of the weights (\`size/duplicate-initializer\`, \`size/half-fits\`, \`safety/non-finite\`) read
the whole file: \`slipway check\` does, opening a model does only up to 256 MB.
`;

/** The whole page, as Markdown. */
export function rulesDocument(): string {
  const parts = [head];
  for (const family of Object.keys(families) as Family[]) {
    parts.push(`## ${family[0]!.toUpperCase()}${family.slice(1)}\n\n${families[family]}\n`);
    for (const [id, rule] of Object.entries(rules) as [RuleId, Rule][]) {
      if (rule.family === family)
        parts.push(`### ${id}\n\n**${rule.title}** (${rule.severity}). ${rule.why} ${rule.fix}\n`);
    }
  }
  return parts.join('\n');
}

let lines: ReadonlyMap<string, number> | undefined;

/** The line of the page on which a rule begins, from 1; undefined for an id that it does not have. */
export function lineOfRule(id: string): number | undefined {
  lines ??= new Map(
    rulesDocument()
      .split('\n')
      .flatMap((line, at): [string, number][] => (line.startsWith('### ') ? [[line.slice(4), at + 1]] : [])),
  );
  return lines.get(id);
}
