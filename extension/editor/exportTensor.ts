// Saving a tensor of a model as a NumPy array: asks where, and lets the daemon write it.

import { basename } from 'node:path';
import * as vscode from 'vscode';
import { ExportTensor } from '../../daemon/protocol/graph';
import type { DaemonClient } from '../daemon/client';
import { bytesText } from '../views/bytesText';
import { fileNameOf } from './fileNameOf';

/** Asks for a file and writes the tensor there; large ones show progress and can be cancelled. */
export async function exportTensor(
  daemon: DaemonClient,
  model: vscode.Uri,
  scope: string,
  name: string,
): Promise<void> {
  const target = await vscode.window.showSaveDialog({
    title: 'Save Tensor',
    defaultUri: vscode.Uri.joinPath(model, '..', `${fileNameOf(name)}.npy`),
    filters: { 'NumPy array': ['npy'] },
  });
  if (target === undefined) return;
  const file = target.fsPath;
  // The dialog has asked whether an existing file is to be replaced.
  const params = { uri: model.toString(), name, file, overwrite: true, ...(scope === '' ? {} : { scope }) };
  const written = await vscode.window.withProgress(
    { location: vscode.ProgressLocation.Notification, title: `Saving ${basename(file)}`, cancellable: true },
    (_progress, token) => daemon.request(ExportTensor, params, { token }),
  );
  const widened = written.widened === undefined ? '' : ` (${written.widened}, which NumPy does not have)`;
  vscode.window.setStatusBarMessage(
    `Slipway: saved ${basename(file)}, ${bytesText(written.bytes)} of ${written.dtype}${widened}`,
    6000,
  );
}
