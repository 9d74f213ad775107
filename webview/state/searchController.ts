// The search of the model editor: what a query finds, which match is the current one. Attributes are not in the page's
// table: the daemon says which nodes have them.

import type { Asked } from '../../daemon/protocol/pageChannel';
import { attributesIn, findRows } from '../graph/findNodes';
import type { GraphView } from '../graph/graphView';
import type { ModelTable } from '../graph/modelTable';
import { rowAt } from '../graph/openCall';
import { shownRow } from '../graph/table';
import type { EditorHost } from '../host';
import type { EditorState } from './editorState';
import type { Store } from './store';
import type { Shown } from './traceController';

/** Typing goes on for a moment before the daemon is asked. */
const typingMs = 120;

export class SearchController {
  /** Rows that have an attribute, by what was asked for; of one table. */
  private known: { model: ModelTable; rows: Map<string, ReadonlySet<number>> } | undefined;
  private asked: Asked<unknown>[] = [];
  private typing: number | undefined;

  constructor(
    private readonly store: Store<EditorState>,
    private readonly host: EditorHost,
    private readonly view: GraphView,
    private readonly shown: () => Shown,
    private readonly select: (row: number | undefined) => void,
  ) {}

  search(query: string, reveal = true): void {
    const { picture, model } = this.shown();
    if (picture === undefined || model === undefined) return;
    clearTimeout(this.typing);
    for (const asked of this.asked) asked.cancel();
    this.asked = [];
    if (this.known?.model !== model) this.known = { model, rows: new Map() };
    const { rows } = this.known;
    const hits = findRows(
      picture.table,
      query,
      (row) => picture.place[picture.table.drawnOf[shownRow(picture.table, row)]!]!,
      rows,
    );
    this.store.update({ query, hits, hit: 0 });
    this.markHits(hits, reveal ? 0 : undefined);
    const unknown = attributesIn(query).filter((wanted) => !rows.has(wanted));
    if (unknown.length > 0)
      this.typing = window.setTimeout(() => void this.ask(query, unknown, reveal), typingMs);
  }

  /** Asks which nodes have the attributes, and searches again with the answer. */
  private async ask(query: string, unknown: readonly string[], reveal: boolean): Promise<void> {
    const known = this.known;
    if (known === undefined) return;
    const { scope } = this.store.state;
    // The functions that are open in the graph are graphs of their own.
    const paths = [scope, ...known.model.calls.map(({ path }) => path)];
    const answers = await Promise.all(
      unknown.map(async (wanted) => {
        const found = await Promise.all(paths.map((path) => this.askOne(path, wanted)));
        // Given up, or the daemon is gone: nothing more is found than what is known here.
        if (found.includes(undefined)) return false;
        const rows = found.flatMap((each, at) =>
          each!.map((index) => rowAt(known.model, scope, { scope: paths[at]!, index })),
        );
        known.rows.set(wanted, new Set(rows.filter((row) => row >= 0)));
        return true;
      }),
    );
    if (answers.every(Boolean) && this.known === known && this.store.state.query === query)
      this.search(query, reveal);
  }

  /** Rows of one graph that have an attribute, numbered as in that graph. */
  private async askOne(scope: string, attribute: string): Promise<readonly number[] | undefined> {
    const asked = this.host.ask('findNodes', scope === '' ? { attribute } : { scope, attribute });
    this.asked.push(asked);
    return (await asked.answer.catch(() => undefined))?.rows;
  }

  cycle(step: 1 | -1): void {
    const { hits, hit } = this.store.state;
    if (hits.length === 0) return;
    const selected = this.store.state.selected === hits[hit];
    // The first Enter chooses the match that typing has shown; the next ones go on.
    const next = selected ? (hit + step + hits.length) % hits.length : hit;
    this.store.update({ hit: next });
    this.markHits(hits, next);
    this.select(hits[next]);
  }

  private markHits(hits: readonly number[], current: number | undefined): void {
    const table = this.shown().picture?.table;
    if (table === undefined) return;
    const at = current === undefined ? undefined : hits[current];
    const drawnFor = (row: number) => table.drawnOf[shownRow(table, row)]!;
    const drawn = at === undefined ? undefined : drawnFor(at);
    this.view.mark({ hits: new Set(hits.map(drawnFor)), currentHit: drawn });
    if (drawn !== undefined) this.view.reveal(drawn);
  }
}
