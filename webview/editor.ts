// The page of the model editor: puts the pieces together and renders them whenever the state changes.

import { html, nothing, render } from 'lit';
import type { EditorToPage } from '../daemon/protocol/page';
import { shortName } from '../daemon/protocol/shortName';
import { costPane } from './cost/costPane';
import { pngOf, svgOf } from './graph/exportPicture';
import { graphArea } from './graph/graphArea';
import { describeNode } from './graph/graphTree';
import { GraphView } from './graph/graphView';
import { LayoutClient } from './graph/layoutClient';
import type { ModelTable } from './graph/modelTable';
import { namesOf } from './graph/partOf';
import { callOfGroup, isClosedCall, operatorOf, placeOf, rowAt } from './graph/openCall';
import { NodeKind, scopeOfRow, scopePath } from './graph/table';
import { connectEditor, keptState } from './host';
import { modelInspector } from './inspector/modelInspector';
import { nodeInspector } from './inspector/nodeInspector';
import { scopeInspector } from './inspector/scopeInspector';
import { typeText } from './inspector/parts';
import { valueTable } from './inspector/valueTable';
import { bindDimensions } from './state/bindDimensions';
import { CostController } from './state/costController';
import { EditorController } from './state/editorController';
import { firstEditorState, readKept, type EditorState } from './state/editorState';
import { Store } from './state/store';
import { icon } from './ui/icon';
import { sash } from './ui/sash';
import { topBar } from './ui/topBar';

const kept = readKept(keptState());
const store = new Store<EditorState>({
  ...firstEditorState,
  ...(kept === undefined
    ? {}
    : {
        inspectorOpen: kept.inspectorOpen,
        inspectorWidth: kept.inspectorWidth,
        bind: kept.bind,
        foldQuantization: kept.foldQuantization,
        showNames: kept.showNames,
        valueTable: { ...firstEditorState.valueTable, open: kept.tableOpen, height: kept.tableHeight },
      }),
});
let controller: EditorController | undefined;

const host = connectEditor((note: EditorToPage) => {
  switch (note.kind) {
    case 'init': {
      store.update({ trusted: note.trusted, fileName: note.fileName });
      controller ??= new EditorController(
        store,
        host,
        view,
        new LayoutClient(note.workerSource),
        kept ?? readKept(note.state),
      );
      void controller.open();
      return;
    }
    case 'overlays':
      controller?.overlays.receive(note.overlays, note.show);
      return;
    case 'select':
      void selectPlace(note.scope, note.index);
      return;
    case 'trustChanged':
      store.update({ trusted: note.trusted });
      return;
    case 'modelChanged':
      if (note.exists) void controller?.open();
      else store.update({ gone: true });
  }
});

const costs = new CostController(store, host);

function page(state: EditorState) {
  return html`<div class="editor">
    ${topBar(state, {
      command: (command) => host.notify({ kind: 'command', command }),
      search: (query) => controller?.searching.search(query),
      cycle: (step) => controller?.searching.cycle(step),
      leaveSearch() {
        controller?.searching.search('', false);
        stage().focus();
      },
      toggleInspector() {
        store.update({ inspectorOpen: !state.inspectorOpen });
        controller?.keepSoon();
      },
      showModel() {
        controller?.selectRow(undefined, false);
        store.update({ inspectorOpen: true });
      },
    })}
    ${notices(state)}
    <div class="editor-body">
      <div class="middle">
        ${graphArea(state, controller?.picture, {
          zoom: (direction) => view.zoom(direction),
          fit: () => view.fit(),
          openLevels: (levels) => void controller?.openLevels(levels),
          save: (format) => void savePicture(format),
          clearTrace: () => controller?.tracing.clear(),
          saveTrace() {
            if (state.trace?.part !== undefined)
              host.notify({ kind: 'extract', scope: state.scope, ...state.trace.part });
          },
          copyTrace() {
            const { trace, table } = state;
            if (trace !== undefined && table !== undefined)
              host.notify({ kind: 'copy', text: namesOf(table.model, trace.rows) });
          },
          setFold: (fold) => void controller?.setFold(fold),
          setNames: (names) => void controller?.setNames(names),
          setFlat: (flat) => void controller?.setFlat(flat),
          openScope: (scope) => void controller?.openScope(scope),
          retry: (whole) => void controller?.open(undefined, { quick: !whole }),
          cancelLayout: () => controller?.cancelLayout(),
          showLog: () => host.notify({ kind: 'command', command: 'showLog' }),
          overlay: {
            measure: (command) => host.notify({ kind: 'command', command }),
            choose(name) {
              controller?.overlays.choose(name);
              controller?.keepSoon();
            },
            importFile: () => host.notify({ kind: 'importOverlay' }),
            exportFile(format) {
              const overlay = store.state.overlay?.paint.overlay;
              if (overlay !== undefined) host.notify({ kind: 'exportOverlay', overlay, format });
            },
            toggleTable: () => changeTable({ open: !state.valueTable.open }),
          },
        })}
        ${nodeTable(state)}${costTable(state)}
      </div>
      ${
        state.inspectorOpen
          ? html`${sash(state.inspectorWidth, (inspectorWidth) => {
                store.update({ inspectorWidth });
                controller?.keepSoon();
              })}
              <aside class="inspector" aria-label="Inspector" tabindex="-1">${inspector(state)}</aside>`
          : nothing
      }
    </div>
    <div class="sr-only" aria-live="polite">${announcement(state)}</div>
  </div>`;
}

/** Selects a node from outside, in whichever graph it lies. */
async function selectPlace(scope: string, row: number): Promise<void> {
  if (store.state.scope !== scope) await controller?.open(scope);
  if (store.state.scope === scope && store.state.selected !== row) controller?.selectRow(row, true);
}

function nodeTable({ table, valueTable: shown, overlay, selected }: EditorState) {
  if (!shown.open || table === undefined) return nothing;
  return html`${sash(shown.height, (height) => changeTable({ height }), 'row')}${valueTable(
    { model: table.model, values: overlay?.values, selected, ...shown },
    {
      select: (row) => controller?.selectRow(row, true),
      sortBy: (sort) => changeTable({ sort }),
      scrolled: (top) => changeTable({ top }),
      copy: (text) => host.notify({ kind: 'copy', text }),
      close: () => changeTable({ open: false }),
    },
  )}`;
}

function costTable({ cost, bind, valueTable: { height } }: EditorState) {
  if (!cost.open) return nothing;
  const width = document.querySelector('.middle')?.clientWidth ?? 800;
  return html`${sash(height, (tall) => changeTable({ height: tall }), 'row')}${costPane(
    { ...cost, bind },
    width,
    {
      show: (tab) => costs.change({ tab, sort: undefined }),
      sortBy: (sort) => costs.change({ sort }),
      find: (op) => controller?.searching.search(op),
      goTo: (node) => controller?.selectName(node),
      save: (by) => host.notify({ kind: 'saveCost', by }),
      paint: () => host.notify({ kind: 'command', command: 'cost' }),
      close: () => costs.change({ open: false }),
    },
  )}`;
}

function changeTable(changes: Partial<EditorState['valueTable']>): void {
  store.update({ valueTable: { ...store.state.valueTable, ...changes } });
  controller?.keepSoon();
}

/** Hands the whole graph to the host as a picture; the host asks where to save it. */
async function savePicture(format: 'png' | 'svg'): Promise<void> {
  const picture = controller?.picture;
  if (picture === undefined) return;
  const paint = store.state.overlay?.paint;
  const data =
    format === 'svg'
      ? new TextEncoder().encode(svgOf(picture, view.theme, paint))
      : await pngOf(picture, view.theme, paint);
  const name = `${store.state.fileName.replace(/\.[^.]*$/, '')}.${format}`;
  if (data !== undefined) host.notify({ kind: 'savePicture', name, data });
}

function notices(state: EditorState) {
  return html`${
    state.gone
      ? html`<div class="notice" role="status">
          ${icon('warning', 'severity-warning')}
          <span>The file is gone from disk. This is what it held when it was last read.</span>
        </div>`
      : nothing
  }
  ${
    state.trusted || state.inspection === undefined
      ? nothing
      : html`<div class="notice">
          ${icon('shield')}
          <span>
            Restricted Mode: the model can be inspected. Compressing and deploying run it, so they need a
            trusted workspace.
          </span>
          <button
            type="button"
            class="link"
            @click=${() => host.notify({ kind: 'command', command: 'manageTrust' })}
          >
            Manage Trust
          </button>
        </div>`
  }`;
}

function inspector(state: EditorState) {
  const { inspection, selected, table } = state;
  if (selected !== undefined && table !== undefined) {
    const scope = scopeOfRow(table.model, selected);
    const operator = operatorOf(table.model, selected);
    const place = placeOf(table.model, state.scope, operator ?? selected);
    if (scope >= 0 && operator === undefined) {
      return scopeInspector(table, scope, state.opening, {
        toggle: () => void controller?.toggle(selected),
        step: (by) => void controller?.stepRepeat(selected, by),
        selectRow: (row) => controller?.selectRow(row, true),
        find: (op) => controller?.searching.search(op),
        openText: () =>
          host.notify({ kind: 'openText', scope: textOfScope(table.model, state.scope, scope) }),
        extract: isInCall(table.model, scope)
          ? undefined
          : () => host.notify({ kind: 'extract', scope: partOf(state.scope, scopePath(table.model, scope)) }),
        close() {
          controller?.selectRow(undefined, false);
          stage().focus();
        },
      });
    }
    const values = table.kind[selected] === NodeKind.input ? inspection?.inputs : inspection?.outputs;
    const value = values?.find(({ name }) => shortName(name) === table.name[selected]);
    return nodeInspector(
      {
        table,
        row: operator ?? selected,
        callOpen: isCallOpen(state, selected),
        details: state.details,
        previews: state.previews,
        valueType: value === undefined ? '' : typeText(value.dtype, value.shape),
      },
      {
        selectRow: (row) => controller?.selectRow(row, true),
        openScope: (scope) => void controller?.openScope(scope),
        openText: (node) =>
          host.notify({ kind: 'openText', scope: textScope(table.model, place.scope), node }),
        toggle: () => void controller?.toggle(selected),
        goTo(rowThere) {
          const row = rowAt(table.model, state.scope, { scope: place.scope, index: rowThere });
          if (row < 0) return;
          if (table.model.foldedInto[row] === -1) controller?.selectRow(row, true);
          else void controller?.setFold(false, row);
        },
        trace: (side) => controller?.tracing.trace(side),
        preview: (name, range) => void controller?.tensors.preview(name, range),
        openSource: (file, line) => host.notify({ kind: 'openSource', file, line }),
        exportTensor: (name) => host.notify({ kind: 'exportTensor', scope: place.scope, name }),
        close() {
          controller?.selectRow(undefined, false);
          stage().focus();
        },
      },
    );
  }
  if (inspection === undefined) return nothing;
  return modelInspector(inspection, state.bind, {
    showCost: () => costs.change({ open: true }),
    openText: () => host.notify({ kind: 'openText', scope: state.scope }),
    bind: (bound) => void bindDimensions(store, host, controller, bound),
    goTo({ scope = '', node, index }) {
      if (index !== undefined) void selectPlace(scope, index);
      else if (node !== undefined) controller?.selectName(node);
    },
    find: (op) => controller?.searching.search(op),
  });
}

/** Path of a scope of the graph that is shown. */
const partOf = (graph: string, part: string) =>
  graph === '' || part === '' ? graph + part : `${graph}/${part}`;

/** Whether the function that the selection calls is open in its place; undefined where nothing is called. */
function isCallOpen({ table, opening }: EditorState, selected: number): boolean | undefined {
  if (table === undefined) return undefined;
  const scope = scopeOfRow(table.model, selected);
  if (scope >= 0) return opening.open.has(scope);
  return isClosedCall(table.model, selected) ? false : undefined;
}

/** The graph that the text of a node is in: a function has one text, whoever calls it. */
function textScope({ calls, callee }: ModelTable, scope: string): string {
  const call = calls.find(({ path }) => path === scope);
  return call === undefined ? scope : callee[call.row]!;
}

/** Whether a scope is a function that is open where it is called, or lies in one. */
function isInCall(model: ModelTable, scope: number): boolean {
  for (let g = scope; g >= 0; g = model.groupParent[g]!) if (callOfGroup(model, g) !== undefined) return true;
  return false;
}

/** The text of a scope; inside a function, that of the function. */
function textOfScope(model: ModelTable, graph: string, scope: number): string {
  for (let g = scope; g >= 0; g = model.groupParent[g]!) {
    const call = callOfGroup(model, g);
    if (call !== undefined) return model.callee[call.row]!;
  }
  return partOf(graph, scopePath(model, scope));
}

function announcement({ selected, table }: EditorState): string {
  const picture = controller?.picture;
  if (selected === undefined || table === undefined || picture?.table !== table) return '';
  return `Selected: ${describeNode(picture, table.drawnOf[selected]!)}`;
}

function find<E extends Element>(selector: string, type: new () => E): E {
  const element = document.querySelector(selector);
  if (!(element instanceof type)) throw new Error(`The page has no ${selector}.`);
  return element;
}
const stage = () => find('#stage', HTMLElement);

function update(state: EditorState): void {
  render(page(state), document.body);
  const { style } = find('.editor', HTMLElement);
  style.setProperty('--inspector-width', `${state.inspectorWidth}px`);
  style.setProperty('--table-height', `${state.valueTable.height}px`);
}

document.body.classList.add('editor-page');
update(store.state);
let fontFamily = '';
const view: GraphView = new GraphView(
  stage(),
  find('canvas.graph', HTMLCanvasElement),
  find('canvas.minimap', HTMLCanvasElement),
  {
    select: (drawn) => controller?.selectDrawn(drawn),
    open() {
      store.update({ inspectorOpen: true });
      queueMicrotask(() => document.querySelector<HTMLElement>('.inspector')?.focus());
    },
    enter: async () => (await controller?.enterSelected()) ?? false,
    toggle: (drawn) => void controller?.toggle(store.state.table?.drawn[drawn] ?? -1),
    step: (drawn, by) => void controller?.stepRepeat(store.state.table?.drawn[drawn] ?? -1, by),
    trace(which) {
      if (which === 'none') controller?.tracing.clear();
      else controller?.tracing.trace(which === 'both' ? undefined : which);
    },
    traceTo: (drawn) => controller?.tracing.traceTo(drawn),
    levels: (levels) => void controller?.openLevels(levels),
    names: () => void controller?.setNames(!store.state.showNames),
    moved: (camera) => controller?.onMoved(camera),
    themeChanged(theme) {
      if (theme.fontFamily !== fontFamily) controller?.onFontChanged();
      fontFamily = theme.fontFamily;
      controller?.overlays.repaint();
    },
  },
);
fontFamily = view.theme.fontFamily;
// Ctrl+C on the graph copies the name of the node, or the names of what is traced.
stage().addEventListener('copy', (event) => {
  const { selected, table, trace } = store.state;
  if (table === undefined || selected === undefined) return;
  const names = trace === undefined ? table.name[selected]! : namesOf(table.model, trace.rows);
  if (names === '') return;
  event.clipboardData?.setData('text/plain', names);
  event.preventDefault();
});
store.subscribe(update);
let told: number | undefined;
store.subscribe(({ selected, scope, table }) => {
  if (selected === told) return;
  told = selected;
  if (selected === undefined || table === undefined) return;
  const operator = operatorOf(table.model, selected);
  if (operator !== undefined) host.notify({ kind: 'selected', ...placeOf(table.model, scope, operator) });
});
window.addEventListener('keydown', (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'f') {
    event.preventDefault();
    find('#search', HTMLInputElement).select();
  }
});
host.notify({ kind: 'ready' });
