// Models as text: opens the read-only text of a model, and starts the language client when a text file is opened.

import * as vscode from 'vscode';
import { textLanguage, textUri } from '../../daemon/protocol/textFace';
import { pickModel } from '../commands/pickModel';
import type { Context } from '../context';
import { TextFiles } from './textFiles';

/** The URI of a model's text. */
export const textOf = (model: vscode.Uri, scope = ''): vscode.Uri =>
  vscode.Uri.parse(textUri(model.toString(), scope), true);

/** Slipway: Open as Text. */
export async function openText(context: Context, argument: unknown): Promise<void> {
  const model = await pickModel(argument);
  if (model) await openTextAt(context, model, '');
}

/** Opens the text of one graph of a model, at a node of it. */
export async function openTextAt(
  { daemon }: Context,
  model: vscode.Uri,
  scope: string,
  node?: string,
): Promise<void> {
  await daemon.ready();
  const document = await vscode.workspace.openTextDocument(textOf(model, scope));
  const editor = await vscode.window.showTextDocument(document, { preview: false });
  if (node === undefined || node === '') return;
  const label = `[${/^[A-Za-z_]\w*$/.test(node) ? node : `"${node.replace(/[\\"]/g, '\\$&')}"`}] `;
  const at = document.getText().indexOf(label);
  if (at < 0) return;
  const place = new vscode.Range(document.positionAt(at), document.positionAt(at + label.length - 1));
  editor.selection = new vscode.Selection(place.start, place.end);
  editor.revealRange(place, vscode.TextEditorRevealType.InCenterIfOutsideViewport);
}

/** Language features of texts need the daemon: it is started with the first of them. */
export function startWithTexts({ daemon, log }: Context): vscode.Disposable {
  const see = ({ languageId }: vscode.TextDocument) => {
    if (languageId !== textLanguage) return;
    daemon.ready().catch((error: unknown) => log.error(`language features: ${String(error)}`));
  };
  vscode.workspace.textDocuments.forEach(see);
  return vscode.Disposable.from(vscode.workspace.onDidOpenTextDocument(see), new TextFiles(daemon));
}
