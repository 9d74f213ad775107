// Run Recipe: from a model, whose panel offers the recipes beside it, or from a recipe file, which names its model.

import * as vscode from 'vscode';
import type { Context } from '../context';
import { recipeJob } from '../jobs/recipe';
import { modelOfRecipe } from '../language/recipeLenses';
import type { JobStart } from '../panels/jobPanel';
import { openJob } from './job';

const isYaml = (uri: unknown): uri is vscode.Uri =>
  uri instanceof vscode.Uri && uri.scheme === 'file' && /\.ya?ml$/i.test(uri.path);

/** Opens the panel with the recipe that the command is about, if it is about one. */
export async function openRecipe(context: Context, argument: unknown, start: JobStart): Promise<void> {
  const asked = argument ?? vscode.window.activeTextEditor?.document.uri;
  const model = isYaml(asked) ? await modelOfRecipe(asked) : undefined;
  if (isYaml(asked) && model) await openJob(context, recipeJob, model, { values: { recipe: asked.fsPath } });
  else await openJob(context, recipeJob, isYaml(argument) ? undefined : argument, start);
}
