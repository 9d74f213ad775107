// Tells cost, memory and the shapes in the picture for other values of the free dimensions.

import type { EditorHost } from '../host';
import type { EditorController } from './editorController';
import type { EditorState } from './editorState';
import type { Store } from './store';

export async function bindDimensions(
  store: Store<EditorState>,
  host: EditorHost,
  controller: EditorController | undefined,
  bind: Readonly<Record<string, number>>,
): Promise<void> {
  store.update({ bind });
  controller?.keepSoon();
  const { inspection } = await host.request('open', { bind });
  // A later change has asked anew.
  if (store.state.bind !== bind) return;
  store.update({ inspection });
  await controller?.relabel();
}
