// Models as text: opens the read-only text of a model, and starts the language client when a text file is opened.

import * as vscode from 'vscode';
import { textLanguage, textUri } from '../../daemon/protocol/textFace';
import { pickModel } from '../commands/pickModel';
import type { Context } from '../context';

/** The URI of a model's text. */
export const textOf = (model: vscode.Uri, scope = ''): vscode.Uri =>
  vscode.Uri.parse(textUri(model.toString(), scope), true);

/** Slipway: Open as Text. */
export async function openText({ daemon }: Context, argument: unknown): Promise<void> {
  const model = await pickModel(argument);
  if (!model) return;
  await daemon.ready();
  const document = await vscode.workspace.openTextDocument(textOf(model));
  await vscode.window.showTextDocument(document, { preview: false });
}

/** Language features of `.onnxtxt` files need the daemon. */
export function startWithTexts({ daemon, log }: Context): vscode.Disposable {
  const see = ({ languageId }: vscode.TextDocument) => {
    if (languageId !== textLanguage) return;
    daemon.ready().catch((error: unknown) => log.error(`language features: ${String(error)}`));
  };
  vscode.workspace.textDocuments.forEach(see);
  return vscode.workspace.onDidOpenTextDocument(see);
}
