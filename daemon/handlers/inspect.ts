// Opens a model: what it is, and news when the file changes.

import { hasErrors } from '../base/diagnostic';
import { SlipwayError } from '../base/errors';
import type { Model } from '../ir/model';
import { Close, ModelChanged, Open } from '../protocol/inspect';
import type { OpenModel } from '../workspace/models';
import { handler } from './handler';

export const open = handler(Open, async ({ uri, bind, rules }, task, { workspace, client }) => {
  const opened = await workspace.models.get(uri, undefined, task);
  const { inspect } = await import('../analysis/inspect');
  const constants = await opened.constants(task);
  const shapes = await opened.shapes(task);
  const counted = await opened.countedShapes(task, bind);
  const inspection = await inspect(opened.read, { bind, rules, constants, shapes, counted }, task);
  if (!client.open.has(uri)) {
    const { path } = opened;
    const stopWatching = workspace.models.watchFile(path);
    const letGo = workspace.models.hold(path);
    const stopListening = workspace.models.onChanged((changed, exists) => {
      if (changed === path) client.notify(ModelChanged, { uri, exists });
    });
    client.open.set(uri, () => {
      stopListening();
      stopWatching();
      letGo();
    });
  }
  client.publishDiagnostics(uri, inspection.diagnostics);
  return { uri, revision: opened.revision, inspection };
});

export const close = handler(Close, ({ uri }, _task, { client }) => {
  client.open.get(uri)?.();
  if (client.open.delete(uri)) client.publishDiagnostics(uri, []);
  return null;
});

/** The model, or `invalidModel` when the file holds none. */
export function modelOf({ path, read }: OpenModel): Model {
  if (read.model) return read.model;
  const why = read.diagnostics.find((diagnostic) => hasErrors([diagnostic]))?.message ?? 'It is empty.';
  throw new SlipwayError('invalidModel', `${path} cannot be read as a model: ${why}`, {
    data: { diagnostics: read.diagnostics },
  });
}
