// Whether a model that was made smaller still runs like its original: loaded beside it, run at two batch sizes,
// with outputs of the same types and shapes. Their values are compared elsewhere (evaluate/outputError.ts).

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '../../host/temporaryFolder';
import { SlipwayError } from '../../base/errors';
import type { Task } from '../../base/task';
import type { Model } from '../../ir/model';
import { writeModel } from '../../onnx/writeModel';
import { checkOutputs } from './checkOutputs';

/** Throws `runnerFailed` with what does not hold. `done` is "pruned", "clustered". */
export async function checkRuns(path: string, result: Model, done: string, task: Task): Promise<void> {
  const folder = await temporaryFolder(done);
  try {
    const candidate = join(folder, 'model.onnx');
    await writeModel(result, candidate, {}, { signal: task.signal, report: () => undefined });
    await checkOutputs(path, candidate, { shapesOnly: true }, task);
  } catch (error) {
    if (!(error instanceof SlipwayError) || error.kind !== 'runnerFailed') throw error;
    throw new SlipwayError(
      'runnerFailed',
      `The ${done} model does not hold, so nothing was written: ${error.message}`,
      {
        cause: error,
      },
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
