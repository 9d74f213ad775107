// What long work knows of the outside: a signal to stop and a place to report to.
// Nothing here knows jobs, windows or the wire; the dispatcher and the command line make Tasks.

import { cancelled } from './errors';

/** One progress report. `row` carries a finished part of the result, so that a panel fills while work goes on. */
export interface Progress<Row = unknown> {
  /** What is being done now, in the user's words: "Calibrating", "Benchmarking resnet.int8.onnx". */
  readonly stage: string;
  /** Steps finished in this stage. */
  readonly done?: number;
  /** Steps in this stage, when known. */
  readonly total?: number;
  readonly row?: Row;
}

/** Handed as the last argument to everything that takes long. */
export interface Task<Row = unknown> {
  readonly signal: AbortSignal;
  report(progress: Progress<Row>): void;
}

/** A Task that nobody watches and nobody cancels. */
export const silentTask: Task = { signal: new AbortController().signal, report: () => undefined };

/** Longest stretch, in milliseconds, that synchronous work may hold the event loop. */
const holdMs = 8;
let lastYield = performance.now();

/**
 * Called between the steps of synchronous work: throws when the task was cancelled, and lets the event
 * loop run when it has been held for too long. `await` it.
 */
export async function breathe(task: Task): Promise<void> {
  throwIfCancelled(task);
  if (performance.now() - lastYield < holdMs) return;
  await new Promise<void>((resolve) => setImmediate(resolve));
  lastYield = performance.now();
  throwIfCancelled(task);
}

/** Synchronous work in steps: it yields wherever the event loop may run. */
export type Steps<Result> = Generator<undefined, Result>;

/** Calls `visit` for each item, in steps of some items. */
export function* eachInSteps<T>(
  items: readonly T[],
  visit: (item: T, index: number) => void,
  inStep = 256,
): Steps<void> {
  for (let index = 0; index < items.length; index += 1) {
    visit(items[index]!, index);
    if (index % inStep === inStep - 1) yield;
  }
}

/** Does all steps at once. */
export function inOneGo<Result>(steps: Steps<Result>): Result {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}

/** Does the steps with a breath between them; throws when the task was cancelled. */
export async function breathing<Result>(steps: Steps<Result>, task: Task): Promise<Result> {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
    // Most steps need no breath, and then no promise either.
    if (performance.now() - lastYield < holdMs) throwIfCancelled(task);
    else await breathe(task);
  }
}

/** Throws the `cancelled` error when the task's signal is set. */
export function throwIfCancelled(task: Task): void {
  if (task.signal.aborted) throw cancelled();
}
