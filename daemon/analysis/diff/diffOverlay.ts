// A comparison as overlays: each node of A and of B that differs, by the kind of its difference.

import type { ModelDiff, NodeAt } from '../diff';

export interface DiffOverlay {
  readonly name: string;
  readonly title: string;
  readonly unit: string;
  readonly kind: 'category';
  readonly scope?: string;
  readonly entries: { node: string; category: string; text: string }[];
}

const named = (nodes: readonly NodeAt[]) =>
  nodes
    .slice(0, 3)
    .map(({ op, name }) => `${op} ${name}`)
    .join(', ') + (nodes.length > 3 ? ` and ${nodes.length - 3} more` : '');

/** Overlays of both models, one for each graph with differences. */
export function diffOverlays(diff: ModelDiff): { a: DiffOverlay[]; b: DiffOverlay[] } {
  const a = new Sides();
  const b = new Sides();
  for (const node of diff.removed) a.add(node, 'removed', 'Only in this model.');
  for (const node of diff.added) b.add(node, 'added', 'Only in this model.');
  for (const { how, from, to, into, constant } of diff.replaced) {
    const after = constant === undefined ? named(into ? [into] : to) : `the constant ${constant}`;
    for (const node of from) a.add(node, how, `Became ${after}.`);
    for (const node of into ? [...to, into] : to) b.add(node, how, `In place of ${named(from)}.`);
  }
  for (const { a: left, b: right, attributes, weights, inputs } of diff.changed) {
    const category = attributes.length + inputs.length > 0 ? 'changed' : 'other weights';
    const text = [...attributes, ...weights, ...inputs].map(({ words }) => words).join('; ');
    a.add(left, category, text);
    b.add(right, category, text);
  }
  return { a: a.overlays(), b: b.overlays() };
}

class Sides {
  private readonly scopes = new Map<string, Map<string, { node: string; category: string; text: string }>>();

  /** The first finding of a node counts. */
  add({ scope, name }: NodeAt, category: string, text: string): void {
    const entries =
      this.scopes.get(scope) ?? new Map<string, { node: string; category: string; text: string }>();
    this.scopes.set(scope, entries);
    if (name !== '' && !entries.has(name)) entries.set(name, { node: name, category, text });
  }

  overlays(): DiffOverlay[] {
    const made: DiffOverlay[] = [...this.scopes].map(([scope, entries]) => ({
      name: scope === '' ? 'diff' : `diff ${scope}`,
      title: 'Difference',
      unit: '',
      kind: 'category',
      ...(scope === '' ? {} : { scope }),
      entries: [...entries.values()],
    }));
    // The main graph's comes first: it is what is painted.
    return made.sort((x, y) => (x.scope ?? '').localeCompare(y.scope ?? ''));
  }
}
