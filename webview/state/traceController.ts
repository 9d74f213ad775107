// Traces in the model editor: what feeds a node, what it feeds, and the ways between two nodes.

import type { GraphView } from '../graph/graphView';
import type { ModelTable } from '../graph/modelTable';
import { nodesOf, partBetween } from '../graph/partOf';
import type { Picture } from '../graph/picture';
import { between, drawnFor, reachable, type Side } from '../graph/trace';
import type { EditorState } from './editorState';
import type { Store } from './store';

/** What is drawn at the moment. */
export interface Shown {
  readonly picture: Picture | undefined;
  readonly model: ModelTable | undefined;
}

export class TraceController {
  constructor(
    private readonly store: Store<EditorState>,
    private readonly view: GraphView,
    private readonly shown: () => Shown,
  ) {}

  /** Marks what feeds the selection or what it feeds; both when no side is given. */
  trace(side: Side | undefined): void {
    const { selected } = this.store.state;
    const { model } = this.shown();
    if (model === undefined || selected === undefined) return;
    const rows = new Set<number>();
    for (const one of side === undefined ? (['up', 'down'] as const) : [side]) {
      for (const row of reachable(model, selected, one)) rows.add(row);
    }
    const words =
      side === 'up' ? 'what feeds it' : side === 'down' ? 'what it feeds' : 'what feeds it and what it feeds';
    const part =
      side === undefined
        ? { nodes: nodesOf(model, rows) }
        : partBetween(model, side === 'down' ? selected : undefined, side === 'up' ? selected : undefined);
    this.mark({ rows, words: `Trace: ${words}`, part });
  }

  /** Marks the ways between the selection and another box. */
  traceTo(drawn: number): void {
    const { selected, table } = this.store.state;
    const { model } = this.shown();
    if (model === undefined || table === undefined || selected === undefined) return;
    const { rows, from, to } = between(model, selected, table.drawn[drawn]!);
    const found = rows.size > 0;
    this.mark({
      rows,
      words: found ? 'Path between the two' : 'No path between the two',
      part: found ? partBetween(model, from, to) : undefined,
    });
  }

  clear(): void {
    this.mark(undefined);
  }

  /** Marks the trace again, on a new picture. */
  repaint(): void {
    this.mark(this.store.state.trace);
  }

  private mark(trace: EditorState['trace']): void {
    const table = this.shown().picture?.table;
    this.store.update({ trace });
    this.view.mark({
      trace: trace === undefined || trace.rows.size === 0 || !table ? undefined : drawnFor(table, trace.rows),
    });
  }
}
