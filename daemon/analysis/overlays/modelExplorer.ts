// Node data of Model Explorer: JSON with, for each graph, `results` from a node (its id or an output's name) to
// `{value}`, and optionally colours. Colours are theirs to choose and are written, but not read: ours follow the theme.

import type { Overlay, OverlayEntry } from '../../base/overlay';
import { fieldsOf } from './fields';

/** The overlays in parsed JSON, one for each graph in it; undefined when it is something else. */
export function fromModelExplorer(data: unknown, title: string): Overlay[] | undefined {
  const graphs = graphsOf(data);
  if (graphs === undefined) return undefined;
  return [...graphs].map(([graph, results], index) => {
    const entries = Object.entries(results).flatMap(([node, result]): OverlayEntry[] => {
      // A result is {value}, in older files the value itself.
      const value = fieldsOf(result)?.['value'] ?? result;
      if (typeof value === 'number' && Number.isFinite(value)) return [{ node, value }];
      return typeof value === 'string' || typeof value === 'boolean' ? [numberOrName(node, value)] : [];
    });
    return overlayOf(graphs.size === 1 ? title : `${title}, ${graph}`, entries, index);
  });
}

function numberOrName(node: string, value: string | boolean): OverlayEntry {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : NaN;
  return Number.isFinite(number) ? { node, value: number } : { node, category: String(value) };
}

function overlayOf(title: string, entries: OverlayEntry[], index: number): Overlay {
  const names = entries.some(({ category }) => category !== undefined);
  const kind = names ? 'category' : 'sequential';
  return {
    name: `file.${title}.${index}`,
    title,
    unit: '',
    kind,
    entries: names
      ? entries.map(({ node, value, category }) => ({ node, category: category ?? String(value) }))
      : entries,
  };
}

/** Results by graph. */
function graphsOf(data: unknown): Map<string, Record<string, unknown>> | undefined {
  const top = fieldsOf(data);
  if (top === undefined) return undefined;
  const inner = fieldsOf(top['graphsData']) ?? top;
  const one = fieldsOf(inner['results']);
  if (one !== undefined) return new Map([['graph', one]]);
  const found = new Map<string, Record<string, unknown>>();
  for (const [graph, part] of Object.entries(inner)) {
    const results = fieldsOf(fieldsOf(part)?.['results']);
    if (results !== undefined) found.set(graph, results);
  }
  return found.size > 0 ? found : undefined;
}

const gradients = {
  worse: ['#ffffff', '#d73a49'],
  better: ['#ffffff', '#2da44e'],
  neutral: ['#ffffff', '#0969da'],
} as const;

/** The data of one graph, as Model Explorer reads it for the graph that is shown. */
export function toModelExplorer(overlay: Overlay): unknown {
  const results = Object.fromEntries(
    overlay.entries.map(({ node, value, category }) => [node, { value: value ?? category ?? '' }]),
  );
  if (overlay.kind === 'category') return { results };
  const [low, high] = gradients[overlay.higherIs ?? 'neutral'];
  const gradient =
    overlay.kind === 'diverging'
      ? [
          { stop: 0, bgColor: '#0969da' },
          { stop: middleOf(overlay), bgColor: '#ffffff' },
          { stop: 1, bgColor: '#d73a49' },
        ]
      : [
          { stop: 0, bgColor: low },
          { stop: 1, bgColor: high },
        ];
  return { results, gradient };
}

/** Where 0 lies between the least and the largest value, kept off the ends, which have stops of their own. */
function middleOf({ entries }: Overlay): number {
  let [least, largest] = [0, 0];
  for (const { value = 0 } of entries) {
    least = Math.min(least, value);
    largest = Math.max(largest, value);
  }
  return largest === least ? 0.5 : Math.min(0.99, Math.max(0.01, -least / (largest - least)));
}
