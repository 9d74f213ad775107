// What happens in the model editor: opening, laying out, selecting, searching, keeping state. Talks to the
// host and the graph view and changes the store; it makes no DOM of its own.

import type { PageError } from '../../daemon/protocol/page';
import { PageFailure, type Asked } from '../../daemon/protocol/pageChannel';
import type { NodeDetails } from '../../daemon/protocol/graph';
import type { Camera } from '../graph/camera';
import type { GraphView } from '../graph/graphView';
import { makeLabels } from '../graph/labels';
import type { LayoutClient } from '../graph/layoutClient';
import { makePicture, type Picture } from '../graph/picture';
import { findRows, NodeKind, readTable, type GraphTable } from '../graph/table';
import { keepState, type EditorHost } from '../host';
import { tensorValues } from '../inspector/tensorValues';
import type { EditorState, KeptState, TensorPreview } from './editorState';
import type { Store } from './store';

/** Waiting shorter than this shows nothing, so that quick models do not flicker. */
const patienceMs = 300;
const previewCount = 64;

export class EditorController {
  picture: Picture | undefined;
  private load = new AbortController();
  private asked: Asked<NodeDetails> | undefined;
  private camera: Camera | undefined;
  private keepTimer: number | undefined;
  private wish: KeptState | undefined;

  constructor(
    private readonly store: Store<EditorState>,
    private readonly host: EditorHost,
    private readonly view: GraphView,
    private readonly layouts: LayoutClient,
    kept: KeptState | undefined,
  ) {
    this.wish = kept;
  }

  /** Opens the model and draws the graph at `scope`; an earlier opening is given up. */
  async open(scope = this.wish?.scope ?? this.store.state.scope): Promise<void> {
    this.load.abort();
    const load = (this.load = new AbortController());
    this.store.update({ phase: { name: 'opening' }, slow: false });
    const timer = setTimeout(() => this.store.update({ slow: true }), patienceMs);
    try {
      const { inspection } = await this.host.request('open', {});
      if (load.signal.aborted) return;
      this.store.update({ inspection, gone: false });
      if (inspection.nodes === 0 && scope === '') this.show(undefined, undefined);
      else await this.drawScope(scope, load.signal);
    } catch (error) {
      if (load.signal.aborted) return;
      this.clearPicture();
      this.store.update({ phase: { name: 'failed', error: errorOf(error) }, table: undefined });
    } finally {
      clearTimeout(timer);
    }
  }

  /** Fetches, lays out and shows one graph of the open model. */
  private async drawScope(scope: string, signal: AbortSignal): Promise<void> {
    let table: GraphTable;
    try {
      table = readTable(await this.host.request('graph', scope === '' ? {} : { scope }));
    } catch (error) {
      // A nested graph that was shown before may be gone from a changed file.
      if (scope === '' || signal.aborted) throw error;
      await this.drawScope('', signal);
      return;
    }
    if (signal.aborted) return;
    const nodes = table.drawn.length;
    this.store.update({ phase: { name: 'layingOut', nodes } });
    const labels = makeLabels(table, this.view.theme.fontFamily, measureText);
    const layout = await this.layouts.layout(
      { widths: labels.widths, heights: labels.heights, source: table.source, target: table.target },
      signal,
    );
    if (layout === undefined) return;
    const sameGraph = this.picture !== undefined && this.store.state.scope === scope;
    const camera = this.wish?.scope === scope ? this.wish.camera : sameGraph ? this.camera : undefined;
    this.store.update({ scope });
    this.show(makePicture(table, labels, layout), camera);
  }

  private show(picture: Picture | undefined, camera: Camera | undefined): void {
    const before = this.store.state;
    const previous =
      before.selected === undefined || before.table === undefined
        ? this.wish?.selected
        : { row: before.selected, name: before.table.name[before.selected]! };
    this.picture = picture;
    this.camera = camera;
    this.view.setPicture(picture, camera);
    this.store.update({
      phase: { name: 'ready' },
      slow: false,
      table: picture?.table,
      selected: undefined,
      details: undefined,
    });
    if (picture !== undefined && previous !== undefined) {
      const { table } = picture;
      const row =
        table.name[previous.row] === previous.name ? previous.row : table.name.indexOf(previous.name);
      if (row >= 0 && previous.name !== '') this.selectRow(row, false);
    }
    this.wish = undefined;
    if (this.store.state.query !== '') this.search(this.store.state.query, false);
  }

  private clearPicture(): void {
    this.picture = undefined;
    this.view.setPicture(undefined);
  }

  cancelLayout(): void {
    const { phase } = this.store.state;
    if (phase.name !== 'layingOut') return;
    this.load.abort();
    if (this.picture === undefined) {
      this.store.update({ phase: { name: 'layoutCancelled', nodes: phase.nodes } });
    } else {
      this.store.update({ phase: { name: 'ready' } });
    }
  }

  /** Selects a drawn number (what the view speaks in). */
  selectDrawn(drawn: number | undefined): void {
    this.selectRow(drawn === undefined ? undefined : this.picture?.table.drawn[drawn], false);
  }

  /** Selects a row and, when asked, brings its box into view. */
  selectRow(row: number | undefined, reveal: boolean): void {
    const table = this.picture?.table;
    this.asked?.cancel();
    this.asked = undefined;
    let shown = row;
    while (table !== undefined && shown !== undefined && table.foldedInto[shown] !== -1) {
      shown = table.foldedInto[shown];
    }
    const drawn = shown === undefined ? undefined : table?.drawnOf[shown];
    this.view.mark({ selected: drawn });
    if (reveal && drawn !== undefined) this.view.reveal(drawn);
    this.store.update({ selected: shown, details: undefined, previews: new Map() });
    this.keepSoon();
    if (table === undefined || shown === undefined || table.kind[shown] !== NodeKind.operator) return;
    void this.fetchDetails(shown);
  }

  private async fetchDetails(index: number): Promise<void> {
    const { scope } = this.store.state;
    const asked = this.host.ask('node', scope === '' ? { index } : { scope, index });
    this.asked = asked;
    try {
      const details = await asked.answer;
      if (this.asked === asked) this.store.update({ details });
    } catch (error) {
      if (this.asked === asked) this.store.update({ details: errorOf(error) });
    }
  }

  /** Selects a node by name, if it is drawn. */
  selectName(name: string): void {
    const row = this.picture?.table.name.indexOf(name) ?? -1;
    if (row >= 0) this.selectRow(row, true);
  }

  search(query: string, reveal = true): void {
    const { picture } = this;
    if (picture === undefined) return;
    const hits = findRows(picture.table, query, (row) => picture.place[picture.table.drawnOf[row]!]!);
    this.store.update({ query, hits, hit: 0 });
    this.markHits(hits, reveal ? 0 : undefined);
  }

  cycle(step: 1 | -1): void {
    const { hits, hit } = this.store.state;
    if (hits.length === 0) return;
    const selected = this.store.state.selected === hits[hit];
    // The first Enter chooses the match that typing has shown; the next ones go on.
    const next = selected ? (hit + step + hits.length) % hits.length : hit;
    this.store.update({ hit: next });
    this.markHits(hits, next);
    this.selectRow(hits[next], true);
  }

  private markHits(hits: readonly number[], current: number | undefined): void {
    const table = this.picture?.table;
    if (table === undefined) return;
    const at = current === undefined ? undefined : hits[current];
    const drawn = at === undefined ? undefined : table.drawnOf[at]!;
    this.view.mark({ hits: new Set(hits.map((row) => table.drawnOf[row]!)), currentHit: drawn });
    if (drawn !== undefined) this.view.reveal(drawn);
  }

  /** Fetches the first values of an initializer that has so many. */
  async preview(name: string, elements: number): Promise<void> {
    const { scope, selected } = this.store.state;
    const put = (preview: TensorPreview) => {
      if (this.store.state.selected !== selected) return;
      this.store.update({ previews: new Map(this.store.state.previews).set(name, preview) });
    };
    put({ state: 'loading' });
    try {
      const range = { name, start: 0, count: Math.min(elements, previewCount) };
      const { dtype, data } = await this.host.request('tensor', scope === '' ? range : { scope, ...range });
      const values = tensorValues(dtype, data, range.count);
      if (values === undefined) put({ state: 'failed', why: `Values of type ${dtype} are not shown here.` });
      else put({ state: 'shown', values, total: elements });
    } catch (error) {
      put({ state: 'failed', why: errorOf(error).message });
    }
  }

  onMoved(camera: Camera): void {
    this.camera = camera;
    this.keepSoon();
  }

  /** Fonts changed: boxes have other sizes. */
  onFontChanged(): void {
    if (this.picture !== undefined) void this.open(this.store.state.scope);
  }

  /** Keeps view state a moment after the last change. */
  keepSoon(): void {
    clearTimeout(this.keepTimer);
    this.keepTimer = window.setTimeout(() => {
      const { scope, selected, table, inspectorOpen, inspectorWidth } = this.store.state;
      const kept: KeptState = {
        scope,
        camera: this.camera,
        selected:
          selected === undefined || table === undefined
            ? undefined
            : { row: selected, name: table.name[selected]! },
        inspectorOpen,
        inspectorWidth,
      };
      keepState(kept);
      this.host.notify({ kind: 'state', state: kept });
    }, 200);
  }
}

function errorOf(error: unknown): PageError {
  if (error instanceof PageFailure) return error.error;
  return { message: error instanceof Error ? error.message : String(error) };
}

let measuring: CanvasRenderingContext2D | null | undefined;

function measureText(text: string, font: string): number {
  measuring ??= document.createElement('canvas').getContext('2d');
  if (measuring === null) return text.length * 8;
  measuring.font = font;
  return measuring.measureText(text).width;
}
