// The queue of heavy work: one at a time, because two measurements side by side measure each other.
// Everything else runs when it is asked.

import { cancelled } from '../base/errors';
import type { Task } from '../base/task';

interface Waiting {
  readonly name: string;
  readonly task: Task;
  readonly begin: () => void;
}

export class JobQueue {
  private readonly queue: Waiting[] = [];
  private current: string | undefined;
  private readonly begun = new Map<Task, () => void>();

  /** Jobs that run or wait. */
  get size(): number {
    return this.queue.length + (this.current === undefined ? 0 : 1);
  }

  /** Calls `begun` when the work of `task` has waited its turn; call the returned function at its end. */
  whenBegun(task: Task, begun: () => void): () => void {
    this.begun.set(task, begun);
    return () => this.begun.delete(task);
  }

  /** Runs `work` once every job before it is done. `name` is what others see while they wait. */
  async heavy<T>(name: string, task: Task, work: () => Promise<T>): Promise<T> {
    if (this.current !== undefined) await this.wait(name, task);
    else if (task.signal.aborted) throw cancelled();
    this.current = name;
    this.begun.get(task)?.();
    try {
      return await work();
    } finally {
      this.current = undefined;
      this.next();
    }
  }

  private wait(name: string, task: Task): Promise<void> {
    return new Promise((resolve, reject) => {
      const stop = () => {
        this.queue.splice(this.queue.indexOf(entry), 1);
        this.tellWaiting();
        reject(cancelled());
      };
      const begin = () => {
        task.signal.removeEventListener('abort', stop);
        resolve();
      };
      const entry: Waiting = { name, task, begin };
      if (task.signal.aborted) {
        reject(cancelled());
        return;
      }
      task.signal.addEventListener('abort', stop, { once: true });
      this.queue.push(entry);
      this.tellWaiting();
    });
  }

  private next(): void {
    const first = this.queue.shift();
    if (!first) return;
    // Taken before the promise settles, so that nobody slips in between.
    this.current = first.name;
    first.begin();
    this.tellWaiting();
  }

  private tellWaiting(): void {
    this.queue.forEach(({ task }, i) => {
      const before = i === 0 ? (this.current ?? '') : this.queue[i - 1]!.name;
      task.report({ stage: `Waiting for ${before}` });
    });
  }
}
