// Values for free dimensions are for dimensions that there are.

import { basename } from 'node:path';
import { badRequest } from '../base/errors';
import type { Model } from '../ir/model';
import { bindableDimensions } from '../passes/simplify/fixDimensions';

/** Throws where a value is given to a dimension that the model does not have, which would change nothing. */
export function checkBindings(path: string, model: Model, bind: Readonly<Record<string, number>>): void {
  const free = bindableDimensions(model.graph);
  for (const [name, size] of Object.entries(bind)) {
    if (!free.includes(name)) {
      const there = free.length === 0 ? 'It has none' : `It has ${free.join(', ')}`;
      throw badRequest(`${basename(path)} has no free dimension "${name}". ${there}.`);
    }
    if (size < 1) throw badRequest(`The dimension "${name}" must be at least 1; ${size} was given.`);
  }
}
