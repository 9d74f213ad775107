// Which model a command is about: the one it was given, the one in the active editor or panel, or one that is asked for.

import * as vscode from 'vscode';
import { basename } from 'node:path';
import { parseTextUri } from '../../daemon/protocol/textFace';
import { modelInFront } from '../panels/activeModel';

/** Resolves to undefined when the user backs out. Accepts what menus and views pass: a URI, or an item with one. */
export async function pickModel(argument: unknown): Promise<vscode.Uri | undefined> {
  if (argument instanceof vscode.Uri) return argument;
  const item = argument as { uri?: unknown } | undefined;
  if (item?.uri instanceof vscode.Uri) return item.uri;
  const input = vscode.window.tabGroups.activeTabGroup.activeTab?.input;
  if (input instanceof vscode.TabInputCustom && /\.(onnx|ort)$/i.test(input.uri.path)) return input.uri;
  const shown = modelInFront();
  if (shown) return shown;
  const text = input instanceof vscode.TabInputText ? parseTextUri(input.uri.toString()) : undefined;
  if (text) return vscode.Uri.parse(text.model, true);
  const found = await vscode.workspace.findFiles('**/*.onnx', '**/node_modules/**', 500);
  if (found.length === 0) {
    const [picked] =
      (await vscode.window.showOpenDialog({
        title: 'Choose an ONNX model',
        filters: { 'ONNX models': ['onnx'] },
      })) ?? [];
    return picked;
  }
  if (found.length === 1) return found[0];
  const choices = found.map((uri) => modelChoice(uri));
  choices.sort((a, b) => a.uri.fsPath.localeCompare(b.uri.fsPath));
  const chosen = await vscode.window.showQuickPick(choices, { placeHolder: 'Choose a model' });
  return chosen?.uri;
}

/** Says why and returns false when running models is not allowed here. */
export async function mayRun(what: string): Promise<boolean> {
  if (vscode.workspace.isTrusted) return true;
  const manage = 'Manage Workspace Trust';
  const answer = await vscode.window.showWarningMessage(
    `${what} runs the model, which needs a trusted workspace. Inspecting works without.`,
    manage,
  );
  if (answer === manage) await vscode.commands.executeCommand('workbench.trust.manage');
  return false;
}

/** A model in a list to choose from: its name, and its folder where it is not the workspace's own. */
export function modelChoice(uri: vscode.Uri): vscode.QuickPickItem & { uri: vscode.Uri } {
  const label = basename(uri.fsPath);
  const path = vscode.workspace.asRelativePath(uri);
  return { label, description: path === label ? '' : path, uri };
}
