// Run Recipe: the steps of a YAML file on a model, one after another.

import { basename } from 'node:path';
import { RunRecipe } from '../../daemon/protocol/runRecipe';
import type { Job } from './job';
import { dataOffers } from './offers';

export const recipeJob: Job = {
  id: 'recipe',
  title: 'Run Recipe',
  doing: 'Running a recipe',
  methods: [
    {
      id: 'recipe',
      title: 'Recipe',
      sentence:
        'Runs the steps of a recipe file in order, prune, repair, quantize and others, each on what the one before made; the order is checked before any work.',
      verb: 'Run Recipe',
      request: RunRecipe,
      front: ['recipe', 'output'],
      labels: {
        recipe: 'Recipe (.yaml)',
        output: 'Write to',
        overwrite: 'Replace the file if it exists',
      },
      paths: { recipe: 'recipe' },
      start: (situation): Record<string, string> => {
        const [first] = dataOffers('recipe', situation);
        return first === undefined ? {} : { recipe: first };
      },
      ending: ({ recipe }) =>
        typeof recipe === 'string' ? basename(recipe).replace(/(\.slipway)?\.\w+$/, '') : 'small',
      result: 'recipe',
      command: {
        name: 'run',
        takes: 'recipe',
      },
    },
  ],
};
