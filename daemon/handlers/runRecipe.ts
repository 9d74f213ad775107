// Runs a recipe file on a model.

import { basename } from 'node:path';
import { RunRecipe } from '../protocol/runRecipe';
import { requireAbsolute } from '../workspace/uris';
import { handler } from './handler';

export const runRecipe = handler(
  RunRecipe,
  async ({ uri, revision, recipe, output, overwrite }, task, { workspace }) => {
    requireAbsolute({ recipe, output });
    const { path } = await workspace.models.get(uri, revision, task);
    return workspace.jobs.heavy(`${basename(recipe)} on ${basename(path)}`, task, async () => {
      const { runRecipe } = await import('../recipes/recipe/runRecipe');
      const { speed, ...run } = await runRecipe(recipe, { model: path, output, overwrite }, task);
      return { ...run, speed: speed && { p50Ratio: speed.p50Ratio, low: speed.low, high: speed.high } };
    });
  },
);
