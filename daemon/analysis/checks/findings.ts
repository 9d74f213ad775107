// Collects what the checks find: at most a few of each kind, so that a model that is wrong everywhere gives a
// page and not a book. Also how nodes and names are called in sentences.

import type { Diagnostic, Place, Severity } from '../../base/diagnostic';
import type { Node } from '../../ir/model';

const mostPerRule = 20;
const longestName = 80;

export interface Findings {
  add(severity: Severity, id: string, message: string, where?: Place): void;
  /** Everything found, the worst first, with one line for what was left out. */
  all(): Diagnostic[];
}

const rank: Readonly<Record<Severity, number>> = { error: 0, warning: 1, info: 2 };

export function newFindings(): Findings {
  const kept: Diagnostic[] = [];
  const counts = new Map<string, { count: number; severity: Severity }>();
  return {
    add(severity, id, message, where) {
      const seen = counts.get(id) ?? { count: 0, severity };
      seen.count += 1;
      counts.set(id, seen);
      if (seen.count > mostPerRule) return;
      const place = where && Object.keys(where).length > 0 ? { where } : {};
      kept.push({ id, severity, message, ...place });
    },
    all() {
      const more = [...counts].flatMap(([id, { count, severity }]): Diagnostic[] =>
        count > mostPerRule ? [{ id, severity, message: `… and ${count - mostPerRule} more like it.` }] : [],
      );
      return [...kept, ...more].sort((a, b) => rank[a.severity] - rank[b.severity]);
    },
  };
}

/** A name in quotes, shortened in the middle when it is very long. */
export function quoted(name: string): string {
  if (name.length <= longestName) return `"${name}"`;
  return `"${name.slice(0, longestName / 2)}…${name.slice(-longestName / 2)}"`;
}

/** How a sentence calls a node: its name, or its operator and position. */
export const called = (node: Node, index: number): string =>
  node.name === '' ? `${node.opType} (node ${index})` : quoted(node.name).slice(1, -1);

/** The place of a graph, or of a value in it. */
export const placeOf = (scope: string, value?: string): Place => ({
  ...(scope === '' ? {} : { scope }),
  ...(value === undefined ? {} : { value }),
});

/** The place of a node inside a graph: by its name, else by its position and what it gives. */
export function placeOfNode(scope: string, node: Node, index: number, value?: string): Place {
  const output = node.outputs.find((name) => name !== '');
  return {
    ...placeOf(scope, value),
    ...(node.name !== '' ? { node: node.name } : output === undefined ? {} : { output }),
    ...(index < 0 ? {} : { index }),
  };
}

/** "a", "b", "c" and 4 more. */
export function listed(names: readonly string[], most = 3): string {
  const shown = names.slice(0, most).map(quoted).join(', ');
  return names.length > most ? `${shown} and ${names.length - most} more` : shown;
}
