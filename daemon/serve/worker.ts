// One runner process that serves one model: loaded, warmed up, one run at a time. What waits for it, and what
// takes its place when it dies, is pool.ts.

import type { Disposable } from '../base/disposable';
import { messageOf, SlipwayError } from '../base/errors';
import { silentTask, type Task } from '../base/task';
import type { Log } from '../host/log';
import { generateInputs } from '../runtime/generateInputs';
import { startRunner } from '../runtime/runner/runnerProcess';
import type { Feeds, RunnerSession, SessionValue } from '../runtime/runner/session';

export interface WorkerOptions {
  readonly path: string;
  readonly threads: number;
  /** A run that takes longer ends the process. */
  readonly runMs: number;
}

export interface Worker extends Disposable {
  readonly processId: number;
  readonly inputs: readonly SessionValue[];
  readonly outputs: readonly SessionValue[];
  /** From the start of the process to the end of the warm-up run. */
  readonly startSeconds: number;
  /** Resolves when the process is gone. */
  readonly exited: Promise<unknown>;
  /** Runs once. After `runnerDied` or `timeout` the worker is of no more use. */
  run(feeds: Feeds, fetches: readonly string[]): Promise<Feeds>;
}

/** Starts a runner, loads the model and runs it once. Throws when the model cannot be loaded. */
export async function startWorker(options: WorkerOptions, log: Log, task: Task): Promise<Worker> {
  const started = performance.now();
  const runner = startRunner();
  try {
    const session = await runner.load(options.path, { device: 'cpu', threads: options.threads }, task);
    await warmUp(session, options.path, log, task);
    return {
      processId: runner.processId,
      inputs: session.inputs,
      outputs: session.outputs,
      startSeconds: (performance.now() - started) / 1000,
      exited: runner.exited,
      run: (feeds, fetches) => runWithLimit(session, feeds, fetches, options.runMs),
      dispose: () => runner.dispose(),
    };
  } catch (error) {
    await runner.dispose();
    throw error;
  }
}

/**
 * The first run allocates memory and packs weights; a client should not wait for that. The inputs are made up,
 * so a model that refuses them is no failure; one that ends the process is.
 */
async function warmUp(session: RunnerSession, path: string, log: Log, task: Task): Promise<void> {
  try {
    await session.run(generateInputs(session.inputs).feeds, task);
  } catch (error) {
    const refused =
      error instanceof SlipwayError && error.kind !== 'runnerDied' && error.kind !== 'cancelled';
    if (!refused) throw error;
    log.warn(`The warm-up run of ${path} with made-up inputs was refused: ${messageOf(error)}`);
  }
}

/** A run cannot be interrupted, so that a hanging one ends its process. */
async function runWithLimit(
  session: RunnerSession,
  feeds: Feeds,
  fetches: readonly string[],
  runMs: number,
): Promise<Feeds> {
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), runMs);
  try {
    return await session.run(feeds, { ...silentTask, signal: limit.signal }, fetches);
  } catch (error) {
    if (!limit.signal.aborted) throw error;
    throw new SlipwayError('timeout', `The model gave no answer within ${runMs / 1000} s and was stopped.`);
  } finally {
    clearTimeout(timer);
  }
}
