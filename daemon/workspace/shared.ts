// One piece of work that several requests wait for: it is cancelled only when all of them are.

import { cancelled } from '../base/errors';
import type { Progress, Task } from '../base/task';

export interface Shared<T> {
  /** Waits for the result; the work's progress goes to every task that waits. */
  join(task: Task): Promise<T>;
  /** True when it threw or was given up: start afresh. */
  failed(): boolean;
}

/** Starts `work` when somebody first joins. */
export function shared<T>(work: (task: Task) => Promise<T>): Shared<T> {
  const stop = new AbortController();
  const waiting = new Set<Task>();
  let result: Promise<T> | undefined;
  let failed = false;
  let finished = false;
  const start = () => {
    const report = (progress: Progress) => waiting.forEach((task) => task.report(progress));
    const running = work({ signal: stop.signal, report });
    running.then(
      () => (finished = true),
      () => (failed = true),
    );
    return running;
  };
  return {
    failed: () => failed,
    join: (task) =>
      new Promise<T>((resolve, reject) => {
        if (task.signal.aborted) {
          reject(cancelled());
          return;
        }
        waiting.add(task);
        const leave = () => {
          waiting.delete(task);
          task.signal.removeEventListener('abort', abandon);
        };
        const abandon = () => {
          leave();
          if (waiting.size === 0 && !finished) {
            failed = true;
            stop.abort();
          }
          reject(cancelled());
        };
        task.signal.addEventListener('abort', abandon);
        result ??= start();
        result.then(resolve, reject).finally(leave);
      }),
  };
}
