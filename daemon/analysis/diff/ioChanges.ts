// How the inputs and outputs of two graphs differ: by name first, then by position.

import type { Graph } from '../../ir/model';
import { freeInputs } from '../summary';
import { describeValue, shapeText, type ValueSummary } from '../typeText';

export interface IoChange {
  readonly what: 'added' | 'removed' | 'renamed' | 'type' | 'shape';
  /** "x: float batch×4"; null where there is none. */
  readonly from: string | null;
  readonly to: string | null;
  readonly words: string;
}

const typed = ({ dtype, shape }: ValueSummary) => `${dtype} ${shapeText(shape)}`.trim();
const line = (value: ValueSummary) => `${value.name}: ${typed(value)}`;

/** Inputs that are initializers do not count. */
export function ioChanges(a: Graph, b: Graph, side: 'inputs' | 'outputs'): IoChange[] {
  const list = (graph: Graph) => (side === 'inputs' ? freeInputs(graph) : graph.outputs).map(describeValue);
  const left = list(a);
  const right = list(b);
  const rest = new Set(right);
  // The first of that name counts.
  const named = new Map(right.map((value) => [value.name, value] as const).reverse());
  const pairs: [ValueSummary, ValueSummary][] = [];
  const alone: [value: ValueSummary, position: number][] = [];
  for (const [position, value] of left.entries()) {
    const other = named.get(value.name);
    if (!other) alone.push([value, position]);
    else {
      rest.delete(other);
      pairs.push([value, other]);
    }
  }
  const changes: IoChange[] = [];
  for (const [value, position] of alone) {
    const other = right[position];
    if (other && rest.delete(other)) pairs.push([value, other]);
    else changes.push({ what: 'removed', from: line(value), to: null, words: `${line(value)}, removed` });
  }
  for (const [value, other] of pairs) {
    const what =
      value.dtype !== other.dtype
        ? 'type'
        : JSON.stringify(value.shape) !== JSON.stringify(other.shape)
          ? 'shape'
          : value.name !== other.name
            ? 'renamed'
            : undefined;
    if (!what) continue;
    const words =
      what === 'renamed'
        ? `${value.name} → ${other.name}: ${typed(other)}`
        : `${value.name === other.name ? value.name : `${value.name} → ${other.name}`}: ${typed(value)} → ${typed(other)}`;
    changes.push({ what, from: line(value), to: line(other), words });
  }
  for (const value of rest)
    changes.push({ what: 'added', from: null, to: line(value), words: `${line(value)}, added` });
  return changes;
}
