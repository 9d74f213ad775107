// How long single nodes of a model take here, from ONNX Runtime's own profile of repeated runs. The model is one that
// was made for measuring; profiling a user's model is profile.ts.

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '../../host/temporaryFolder';
import type { Task } from '../../base/task';
import type { Model } from '../../ir/model';
import { writeModel } from '../../onnx/writeModel';
import { generateInputs } from '../generateInputs';
import { readProfile, type ProfiledNode } from './profileEvents';
import { withRunner } from '../runner/runnerProcess';

export interface NodeTimeOptions {
  /** Threads inside an operator. */
  readonly threads: number;
  /** Runs at the most, and the time that they may take. */
  readonly runs: number;
  readonly maxMs: number;
}

/** The first runs find cold caches. */
const coldRuns = 3;

/** Runs a model on made-up inputs and gives what each node took, by the names that ONNX Runtime has for them. */
export async function nodeTimes(
  model: Model,
  { threads, runs, maxMs }: NodeTimeOptions,
  task: Task,
): Promise<ProfiledNode[]> {
  const folder = await temporaryFolder('times');
  try {
    const path = join(folder, 'model.onnx');
    await writeModel(model, path, {}, { signal: task.signal, report: () => undefined });
    const text = await withRunner(task, async (runner) => {
      const session = await runner.load(path, { threads, profilePrefix: join(folder, 'profile') }, task);
      const { feeds } = generateInputs(session.inputs, {});
      await session.timeRuns(feeds, { runs: runs + coldRuns, maxMs }, task);
      return session.endProfile();
    });
    const all = (await readProfile(text, new Set(), task)).runs;
    const cold = new Set(Array.from({ length: Math.min(coldRuns, Math.floor(all / 2)) }, (_, i) => i));
    return (await readProfile(text, cold, task)).nodes;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
