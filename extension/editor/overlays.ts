// Overlays by model, as long as the window lives. Whatever measures something per node puts it here; editors of that
// model paint it. Reading and writing the files of other tools is the daemon's.

import { basename } from 'node:path';
import * as vscode from 'vscode';
import { ReadOverlays, WriteOverlay, type Overlay, type OverlayFormat } from '../../daemon/protocol/overlay';
import type { DaemonClient } from '../daemon/client';

export class Overlays implements vscode.Disposable {
  private readonly byModel = new Map<string, Map<string, Overlay>>();
  /** What the next editor of a model shows first, when none was open to show it at once. */
  private readonly waiting = new Map<string, string>();
  private readonly changed = new vscode.EventEmitter<{ uri: string; show: string | undefined }>();
  /** Overlays of a model changed; `show` is the name of the one to be painted now. */
  readonly onChanged = this.changed.event;

  of(uri: string): readonly Overlay[] {
    return [...(this.byModel.get(uri)?.values() ?? [])];
  }

  /** Adds overlays to a model, each in place of an earlier one of its name, and shows the first unless `show` is false. */
  put(uri: string, overlays: readonly Overlay[], show = true): void {
    const known = this.byModel.get(uri) ?? new Map<string, Overlay>();
    for (const overlay of overlays) known.set(overlay.name, overlay);
    this.byModel.set(uri, known);
    if (show && overlays[0]) this.waiting.set(uri, overlays[0].name);
    this.changed.fire({ uri, show: show ? overlays[0]?.name : undefined });
  }

  /** The name of the overlay that waits to be shown; once. */
  takeShown(uri: string): string | undefined {
    const name = this.waiting.get(uri);
    this.waiting.delete(uri);
    return name;
  }

  dispose(): void {
    this.changed.dispose();
  }
}

/** Asks for a file and puts what it holds on the model. */
export async function importOverlay(
  overlays: Overlays,
  daemon: DaemonClient,
  model: vscode.Uri,
): Promise<void> {
  const picked = await vscode.window.showOpenDialog({
    title: 'Paint values on the graph',
    openLabel: 'Paint',
    defaultUri: vscode.Uri.joinPath(model, '..'),
    filters: { 'Values for nodes': ['json', 'csv'], 'All files': ['*'] },
  });
  const file = picked?.[0]?.fsPath;
  if (file === undefined) return;
  const uri = model.toString();
  const read = await daemon.request(ReadOverlays, { uri, file });
  overlays.put(uri, read.overlays);
  const warning = read.diagnostics[0]?.message;
  if (warning !== undefined) void vscode.window.showWarningMessage(warning);
}

const extensions: Readonly<Record<OverlayFormat, string>> = {
  'model-explorer': '.node_data.json',
  netron: '.attachment.json',
  csv: '.csv',
  slipway: '.overlay.json',
};

/** Asks where, and writes the overlay there. */
export async function exportOverlay(
  daemon: DaemonClient,
  model: vscode.Uri,
  overlay: Overlay,
  format: OverlayFormat,
): Promise<void> {
  const name = `${basename(model.fsPath).replace(/\.[^.]*$/, '')}${extensions[format]}`;
  const target = await vscode.window.showSaveDialog({
    title: `Save "${overlay.title}"`,
    defaultUri: vscode.Uri.joinPath(model, '..', name),
  });
  if (target === undefined) return;
  // The dialog has asked whether an existing file is to be replaced.
  await daemon.request(WriteOverlay, { overlay, format, file: target.fsPath, overwrite: true });
  vscode.window.setStatusBarMessage(`Slipway: saved ${basename(target.fsPath)}`, 4000);
}
