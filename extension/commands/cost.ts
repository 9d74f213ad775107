// Slipway: Show Cost on Graph — MACs, weights, memory and arithmetic intensity of every node as overlays; and
// Slipway: Save Cost Table… — the same as CSV.

import { basename } from 'node:path';
import * as vscode from 'vscode';
import { GetCost } from '../../daemon/protocol/cost';
import type { Context } from '../context';
import { boundDimensions } from '../editor/bindings';
import { viewType } from '../editor/modelEditor';
import { pickModel } from './pickModel';

export async function showCost(context: Context, argument: unknown): Promise<void> {
  const model = await pickModel(argument);
  if (!model) return;
  const uri = model.toString();
  await vscode.commands.executeCommand('vscode.openWith', model, viewType);
  const { overlays } = await context.daemon.request(GetCost, {
    uri,
    bind: boundDimensions(uri),
    overlays: true,
  });
  context.overlays.put(uri, overlays);
}

export async function saveCost(context: Context, argument: unknown): Promise<void> {
  const model = await pickModel(argument);
  if (!model) return;
  const kinds = [
    { label: 'By operator', csv: 'op' },
    { label: 'By node', csv: 'node' },
    { label: 'By scope', csv: 'scope' },
  ] as const;
  const picked = await vscode.window.showQuickPick(kinds, { placeHolder: 'Which rows?' });
  if (picked) await saveCostTable(context, model, picked.csv);
}

/** Asks where, and writes the table there. */
export async function saveCostTable(
  context: Context,
  model: vscode.Uri,
  by: 'op' | 'node' | 'scope',
): Promise<void> {
  const uri = model.toString();
  const { csv = '' } = await context.daemon.request(GetCost, {
    uri,
    bind: boundDimensions(uri),
    csv: by,
  });
  const name = `${basename(model.fsPath).replace(/\.[^.]*$/, '')}.cost.csv`;
  const target = await vscode.window.showSaveDialog({
    title: 'Save the cost table',
    defaultUri: vscode.Uri.joinPath(model, '..', name),
  });
  if (!target) return;
  await vscode.workspace.fs.writeFile(target, Buffer.from(csv));
  vscode.window.setStatusBarMessage(`Slipway: saved ${basename(target.fsPath)}`, 4000);
}
