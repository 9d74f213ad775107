// What every recipe that makes a model does first: refuse an output that may not be written, and read a model that
// can be worked on. What is made of it is decided in the recipe.

import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { hasErrors } from '../base/diagnostic';
import { conflict, SlipwayError } from '../base/errors';
import type { Task } from '../base/task';
import { sameFile } from '../host/files';
import type { Model } from '../ir/model';
import { readModel, type ReadResult } from '../onnx/readModel';

/** Refuses before any work what writing would refuse after it: the model, its data, an existing file. */
export function checkOutput(
  model: string,
  output: string,
  options: { readonly calibration?: string | undefined; readonly overwrite?: boolean | undefined },
): void {
  const { calibration, overwrite } = options;
  if (output === resolve(model) || sameFile(output, model))
    throw conflict(`${output} is the model itself, which is never written over. Choose another name.`);
  if (calibration !== undefined && (output === resolve(calibration) || sameFile(output, calibration)))
    throw conflict(`${output} is the calibration data, which is never written over. Choose another name.`);
  if (overwrite !== true && existsSync(output))
    throw conflict(`${output} already exists. Choose another name, or allow overwriting.`);
}

/** Reads a model; throws `invalidModel` with its diagnostics when it is broken. `doing` is "quantized", "converted". */
export async function readSound(
  path: string,
  doing: string,
  task: Task,
): Promise<ReadResult & { readonly model: Model }> {
  const result = await readModel(path, task);
  const { model, diagnostics } = result;
  if (model && !hasErrors(diagnostics)) return { ...result, model };
  const why = diagnostics.find(({ severity }) => severity === 'error')?.message ?? 'It is empty.';
  throw new SlipwayError('invalidModel', `${path} cannot be ${doing}: ${why}`, { data: { diagnostics } });
}
