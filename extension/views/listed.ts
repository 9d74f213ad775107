// What a view is empty for: until its list was made once, nobody knows, and it says nothing of what to do next.

import * as vscode from 'vscode';

/** Says once that the list of a view is there: what stands in the empty view may be shown from now on. */
export function sayListed(view: 'models' | 'runs' | 'deployments'): void {
  void vscode.commands.executeCommand('setContext', `slipway.listed.${view}`, true);
}
