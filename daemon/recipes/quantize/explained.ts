// Errors of ONNX Runtime in words of the file that the user named.

import { SlipwayError } from '../../base/errors';
import { throwIfCancelled, type Task } from '../../base/task';
import type { Runner } from '../../runtime/runner/session';

/**
 * What is run is never the user's file but something made of it. When ONNX Runtime refuses that, it is asked of the
 * file itself, so that the sentence names what the user knows.
 */
export async function explained<T>(
  runner: Runner,
  path: string,
  task: Task,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throwIfCancelled(task);
    if (error instanceof SlipwayError && error.kind === 'runnerFailed')
      await (await runner.load(path, {}, task)).release();
    throw error;
  }
}
