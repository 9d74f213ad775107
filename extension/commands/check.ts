// Slipway: Check Model — the whole check, weights included; the result is in the Problems view.

import * as vscode from 'vscode';
import { Check, type SeverityNames } from '../../daemon/protocol/check';
import type { Context } from '../context';
import { pickModel } from './pickModel';

/** What the user says of rules, as the setting has it. */
export const ruleSettings = (): SeverityNames =>
  vscode.workspace.getConfiguration('slipway').get<SeverityNames>('check.rules') ?? {};

export async function check(context: Context, argument: unknown): Promise<void> {
  const uri = await pickModel(argument);
  if (!uri) return;
  const found = await vscode.window.withProgress(
    { location: vscode.ProgressLocation.Window, title: 'Checking the model' },
    () => context.daemon.request(Check, { uri: uri.toString(), rules: ruleSettings(), weights: true }),
  );
  const [unknown] = found.unknownRules;
  if (unknown !== undefined) {
    void vscode.window.showWarningMessage(
      `The setting slipway.check.rules names "${unknown}", which is neither a rule nor a family.`,
    );
  }
  await vscode.commands.executeCommand('workbench.actions.view.problems');
}
