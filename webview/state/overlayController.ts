// Overlays in the model editor: which there are, which is painted, and its table.

import type { Overlay } from '../../daemon/protocol/overlay';
import type { GraphView } from '../graph/graphView';
import { hasWeights, paintOverlay, rowValues, weightsOverlay, type RowValues } from '../graph/overlayPaint';
import type { ModelTable } from '../graph/modelTable';
import type { GraphTable } from '../graph/table';
import type { EditorState } from './editorState';
import type { Store } from './store';

export class OverlayController {
  private fromHost: readonly Overlay[] = [];
  private own: { model: ModelTable; overlays: readonly Overlay[] } | undefined;
  private chosen: string | undefined;
  private values: { model: ModelTable; overlay: Overlay; values: RowValues } | undefined;

  constructor(
    private readonly store: Store<EditorState>,
    private readonly view: GraphView,
    private readonly measure: (text: string, font: string) => number,
    chosen: string | undefined,
  ) {
    this.chosen = chosen;
  }

  /** Name of the overlay that is painted or will be once its model is there. */
  get name(): string | undefined {
    return this.chosen;
  }

  /** The host's overlays, all of them; `show` is painted at once. */
  receive(overlays: readonly Overlay[], show: string | undefined): void {
    this.fromHost = overlays;
    if (show !== undefined) this.chosen = show;
    this.repaint();
  }

  choose(name: string | undefined): void {
    this.chosen = name;
    this.repaint();
    const { valueTable } = this.store.state;
    this.store.update({ valueTable: { ...valueTable, top: 0 } });
  }

  /** Paints what is chosen on what is drawn now. */
  repaint(table: GraphTable | undefined = this.store.state.table): void {
    if (table === undefined) {
      this.store.update({ overlays: [], overlay: undefined });
      return;
    }
    const { model } = table;
    if (this.own?.model !== model) this.own = { model, overlays: ownOverlays(model) };
    const { scope } = this.store.state;
    const overlays = [...this.own.overlays, ...this.fromHost.filter((one) => (one.scope ?? '') === scope)];
    const overlay = overlays.find(({ name }) => name === this.chosen);
    if (overlay === undefined) {
      this.store.update({ overlays, overlay: undefined });
      this.view.mark({ overlay: undefined });
      return;
    }
    if (this.values?.model !== model || this.values.overlay !== overlay) {
      this.values = { model, overlay, values: rowValues(overlay, model) };
    }
    const { values } = this.values;
    const paint = paintOverlay(values, table, this.view.theme, this.measure);
    this.store.update({ overlays, overlay: { values, paint } });
    this.view.mark({ overlay: paint });
  }
}

function ownOverlays(model: ModelTable): readonly Overlay[] {
  return hasWeights(model) ? [weightsOverlay(model)] : [];
}
