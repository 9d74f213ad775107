// Functions of the model that are open where they are called: fetched when they are opened, and put into every later table
// of the same graph.

import type { ModelTable } from '../graph/modelTable';
import { readModelTable } from '../graph/modelTable';
import { callPath, callsWithin, countOperators, isClosedCall, openCall, rowAt } from '../graph/openCall';
import { toDepth } from '../graph/table';
import type { EditorHost } from '../host';
import { boundOf, type EditorState, type KeptState } from './editorState';
import type { Store } from './store';

/** Calls that are opened again with their tab. */
const mostKept = 200;

export class CallController {
  /** Paths of the calls that are open, outer ones first, and the graph that they are in. */
  private opened: string[];
  private scope: string;

  constructor(
    private readonly store: Store<EditorState>,
    private readonly host: EditorHost,
    kept: KeptState | undefined,
  ) {
    this.opened = [...(kept?.calls ?? [])].slice(0, mostKept);
    this.scope = kept?.scope ?? '';
  }

  get paths(): readonly string[] {
    return this.opened.slice(0, mostKept);
  }

  /** The table with the function that a row calls; undefined when it cannot be had. */
  async open(model: ModelTable, scope: string, row: number): Promise<ModelTable | undefined> {
    const path = callPath(model, scope, row);
    const body = await this.fetch(path);
    if (body === undefined) return undefined;
    this.scope = scope;
    this.opened.push(path);
    return openCall(model, row, path, body);
  }

  /**
   * The table with the functions in it that are called up to so many levels deep, as far as no more than `most` boxes
   * come of it; the table itself when there are none.
   */
  async openTo(model: ModelTable, scope: string, levels: number, most: number): Promise<ModelTable> {
    let whole = model;
    for (let level = 0; level < levels; level++) {
      const rows = callsWithin(whole, toDepth(whole, levels, most), levels).slice(0, mostKept);
      if (rows.length === 0) break;
      const paths = rows.map((row) => callPath(whole, scope, row));
      const bodies = await Promise.all(paths.map((path) => this.fetch(path)));
      const before = whole;
      rows.forEach((row, at) => {
        const body = bodies[at];
        if (body === undefined || whole.rows + body.rows > model.rows + most) return;
        whole = openCall(whole, row, paths[at]!, body);
        this.opened.push(paths[at]!);
      });
      if (whole === before) break;
    }
    if (whole !== model) this.scope = scope;
    return whole;
  }

  /** A new table of a graph with the functions that were open in it; what is not there any more is left out. */
  async openAgain(model: ModelTable, scope: string, signal: AbortSignal): Promise<ModelTable> {
    if (scope !== this.scope) this.opened = [];
    this.scope = scope;
    if (this.opened.length === 0) return model;
    const paths = [...this.opened];
    const bodies = await Promise.all(paths.map((path) => this.fetch(path)));
    let whole = model;
    if (signal.aborted) return whole;
    this.opened = [];
    paths.forEach((path, at) => {
      const body = bodies[at];
      const match = /^(?:(.*)\/)?#(\d+)\/function$/s.exec(path);
      if (body === undefined || match === null) return;
      const row = rowAt(whole, scope, { scope: match[1] ?? '', index: Number(match[2]) });
      if (row < 0 || !isClosedCall(whole, row)) return;
      whole = openCall(whole, row, path, body);
      this.opened.push(path);
    });
    return whole;
  }

  /** The graph at a path; undefined when there is none, or nothing in it. */
  private async fetch(path: string): Promise<ModelTable | undefined> {
    const { foldQuantization } = this.store.state;
    try {
      const params = { scope: path, quick: false, ...boundOf(this.store.state) };
      const { columns } = await this.host.request('graph', params);
      const body = readModelTable(columns, foldQuantization);
      return countOperators(body) === 0 ? undefined : body;
    } catch {
      // A file that changed meanwhile: it is read again soon.
      return undefined;
    }
  }
}
