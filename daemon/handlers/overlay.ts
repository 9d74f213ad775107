// Overlays from and to files of other tools.

import { ReadOverlays, WriteOverlay } from '../protocol/overlay';
import { ResultOverlays } from '../protocol/resultOverlays';
import { handler } from './handler';
import { modelOf } from './inspect';

export const readOverlays = handler(ReadOverlays, async ({ uri, file }, task, { workspace }) => {
  const { readOverlays } = await import('../recipes/overlayFiles');
  const opened = uri === undefined ? undefined : await workspace.models.get(uri, undefined, task);
  return readOverlays(file, opened && modelOf(opened), task);
});

export const writeOverlay = handler(WriteOverlay, async ({ overlay, format, file, overwrite }, task) => {
  const { writeOverlay } = await import('../recipes/overlayFiles');
  return writeOverlay(overlay, format, file, overwrite === undefined ? {} : { overwrite }, task);
});

export const resultOverlays = handler(ResultOverlays, async ({ method, result }) => {
  const { resultOverlays } = await import('../recipes/resultOverlays');
  return { overlays: resultOverlays(method, result) };
});
