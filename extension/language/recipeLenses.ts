// Above the lines of a recipe file: what to do with it and, after a run, what each step gave. Results go when the text
// changes: they would be of another recipe.

import { basename, dirname, resolve } from 'node:path';
import * as vscode from 'vscode';
import type { RunRecipeResult } from '../../daemon/protocol/runRecipe';
import { recipeLines, resultLines } from './recipeText';

/** Files that may be recipes. */
export const recipeFiles: vscode.DocumentSelector = [
  { scheme: 'file', language: 'yaml' },
  { scheme: 'file', pattern: '**/*.slipway.{yaml,yml}' },
];

/** The model that a recipe names; undefined for a file that is no recipe. */
export async function modelOfRecipe(recipe: vscode.Uri): Promise<vscode.Uri | undefined> {
  const found = recipeLines((await vscode.workspace.openTextDocument(recipe)).getText());
  return found && vscode.Uri.file(resolve(dirname(recipe.fsPath), found.model));
}

export class RecipeLenses implements vscode.CodeLensProvider, vscode.Disposable {
  private readonly results = new Map<string, RunRecipeResult>();
  private readonly changed = new vscode.EventEmitter<void>();
  private readonly listening = vscode.workspace.onDidChangeTextDocument(({ document, contentChanges }) => {
    if (contentChanges.length > 0) this.results.delete(document.uri.fsPath);
  });
  readonly onDidChangeCodeLenses = this.changed.event;

  /** What a recipe gave is shown in its text from now on. */
  put(result: RunRecipeResult): void {
    this.results.set(result.recipe, result);
    this.changed.fire();
  }

  provideCodeLenses(document: vscode.TextDocument): vscode.CodeLens[] {
    const found = recipeLines(document.getText());
    if (!found) return [];
    const lens = (line: number, title: string, command = '', ...args: unknown[]) =>
      new vscode.CodeLens(new vscode.Range(line, 0, line, 0), { title, command, arguments: args });
    const model = vscode.Uri.file(resolve(dirname(document.uri.fsPath), found.model));
    const lenses = [
      lens(found.modelLine, '$(play) Run Recipe', 'slipway.recipe', document.uri),
      lens(found.modelLine, `Open ${basename(model.fsPath)}`, 'slipway.inspect', model),
    ];
    const result = this.results.get(document.uri.fsPath);
    if (!result) return lenses;
    const says = resultLines(result);
    const output = vscode.Uri.file(result.output);
    const title = `$(pass) ${basename(output.fsPath)}: ${says.whole}`;
    lenses.push(lens(found.stepsLine, title, 'slipway.inspect', output));
    for (const [i, line] of found.steps.entries())
      if (says.steps[i] !== undefined) lenses.push(lens(line, says.steps[i]));
    return lenses;
  }

  dispose(): void {
    this.listening.dispose();
    this.changed.dispose();
  }
}
