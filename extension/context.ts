// What the parts of the extension share: the daemon, the log, and where the built files lie.

import * as vscode from 'vscode';
import { DaemonClient } from './daemon/client';

export interface Context {
  readonly extension: vscode.ExtensionContext;
  readonly daemon: DaemonClient;
  readonly log: vscode.LogOutputChannel;
  /** A file in dist/. */
  built(...path: string[]): vscode.Uri;
}

/** Makes the shared parts; all of them are released with the extension. */
export function createContext(extension: vscode.ExtensionContext): Context {
  const log = vscode.window.createOutputChannel('Slipway', { log: true });
  const built = (...path: string[]) => vscode.Uri.joinPath(extension.extensionUri, 'dist', ...path);
  const daemon = new DaemonClient(built('slipway.js').fsPath, log);
  extension.subscriptions.push(log, daemon);
  return { extension, daemon, log, built };
}
