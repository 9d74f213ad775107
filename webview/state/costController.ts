// The cost pane's data: asked for when the pane is open, and again for other values of the free dimensions or another
// state of the file.

import type { EditorHost } from '../host';
import { errorOf } from './errorOf';
import { boundOf, type EditorState } from './editorState';
import type { Store } from './store';

export class CostController {
  /** What the tables that are shown, or asked for, are about. */
  private asked: object | undefined;

  constructor(
    private readonly store: Store<EditorState>,
    private readonly host: EditorHost,
  ) {
    store.subscribe(({ cost, inspection }) => {
      // A new inspection comes with another state of the file and with other values of dimensions.
      if (cost.open && inspection !== undefined && this.asked !== inspection) void this.ask(inspection);
    });
  }

  change(changes: Partial<EditorState['cost']>): void {
    this.store.update({ cost: { ...this.store.state.cost, ...changes } });
  }

  private async ask(about: object): Promise<void> {
    this.asked = about;
    let tables: EditorState['cost']['tables'];
    try {
      tables = await this.host.request('cost', boundOf(this.store.state));
    } catch (error) {
      tables = errorOf(error).message;
    }
    if (this.asked === about) this.change({ tables });
  }
}
