// The model of the panel that is in front: a command without an argument is about it, as it is about the model of an
// editor.

import type * as vscode from 'vscode';

const inFront = new Map<vscode.WebviewPanel, vscode.Uri>();

/** Follows a panel that is about one model, until it is closed. */
export function followPanel(panel: vscode.WebviewPanel, model: vscode.Uri): void {
  inFront.set(panel, model);
  panel.onDidDispose(() => inFront.delete(panel));
}

/** The model of the active panel of ours; undefined when something else is active. */
export function modelInFront(): vscode.Uri | undefined {
  for (const [panel, model] of inFront) if (panel.active) return model;
  return undefined;
}
