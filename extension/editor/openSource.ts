// Going to the line of Python that a node comes from: at the path that the trace names, else where the workspace has a
// file that it can only mean. Files are shown as text, never run.

import { basename, isAbsolute } from 'node:path';
import { stat } from 'node:fs/promises';
import * as vscode from 'vscode';
import { closest, plainFileName, refusal } from './sourcePath';

/** Larger files are no sources that somebody wrote. */
const mostBytes = 20_000_000;
const notOurs = '**/{node_modules,site-packages,dist-packages,.git}/**';

/** Shows a line of a source; says in a sentence why it cannot. */
export async function openSource(file: string, line: number): Promise<void> {
  const refused = refusal(file);
  const name = basename(file.replaceAll('\\', '/')).slice(0, 200);
  if (refused !== undefined) {
    void vscode.window.showWarningMessage(`${name} is not opened. ${refused}`);
    return;
  }
  const found = (await isSource(file)) ? vscode.Uri.file(file) : await inWorkspace(file);
  if (found === undefined) {
    const shown = file.slice(0, 300);
    void vscode.window.showInformationMessage(
      `${name} is not on this machine: the model was exported from ${shown}, and no open folder holds a file of that name.`,
    );
    return;
  }
  if (found === 'dismissed') return;
  const document = await vscode.workspace.openTextDocument(found);
  const at = Math.max(0, Math.min(line, document.lineCount) - 1);
  const range = document.lineAt(at).range;
  await vscode.window.showTextDocument(document, {
    viewColumn: vscode.ViewColumn.Beside,
    selection: new vscode.Range(range.start, range.start),
  });
}

async function isSource(file: string): Promise<boolean> {
  if (!isAbsolute(file)) return false;
  try {
    const found = await stat(file);
    return found.isFile() && found.size <= mostBytes;
  } catch {
    return false;
  }
}

/** The file of the workspace that the path means; the user says which where several may be meant. */
async function inWorkspace(file: string): Promise<vscode.Uri | 'dismissed' | undefined> {
  const name = plainFileName(file);
  if (name === undefined) return undefined;
  const uris = await vscode.workspace.findFiles(`**/${name}`, notOurs, 200);
  const byPath = new Map(uris.filter(({ scheme }) => scheme === 'file').map((uri) => [uri.fsPath, uri]));
  const best = closest([...byPath.keys()], file);
  if (best.length < 2) return best[0] === undefined ? undefined : byPath.get(best[0]);
  const picked = await vscode.window.showQuickPick(
    best.map((path) => ({ label: vscode.workspace.asRelativePath(path), path })),
    {
      title: `Which ${name}?`,
      placeHolder: 'The model was exported on another machine or from another folder',
    },
  );
  return picked === undefined ? 'dismissed' : byPath.get(picked.path);
}
