// What happens in the model editor: opening, laying out, selecting, searching, keeping state. Talks to the
// host and the graph view and changes the store; it makes no DOM of its own.

import { ErrorCode } from '../../daemon/protocol/errors';
import type { PageError } from '../../daemon/protocol/page';
import type { Asked } from '../../daemon/protocol/pageChannel';
import type { NodeDetails } from '../../daemon/protocol/graph';
import type { Inspection } from '../../daemon/protocol/inspect';
import { shortName } from '../../daemon/protocol/shortName';
import { anchored, anchoredAgain } from '../graph/anchor';
import type { Camera } from '../graph/camera';
import type { GraphView } from '../graph/graphView';
import { makeLabels } from '../graph/labels';
import type { LayoutClient } from '../graph/layoutClient';
import { measureText } from '../graph/measureText';
import { makePicture, type Picture } from '../graph/picture';
import { readerBeyond } from '../graph/trace';
import type { ModelTable } from '../graph/modelTable';
import { isClosedCall, operatorOf, placeOf, type Place } from '../graph/openCall';
import { keptOpening, openingPaths, stepTo, toggled } from '../graph/openings';
import {
  firstOpening,
  GroupKind,
  NodeKind,
  openTo,
  scopeOfRow,
  shownRow,
  toDepth,
  viewTable,
  type Opening,
} from '../graph/table';
import { keepState, type EditorHost } from '../host';
import { errorOf } from './errorOf';
import { fetchGraph, type FetchedGraph } from './fetchGraph';
import { boundOf, keptOf, trailTo, type EditorState, type KeptState } from './editorState';
import { OverlayController } from './overlayController';
import { CallController } from './callController';
import type { Store } from './store';
import { SearchController } from './searchController';
import { TensorController } from './tensorController';
import { TraceController } from './traceController';

/** Waiting shorter than this shows nothing, so that quick models do not flicker. */
const patienceMs = 300;
/** Boxes that opening several scopes at once may make. */
const mostBoxes = 20_000;

export class EditorController {
  readonly overlays: OverlayController;
  readonly tensors: TensorController;
  readonly searching: SearchController;
  readonly tracing: TraceController;
  picture: Picture | undefined;
  private readonly calls: CallController;
  private model: ModelTable | undefined;
  private load = new AbortController();
  /** The `load` of the last opening; later ones are other arrangements of what it opened. */
  private opened = this.load;
  /** State of the file that `inspection` tells of. */
  private revision = '';
  /** The table with inferred shapes, when the one that is drawn has none. */
  private better: ModelTable | undefined;
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
    this.tensors = new TensorController(store, host);
    this.calls = new CallController(store, host, kept);
    const shown = () => ({ picture: this.picture, model: this.model });
    this.tracing = new TraceController(store, view, shown);
    this.searching = new SearchController(store, host, view, shown, (row) => this.selectRow(row, true));
    this.overlays = new OverlayController(store, view, measureText, kept?.overlay);
  }

  /** Shows another graph of the open model: a body or a function. */
  openScope(scope: string): Promise<void> {
    return this.open(scope, { anew: false });
  }

  /** Shows the first graph nested in the selected node (a body, a branch); false when there is none. */
  async enterSelected(): Promise<boolean> {
    const { asked } = this;
    const details = await asked?.answer.catch(() => undefined);
    const first = details?.subgraphs[0];
    if (first === undefined || this.asked !== asked) return false;
    await this.openScope(first);
    return true;
  }

  /**
   * Opens the model and draws the graph at `scope`; an earlier opening is given up. Unless `anew`, what is known of
   * the model as a whole still holds. Without `quick` a graph of any density is drawn.
   */
  async open(
    scope = this.wish?.scope ?? this.store.state.scope,
    { anew = true, quick = true } = {},
  ): Promise<void> {
    this.load.abort();
    const load = (this.load = this.opened = new AbortController());
    const isGivenUp = () => load.signal.aborted;
    this.store.update({ phase: { name: 'opening' }, slow: false });
    const timer = setTimeout(() => this.store.update({ slow: true }), patienceMs);
    this.better = undefined;
    try {
      // The picture first: what else there is to say of the model takes longer, and is worked out meanwhile.
      const graph = await this.fetch(scope, quick).catch((error: unknown) => ({ error }));
      if (isGivenUp()) return;
      const { inspection: known } = this.store.state;
      const opened =
        !anew && known !== undefined && 'revision' in graph && graph.revision === this.revision
          ? Promise.resolve({ inspection: known, revision: graph.revision })
          : this.host.request('open', { bind: this.store.state.bind });
      if ('error' in graph) {
        const error = errorOf(graph.error);
        const isRefused = error.code === ErrorCode.unsupported;
        // What the inspector shows comes later.
        if (isRefused) this.fail(error);
        const { inspection } = await opened;
        if (isGivenUp()) return;
        this.store.update({ inspection, gone: false });
        if (isRefused) return;
        if (inspection.nodes > 0) throw graph.error;
        this.show(undefined, undefined);
        return;
      }
      const told = this.learn(opened, graph, load);
      // Awaited below, when the picture is there.
      told.catch(() => undefined);
      if (graph.model.op.some((op) => op !== '')) await this.drawModel(graph, load.signal);
      else {
        await told;
        if (!isGivenUp()) this.show(undefined, undefined);
      }
      await told;
    } catch (error) {
      if (!isGivenUp()) this.fail(errorOf(error));
    } finally {
      clearTimeout(timer);
    }
  }

  /** Labels and details for the values that free dimensions have now. */
  async relabel(): Promise<void> {
    const { scope, bind } = this.store.state;
    const graph = await this.fetch(scope, false);
    const now = this.store.state;
    if (now.bind !== bind || now.scope !== graph.scope || graph.revision !== this.revision) return;
    this.better = await this.calls.openAgain(graph.model, scope, this.opened.signal);
    if (this.store.state.bind === bind) this.takeBetter();
  }

  private fetch(scope: string, quick: boolean): Promise<FetchedGraph> {
    const { foldQuantization } = this.store.state;
    return fetchGraph(this.host, scope, { quick, ...boundOf(this.store.state) }, foldQuantization);
  }

  private fail(error: PageError): void {
    this.clearPicture();
    this.store.update({ phase: { name: 'failed', error }, table: undefined });
  }

  /** Takes in what is known of the model as a whole, then what the quick table left out. */
  private async learn(
    opened: Promise<{ revision: string; inspection: Inspection }>,
    graph: FetchedGraph,
    load: AbortController,
  ): Promise<void> {
    const { inspection, revision } = await opened;
    const isOver = () => this.opened !== load || this.store.state.scope !== graph.scope;
    if (this.opened !== load) return;
    this.revision = revision;
    this.store.update({ inspection, gone: false });
    if (revision !== graph.revision) {
      void this.open();
      return;
    }
    if (graph.inferred) return;
    const whole = await this.fetch(graph.scope, false);
    if (isOver() || whole.revision !== revision) return;
    this.better = await this.calls.openAgain(whole.model, graph.scope, load.signal);
    if (!isOver()) this.takeBetter();
  }

  /** Draws with the whole table as soon as nothing else is being drawn. Its rows are those of the quick one. */
  private takeBetter(): void {
    if (this.better === undefined || this.store.state.phase.name !== 'ready') return;
    this.model = this.better;
    this.better = undefined;
    void this.arrange(this.store.state.opening, undefined);
  }

  /** Lays out and shows one graph of the open model. */
  private async drawModel({ model, scope }: FetchedGraph, signal: AbortSignal): Promise<void> {
    const sameGraph = this.picture !== undefined && this.store.state.scope === scope;
    const wish = this.wish?.scope === scope ? this.wish : undefined;
    const whole = await this.calls.openAgain(model, scope, signal);
    if (signal.aborted) return;
    const opening = keptOpening(whole, wish?.opening) ?? this.openingAgain(whole, sameGraph);
    const picture = await this.makePicture(whole, opening, signal);
    if (picture === undefined) return;
    this.model = whole;
    // Rows of another graph, or of a changed file, mean other nodes.
    this.store.update({ scope, trail: trailTo(this.store.state.trail, scope), opening, trace: undefined });
    this.show(picture, wish?.camera ?? (sameGraph ? this.cameraAgain(picture) : undefined));
  }

  /** The camera for another picture of the graph that is shown: what is selected, or in the middle, stays in its place. */
  private cameraAgain(after: Picture): Camera | undefined {
    const { picture: before, camera } = this;
    if (before === undefined || camera === undefined) return camera;
    const { selected } = this.store.state;
    const drawn = selected === undefined ? -1 : (before.table.drawnOf[selected] ?? -1);
    const chosen = drawn >= 0 && this.view.shows(drawn) ? selected : undefined;
    return anchoredAgain(before, after, [chosen, this.view.middleRow()], camera);
  }

  /** What was open before the file changed, as far as it is still there; else the first view. */
  private openingAgain(model: ModelTable, sameGraph: boolean): Opening {
    const { opening } = this.store.state;
    if (!sameGraph || this.model === undefined) return firstOpening(model);
    return keptOpening(model, openingPaths(this.model, opening)) ?? firstOpening(model);
  }

  private async makePicture(
    model: ModelTable,
    opening: Opening,
    signal: AbortSignal,
  ): Promise<Picture | undefined> {
    const table = viewTable(model, opening);
    this.store.update({ phase: { name: 'layingOut', nodes: table.drawn.length } });
    const labels = makeLabels(table, this.view.theme.fontFamily, measureText, this.store.state.showNames);
    const { widths, heights } = labels;
    const { source, target, scopes } = table;
    const layout = await this.layouts.layout({ widths, heights, source, target, scopes }, signal);
    return layout === undefined ? undefined : makePicture(table, labels, layout);
  }

  /**
   * Shows another opening of the graph. What is drawn of row `anchor` stays where it is on the screen; resolves
   * with false when a later change or the user gave it up.
   */
  private async arrange(opening: Opening, anchor: number | undefined): Promise<boolean> {
    const { model, picture: before } = this;
    if (model === undefined || before === undefined) return false;
    this.load.abort();
    const load = (this.load = new AbortController());
    const timer = setTimeout(() => this.store.update({ slow: true }), patienceMs);
    try {
      const picture = await this.makePicture(model, opening, load.signal);
      if (picture === undefined) return false;
      this.store.update({ opening });
      const fixed = anchor ?? this.view.middleRow();
      this.show(picture, anchored(before, picture, fixed, this.view.currentCamera));
      this.keepSoon();
      return true;
    } catch (error) {
      this.store.update({ phase: { name: 'failed', error: errorOf(error) } });
      return false;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Opens a closed scope, closes an open one. Takes a row. */
  async toggle(row: number): Promise<void> {
    if (this.model === undefined) return;
    if (isClosedCall(this.model, row)) {
      await this.openCall(this.model, row);
      return;
    }
    const scope = scopeOfRow(this.model, row);
    if (scope < 0) return;
    const known = this.store.state.selected;
    if (known === undefined) this.selectRow(row, false);
    await this.arrange(toggled(this.model, this.store.state.opening, scope), row);
  }

  /** Puts the function that a row calls in the place of the call, and opens it. */
  private async openCall(model: ModelTable, row: number): Promise<void> {
    const opened = await this.calls.open(model, this.store.state.scope, row);
    if (opened === undefined || this.model !== model) return;
    const { opening } = this.store.state;
    const open = new Set(opening.open).add(model.groups);
    await this.arrangeWith(opened, { ...opening, open }, row);
  }

  /** Shows the model with functions in it that it had not before; what was selected stays so, else `row` is. */
  private async arrangeWith(opened: ModelTable, opening: Opening, row: number | undefined): Promise<void> {
    const { model } = this;
    const { selected } = this.store.state;
    if (model === undefined) return;
    // Scopes stand behind the rows, which have become more.
    const moved =
      selected !== undefined && selected >= model.rows ? selected + opened.rows - model.rows : selected;
    this.model = opened;
    this.store.update({ selected: undefined });
    if (await this.arrange(opening, row)) this.selectRow(moved ?? row, false);
  }

  /** Shows the next (1) or previous (-1) member of the repeat that a row is, or lies in. */
  async stepRepeat(row: number, by: 1 | -1): Promise<void> {
    if (this.model === undefined) return;
    const next = stepTo(this.model, this.store.state.opening, row, by);
    if (next !== undefined) await this.arrange(next.opening, this.model.rows + next.repeat);
  }

  /** Opens scopes and functions so many levels deep, from 0 (all closed). */
  async openLevels(levels: number): Promise<void> {
    const { model } = this;
    if (model === undefined) return;
    const { scope } = this.store.state;
    const opened = await this.calls.openTo(model, scope, levels, mostBoxes);
    if (this.model !== model || opened.groups === 0) return;
    const opening = toDepth(opened, levels, mostBoxes);
    if (opened === model) await this.arrange(opening, undefined);
    else await this.arrangeWith(opened, opening, undefined);
  }

  /** Shows everything in one plane, or the scopes again. */
  async setFlat(flat: boolean): Promise<void> {
    if (this.model === undefined) return;
    if (flat)
      await this.arrange({ flat: true, open: this.openCalls(this.model), steps: new Map() }, undefined);
    else await this.arrange(toDepth(this.model, Infinity, 160), undefined);
  }

  private openCalls(model: ModelTable): Set<number> {
    return new Set([...this.store.state.opening.open].filter((g) => model.groupKind[g] === GroupKind.call));
  }

  /** Shows Q and DQ nodes as boxes of their own, or folded into their operators; then selects a row, if one is given. */
  async setFold(foldQuantization: boolean, row?: number): Promise<void> {
    this.store.update({ foldQuantization });
    await this.open(this.store.state.scope, { anew: false });
    this.keepSoon();
    if (row !== undefined) this.selectRow(row, true);
  }

  /** Shows the names of nodes and values, or leaves them out. */
  async setNames(showNames: boolean): Promise<void> {
    this.store.update({ showNames });
    await this.arrange(this.store.state.opening, undefined);
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
        table.name[previous.row] === previous.name ? previous.row : table.model.name.indexOf(previous.name);
      if (row >= 0 && previous.name !== '') this.selectRow(row, false);
    }
    this.overlays.repaint();
    this.tracing.repaint();
    this.wish = undefined;
    if (this.store.state.query !== '') this.searching.search(this.store.state.query, false);
    this.takeBetter();
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
    const table = this.picture?.table;
    if (drawn === undefined || table === undefined || table.pillOf[drawn] === -1) {
      this.selectRow(drawn === undefined ? undefined : table?.drawn[drawn], false);
      return;
    }
    // A pill leads to the other end of its value.
    const row = table.pillOf[drawn]!;
    const leaves = table.kind[table.drawn[drawn]!] === NodeKind.exit;
    this.selectRow(leaves ? (readerBeyond(table.model, row) ?? row) : row, true);
  }

  /** Selects a row and, when asked, brings its box into view. */
  selectRow(row: number | undefined, reveal: boolean): void {
    const table = this.picture?.table;
    this.asked?.cancel();
    this.asked = undefined;
    this.tensors.giveUp();
    const drawnRow = row === undefined || table === undefined ? row : shownRow(table, row);
    // Without scopes, a scope that was selected is not there to be seen.
    const gone = drawnRow !== undefined && table?.drawnOf[drawnRow] === -1;
    const shown = gone ? undefined : drawnRow;
    if (
      reveal &&
      table !== undefined &&
      row !== undefined &&
      shown !== undefined &&
      shown >= table.model.rows
    ) {
      if (shown !== row) {
        // It lies in a closed scope: open the way to it first.
        void this.arrange(openTo(table.model, this.store.state.opening, row), undefined).then((done) => {
          if (done) this.selectRow(row, true);
        });
        return;
      }
    }
    const drawn = shown === undefined ? undefined : table?.drawnOf[shown];
    this.view.mark({ selected: drawn });
    if (reveal && drawn !== undefined) this.view.reveal(drawn);
    this.store.update({ selected: shown, details: undefined, previews: new Map() });
    this.keepSoon();
    if (table === undefined || shown === undefined) return;
    const operator = operatorOf(table.model, shown);
    if (operator !== undefined)
      void this.fetchDetails(placeOf(table.model, this.store.state.scope, operator));
  }

  private async fetchDetails({ scope, index }: Place): Promise<void> {
    const asked = this.host.ask('node', {
      index,
      ...(scope === '' ? {} : { scope }),
      ...boundOf(this.store.state),
    });
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
    const row = this.model?.name.indexOf(shortName(name)) ?? -1;
    if (row >= 0) this.selectRow(row, true);
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
      const { state } = this.store;
      const kept = keptOf(state, {
        camera: this.camera,
        opening: this.model === undefined ? undefined : openingPaths(this.model, state.opening),
        overlay: this.overlays.name,
        calls: this.calls.paths,
      });
      keepState(kept);
      this.host.notify({ kind: 'state', state: kept });
    }, 200);
  }
}
