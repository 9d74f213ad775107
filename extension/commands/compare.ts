// Slipway: Compare With…: two models side by side, their differences painted and listed, selections linked; and the
// same as text.

import { basename } from 'node:path';
import * as vscode from 'vscode';
import { decodeColumns } from '../../daemon/protocol/columns';
import { Diff } from '../../daemon/protocol/diff';
import type { Context } from '../context';
import { viewType } from '../editor/modelEditor';
import { textOf } from '../language/openText';
import { modelChoice, pickModel } from './pickModel';

/** Asks for what is missing, and opens the comparison. Accepts a model, or `{a, b}`. */
export async function compare(context: Context, argument: unknown): Promise<void> {
  const models = await pickTwo(argument);
  if (models) await openComparison(context, models.a, models.b);
}

/** The same as a text comparison of VS Code. */
export async function compareText({ daemon }: Context, argument: unknown): Promise<void> {
  const models = await pickTwo(argument);
  if (!models) return;
  await daemon.ready();
  const [a, b] = [basename(models.a.fsPath), basename(models.b.fsPath)];
  await vscode.commands.executeCommand('vscode.diff', textOf(models.a), textOf(models.b), `${a} ↔ ${b}`);
}

/** Compares two models and shows them: what a job's result calls with the model before and after. */
async function openComparison(context: Context, a: vscode.Uri, b: vscode.Uri): Promise<void> {
  const { daemon, overlays, links, changes } = context;
  // At once: what opens late takes the focus from whatever is being typed by then.
  await vscode.commands.executeCommand('vscode.openWith', a, viewType, vscode.ViewColumn.One);
  await vscode.commands.executeCommand('vscode.openWith', b, viewType, vscode.ViewColumn.Two);
  const title = `Comparing ${basename(a.fsPath)} with ${basename(b.fsPath)}`;
  const found = await vscode.window.withProgress(
    { location: vscode.ProgressLocation.Notification, title, cancellable: true },
    (progress, token) =>
      daemon.request(
        Diff,
        { a: a.toString(), b: b.toString() },
        { token, onProgress: ({ stage }) => progress.report({ message: stage }) },
      ),
  );
  const pairs = found.graphs.map(({ scopeA, scopeB, pairs: ref }) => {
    const columns = decodeColumns(daemon.takeFrame(ref));
    return { scopeA, scopeB, a: columns['a'] as Int32Array, b: columns['b'] as Int32Array };
  });
  links.link(a.toString(), b.toString(), pairs);
  overlays.put(a.toString(), found.overlays.a);
  overlays.put(b.toString(), found.overlays.b);
  await changes.show(a, b, found.diff);
}

async function pickTwo(argument: unknown): Promise<{ a: vscode.Uri; b: vscode.Uri } | undefined> {
  const given = argument as { a?: unknown; b?: unknown } | undefined;
  if (given?.a instanceof vscode.Uri && given.b instanceof vscode.Uri) return { a: given.a, b: given.b };
  const a = await pickModel(argument);
  if (!a) return undefined;
  const found = await vscode.workspace.findFiles('**/*.onnx', '**/node_modules/**', 500);
  const other = { label: 'Another file…', description: '', uri: undefined };
  const choices = found
    .filter((uri) => uri.toString() !== a.toString())
    .map((uri) => modelChoice(uri))
    .sort((x, y) => x.uri.fsPath.localeCompare(y.uri.fsPath));
  const chosen = await vscode.window.showQuickPick([...choices, other], {
    placeHolder: `Compare ${basename(a.fsPath)}, as the model before, with…`,
  });
  if (!chosen) return undefined;
  if (chosen.uri) return { a, b: chosen.uri };
  const [picked] =
    (await vscode.window.showOpenDialog({
      title: `Compare ${basename(a.fsPath)} with…`,
      filters: { 'ONNX models': ['onnx'] },
    })) ?? [];
  return picked && { a, b: picked };
}
