// Asks a worker for layouts, one at a time. The worker is made from source text (the page's policy allows blob
// workers only) and stays, as it remembers the layouts of scopes; a cancelled layout costs it its life.

import type { NestedInput, NestedLayout } from './layoutNested';
import type { LayoutAnswer } from './layoutWorker';

export class LayoutClient {
  private worker: Worker | undefined;
  private readonly url: string;
  private nextId = 1;
  private giveUp: (() => void) | undefined;

  constructor(workerSource: string) {
    this.url = URL.createObjectURL(new Blob([workerSource], { type: 'text/javascript' }));
    // Started at once, so that it is ready when the graph is there.
    this.worker = new Worker(this.url);
  }

  /** Resolves with the layout, or with undefined when it was cancelled, which a new layout does to an older one. */
  layout(input: NestedInput, signal: AbortSignal): Promise<NestedLayout | undefined> {
    this.giveUp?.();
    const worker = (this.worker ??= new Worker(this.url));
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      const end = () => {
        signal.removeEventListener('abort', giveUp);
        if (this.giveUp === giveUp) this.giveUp = undefined;
      };
      const discard = () => {
        end();
        worker.terminate();
        if (this.worker === worker) this.worker = undefined;
      };
      const giveUp = () => {
        discard();
        resolve(undefined);
      };
      this.giveUp = giveUp;
      signal.addEventListener('abort', giveUp);
      worker.onmessage = ({ data }: MessageEvent<LayoutAnswer>) => {
        if (data.id !== id) return;
        end();
        if ('layout' in data) resolve(data.layout);
        else reject(new Error(data.error));
      };
      worker.onerror = (event) => {
        discard();
        reject(new Error(event.message));
      };
      worker.postMessage({ id, input });
    });
  }
}
