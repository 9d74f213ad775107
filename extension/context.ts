// What the parts of the extension share: the daemon, the log, and where the built files lie.

import * as vscode from 'vscode';
import { DaemonClient } from './daemon/client';
import { EditorLinks } from './editor/editorLinks';
import { Overlays } from './editor/overlays';
import { RecipeLenses } from './language/recipeLenses';
import { ChangesView } from './views/changes';

export interface Context {
  readonly extension: vscode.ExtensionContext;
  readonly daemon: DaemonClient;
  /** Values per node, painted in the editors of their model. */
  readonly overlays: Overlays;
  /** Selections of compared models' editors. */
  readonly links: EditorLinks;
  /** What changed between the models that were compared last. */
  readonly changes: ChangesView;
  /** What recipes gave, in their text. */
  readonly recipes: RecipeLenses;
  readonly log: vscode.LogOutputChannel;
  /** A file in dist/. */
  built(...path: string[]): vscode.Uri;
}

/** Makes the shared parts; all of them are released with the extension. */
export function createContext(extension: vscode.ExtensionContext): Context {
  const log = vscode.window.createOutputChannel('Slipway', { log: true });
  const built = (...path: string[]) => vscode.Uri.joinPath(extension.extensionUri, 'dist', ...path);
  const daemon = new DaemonClient(built('slipway.js').fsPath, log);
  const overlays = new Overlays();
  const links = new EditorLinks();
  const changes = new ChangesView(links);
  const recipes = new RecipeLenses();
  extension.subscriptions.push(log, daemon, overlays, changes, recipes);
  return { extension, daemon, overlays, links, changes, recipes, log, built };
}
