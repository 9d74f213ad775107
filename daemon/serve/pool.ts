// The workers of one model version and the requests that wait for them: first come, first served, a bounded
// queue, and a new worker for each that dies. Knows no protocol and no metrics.

import type { Disposable } from '../base/disposable';
import { cancelled, messageOf, SlipwayError } from '../base/errors';
import type { Log } from '../host/log';
import type { Feeds } from '../runtime/runner/session';
import { unavailable } from './requestError';
import type { Worker } from './worker';

export interface PoolOptions {
  /** For sentences and the log. */
  readonly model: string;
  readonly workers: number;
  readonly maxQueue: number;
  readonly log: Log;
  /** Starts one worker; called again for each that died. */
  start(signal: AbortSignal): Promise<Worker>;
  /** A worker died and another is being started. */
  onReplace?(): void;
}

export interface PoolAnswer {
  readonly outputs: Feeds;
  /** Waiting for a worker. */
  readonly queueSeconds: number;
  /** In the worker, transfer included. */
  readonly computeSeconds: number;
}

interface Waiting {
  readonly feeds: Feeds;
  readonly fetches: readonly string[];
  readonly since: number;
  resolve(answer: PoolAnswer): void;
  reject(error: Error): void;
}

interface Slot {
  worker: Worker | undefined;
  busy: boolean;
}

/** Waits between attempts to start a worker that does not start. */
const retryMs = [100, 1000, 5000, 15_000];
/** Failed starts after which waiting requests are refused instead of kept. */
const patience = 3;

export class Pool implements Disposable {
  private readonly slots: Slot[];
  private readonly queue: Waiting[] = [];
  private readonly ending = new AbortController();
  private readonly replacing = new Set<Promise<void>>();
  private running = 0;
  /** Why no worker could be started, while that is so. */
  private broken: string | undefined;
  private readonly idleListeners: (() => void)[] = [];

  constructor(private readonly options: PoolOptions) {
    this.slots = Array.from({ length: options.workers }, () => ({ worker: undefined, busy: false }));
  }

  /** Starts all workers; the first failure ends the others and is thrown. Resolves to the first worker. */
  async start(): Promise<Worker> {
    const started = await Promise.allSettled(
      this.slots.map(async (slot) => this.place(slot, await this.options.start(this.ending.signal))),
    );
    const failed = started.find((result) => result.status === 'rejected');
    if (failed) {
      await this.dispose();
      throw failed.reason;
    }
    return this.slots[0]!.worker!;
  }

  /** Whether a worker is there to serve. */
  get ready(): boolean {
    return this.slots.some((slot) => slot.worker !== undefined);
  }

  get queued(): number {
    return this.queue.length;
  }

  /** Processes that serve now. */
  get processIds(): readonly number[] {
    return this.slots.flatMap((slot) => (slot.worker ? [slot.worker.processId] : []));
  }

  /**
   * Runs the model when a worker is free. `signal` takes a waiting request out of the queue; a run that has
   * begun goes on, because stopping it would cost everybody the worker.
   */
  run(feeds: Feeds, fetches: readonly string[], signal: AbortSignal): Promise<PoolAnswer> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) throw cancelled();
      if (this.isEnding()) throw unavailable('The server is shutting down.');
      if (this.broken !== undefined) throw unavailable(this.broken);
      const free = this.slots.some((slot) => slot.worker && !slot.busy);
      if (!free && this.queue.length >= this.options.maxQueue) {
        throw unavailable(
          `Model '${this.options.model}' has ${this.queue.length} requests waiting, which is its limit. Try again later.`,
        );
      }
      const since = performance.now();
      const leave = () => {
        const at = this.queue.indexOf(waiting);
        if (at < 0) return;
        this.queue.splice(at, 1);
        reject(cancelled());
        this.tellIdle();
      };
      const settled = () => signal.removeEventListener('abort', leave);
      const waiting: Waiting = {
        feeds,
        fetches,
        since,
        resolve: (answer) => {
          settled();
          resolve(answer);
        },
        reject: (error) => {
          settled();
          reject(error);
        },
      };
      signal.addEventListener('abort', leave, { once: true });
      this.queue.push(waiting);
      this.dispatch();
    });
  }

  /** Resolves when nothing runs and nothing waits. */
  idle(): Promise<void> {
    return new Promise((resolve) => {
      this.idleListeners.push(resolve);
      this.tellIdle();
    });
  }

  /** Ends the workers; what waits or runs is refused. */
  async dispose(): Promise<void> {
    this.ending.abort();
    this.refuseWaiting('The server is shutting down.');
    await Promise.all([...this.slots.map((slot) => slot.worker?.dispose()), ...this.replacing]);
  }

  private isEnding(): boolean {
    return this.ending.signal.aborted;
  }

  private dispatch(): void {
    for (const slot of this.slots) {
      if (!slot.worker || slot.busy) continue;
      const waiting = this.queue.shift();
      if (!waiting) return;
      void this.serve(slot, slot.worker, waiting);
    }
  }

  private async serve(slot: Slot, worker: Worker, waiting: Waiting): Promise<void> {
    slot.busy = true;
    this.running++;
    const begun = performance.now();
    try {
      const outputs = await worker.run(waiting.feeds, waiting.fetches);
      waiting.resolve({
        outputs,
        queueSeconds: (begun - waiting.since) / 1000,
        computeSeconds: (performance.now() - begun) / 1000,
      });
    } catch (error) {
      waiting.reject(this.explain(error));
      if (isDeath(error)) this.replace(slot, worker);
    } finally {
      this.running--;
      slot.busy = false;
      this.dispatch();
      this.tellIdle();
    }
  }

  private explain(error: unknown): Error {
    if (this.isEnding()) return unavailable('The server is shutting down.');
    if (!isDeath(error)) return error instanceof Error ? error : new Error(messageOf(error));
    this.options.log.error(`A worker of model ${this.options.model} was lost: ${error.message}`);
    return new SlipwayError(error.kind, `Model '${this.options.model}' lost this request: ${error.message}`);
  }

  private place(slot: Slot, worker: Worker): void {
    if (this.isEnding()) {
      void worker.dispose();
      return;
    }
    slot.worker = worker;
    this.broken = undefined;
    // A worker that dies between requests would else cost the next one.
    void worker.exited.then(() => this.replace(slot, worker));
    this.dispatch();
  }

  /** Once for each worker: the run that failed and the end of the process both come here. */
  private replace(slot: Slot, dead: Worker): void {
    if (slot.worker !== dead) return;
    slot.worker = undefined;
    if (this.isEnding()) return;
    this.options.onReplace?.();
    const work = this.restart(slot, dead).finally(() => this.replacing.delete(work));
    this.replacing.add(work);
  }

  private async restart(slot: Slot, dead: Worker): Promise<void> {
    const { model, log } = this.options;
    await dead.dispose();
    for (let failures = 0; !this.isEnding();) {
      try {
        this.place(slot, await this.options.start(this.ending.signal));
        log.info(`Model ${model} has a new worker.`);
        return;
      } catch (error) {
        if (this.isEnding()) return;
        failures++;
        log.error(`A new worker of model ${model} did not start: ${messageOf(error)}`);
        if (!this.ready && failures >= patience) {
          this.broken = `Model '${model}' cannot be loaded again: ${messageOf(error)}`;
          this.refuseWaiting(this.broken);
        }
        await pause(retryMs[Math.min(failures, retryMs.length) - 1]!, this.ending.signal);
      }
    }
  }

  private refuseWaiting(why: string): void {
    for (const waiting of this.queue.splice(0)) waiting.reject(unavailable(why));
    this.tellIdle();
  }

  private tellIdle(): void {
    if (this.running > 0 || this.queue.length > 0) return;
    for (const listener of this.idleListeners.splice(0)) listener();
  }
}

/** The errors after which a worker's process is gone. */
const isDeath = (error: unknown): error is SlipwayError =>
  error instanceof SlipwayError && (error.kind === 'runnerDied' || error.kind === 'timeout');

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    const stop = () => {
      clearTimeout(timer);
      resolve();
    };
    signal.addEventListener('abort', stop, { once: true });
  });
