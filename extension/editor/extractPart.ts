// Saving a part of a model as a model of its own: asks where, lets the daemon write it, and opens it.

import { basename, extname } from 'node:path';
import * as vscode from 'vscode';
import { ExtractPart } from '../../daemon/protocol/graph';
import type { PartChoice } from '../../daemon/protocol/page';
import type { DaemonClient } from '../daemon/client';
import { fileNameOf } from './fileNameOf';

/** Asks for a file and writes the part there; it then opens beside what it comes from. */
export async function extractPart(
  daemon: DaemonClient,
  model: vscode.Uri,
  scope: string,
  { nodes, from, to }: PartChoice,
): Promise<void> {
  const whole = basename(model.fsPath, extname(model.fsPath));
  const part = nodes === undefined && from === undefined && to === undefined ? fileNameOf(scope) : 'part';
  const target = await vscode.window.showSaveDialog({
    title: 'Save Part as Model',
    defaultUri: vscode.Uri.joinPath(model, '..', `${whole}_${part}.onnx`),
    filters: { 'ONNX model': ['onnx'] },
  });
  if (target === undefined) return;
  const file = target.fsPath;
  const params = {
    uri: model.toString(),
    file,
    // The dialog has asked whether an existing file is to be replaced.
    overwrite: true,
    ...(scope === '' ? {} : { scope }),
    ...(nodes === undefined ? {} : { nodes: [...nodes] }),
    ...(from === undefined ? {} : { from: [...from] }),
    ...(to === undefined ? {} : { to: [...to] }),
  };
  await vscode.window.withProgress(
    { location: vscode.ProgressLocation.Notification, title: `Saving ${basename(file)}`, cancellable: true },
    (_progress, token) => daemon.request(ExtractPart, params, { token }),
  );
  await vscode.commands.executeCommand('vscode.open', target);
}
