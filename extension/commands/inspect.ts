// Slipway: Inspect — opens a model in its editor.

import * as vscode from 'vscode';
import { viewType } from '../editor/modelEditor';
import { pickModel } from './pickModel';

export async function inspect(argument: unknown): Promise<void> {
  const uri = await pickModel(argument);
  if (uri) await vscode.commands.executeCommand('vscode.openWith', uri, viewType);
}
