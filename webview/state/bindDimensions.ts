// Tells cost and memory for other values of the free dimensions; the picture stays.

import type { EditorHost } from '../host';
import type { EditorState } from './editorState';
import type { Store } from './store';

export async function bindDimensions(
  store: Store<EditorState>,
  host: EditorHost,
  bind: Readonly<Record<string, number>>,
): Promise<void> {
  store.update({ bind });
  const { inspection } = await host.request('open', { bind });
  // A later change has asked anew.
  if (store.state.bind === bind) store.update({ inspection });
}
